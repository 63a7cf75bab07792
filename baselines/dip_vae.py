"""DIP-VAE-I and DIP-VAE-II.

Kumar et al. (2018), Variational Inference of Disentangled Latent Concepts from Unlabeled Observations,
arXiv:1711.00848. The covariances are those of the batch (divided by its size), as in Locatello et al. (2019).
"""

import torch
from pydantic import Field, NonNegativeFloat
from torch import Tensor

from minebench.baselines.contract import Batch, Terms
from minebench.baselines.vae import VAE, VAEConfig


class DIPVAEIConfig(VAEConfig):
    """Kumar et al. (2018); the board's default lambda_od, other settings of Locatello et al. (2019)."""

    lambda_od: NonNegativeFloat = Field(10.0, description="Weight of the squared covariances of different codes.")
    lambda_d_factor: NonNegativeFloat = Field(10.0, description="Weight of the variances' part, over lambda_od.")


class DIPVAEIIConfig(VAEConfig):
    """Kumar et al. (2018); the board's default lambda_od, other settings of Locatello et al. (2019)."""

    lambda_od: NonNegativeFloat = Field(10.0, description="Weight of the squared covariances of different codes.")
    lambda_d_factor: NonNegativeFloat = Field(1.0, description="Weight of the variances' part, over lambda_od.")


class DIPVAEI(VAE):
    """A VAE that pulls the covariance of the posterior means to the identity (Eq. 6)."""

    config: DIPVAEIConfig

    def loss(self, player: str, batch: Batch) -> Terms:  # noqa: ARG002 -- a single player
        """Reconstruction + KL + lambda_od sum_{i != j} C_ij^2 + lambda_d sum_i (C_ii - 1)^2, C = Cov[mean]."""
        terms, posterior, _ = self.elbo_terms(batch)
        covariance = covariance_over_batch(posterior.mean)
        return with_penalty(terms, covariance, self.config.lambda_od, self.config.lambda_d_factor)


class DIPVAEII(VAE):
    """A VAE that pulls the covariance of the aggregated posterior to the identity (Eq. 7)."""

    config: DIPVAEIIConfig

    def loss(self, player: str, batch: Batch) -> Terms:  # noqa: ARG002 -- a single player
        """That of DIP-VAE-I with C = E[diag(variance)] + Cov[mean], by the law of total covariance."""
        terms, posterior, _ = self.elbo_terms(batch)
        covariance = covariance_over_batch(posterior.mean) + posterior.logvar.exp().mean(0).diag()
        return with_penalty(terms, covariance, self.config.lambda_od, self.config.lambda_d_factor)


def covariance_over_batch(mean: Tensor) -> Tensor:
    """Covariance of codes over the images of a batch.

    Args:
        mean: Shape (batch, latent_dim).

    Returns:
        Shape (latent_dim, latent_dim): the mean over the batch of the products of deviations.
    """
    centred = mean - mean.mean(0)
    return (centred[:, :, None] * centred[:, None, :]).mean(0)  # not a matrix product, which bf16 would round


def with_penalty(terms: dict[str, Tensor], covariance: Tensor, lambda_od: float, lambda_d_factor: float) -> Terms:
    """A loss with the squared distance of a covariance from the identity.

    Args:
        terms: The terms that are there already.
        covariance: Shape (latent_dim, latent_dim).
        lambda_od: Weight of the squares off the diagonal.
        lambda_d_factor: Weight of those on it, over ``lambda_od``.

    Returns:
        The terms with ``off_diagonal`` and ``diagonal`` (sums of squares), and their weights.
    """
    variances = covariance.diagonal()
    penalty = {
        "off_diagonal": (covariance - torch.diag(variances)).square().sum(),
        "diagonal": (variances - 1).square().sum(),
    }
    return Terms(terms | penalty, {"off_diagonal": lambda_od, "diagonal": lambda_od * lambda_d_factor})
