"""FactorVAE: Kim and Mnih (2018), Disentangling by Factorising, arXiv:1802.05983."""

import torch
import torch.nn.functional as F
from pydantic import Field, NonNegativeFloat, PositiveFloat
from torch import Tensor

from minebench.baselines.contract import Batch, DataSpec, Noise, Phase, Player, Terms
from minebench.baselines.networks import discriminator
from minebench.baselines.vae import VAE, VAEConfig


class FactorVAEConfig(VAEConfig):
    """Kim and Mnih (2018); settings of Locatello et al. (2019), table 1."""

    gamma: NonNegativeFloat = Field(10.0, description="Weight of the total correlation.")
    discriminator_learning_rate: PositiveFloat = Field(1e-4, description="Adam's learning rate of the discriminator.")


class FactorVAE(VAE):
    """A VAE with a penalty on total correlation, estimated by a discriminator (Algorithm 2).

    A departure from the listing: the discriminator sees codes of the encoder as it is after the VAE's update, drawn
    afresh, where the listing reuses those from before it. One step is one update of each player.
    """

    config: FactorVAEConfig

    def __init__(self, config: FactorVAEConfig, data: DataSpec) -> None:
        super().__init__(config, data)
        self.discriminator = discriminator(config.latent_dim)

    def players(self) -> tuple[Player, ...]:
        """``vae``, and ``discriminator`` with Adam's betas (0.5, 0.9)."""
        rate = self.config.discriminator_learning_rate
        return (*super().players(), Player("discriminator", tuple(self.discriminator.parameters()), rate, (0.5, 0.9)))

    def phases(self, step: int) -> tuple[Phase, ...]:  # noqa: ARG002 -- the same at every step
        """The VAE, then the discriminator on two independent batches."""
        return (Phase("vae"), Phase("discriminator", second_batch=True))

    def loss(self, player: str, batch: Batch) -> Terms:
        """ELBO with the density-ratio penalty for ``vae``, cross-entropy for ``discriminator``."""
        if player == "discriminator":
            return Terms({"cross_entropy": self._cross_entropy(batch)})
        terms, _, z = self.elbo_terms(batch)
        joint, permuted = self.discriminator(z).float().unbind(1)
        # log D / (1 - D) is the log density ratio of q(z) and prod_j q(z_j): its mean is the total correlation
        terms["total_correlation_density_ratio"] = (joint - permuted).mean()
        return Terms(terms, weights={"total_correlation_density_ratio": self.config.gamma})

    def _cross_entropy(self, batch: Batch) -> Tensor:
        if batch.second_images is None:
            raise ValueError("the discriminator needs Batch.second_images; ask for it in its Phase")
        with torch.no_grad():  # the discriminator moves alone: no graph through the encoder is needed
            z = self.encode(batch.images).sample(batch.noise)
            other = permute_columns(self.encode(batch.second_images).sample(batch.noise), batch.noise)
        logits = self.discriminator(torch.cat([z, other])).float()
        labels = torch.arange(2, device=logits.device).repeat_interleave(len(z))  # 0 "joint", 1 "permuted"
        return F.cross_entropy(logits, labels)


def permute_columns(z: Tensor, noise: Noise) -> Tensor:
    """A sample from the product of marginals: each column permuted over the batch on its own (Algorithm 1).

    Args:
        z: Codes, shape (batch, latent_dim).
        noise: Source of the permutations.

    Returns:
        The same values, shape (batch, latent_dim); column j holds the values of column j.
    """
    order = noise.uniform(z.shape).argsort(dim=0)
    return z.gather(0, order)
