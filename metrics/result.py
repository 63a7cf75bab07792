"""What a metric returns beside its number: the direction in which it improves and the parts it is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

# read-only containers, so that a list of floats is one
Json: TypeAlias = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]


@dataclass(frozen=True)
class MetricResult:
    """A score with what a reader needs to trust it.

    Attributes:
        value: The score, in the metric's own range.
        direction: ``"up"`` where higher is better, ``"down"`` where lower is.
        details: Parts and counts, all JSON values. Every metric reports ``factors`` (the columns that count, to which
            its per-factor lists belong), ``dropped_factors``, ``n_codes``, ``dead_codes`` and ``notes``.
    """

    value: float
    direction: Literal["up", "down"]
    details: Mapping[str, Json]
