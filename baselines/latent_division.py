"""What a model that divides its latents among its blocks may show of it; a model owes none of this.

It stands apart from ``contract.py``, which says what the trainer asks: this is only looked at, after training.
"""

from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor


class LatentDivision(NamedTuple):
    """How latents are divided among blocks, these in the order of ``code_blocks()``.

    Attributes:
        weights: What each block has of each latent, in [0, 1], shape (n_blocks, latent_dim).
        capacity: Nats that each block may hold, at least 0, shape (n_blocks,).
        target: Nats that training aimed at for each block, shape (n_blocks,); None if it had no aim.
    """

    weights: Tensor
    capacity: Tensor
    target: Tensor | None = None


@runtime_checkable
class DividesLatents(Protocol):
    """A model that can tell how it divides its latents."""

    def latent_division(self) -> LatentDivision:
        """The division as it stands; changes nothing."""
        ...
