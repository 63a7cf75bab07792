"""Many critics at once: the layers of P networks are stacked, so that all of them are one batched matrix product."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn


class Critics(nn.Module):
    """P networks T_p: R^d -> R with two hidden layers of ReLU, each with weights of its own, on standardised inputs.

    Args:
        n_critics: P. One network serves any number of stacked inputs.
        input_dim: d.
        hidden_dim: Width of both hidden layers.
        generator: Source of the initial weights; default: torch's own. Layers start as ``nn.Linear`` does.
    """

    def __init__(
        self, n_critics: int, input_dim: int, hidden_dim: int = 128, *, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.scale = RunningScale(n_critics, input_dim)
        widths = (input_dim, hidden_dim, hidden_dim, 1)
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for fan_in, fan_out in pairwise(widths):
            reach = 1 / math.sqrt(fan_in)
            for parameters, rows in ((self.weights, fan_in), (self.biases, 1)):
                start = torch.empty(n_critics, rows, fan_out).uniform_(-reach, reach, generator=generator)
                parameters.append(nn.Parameter(start))

    @property
    def n_critics(self) -> int:
        """P."""
        return len(self.weights[0])

    def forward(self, inputs: Tensor) -> Tensor:
        """Scores of samples.

        Args:
            inputs: Shape (P, n, d), a set of samples for each critic, or (n, d), the same for all.

        Returns:
            T, float32, shape (P, n).

        Raises:
            ValueError: If the inputs have another number of sets than there are critics, or another width.
        """
        n_critics, input_dim = self.weights[0].shape[:2]
        stacked = inputs if inputs.dim() == 3 else inputs[None]
        fits = n_critics == 1 or len(stacked) in (1, n_critics)
        if stacked.dim() != 3 or stacked.shape[2] != input_dim or not fits:
            raise ValueError(
                f"{n_critics} critics take inputs ({n_critics}, n, {input_dim}) or (n, {input_dim}); "
                f"got {tuple(inputs.shape)}"
            )
        hidden = self.scale(stacked)
        if n_critics == 1 and len(stacked) > 1:  # one network for all sets: one plain product
            return self._layers(hidden.flatten(0, 1)[None]).view(stacked.shape[:2]).float()
        return self._layers(hidden.expand(n_critics, -1, -1)).float()

    def _layers(self, hidden: Tensor) -> Tensor:
        for weight, bias in zip(list(self.weights)[:-1], list(self.biases)[:-1], strict=True):
            hidden = torch.baddbmm(bias, hidden, weight).relu_()
        return torch.baddbmm(self.biases[-1], hidden, self.weights[-1]).squeeze(2)


class RunningScale(nn.Module):
    """Standardises the inputs of each critic by a running mean and variance, through which no gradient flows.

    Args:
        n_critics: P.
        dim: Width of the inputs.
        memory: The newest batch weighs 1 / memory, and more while fewer batches were seen.
    """

    mean: Tensor
    variance: Tensor
    n_batches: Tensor

    def __init__(self, n_critics: int, dim: int, memory: int = 100) -> None:
        super().__init__()
        self.memory = memory
        self.register_buffer("mean", torch.zeros(n_critics, 1, dim))
        self.register_buffer("variance", torch.ones(n_critics, 1, dim))
        self.register_buffer("n_batches", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def update(self, inputs: Tensor) -> None:
        """Take a batch into account, of a shape that ``Critics`` takes; one that is not finite is passed over."""
        rows = inputs.detach().float()
        if rows.dim() == 2 or len(self.mean) == 1:
            rows = rows.flatten(0, -2)[None]
        variance, mean = torch.var_mean(rows, dim=1, correction=0, keepdim=True)
        self.n_batches += 1
        share = 1 / self.n_batches.clamp(max=self.memory)
        for old, new in ((self.mean, mean), (self.variance, variance)):
            old.copy_(torch.where(torch.isfinite(new), torch.lerp(old, new.expand_as(old), share), old))

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs of shape (P, n, dim) or (1, n, dim), centred and divided by the running standard deviation.

        A column whose deviation is below 1e-3 counts as constant and is centred only.
        """
        deviation = self.variance.sqrt()
        return (inputs - self.mean) / torch.where(deviation < 1e-3, torch.ones_like(deviation), deviation)
