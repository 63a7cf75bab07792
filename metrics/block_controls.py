"""Controls that are printed beside scores of blocks: what chance scores, and what the best possible codes score."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minebench.metrics.blocks import Blocks, check_columns, check_nuisance
from minebench.metrics.inputs import unmasked
from minebench.metrics.protocol import check_generator


class Control(NamedTuple):
    """What a metric of blocks takes, in its order."""

    codes: NDArray[np.generic]
    factors: NDArray[np.generic]
    blocks: tuple[tuple[int, ...], ...]


def block_controls(
    codes: ArrayLike, factors: ArrayLike, blocks: Blocks, *, rng: np.random.Generator, nuisance: int | None = None
) -> dict[str, Control]:
    """The controls of a representation in blocks.

    ``random blocks`` deals the same codes into blocks of the same sizes: what the grouping adds is the difference.
    ``shuffled labels`` parts codes from their factors: chance. ``labels as codes`` has one block per factor, its own
    value: the best that a metric can say of these factors.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)``.
        factors: Value indices, shape ``(n_samples, n_factors)``.
        blocks: Columns of ``codes``, group by group.
        rng: Source of the two shuffles.
        nuisance: The place of the nuisance block; the labels get an empty block there, so that named blocks fit.

    Returns:
        Codes, factors and blocks by the name of the control: ``mig_blocks(*control, rng=rng)`` scores one.

    Raises:
        ValueError: If ``blocks`` are not groups of columns of ``codes``, the lengths of the arrays differ, entries are
            masked, or ``nuisance`` is no block.
        TypeError: If ``rng`` is no generator, or ``nuisance`` neither a whole number nor ``None``.
    """
    values, labels = unmasked("codes", codes), unmasked("factors", factors)
    if values.ndim != 2 or labels.ndim != 2 or len(values) != len(labels):
        raise ValueError(
            "codes and factors must be (n_samples, n_codes) and (n_samples, n_factors) with equal n_samples; "
            f"got {values.shape} and {labels.shape}"
        )
    check_generator(rng)
    check_nuisance(nuisance, len(blocks))
    columns = check_columns(blocks, values.shape[1])
    dealt = np.split(rng.permutation(np.concatenate(columns)), np.cumsum([len(block) for block in columns])[:-1])
    own: list[tuple[int, ...]] = [(k,) for k in range(labels.shape[1])]
    if nuisance is not None:
        own.insert(nuisance, ())
    return {
        "random blocks": Control(values, labels, tuple(tuple(block.tolist()) for block in dealt)),
        "shuffled labels": Control(values, rng.permutation(labels), tuple(tuple(block.tolist()) for block in columns)),
        "labels as codes": Control(labels, labels, tuple(own)),
    }
