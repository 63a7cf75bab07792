"""Training of critics on samples that are drawn for them: many at once, each as if it were alone."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from minebench.minevae.mutual_information import MutualInformationEstimator

Samples = tuple[Tensor, Tensor]  # joint, product: what MutualInformationEstimator.value takes


class Training(NamedTuple):
    """What happened to P critics.

    Attributes:
        n_skipped: Updates whose gradient was not finite and counted as zero, int64, shape (P,).
        best_step: Step whose weights were kept, int64, shape (P,): the last one without a validation.
    """

    n_skipped: Tensor
    best_step: Tensor


class CriticOptimizer:
    """Adam on P stacked critics, with the norm of each one's gradient clipped on its own.

    Belghazi et al. (2018), MINE, section 3.2, scale gradients, too; the norm of 10 is ours.

    Args:
        estimator: Whose critics move.
        learning_rate: Adam's.
        betas: Adam's.
        max_norm: Of a critic's gradient.
    """

    def __init__(
        self,
        estimator: MutualInformationEstimator,
        *,
        learning_rate: float = 1e-3,
        betas: tuple[float, float] = (0.5, 0.9),
        max_norm: float = 10.0,
    ) -> None:
        self.estimator, self.max_norm = estimator, max_norm
        self.parameters = list(estimator.critics.parameters())
        self._adam = torch.optim.Adam(self.parameters, lr=learning_rate, betas=betas, fused=True)
        self.n_skipped = torch.zeros(len(self.parameters[0]), dtype=torch.int64, device=self.parameters[0].device)

    def step(self, joint: Tensor, product: Tensor) -> None:
        """One update; a critic whose gradient is not finite goes on with a zero gradient, and is counted."""
        gradients = torch.autograd.grad(self.estimator.critic_loss(joint, product), self.parameters)
        norm = torch.stack([gradient.flatten(1).square().sum(1) for gradient in gradients]).sum(0).sqrt()  # (P,)
        finite = torch.isfinite(norm)
        self.n_skipped += ~finite
        scale = (self.max_norm / norm.clamp(min=1e-12)).clamp(max=1.0)
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            kept = torch.where(finite[:, None, None], gradient * scale[:, None, None], 0.0)
            parameter.grad = kept.contiguous()  # as the parameter: fused Adam pairs numbers by their place in memory
        self._adam.step()


def train_critics(
    estimator: MutualInformationEstimator,
    draw: Callable[[int], Samples],
    *,
    n_steps: int,
    learning_rate: float = 1e-3,
    betas: tuple[float, float] = (0.5, 0.9),
    validation: Samples | None = None,
    check_every: int = 50,
) -> Training:
    """Train an estimator's critics, with early stopping for each if there is something to validate on.

    Args:
        estimator: Its P critics (or the one that is shared) are trained in place.
        draw: Joint and product samples of a step, as ``MutualInformationEstimator.value`` takes them.
        n_steps: Updates.
        learning_rate: Adam's.
        betas: Adam's.
        validation: Samples apart from those of ``draw``. Every critic ends with the weights that had its lowest loss
            on them.
        check_every: Steps between validations.

    Returns:
        What happened to each critic.
    """
    optimizer = CriticOptimizer(estimator, learning_rate=learning_rate, betas=betas)
    keeper = None if validation is None else _Keeper(estimator, validation)
    for step in range(n_steps):
        optimizer.step(*draw(step))
        if keeper is not None and ((step + 1) % check_every == 0 or step + 1 == n_steps):
            keeper.look(step + 1)
    if keeper is None:
        return Training(optimizer.n_skipped, torch.full_like(optimizer.n_skipped, n_steps))
    return Training(optimizer.n_skipped, keeper.restore())


class _Keeper:
    """The best weights so far of each critic, by its loss on samples that it is not trained on."""

    def __init__(self, estimator: MutualInformationEstimator, validation: Samples) -> None:
        self.estimator, self.validation = estimator, validation
        self.state = [tensor for tensor in estimator.critics.state_dict().values() if tensor.dim() == 3]
        self.best = [tensor.clone() for tensor in self.state]
        self.lowest = self._losses()
        self.step = torch.zeros_like(self.lowest, dtype=torch.int64)

    def look(self, step: int) -> None:
        losses = self._losses()
        better = losses < self.lowest  # never where it is NaN
        self.lowest = torch.where(better, losses, self.lowest)
        self.step = torch.where(better, step, self.step)
        for kept, now in zip(self.best, self.state, strict=True):
            kept.copy_(torch.where(better[:, None, None], now, kept))

    def restore(self) -> Tensor:
        for kept, now in zip(self.best, self.state, strict=True):
            now.copy_(kept)
        return self.step

    @torch.no_grad()
    def _losses(self) -> Tensor:
        losses = self.estimator.validation_loss(*self.validation)
        n_critics = self.estimator.critics.n_critics
        return losses if n_critics == len(losses) else losses.sum(0, keepdim=True)
