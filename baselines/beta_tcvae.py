"""beta-TCVAE.

Chen et al. (2018), Isolating Sources of Disentanglement in Variational Autoencoders, arXiv:1802.04942.
"""

from typing import Literal

import torch
from pydantic import Field, NonNegativeFloat

from minebench.baselines.contract import Batch, Terms
from minebench.baselines.total_correlation import log_density_matrix, minibatch_total_correlation
from minebench.baselines.vae import VAE, VAEConfig


class BetaTCVAEConfig(VAEConfig):
    """Chen et al. (2018); the board's default beta, other settings of Locatello et al. (2019)."""

    beta: NonNegativeFloat = Field(6.0, description="Weight of the total correlation inside the KL term.")
    estimator: Literal["mws", "mss", "mss_loo"] = Field(
        "mws", description="Minibatch estimate: weighted, stratified, or stratified in its leave-one-out form."
    )


class BetaTCVAE(VAE):
    """A VAE whose KL term's total correlation is weighed by beta (Eq. 4 with alpha = gamma = 1).

    The KL term contains the total correlation once, so the loss adds it beta - 1 more times. The value that carries
    the gradient is logged under its estimator's name: weighted sampling is offset by up to (D - 1) log N, and only
    its gradient means something. ``total_correlation_mss_loo`` is logged beside it as an estimate of the value.
    """

    config: BetaTCVAEConfig

    def loss(self, player: str, batch: Batch) -> Terms:  # noqa: ARG002 -- a single player
        """Reconstruction + KL + (beta - 1) TC."""
        terms, posterior, z = self.elbo_terms(batch)
        log_density = log_density_matrix(z, posterior)
        chosen = f"total_correlation_{self.config.estimator}"
        with torch.no_grad():
            terms["total_correlation_mss_loo"] = minibatch_total_correlation(
                log_density, self.data.n_images, estimator="mss_loo"
            )
        weights = {"total_correlation_mss_loo": 0.0, chosen: self.config.beta - 1.0}
        terms[chosen] = minibatch_total_correlation(log_density, self.data.n_images, estimator=self.config.estimator)
        return Terms(terms, weights)
