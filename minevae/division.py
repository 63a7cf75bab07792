"""How the latents are divided among nuisance and factors: learned by attention, or fixed."""

import torch
from torch import Tensor, nn

from minebench.minevae.attention import CrossAttention, equal_partition
from minebench.minevae.factor_encoder import FactorEncoder
from minebench.minevae.mine_vae_config import MINEDisentangleVAEConfig
from minebench.minevae.precision import full_precision


class Division(nn.Module):
    """The weights A of K + 1 blocks, nuisance first, on D latents.

    Args:
        config: Which division, and its sizes.
        n_blocks: K + 1.

    Attributes:
        moves: Whether its parameters are to be trained.
    """

    fixed: Tensor | None

    def __init__(self, config: MINEDisentangleVAEConfig, n_blocks: int) -> None:
        super().__init__()
        self.factors = FactorEncoder(n_blocks, config.factor_dim, config.latent_dim, config.queries)
        self.attention = CrossAttention(
            config.latent_dim,
            config.factor_dim,
            config.attention_dim,
            queries=self.factors.queries,
            softmax=config.softmax,
            nuisance_share=config.nuisance_share,
        )
        hard = config.partition == "fixed_hard"
        self.register_buffer(
            "fixed", equal_partition(n_blocks, config.latent_dim, config.nuisance_share) if hard else None
        )
        self.moves = config.partition == "learned"
        self.requires_grad_(self.moves)

    @full_precision()
    def forward(self, features: Tensor | None = None) -> Tensor:
        """The weights, shape (K + 1, D), or (batch, K + 1, D) where features of images (batch, D) move them."""
        if self.fixed is not None:
            return self.fixed
        weights: Tensor = self.attention(self.factors(features))
        return weights

    @torch.no_grad()
    def owner(self) -> Tensor:
        """The block with the largest weight on each latent, int64, shape (D,); for an image at the features' mean."""
        weights: Tensor = self()
        return weights.argmax(0)
