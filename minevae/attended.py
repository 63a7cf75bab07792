"""A decoder's input that attends to the factors' queries."""

from torch import Tensor, nn

from minebench.minevae.attention import N_HEADS


class AttendedInput(nn.Module):
    """LN(z + W MHA(z, E)): codes, and what they find among the queries of the factors.

    Args:
        latent_dim: D.
        factor_dim: Width of the queries E, which serve as keys and values.
        attention_dim: Width of the attention.
    """

    def __init__(self, latent_dim: int, factor_dim: int, attention_dim: int) -> None:
        super().__init__()
        self.to_query = nn.Linear(latent_dim, attention_dim)
        self.attention = nn.MultiheadAttention(
            attention_dim, N_HEADS, kdim=factor_dim, vdim=factor_dim, batch_first=True
        )
        self.to_code = nn.Linear(attention_dim, latent_dim)
        self.norm = nn.LayerNorm(latent_dim)

    def forward(self, z: Tensor, queries: Tensor) -> Tensor:
        """Input of the decoder, shape (batch, D), for codes (batch, D) and queries (K + 1, factor_dim)."""
        asked = self.to_query(z)[:, None]
        factors = queries.expand(len(z), -1, -1)
        found, _ = self.attention(asked, factors, factors, need_weights=False)
        output: Tensor = self.norm(z + self.to_code(found[:, 0]))
        return output
