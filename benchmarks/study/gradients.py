"""Gradients with respect to a linear encoder, against the exact one.

The encoder is z = W x + s e with x ~ N(0, I) for an image, so that z has covariance W W^T + diag(s^2) and the total
correlation a closed form. Its parameters are W and log s, all D (D + 1) of them taken as one vector.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from minebench.baselines.contract import Gaussian, Noise
from minebench.benchmarks.study.build import build
from minebench.benchmarks.study.cells import ORACLES, Cell
from minebench.benchmarks.study.distribution import generator_for
from minebench.benchmarks.study.gaussians import GaussianCodes
from minebench.benchmarks.study.trained import Trained
from minebench.benchmarks.study.values import exact_scores, read_oracle
from minebench.benchmarks.suggestions import UsageError
from minebench.minevae.code_batch import CodeBatch, needed
from minebench.minevae.estimators import total_correlation_estimator
from minebench.minevae.gaussian_fit import covariance_total_correlation
from minebench.minevae.groups import permute_groups
from minebench.minevae.mutual_information import Branches

BRANCHES: tuple[Branches, ...] = ("both", "joint")
WITHOUT = ("ksg", "constant", "mss_faulty")  # they have no gradient, or none that is worth a row


class GradientError(NamedTuple):
    """How far gradients lie from the exact one g, with the standard errors of a jackknife over batches.

    Attributes:
        bias: |E[estimate] - g| / |g|, the part that noise contributes taken off, at least 0.
        bias_error: Its standard error.
        noise: Root of the mean squared distance to the mean estimate, over batches and critics, / |g|.
        noise_error: Its standard error.
        cosine: Mean cosine between an estimate and g.
        cosine_error: Its standard error.
        n: Batches.
    """

    bias: float
    bias_error: float
    noise: float
    noise_error: float
    cosine: float
    cosine_error: float
    n: int


class LinearEncoder:
    """The encoder behind unwarped Gaussian codes with posteriors, as leaves of a graph.

    Args:
        codes: Codes with a population.

    Raises:
        UsageError: If the codes are of another kind.
    """

    def __init__(self, codes: object) -> None:
        if not isinstance(codes, GaussianCodes) or codes.inputs is None or codes.population is None:
            raise UsageError("gradients are measured on unwarped Gaussians with n_images; set n_gradients to 0")
        self.codes, self.inputs, self.population = codes, codes.inputs, codes.population
        self.weight = codes.mean_factor.float().requires_grad_()
        self.log_scale = torch.full((codes.dim,), 0.5 * math.log(codes.posterior_variance)).requires_grad_()

    def exact_gradient(self) -> Tensor:
        """Of the total correlation of the population, float32, shape (D (D + 1),)."""
        weight, log_scale = (part.detach().double().requires_grad_() for part in (self.weight, self.log_scale))
        covariance = weight @ weight.T + torch.diag(torch.exp(2 * log_scale))
        value = covariance_total_correlation(covariance, self.codes.groups)
        return _flat(torch.autograd.grad(value, (weight, log_scale))).float()

    def batch(self, n: int, generator: torch.Generator) -> CodeBatch:
        """A batch with a graph to the parameters; the population is taken as it is.

        At the exact density the gradient through the mixture's own components is 0 in expectation, as that through
        the product samples is.
        """
        rows, noise = torch.randint(len(self.inputs), (n,), generator=generator), Noise(generator)
        mean = self.inputs[rows] @ self.weight.T
        posterior = Gaussian(mean, (2 * self.log_scale).expand_as(mean))
        z = posterior.sample(noise)
        product = permute_groups(z, noise, self.codes.groups)
        return CodeBatch(z, product, posterior, len(self.inputs), self.population, rows, noise)

    def gradient(self, value: Tensor) -> Tensor:
        """Of a scalar, shape (D (D + 1),)."""
        found = torch.autograd.grad(value, (self.weight, self.log_scale), allow_unused=True)
        return _flat(
            torch.zeros_like(leaf) if part is None else part
            for part, leaf in zip(found, (self.weight, self.log_scale), strict=True)
        )

    def from_codes(self, batch: CodeBatch, slopes: Tensor) -> Tensor:
        """Parameter gradients (S, D (D + 1)) from the gradients of S values to the codes, shape (S, M, D)."""
        rows, mean = needed(batch.rows, "rows"), needed(batch.posterior, "posterior").mean
        to_weight = slopes.mT @ self.inputs[rows]  # (S, D, D)
        to_scale = (slopes * (batch.z - mean).detach()).sum(1)
        return torch.cat([to_weight.flatten(1), to_scale], 1)


def free_gradients(cell: Cell) -> dict[str, GradientError]:
    """Gradient errors of the cell's estimators without critics and with the exact one, by name.

    With the exact critic and the name's end ``/joint``, the gradient goes through the joint samples alone.
    """
    encoder = LinearEncoder(build(cell.distribution))
    exact, met = encoder.exact_gradient(), _batches(cell, encoder)
    found: dict[str, GradientError] = {}
    for name in cell.estimators:
        if name in WITHOUT:
            continue
        for branches in BRANCHES if name in ORACLES else BRANCHES[:1]:
            function = _estimator(name, encoder, branches)
            gradients = torch.stack([encoder.gradient(function(batch)) for batch in met()])
            found[name if branches == "both" else f"{name}/joint"] = gradient_error(gradients[None], exact)
    return found


def trained_gradients(cell: Cell, trained: Trained) -> dict[str, GradientError]:
    """Gradient errors of trained critics with their own objective, through both branches and ``/joint`` alone."""
    encoder = LinearEncoder(build(cell.distribution))
    exact, met = encoder.exact_gradient(), _batches(cell, encoder)
    found: dict[str, GradientError] = {}
    for branches in BRANCHES[1:] if trained.spec.objective == "js" else BRANCHES:
        gradients = []
        for number, batch in enumerate(met()):
            z = batch.z.detach().expand(trained.spec.n_critics, -1, -1).clone().requires_grad_()
            (slopes,) = torch.autograd.grad(trained.model_gradient(z, number, branches).sum(), z)
            gradients.append(encoder.from_codes(batch, slopes))
        structure = trained.spec.structure
        name = f"{'' if structure == 'whole' else f'{structure}_'}{trained.spec.objective}"
        error = gradient_error(torch.stack(gradients, 1), exact)
        found[name if branches == "both" else f"{name}/joint"] = error
    return found


def gradient_error(gradients: Tensor, exact: Tensor) -> GradientError:
    """Bias, noise and cosine of gradients.

    Args:
        gradients: Shape (S, R, P): critics, batches, parameters; R > 2.
        exact: Shape (P,).

    Returns:
        See ``GradientError``. Gradients that are not finite make all of it NaN.
    """
    n = gradients.shape[1]
    whole = _errors(gradients.double(), exact.double())
    left = torch.stack(
        [_errors(torch.cat([gradients[:, :r], gradients[:, r + 1 :]], 1).double(), exact.double()) for r in range(n)]
    )
    spread = ((n - 1) * left.var(0, correction=0)).sqrt()
    (bias, noise, cosine), (bias_error, noise_error, cosine_error) = whole.tolist(), spread.tolist()
    return GradientError(bias, bias_error, noise, noise_error, cosine, cosine_error, n)


def _flat(parts: Iterable[Tensor]) -> Tensor:
    return torch.cat([part.flatten() for part in parts])


def _errors(gradients: Tensor, exact: Tensor) -> Tensor:
    n_critics, n = gradients.shape[:2]
    mean, size = gradients.mean((0, 1)), exact.norm()
    of_batches = gradients.mean(0).var(0).sum() / n  # what chance adds to the squared bias: of batches, and of critics
    of_critics = gradients.mean(1).var(0).sum() / n_critics if n_critics > 1 else exact.new_zeros(())
    bias = ((mean - exact).square().sum() - of_batches - of_critics).clamp(min=0).sqrt()
    noise = (gradients - mean).square().sum(2).mean().sqrt()
    cosine = torch.nn.functional.cosine_similarity(gradients, exact[None, None], dim=2).mean()
    return torch.stack([bias / size, noise / size, cosine])


def _batches(cell: Cell, encoder: LinearEncoder) -> Callable[[], Iterator[CodeBatch]]:
    """The same batches, with a graph of their own, at every call."""

    def draw() -> Iterator[CodeBatch]:
        label, size = cell.distribution.label, cell.batch_size
        for replicate in range(cell.n_gradients):
            yield encoder.batch(size, generator_for(cell.seed, label, size, "gradient", replicate))

    return draw


def _estimator(name: str, encoder: LinearEncoder, branches: Branches) -> Callable[[CodeBatch], Tensor]:
    codes = encoder.codes
    if name not in ORACLES:
        return total_correlation_estimator(name, codes.dim, groups=codes.groups).model_gradient

    def through(batch: CodeBatch) -> Tensor:
        product = needed(batch.product, "product")
        return read_oracle(name, exact_scores(codes, batch.z, product.detach() if branches == "joint" else product))

    return through
