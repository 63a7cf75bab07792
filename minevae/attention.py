"""Cross-attention that divides the latents among the factors and nuisance, and what is asked of its weights."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

Softmax = Literal["columns", "rows"]
Sparsity = Literal["overlap", "l2"]

N_HEADS = 4
START_DEVIATION = 0.5  # of the scores before training


class CrossAttention(nn.Module):
    """Weights A of factors on latents: scores of the factors' queries on a learned key of each latent.

    The scores of four heads are averaged before the softmax, as one division of the latents is wanted and not four.

    Args:
        latent_dim: D.
        factor_dim: Width of a query.
        attention_dim: Width of the keys, and of all heads together; a multiple of 4.
        softmax: ``columns``: over the blocks, so that each latent is divided among them. ``rows``: over the latents of
            each block, which leaves latents to several owners, or to none.
        nuisance_share: Share of the latents that block 0 starts with; acts on ``columns`` only.
        queries: The first queries, shape (K + 1, factor_dim), on which the scores start with deviation 0.5.

    Raises:
        ValueError: If the width does not divide into heads.
    """

    is_nuisance: Tensor

    def __init__(
        self,
        latent_dim: int,
        factor_dim: int,
        attention_dim: int,
        *,
        queries: Tensor,
        softmax: Softmax = "columns",
        nuisance_share: float = 0.25,
    ) -> None:
        super().__init__()
        if attention_dim % N_HEADS:
            raise ValueError(f"attention_dim is divided among {N_HEADS} heads; got {attention_dim}: give a multiple")
        self.softmax = softmax
        self.to_query = nn.Linear(factor_dim, attention_dim, bias=False)
        self.keys = nn.Parameter(torch.randn(latent_dim, attention_dim))
        self.to_key = nn.Linear(attention_dim, attention_dim, bias=False)
        # e^b / (e^b + K) is the share of block 0 where all scores are equal
        self.nuisance_bias = nn.Parameter(torch.tensor(math.log(nuisance_share / (1 - nuisance_share))))
        self.register_buffer(
            "is_nuisance", membership(torch.zeros(1, dtype=torch.int64), len(queries)).T, persistent=False
        )
        with torch.no_grad():
            self.nuisance_bias.add_(math.log(len(queries) - 1))
            self.to_query.weight *= START_DEVIATION / self.scores(queries).std()

    def scores(self, queries: Tensor) -> Tensor:
        """Of queries (..., K + 1, factor_dim) on the keys of the latents, shape (..., K + 1, D)."""
        width = self.to_key.out_features // N_HEADS
        # the mean over heads of products of width d_a / 4, each over the root of its width, is one product
        scores: Tensor = self.to_query(queries) @ self.to_key(self.keys).T
        return scores / (N_HEADS * math.sqrt(width))

    def forward(self, queries: Tensor) -> Tensor:
        """The weights A.

        Args:
            queries: Shape (..., K + 1, factor_dim), block 0 first.

        Returns:
            Shape (..., K + 1, D), in [0, 1]; the columns of each latent, or the rows of each block, sum to 1.
        """
        scores = self.scores(queries).float()
        return (scores + self.nuisance_bias * self.is_nuisance).softmax(-2 if self.softmax == "columns" else -1)


def equal_partition(n_blocks: int, latent_dim: int, nuisance_share: float) -> Tensor:
    """Weights of a hard division: the first latents for nuisance, the others in equal runs, shape (K + 1, D).

    Raises:
        ValueError: If a factor would get no latent.
    """
    n_nuisance = round(nuisance_share * latent_dim)
    if latent_dim - n_nuisance < n_blocks - 1:
        raise ValueError(
            f"{latent_dim} latents, {n_nuisance} of them for nuisance, do not go round {n_blocks - 1} factors; "
            "give more latents or a smaller num_factors or nuisance_share"
        )
    place = torch.arange(latent_dim - n_nuisance)
    owner = torch.cat([torch.zeros(n_nuisance, dtype=torch.int64), 1 + place * (n_blocks - 1) // len(place)])
    return membership(owner, n_blocks).T.contiguous()


def membership(owner: Tensor, n_blocks: int) -> Tensor:
    """1 where a latent is of a block: owners (D,) to (D, K + 1), float32."""
    return (owner[:, None] == torch.arange(n_blocks, device=owner.device)).float()


def entropy(weights: Tensor, softmax: Softmax = "columns") -> Tensor:
    """How evenly the latents are shared: the mean over latents of the entropy of their columns, over log(K + 1).

    Args:
        weights: Shape (..., K + 1, D).
        softmax: Over what they sum to 1; with ``rows`` it is the entropy of the blocks' rows, over log D.

    Returns:
        A scalar in [0, 1]: 0 where every latent has one owner, 1 where all blocks have an equal part of it.
    """
    over = -2 if softmax == "columns" else -1
    nats: Tensor = torch.special.entr(weights).sum(over)
    return nats.mean() / math.log(weights.shape[over])


def sparsity(weights: Tensor, kind: Sparsity) -> Tensor:
    """What weighs on shared latents (``overlap``), or on large weights (``l2``).

    Args:
        weights: Shape (..., K + 1, D).
        kind: ``overlap``: the sum over pairs of blocks of (A_k . A_l)^2 / D, at least 0, which it is for a hard
            division. ``l2``: the sum of A^2, over D, between 1 / (K + 1) for even columns and 1 for hard ones: it pulls
            towards even shares, against the entropy term.

    Returns:
        A scalar.
    """
    n_latents = weights.shape[-1]
    if kind == "l2":
        return weights.square().sum((-2, -1)).mean() / n_latents
    gram = weights @ weights.mT
    return gram.square().triu(1).sum((-2, -1)).mean() / n_latents
