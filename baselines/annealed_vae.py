"""The VAE of controlled capacity, AnnealedVAE.

Burgess et al. (2018), Understanding disentangling in beta-VAE, arXiv:1804.03599.
"""

from pydantic import Field, NonNegativeFloat, PositiveInt
from torch import Tensor

from minebench.baselines.contract import Batch, DataSpec, Terms
from minebench.baselines.vae import VAE, VAEConfig

REFERENCE_STEPS = 100_000  # of the rise, out of 300,000: Locatello et al. (2019), table 1
LEAST_STEPS = 20


class AnnealedVAEConfig(VAEConfig):
    """Burgess et al. (2018); the board's default capacity, other settings of Locatello et al. (2019)."""

    gamma: NonNegativeFloat = Field(1000.0, description="Weight of the distance between the KL term and the capacity.")
    max_capacity: NonNegativeFloat = Field(25.0, description="Capacity at the end of its rise, in nats.")
    annealing_steps: PositiveInt | None = Field(
        None,
        description="Steps of the rise from 0; null: 100,000, or a third of a run of less than 300,000.",
    )


class AnnealedVAE(VAE):
    """A VAE whose KL term is held at a capacity that rises linearly during training (Eq. 8).

    The absolute value is of the batch's mean KL. The capacity is a function of the trainer's step alone: calls of the
    loss do not count.
    """

    config: AnnealedVAEConfig

    def __init__(self, config: AnnealedVAEConfig, data: DataSpec) -> None:
        super().__init__(config, data)
        self.annealing_steps = config.annealing_steps or max(LEAST_STEPS, min(REFERENCE_STEPS, data.n_steps // 3))

    def loss(self, player: str, batch: Batch) -> Terms:  # noqa: ARG002 -- a single player
        """Reconstruction + gamma |mean KL - C(step)|."""
        terms, _, _ = self.elbo_terms(batch)
        terms["capacity"] = self.capacity(batch.step)
        terms["distance_to_capacity"] = (terms["kl"] - terms["capacity"]).abs()
        return Terms(terms, weights={"kl": 0.0, "capacity": 0.0, "distance_to_capacity": self.config.gamma})

    def capacity(self, step: Tensor) -> Tensor:
        """The capacity C in nats after so many steps, float32, of the shape of ``step``."""
        return self.config.max_capacity * (step / self.annealing_steps).clamp(max=1.0)
