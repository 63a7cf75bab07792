"""Gradients that are cut to a norm, and updates that are skipped, inside a model: the trainer knows of neither."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.func import functional_call


class GradientClip(nn.Module):
    """Cuts the gradient of a loss with respect to all parameters of a module together, on its way back.

    A gradient that is not finite becomes 0.

    Args:
        max_norm: Above 0.

    Attributes:
        norm: Of the last gradient before it was cut; 0 before the first, and of one that was not finite.
        n_skipped: Gradients that were not finite so far.
    """

    norm: Tensor
    n_skipped: Tensor

    def __init__(self, max_norm: float) -> None:
        super().__init__()
        self.max_norm = max_norm
        self.register_buffer("norm", torch.zeros(()))
        self.register_buffer("n_skipped", torch.zeros(()))

    def forward(self, module: nn.Module, compute: Callable[[], Tensor]) -> Tensor:
        """What ``compute`` returns, with the cut gradient.

        Args:
            module: Whose parameters are meant.
            compute: Calls the module, and returns a scalar.

        Returns:
            The scalar; 0 if it is not finite.
        """
        named = {f"module.{name}": parameter for name, parameter in module.named_parameters()}
        passed = _Cut.apply(self, *named.values())
        value: Tensor = functional_call(_Holder(module), dict(zip(named, passed, strict=True)), (compute,))
        return torch.where(value.isfinite(), value, 0.0)

    def cut(self, gradients: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Gradients whose common norm is ``max_norm`` at most; in training their norm is noted."""
        norm = nn.utils.get_total_norm(gradients)
        finite = norm.isfinite()
        if self.training:
            self.norm.copy_(torch.where(finite, norm, 0.0))
            self.n_skipped.add_((~finite).float())
        scale = self.max_norm / norm.clamp(min=self.max_norm)
        return tuple(torch.where(finite, gradient * scale, 0.0) for gradient in gradients)


class _Holder(nn.Module):
    """Lets the parameters of a module be replaced while something is computed."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, compute: Callable[[], Tensor]) -> Tensor:
        return compute()


class _Cut(torch.autograd.Function):
    """Passes parameters on, and cuts what comes back for all of them."""

    @staticmethod
    def forward(ctx: Any, clip: GradientClip, *parameters: Tensor) -> tuple[Tensor, ...]:
        ctx.clip = clip
        return tuple(parameter.view_as(parameter) for parameter in parameters)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return None, *ctx.clip.cut(gradients)
