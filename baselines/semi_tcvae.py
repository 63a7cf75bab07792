"""A semi-supervised beta-TCVAE: designated latents must tell their factor where labels are known.

Chen et al. (2018), Isolating Sources of Disentanglement in Variational Autoencoders, arXiv:1802.04942, with a
supervised term in the manner of Locatello et al. (2020), Disentangling Factors of Variation Using Few Labels,
arXiv:1905.01258.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, NonNegativeFloat, PositiveInt
from torch import Tensor, nn

from minebench.baselines.contract import Batch, CodeBlocks, DataSpec, DataUse, Phase, Player, Terms
from minebench.baselines.networks import classification_head
from minebench.baselines.total_correlation import Estimator, total_correlation_terms
from minebench.baselines.vae import VAE, VAEConfig


class SemiTCVAEConfig(VAEConfig):
    """beta and its estimator as in ``BetaTCVAEConfig``; other defaults from runs on planted data (docs/models.md)."""

    beta: NonNegativeFloat = Field(6.0, description="Weight of the total correlation inside the KL term.")
    estimator: Estimator = Field(
        "mws", description="Minibatch estimate: weighted, stratified, or stratified in its leave-one-out form."
    )
    between: Literal["latents", "blocks"] = Field(
        "latents", description="Whether the total correlation is that of single latents, or of the blocks."
    )
    label_fraction: float = Field(0.1, gt=0, le=1, description="Share of the training images whose factors are known.")
    head_weight: NonNegativeFloat = Field(10.0, description="Weight of the heads' cross-entropies.")
    head_input: Literal["mean", "sample"] = Field("mean", description="What the heads read of a posterior.")
    latents_per_factor: PositiveInt | None = Field(
        None, description="Latents of each factor; null: latent_dim // (factors + 1). The others are for nuisance."
    )


class SemiTCVAE(VAE):
    """A beta-TCVAE in which a block of latents is designated to each factor, and has a head that classifies it.

    The heads learn with the encoder, on a batch of labelled images at every update. A departure from Locatello et al.
    (2020): the cross-entropy of a small classifier takes the place of that of one latent, so that a factor may own
    several latents and its values need no order.

    Raises:
        ValueError: If there are not enough latents.
    """

    config: SemiTCVAEConfig

    def __init__(self, config: SemiTCVAEConfig, data: DataSpec) -> None:
        super().__init__(config, data)
        n_factors = len(data.factor_sizes)
        self._blocks = divide_latents(config.latent_dim, n_factors, per_factor=config.latents_per_factor)
        self.heads = nn.ModuleList(
            classification_head(len(block), n_values)
            for block, n_values in zip(self._blocks[:-1], data.factor_sizes, strict=True)
        )

    def players(self) -> tuple[Player, ...]:
        """One player, ``vae``, that owns the heads, too."""
        return (Player("vae", tuple(self.parameters()), self.config.learning_rate),)

    def phases(self, step: int) -> tuple[Phase, ...]:  # noqa: ARG002 -- the same at every step
        """One update of ``vae`` a step, on a batch of images and one of labelled images."""
        return (Phase("vae", labelled_batch=True),)

    def loss(self, player: str, batch: Batch) -> Terms:  # noqa: ARG002 -- a single player
        """Reconstruction + KL + (beta - 1) TC + head_weight sum_k H(factor k | its latents)."""
        terms, posterior, z = self.elbo_terms(batch)
        penalty = total_correlation_terms(
            z,
            posterior,
            self.data.n_images,
            weight=self.config.beta - 1.0,
            estimator=self.config.estimator,
            blocks=self._blocks if self.config.between == "blocks" else None,
        )
        supervised = {"label_cross_entropy": self._label_cross_entropy(batch)}
        weights = {**penalty.weights, "label_cross_entropy": self.config.head_weight}
        return Terms({**terms, **penalty.terms, **supervised}, weights)

    def data_use(self) -> DataUse:
        """The share of labels that the configuration says; nothing held out."""
        return DataUse(labels=self.config.label_fraction)

    def code_blocks(self) -> CodeBlocks:
        """The latents of each factor in turn, then those for nuisance."""
        return CodeBlocks(self._blocks, named=True, nuisance=len(self._blocks) - 1)

    def _label_cross_entropy(self, batch: Batch) -> Tensor:
        """In nats per image, summed over factors."""
        if batch.labelled is None:
            raise ValueError("the heads need Batch.labelled; ask for it in the Phase")
        images, labels = batch.labelled
        posterior = self.encode(images)
        codes = posterior.mean if self.config.head_input == "mean" else posterior.sample(batch.noise)
        *designated, _ = torch.split(codes, [len(block) for block in self._blocks], dim=1)
        logits = [head(part).float() for head, part in zip(self.heads, designated, strict=True)]
        return torch.stack([F.cross_entropy(part, labels[:, k]) for k, part in enumerate(logits)]).sum()


def divide_latents(latent_dim: int, n_factors: int, *, per_factor: int | None = None) -> tuple[tuple[int, ...], ...]:
    """Latents in equal blocks, one a factor, and the rest.

    Args:
        latent_dim: Latents in all.
        n_factors: Factors.
        per_factor: Latents of each factor; None: an equal share, the nuisance block counted as one more factor.

    Returns:
        The latents of each factor in turn, then those left over, which may be none.

    Raises:
        ValueError: If there are not enough latents.
    """
    size = per_factor or latent_dim // (n_factors + 1)
    if size == 0 or size * n_factors > latent_dim:
        raise ValueError(
            f"{n_factors} factors with {size or 'at least 1'} latents each need more than latent_dim={latent_dim}; "
            "raise latent_dim or set latents_per_factor"
        )
    starts = range(0, size * n_factors, size)
    return (*(tuple(range(start, start + size)) for start in starts), tuple(range(size * n_factors, latent_dim)))
