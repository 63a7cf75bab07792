"""How often each value of each label was seen."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class LabelCounts(nn.Module):
    """Counts of values, one of each before any was seen: p(y) is even at first.

    Args:
        sizes: Number of values of each of the L labels; V is the largest.
    """

    counts: Tensor

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        exists = torch.arange(max(sizes)) < torch.tensor(sizes)[:, None]
        self.register_buffer("counts", exists.float())  # (L, V), 0 where a label has no such value

    @torch.no_grad()
    def add(self, labels: Tensor) -> None:
        """Count labels, int64, shape (n, L)."""
        self.counts.scatter_add_(1, labels.T, torch.ones_like(labels.T, dtype=torch.float32))

    def log_p(self) -> Tensor:
        """Log p(y) in nats, shape (L, V); -inf where a label has no such value."""
        return (self.counts / self.counts.sum(1, keepdim=True)).log()

    def entropy(self) -> Tensor:
        """H(y) in nats, shape (L,)."""
        entropy: Tensor = torch.special.entr(self.counts / self.counts.sum(1, keepdim=True)).sum(1)
        return entropy
