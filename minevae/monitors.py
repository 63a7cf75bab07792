"""What watches a run: overfitted critics, reconstructions that explode, terms that are too weak or too strong."""

import torch
from torch import Tensor, nn

from minebench.baselines.contract import Gaussian

TOLERANCE = 0.3  # nats


class HeldOutGap(nn.Module):
    """Running means of what critics say of labels on training and on held-out images.

    Args:
        n_labels: L.
        memory: The newest value weighs 1 / memory, and more while fewer were seen.
    """

    trained: Tensor
    held_out: Tensor
    best: Tensor
    n_seen: Tensor

    def __init__(self, n_labels: int, memory: int = 30) -> None:
        super().__init__()
        self.memory = memory
        for name in ("trained", "held_out", "best"):
            self.register_buffer(name, torch.zeros(n_labels))
        self.register_buffer("n_seen", torch.zeros(2, dtype=torch.int64))  # training, held out

    @torch.no_grad()
    def update_train(self, information: Tensor) -> None:
        """Take estimates (L,) on training images into account."""
        self._move(self.trained, information, 0)

    @torch.no_grad()
    def update_held_out(self, information: Tensor) -> None:
        """Take estimates (L,) on held-out images into account."""
        self._move(self.held_out, information, 1)
        self.best.copy_(torch.maximum(self.best, self.held_out))

    def gap(self) -> Tensor:
        """Training minus held-out estimates, nats, shape (L,); 0 before both were seen."""
        return torch.where((self.n_seen > 0).all(), self.trained - self.held_out, torch.zeros_like(self.trained))

    def worth_raising(self) -> Tensor:
        """0 where the held-out estimate has fallen by more than 0.3 nats from its best (but 0), else 1: shape (L,)."""
        return (self.held_out >= self.best - TOLERANCE).float()

    def _move(self, mean: Tensor, value: Tensor, which: int) -> None:
        self.n_seen[which] += 1
        moved = torch.lerp(mean, value.detach(), 1 / self.n_seen[which].clamp(max=self.memory))
        mean.copy_(torch.where(moved.isfinite(), moved, mean))


class ReconstructionWatch(nn.Module):
    """Compares reconstructions with the median of the last ones.

    Args:
        n_kept: How many; nothing is said before so many were seen.
        limit: How many times the median is too much.
    """

    kept: Tensor
    n_seen: Tensor

    def __init__(self, n_kept: int = 100, limit: float = 5.0) -> None:
        super().__init__()
        self.limit = limit
        self.register_buffer("kept", torch.zeros(n_kept))
        self.register_buffer("n_seen", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def update(self, reconstruction: Tensor) -> None:
        """Remember a batch's reconstruction, nats per image."""
        place = torch.arange(len(self.kept), device=self.kept.device) == self.n_seen % len(self.kept)
        self.kept.copy_(torch.where(place, reconstruction.detach(), self.kept))
        self.n_seen += 1

    @torch.no_grad()
    def exploded(self, reconstruction: Tensor) -> Tensor:
        """Whether it exceeds the limit, bool, a scalar; never where the median is not positive."""
        median = self.kept.median()
        return (self.n_seen >= len(self.kept)) & (median > 0) & (reconstruction.detach() > self.limit * median)


class GradientRatio(nn.Module):
    """How strongly one part of a loss pulls at the posteriors beside another, measured as gradients pass by.

    Attributes:
        squares: Squared gradient norms of the last backward pass: of the part asked about, of the other.
    """

    squares: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("squares", torch.zeros(2))

    def restart(self) -> Tensor:
        """The ratio of norms in the last backward pass, 0 before the first; in training, the next is measured anew."""
        asked, other = self.squares.clone().unbind()
        if self.training:
            self.squares.zero_()
        return (asked / other.clamp(min=1e-30)).sqrt()

    def watched(self, posterior: Gaussian, part: int) -> Gaussian:
        """The same posteriors for one part of the loss: 0, the one asked about, or 1, the other."""
        return Gaussian(*(self._watch(tensor, part) for tensor in posterior))

    def _watch(self, tensor: Tensor, part: int) -> Tensor:
        if not (self.training and tensor.requires_grad):
            return tensor

        def note(gradient: Tensor) -> None:
            self.squares[part].add_(gradient.square().sum())

        seen = tensor.view_as(tensor)
        seen.register_hook(note)  # type: ignore[no-untyped-call]
        return seen


def stop_if(condition: Tensor) -> Tensor:
    """A term to be logged that ends the run as diverged: infinite where the condition holds, else 0."""
    return torch.where(condition, torch.inf, 0.0)
