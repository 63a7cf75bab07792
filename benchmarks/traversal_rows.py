"""The rows of a traversal: which codes move together, what they tell of the factors, and where they go."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from minebench.baselines.contract import CodeBlocks, Gaussian
from minebench.benchmarks.streams import numpy_stream
from minebench.metrics.block_information import block_information
from minebench.metrics.information import joint_information

_CLASSIFIED = 5_000
REACH = 2.0  # in standard deviations: of the prior for a code, of the posterior means for a block


class TraversalRow(NamedTuple):
    """A code, or a block of codes, that moves while the others stay.

    Attributes:
        title: Its name, e.g. ``code 3`` or ``posX block``.
        n_codes: How many codes it holds.
        kl: KL divergence to the prior, nats per image, summed over its codes.
        factor: The factor that it tells most of.
        nats: How much: mutual information, at least 0.
        direction: Unit vector along which the codes move, shape (n_codes of the model,).
        middle: Where the middle of the row lies along ``direction``.
        spread: The length of a standard deviation along it.
    """

    title: str
    n_codes: int
    kl: float
    factor: str
    nats: float
    direction: Tensor
    middle: float
    spread: float

    @property
    def tells(self) -> str:
        """What it tells, in words."""
        return f"{self.factor} {self.nats:.2f} nats"

    def path(self, origin: Tensor, positions: Tensor) -> Tensor:
        """Codes (n, n_codes of the model): ``origin`` with its place along the direction set to each position."""
        wanted = self.middle + self.spread * positions
        return origin + (wanted - origin @ self.direction)[:, None] * self.direction


def code_rows(posterior: Gaussian, factors: np.ndarray, names: Sequence[str]) -> list[TraversalRow]:
    """A row for each code, the one of most KL first.

    Args:
        posterior: Of n images, on the CPU.
        factors: Value indices, shape (n, n_factors).
        names: Of the factors.

    Returns:
        Information is that of MIG: posterior means in 20 bins of equal width.
    """
    kl = kl_of_codes(posterior)
    mutual = joint_information(posterior.mean.numpy(), factors).mutual  # (codes, factors)
    unit = torch.eye(len(kl))
    rows = []
    for code in kl.argsort(descending=True, stable=True).tolist():
        factor = int(mutual[code].argmax())
        told = float(mutual[code, factor])
        rows.append(TraversalRow(f"code {code}", 1, float(kl[code]), names[factor], told, unit[code], 0.0, 1.0))
    return rows


def block_rows(
    posterior: Gaussian, factors: np.ndarray, names: Sequence[str], blocks: CodeBlocks, seed: int
) -> list[TraversalRow]:
    """A row for each block that holds a code, in the model's order.

    The codes of a block move together along the first principal component of their posterior means: what the block
    does most.

    Args:
        posterior: Of n images, on the CPU.
        factors: Value indices, shape (n, n_factors).
        names: Of the factors.
        blocks: Of the model.
        seed: Of the classifiers' draws, the run's own.

    Returns:
        Information is the lower bound that scores on blocks use (``metrics/block_information.py``), here from the first
        5,000 images, so that pictures are quick: a little looser than that of the scores.
    """
    means, kl = posterior.mean.numpy().astype(np.float64), kl_of_codes(posterior)
    stream = numpy_stream(seed, "metric", "block_information")
    mutual = block_information(means[:_CLASSIFIED], factors[:_CLASSIFIED], blocks.columns, rng=stream).mutual
    titles = block_titles(blocks, names)
    rows = []
    for block, columns in enumerate(blocks.columns):
        if not columns:
            continue
        factor = int(mutual[block].argmax())
        direction, middle, spread = principal(means, list(columns))
        rows.append(
            TraversalRow(
                titles[block],
                len(columns),
                float(kl[list(columns)].sum()),
                names[factor],
                float(mutual[block, factor]),
                torch.from_numpy(direction).float(),
                middle,
                spread,
            )
        )
    return rows


def block_titles(blocks: CodeBlocks, names: Sequence[str]) -> list[str]:
    """The name of each block: of its factor, of nuisance, or a number where the model names none."""
    numbered = [block for block in range(len(blocks.columns)) if block != blocks.nuisance]
    titles = {block: f"block {place + 1}" for place, block in enumerate(numbered)}
    if blocks.named:
        titles |= {block: f"{name} block" for block, name in zip(numbered, names, strict=False)}
    return ["nuisance block" if block == blocks.nuisance else titles[block] for block in range(len(blocks.columns))]


def principal(means: np.ndarray, columns: list[int]) -> tuple[np.ndarray, float, float]:
    """The first principal component of some columns.

    Args:
        means: Shape (n, n_codes).
        columns: At least one.

    Returns:
        The unit vector (n_codes,), 0 outside the columns, its largest entry positive; the mean along it, and the
        standard deviation along it.
    """
    part = means[:, columns]
    _, vectors = np.linalg.eigh(np.cov(part, rowvar=False).reshape(len(columns), len(columns)))
    own = vectors[:, -1]
    own = own * np.sign(own[np.abs(own).argmax()])
    direction = np.zeros(means.shape[1])
    direction[columns] = own
    along = means @ direction
    return direction, float(along.mean()), float(along.std())


def kl_of_codes(posterior: Gaussian) -> Tensor:
    """KL divergence of each code to N(0, 1), nats, mean over images, shape (n_codes,)."""
    mean, logvar = posterior
    return 0.5 * (mean.square() + logvar.exp() - 1.0 - logvar).mean(0)
