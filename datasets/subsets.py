"""Training on a part of a data set: correlated factors, and combinations that are never seen.

A rule says how likely a row is to be kept for training; the draw depends on the data set's name and
the rule alone, so all models and seeds learn from the same rows. What is scored stays what it is
without a rule: held-out rows of the whole data set, whose factors are as independent as there. So
the scores say what training on less, or on correlated rows, has cost.

References:
    Träuble et al. (2021), On Disentangled Representations Learned from Correlated Data. arXiv:2006.07886.
    Montero et al. (2021), The role of Disentanglement in Generalisation. ICLR.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from minebench.datasets.factor_dataset import Factor, FactorDataset, Source, factor_column
from minebench.datasets.splits import Split, held_out_split, lasting_numbers

_BLOCK = 1 << 16  # rows whose factors are looked at at once


class Factors(Protocol):
    """Names and sizes of factors: a data set's, or those of a card that tells of it."""

    @property
    def factor_names(self) -> tuple[str, ...]:
        """One name per factor."""
        ...

    @property
    def factor_sizes(self) -> tuple[int, ...]:
        """How many values each takes."""
        ...


class Rule(Protocol):
    """Which rows may be trained on; ``str`` gives it back as it is written."""

    def share(self, factors: np.ndarray, of: Factors) -> np.ndarray:
        """How likely each row is to be kept: float64 ``(n,)`` in [0, 1], from factors ``(n, K)``.

        Raises:
            ValueError: If the rule names a factor or a value that does not exist.
        """
        ...

    @property
    def title(self) -> str:
        """The rule in words, for tables."""
        ...


@dataclass(frozen=True)
class Correlated:
    """Two factors rise together.

    A row is kept with probability exp(-(u - v)^2 / (2 width^2)), where u and v are the two factors'
    values over their largest ones: a Gaussian around the diagonal. Träuble et al. (2021) correlate pairs
    of factors along a line with widths of 0.2, 0.4 and 0.7; their weights have not been compared with
    these, so one width need not mean one correlation. The rows are drawn once, so all models meet the
    same ones.

    Attributes:
        first, second: Names of the factors.
        width: Standard deviation around the diagonal, in units of the whole range; above 0.
    """

    first: str
    second: str
    width: float

    def __post_init__(self) -> None:
        if not 0 < self.width < np.inf:
            raise ValueError(f"the width of a correlation is a number above 0, such as 0.2; got {self.width:g}")
        if self.first == self.second:
            raise ValueError(f"a correlation needs two factors; got {self.first!r} twice")

    def __str__(self) -> str:
        return f"correlated={self.first},{self.second},{self.width:g}"

    @property
    def title(self) -> str:
        """The rule in words."""
        return f"trained with {self.first} ~ {self.second}, width {self.width:g}"

    def share(self, factors: np.ndarray, of: Factors) -> np.ndarray:
        """The Gaussian around the diagonal, 1 on it."""
        u, v = (
            factors[:, column] / max(of.factor_sizes[column] - 1, 1)
            for column in (factor_column(name, of.factor_names) for name in (self.first, self.second))
        )
        return np.asarray(np.exp(-((u - v) ** 2) / (2 * self.width**2)))


@dataclass(frozen=True)
class Without:
    """A box of combinations is never seen.

    A row is left out of training if every one of the named factors lies in its range: with
    ``shape`` 2 and ``posX`` 16 to 31, hearts on the right.

    Attributes:
        ranges: For each factor its name, the first and the last of its values in the box.
    """

    ranges: tuple[tuple[str, int, int], ...]

    def __post_init__(self) -> None:
        names = [name for name, _, _ in self.ranges]
        if len(set(names)) != len(names):
            raise ValueError(f"each factor of the held-out combinations is named once; got {', '.join(names)}")
        for name, first, last in self.ranges:
            if first > last:
                raise ValueError(f"{name}:{first}-{last} holds no value: the first must not be above the last")

    def __str__(self) -> str:
        return "without=" + ",".join(f"{name}:{_span(first, last)}" for name, first, last in self.ranges)

    @property
    def title(self) -> str:
        """The rule in words."""
        return "trained without " + " and ".join(f"{name} {_span(first, last)}" for name, first, last in self.ranges)

    def share(self, factors: np.ndarray, of: Factors) -> np.ndarray:
        """0 inside the box, 1 outside."""
        inside = np.ones(len(factors), bool)
        for name, first, last in self.ranges:
            column = factor_column(name, of.factor_names)
            size = of.factor_sizes[column]
            if last >= size:
                raise ValueError(f"values of factor {name!r} lie in 0 ... {size - 1}; got {last}")
            inside &= (factors[:, column] >= first) & (factors[:, column] <= last)
        return 1.0 - inside


def parse_rule(text: str) -> Rule:
    """A rule as it is written behind the name of a data set.

    Args:
        text: ``correlated=FACTOR,FACTOR,WIDTH`` or ``without=FACTOR:VALUE,FACTOR:FIRST-LAST,...``.

    Returns:
        The rule; ``str`` of it is the canonical text.

    Raises:
        ValueError: If the text is neither.
    """
    kind, _, values = text.partition("=")
    parts = values.split(",")
    if kind == "correlated" and len(parts) == 3 and re.fullmatch(r"\d*\.?\d+", parts[2]):
        return Correlated(parts[0], parts[1], float(parts[2]))
    if kind == "without":
        found = [re.fullmatch(r"(\w+):(\d+)(?:-(\d+))?", part) for part in parts]
        if all(found):
            return Without(tuple((m[1], int(m[2]), int(m[3] or m[2])) for m in found if m))
    raise ValueError(
        f"the training rows of a data set are chosen by correlated=FACTOR,FACTOR,WIDTH or "
        f"without=FACTOR:VALUE,FACTOR:FIRST-LAST; got {text!r}"
    )


@dataclass(frozen=True, eq=False)
class TrainingSubset:
    """A data set of which only some rows may be trained on; in everything else it is that data set.

    Attributes:
        base: The whole data set.
        rule: Which rows may be trained on.
    """

    base: FactorDataset
    rule: Rule

    @property
    def name(self) -> str:
        """The base's name with the rule, e.g. ``dsprites:correlated=orientation,posX,0.2``."""
        return f"{self.base.name}:{self.rule}"

    @property
    def source(self) -> Source:
        """The base's."""
        return self.base.source

    @property
    def factor_names(self) -> tuple[str, ...]:
        """The base's."""
        return self.base.factor_names

    @property
    def factor_sizes(self) -> tuple[int, ...]:
        """The base's."""
        return self.base.factor_sizes

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """The base's."""
        return self.base.image_shape

    def __len__(self) -> int:
        return len(self.base)

    def images(self, index: ArrayLike) -> np.ndarray:
        """The base's images, of rows that may be trained on or not."""
        return self.base.images(index)

    def factors(self, index: ArrayLike) -> np.ndarray:
        """The base's factors."""
        return self.base.factors(index)

    def sample(self, n: int, rng: np.random.Generator, fixed: Mapping[Factor, int] | None = None) -> np.ndarray:
        """Rows of the whole data set, as the base draws them."""
        return self.base.sample(n, rng, fixed)

    def own_split(self) -> Split:
        """The base's split, with those of its training rows that the rule keeps.

        Raises:
            ValueError: If the rule names a factor or a value that does not exist, or keeps no row.
        """
        return self._split

    @cached_property
    def _split(self) -> Split:
        split = held_out_split(self.base)
        draws = (lasting_numbers(self.name, len(self.base)) >> np.uint64(11)) * 2.0**-53  # in [0, 1), never 1
        kept = []
        for start in range(0, len(split.train), _BLOCK):
            rows = split.train[start : start + _BLOCK]
            share = self.rule.share(self.base.factors(rows), self.base)
            kept.append(rows[draws[rows] < share])
        train = np.concatenate(kept)
        if not len(train):
            raise ValueError(f"{self.rule} leaves none of {len(split.train)} rows of {self.base.name} to train on")
        return Split(train=train, held_out=split.held_out)

    def fingerprint(self) -> str:
        """The base's fingerprint with the rule: 64 hexadecimal digits."""
        return hashlib.sha256(f"{self.base.fingerprint()} {self.rule}".encode()).hexdigest()


def whole(dataset: FactorDataset) -> FactorDataset:
    """A data set without its rule: its rows have the same numbers and the same images."""
    return dataset.base if isinstance(dataset, TrainingSubset) else dataset


def _span(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first}-{last}"
