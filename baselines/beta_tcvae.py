"""beta-TCVAE.

Chen et al. (2018), Isolating Sources of Disentanglement in Variational Autoencoders, arXiv:1802.04942.
"""

from pydantic import Field, NonNegativeFloat

from minebench.baselines.contract import Batch, Terms
from minebench.baselines.total_correlation import Estimator, total_correlation_terms
from minebench.baselines.vae import VAE, VAEConfig


class BetaTCVAEConfig(VAEConfig):
    """Chen et al. (2018); the board's default beta, other settings of Locatello et al. (2019)."""

    beta: NonNegativeFloat = Field(6.0, description="Weight of the total correlation inside the KL term.")
    estimator: Estimator = Field(
        "mws", description="Minibatch estimate: weighted, stratified, or stratified in its leave-one-out form."
    )


class BetaTCVAE(VAE):
    """A VAE whose KL term's total correlation is weighed by beta (Eq. 4 with alpha = gamma = 1).

    The KL term contains the total correlation once, so the loss adds it beta - 1 more times.
    """

    config: BetaTCVAEConfig

    def loss(self, player: str, batch: Batch) -> Terms:  # noqa: ARG002 -- a single player
        """Reconstruction + KL + (beta - 1) TC."""
        terms, posterior, z = self.elbo_terms(batch)
        penalty = total_correlation_terms(
            z, posterior, self.data.n_images, weight=self.config.beta - 1.0, estimator=self.config.estimator
        )
        return Terms({**terms, **penalty.terms}, penalty.weights)
