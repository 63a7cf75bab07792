"""Total correlation in the losses of the MINE Disentangle VAE: the estimator that trains it, and its rival."""

import math

import torch
from torch import Tensor, nn

from minebench.baselines.contract import Gaussian, Noise, Terms
from minebench.baselines.total_correlation import log_density_matrix, log_weights
from minebench.minevae.block_correlation import BlockCorrelation, Codes, mixture_correlation
from minebench.minevae.complexity import remembered
from minebench.minevae.gaussian_fit import GaussianFitEstimator
from minebench.minevae.mine_vae_config import MINEDisentangleVAEConfig
from minebench.minevae.monitors import stop_if
from minebench.minevae.precision import full_precision


class CorrelationTerms(nn.Module):
    """What lowers the total correlation of the blocks, and what is logged beside it.

    Args:
        config: Which estimators.
        n_blocks: K + 1.
        n_images: Images whose posteriors make up q(z).
    """

    def __init__(self, config: MINEDisentangleVAEConfig, n_blocks: int, n_images: int) -> None:
        super().__init__()
        self.n_images = n_images
        names = [config.tc_estimator]
        if config.tc_rival is not None and config.tc_rival != config.tc_estimator:
            names.append(config.tc_rival)
        self.estimators = nn.ModuleList(
            BlockCorrelation(
                name,
                config.latent_dim,
                n_blocks,
                n_images,
                hidden_dim=config.mine_hidden_dim,
                tau=config.smile_tau,
                decay=config.moving_average,
                branches=config.gradient,
                score_bound=config.score_bound,
            )
            for name in names
        )

    def trained(self) -> dict[str, BlockCorrelation]:
        """The estimators that have critics, by the name of their loss."""
        return {f"total_correlation_{each.name}": each for each in self._estimators() if each.has_critic}

    @full_precision()
    def forward(
        self, z: Tensor, posterior: Gaussian, memory: GaussianFitEstimator, owner: Tensor, noise: Noise, weight: Tensor
    ) -> Terms:
        """The terms of the outer loss.

        Args:
            z: One sample of each posterior, shape (M, D).
            posterior: Arrays of shape (M, D).
            memory: Earlier posteriors.
            owner: The block of each latent, int64, shape (D,).
            noise: Source of permutations.
            weight: Of the first estimator, a scalar; the rival has none.
        """
        first, *rivals = self._estimators()
        name, codes = f"total_correlation_{first.name}", _codes(z, posterior, memory)
        terms: dict[str, Tensor] = {name: first(codes, owner, noise)}
        for rival in rivals:
            with torch.no_grad():
                terms[f"total_correlation_{rival.name}"] = rival(codes, owner, noise)
        if first.name == "dv":
            # near log of the batch size and beyond, a value of this bound rests on a handful of samples
            terms["dv_out_of_range"] = stop_if(terms[name].detach().abs() >= math.log(len(z)) - 1)
        return Terms(terms, {term: weight if term == name else 0.0 for term in terms})

    @torch.no_grad()
    @full_precision()
    def values(
        self, z: Tensor, posterior: Gaussian, memory: GaussianFitEstimator, owner: Tensor, noise: Noise
    ) -> dict[str, Tensor]:
        """What each estimator says, in nats, by its name; arguments as in ``forward``."""
        codes = _codes(z, posterior, memory)
        return {each.name: each(codes, owner, noise) for each in self._estimators()}

    @full_precision()
    def relaxed(self, posterior: Gaussian, weights: Tensor, noise: Noise) -> Tensor:
        """Total correlation as if each latent were of all blocks by its weights (..., K + 1, D): nats, a scalar."""
        density = log_density_matrix(posterior.sample(noise), posterior)
        mixture = log_weights(len(density), self.n_images, "mss_loo", density.device)
        return mixture_correlation(
            density, mixture, weights.flatten(0, -3).mean(0).T if weights.dim() > 2 else weights.T
        )

    def _estimators(self) -> list[BlockCorrelation]:
        return [each for each in self.estimators if isinstance(each, BlockCorrelation)]


def _codes(z: Tensor, posterior: Gaussian, memory: GaussianFitEstimator) -> Codes:
    return Codes(z, posterior, Gaussian(memory.means, memory.variances.log()), remembered(memory))
