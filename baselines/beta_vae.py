"""beta-VAE.

Higgins et al. (2017), beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework, ICLR.
"""

from pydantic import Field, NonNegativeFloat

from minebench.baselines.contract import Batch, Terms
from minebench.baselines.vae import VAE, VAEConfig


class BetaVAEConfig(VAEConfig):
    """Higgins et al. (2017); the board's default beta, other settings of Locatello et al. (2019)."""

    beta: NonNegativeFloat = Field(4.0, description="Weight of the KL term.")


class BetaVAE(VAE):
    """A VAE whose KL term is weighed by beta (Eq. 4)."""

    config: BetaVAEConfig

    def loss(self, player: str, batch: Batch) -> Terms:  # noqa: ARG002 -- a single player
        """Reconstruction + beta KL."""
        terms, _, _ = self.elbo_terms(batch)
        return Terms(terms, weights={"kl": self.config.beta})
