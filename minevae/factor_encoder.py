"""What each factor asks of the latents: one query a factor, and one for nuisance."""

from typing import Literal

import torch
from torch import Tensor, nn

Queries = Literal["static", "dynamic"]


class FactorEncoder(nn.Module):
    """Learned queries E, the same for all images (``static``) or moved by each image's features (``dynamic``).

    Args:
        n_blocks: K + 1: the nuisance block first, then the factors.
        factor_dim: Width of a query.
        feature_dim: Width of the features of an image; only with ``dynamic``.
        queries: See above.
    """

    def __init__(self, n_blocks: int, factor_dim: int, feature_dim: int, queries: Queries = "static") -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(n_blocks, factor_dim))
        self.from_features = nn.Linear(feature_dim, n_blocks * factor_dim) if queries == "dynamic" else None

    def forward(self, features: Tensor | None = None) -> Tensor:
        """The queries.

        Args:
            features: Standardised, shape (batch, feature_dim). Without them, the queries of an image whose features are
                all at their mean, 0.

        Returns:
            Shape (K + 1, factor_dim), or (batch, K + 1, factor_dim) where features move them.
        """
        if self.from_features is None:
            return self.queries
        if features is None:
            features = self.queries.new_zeros(self.from_features.in_features)
        moved: Tensor = self.from_features(features)
        return self.queries + moved.view(*features.shape[:-1], *self.queries.shape)
