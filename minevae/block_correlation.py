"""Total correlation between blocks of codes whose owners are a tensor, so that they may change while a model trains.

TC = KL(q(z) || prod_k q(z_k)) with z_k the codes of block k: D inputs, and whole groups of columns. The estimators are
those of ``estimators``; here nothing depends on Python lists of columns, and a block may be empty.
"""

import math
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from minebench.baselines.contract import Gaussian, Noise
from minebench.baselines.total_correlation import log_density_matrix, log_weights
from minebench.minevae.attention import membership
from minebench.minevae.block_copula import BlockCopula
from minebench.minevae.bounds import OBJECTIVES, Scores, critic_loss
from minebench.minevae.gaussian_fit import shrink, shrinkage
from minebench.minevae.mutual_information import Branches, MutualInformationEstimator
from minebench.minevae.precision import full_precision

BlockEstimator = Literal[
    "mss_loo", "mss", "full_mc", "dv", "nwj", "js", "smile", "infonce", "gauss_mean", "gauss_sample", "copula_js"
]
BLOCK_ESTIMATORS: tuple[BlockEstimator, ...] = get_args(BlockEstimator)


class Codes(NamedTuple):
    """Codes of a batch, with what the estimators look at.

    Attributes:
        z: Samples, shape (M, D).
        posterior: What they were drawn from, arrays of shape (M, D).
        memory: Posteriors of earlier batches, arrays of shape (R, D): for ``full_mc``.
        remembered: 1 where the memory holds something, shape (R,).
    """

    z: Tensor
    posterior: Gaussian
    memory: Gaussian
    remembered: Tensor


class BlockCorrelation(nn.Module):
    """An estimator of the total correlation of blocks.

    Args:
        name: ``mss_loo`` and ``mss``: minibatch sampling. ``full_mc``: the mixture of all posteriors as far as a model
            in training knows them: those of the batch and those remembered stand for the N - 1 others, each
            sample's own has its weight 1 / N. ``gauss_*``: a shrunk Gaussian fit to means or samples. Else an
            objective of ``bounds``: critics on whole groups permuted over the batch. ``copula_js``: a classifier that
            starts from a Gaussian copula of the last codes and corrects it; its gradient is that of the joint samples.
        latent_dim: D.
        n_blocks: Number of blocks.
        n_images: Size N of the training set.
        hidden_dim: Width of the critic's hidden layers.
        tau: Where ``smile`` clips.
        decay: Of the moving average of ``dv``.
        branches: Of the gradient through critics.
        score_bound: Of the critic of ``dv``, see ``MutualInformationEstimator``.
    """

    def __init__(
        self,
        name: BlockEstimator,
        latent_dim: int,
        n_blocks: int,
        n_images: int,
        *,
        hidden_dim: int = 128,
        tau: float = 5.0,
        decay: float = 0.99,
        branches: Branches = "both",
        score_bound: float | None = 10.0,
    ) -> None:
        super().__init__()
        self.name, self.n_blocks, self.n_images, self.branches = name, n_blocks, n_images, branches
        self.estimator: MutualInformationEstimator | None = None
        self.copula = BlockCopula(latent_dim, hidden_dim) if name == "copula_js" else None
        if name in OBJECTIVES:
            self.estimator = MutualInformationEstimator(
                latent_dim,
                hidden_dim=hidden_dim,
                objective=name,
                tau=tau,
                decay=decay,
                score_bound=score_bound if name == "dv" else None,
            )

    @property
    def has_critic(self) -> bool:
        """Whether there is something to train."""
        return self.estimator is not None or self.copula is not None

    @full_precision()
    def critic_loss(self, z: Tensor, owner: Tensor, noise: Noise) -> Tensor:
        """What the critic minimises; only for an estimator with one."""
        if self.copula is not None:
            z = z.detach()
            if self.training:
                self.copula.remember(z)
            scores = Scores(*(self.copula(rows, owner) for rows in (z, permute_blocks(z, owner, noise))))
            return critic_loss(scores, "js").sum()
        return self._critic().critic_loss(z, permute_blocks(z, owner, noise))

    def forward(self, codes: Codes, owner: Tensor, noise: Noise) -> Tensor:
        """The estimate in nats, with its gradient to the codes, a scalar.

        Args:
            codes: Of a batch.
            owner: The block of each latent, int64, shape (D,).
            noise: Source of permutations, for critics.
        """
        match self.name:
            case "mss_loo" | "mss":
                weights = log_weights(len(codes.z), self.n_images, self.name, codes.z.device)
                density = log_density_matrix(codes.z, codes.posterior)
                return mixture_correlation(density, weights, membership(owner, self.n_blocks))
            case "full_mc":
                return self._remembered_mixture(codes, owner)
            case "gauss_mean":
                return gaussian_correlation(codes.posterior.mean, owner)
            case "gauss_sample":
                return gaussian_correlation(codes.z, owner)
            case "copula_js" if self.copula is not None:
                mean: Tensor = self.copula(codes.z, owner).mean()
                return mean
        product = permute_blocks(codes.z, owner, noise)
        return self._critic().model_gradient(codes.z, product, branches=self.branches).sum()

    def _critic(self) -> MutualInformationEstimator:
        if self.estimator is None:
            raise ValueError(f"{self.name} has no critic")
        return self.estimator

    def _remembered_mixture(self, codes: Codes, owner: Tensor) -> Tensor:
        n_batch, n_remembered = len(codes.z), codes.remembered.sum()
        components = Gaussian(*(torch.cat(pair) for pair in zip(codes.posterior, codes.memory, strict=True)))
        own = torch.eye(n_batch, len(components.mean), dtype=torch.bool, device=codes.z.device)
        present = torch.cat([torch.ones_like(codes.z[:, 0]), codes.remembered])
        log_others = math.log1p(-1 / self.n_images) - (n_batch - 1 + n_remembered).log() + present.log()
        weights = torch.where(own, -math.log(self.n_images), log_others)
        density = log_density_matrix(codes.z, components)
        return mixture_correlation(density, weights, membership(owner, self.n_blocks))


def mixture_correlation(log_density: Tensor, weights: Tensor, member: Tensor) -> Tensor:
    """Mean over samples of log q(z) - sum_k log q(z_k), q a mixture of posteriors.

    Args:
        log_density: Log density of each sample under each posterior and latent, shape (S, M, D).
        weights: Log weights of the posteriors for each sample, rows summing to 1, shape (S, M): then an empty block
            adds 0.
        member: 1 where a latent is of a block, shape (D, K + 1). Shares in between give a relaxation with a gradient
            to them; it is no total correlation of anything.

    Returns:
        Nats, a scalar.
    """
    joint = torch.logsumexp(log_density.sum(2) + weights, 1)
    parts = torch.logsumexp(log_density @ member + weights[..., None], 1)
    return (joint - parts.sum(1)).mean()


def gaussian_correlation(codes: Tensor, owner: Tensor) -> Tensor:
    """Total correlation between blocks of a Gaussian fitted to codes (n, D), drawn towards independence: nats."""
    centred = codes.double() - codes.double().mean(0)
    standard = centred / centred.square().mean(0).sqrt().clamp(min=1e-6)
    covariance = shrink(standard.T @ standard / len(codes), shrinkage(standard))
    apart = owner[:, None] != owner[None]
    within = torch.linalg.slogdet(covariance.masked_fill(apart, 0.0)).logabsdet
    value: Tensor = 0.5 * (within - torch.linalg.slogdet(covariance).logabsdet)
    return value.to(codes.dtype)


def permute_blocks(z: Tensor, owner: Tensor, noise: Noise) -> Tensor:
    """Samples (M, D) whose blocks are independent of one another: rows in random order, block k shifted by k."""
    n = len(z)
    order = noise.uniform((n,)).argsort()
    return z.gather(0, order[(torch.arange(n, device=z.device)[:, None] + owner) % n])
