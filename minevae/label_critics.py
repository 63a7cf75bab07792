"""Critics of codes against discrete labels: one pass through the network scores every value of every label."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class LabelCritics(nn.Module):
    """One network T(c_k, y_l) for all pairs of B blocks and L labels, to put into a ``MutualInformationEstimator``.

    Two hidden layers see a block's codes; the last layer has an output for each value of each label. As labels are
    discrete, that is as general as a network that takes the label for an input, and it makes the mean over
    independent pairs, the sum over y of p(y) e^T(c, y), exact for the price of one pass.

    Args:
        n_blocks: B. The first layer has a bias for each block, which tells the network whose codes it sees.
        latent_dim: D, the width of the codes of each block; they are standardised by whoever makes them.
        label_sizes: Number of values of each label; V is the largest.
        hidden_dim: Width of the hidden layers.
    """

    outputs: Tensor

    def __init__(self, n_blocks: int, latent_dim: int, label_sizes: Sequence[int], hidden_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.of_block = nn.Parameter(torch.zeros(n_blocks, 1, hidden_dim))
        self.first, self.second = nn.Linear(latent_dim, hidden_dim), nn.Linear(hidden_dim, hidden_dim)
        self.last = nn.Linear(hidden_dim, sum(label_sizes))
        sizes, place = torch.tensor(label_sizes), torch.arange(max(label_sizes))
        first_output = (sizes.cumsum(0) - sizes)[:, None]
        outputs = torch.where(place < sizes[:, None], first_output + place, first_output)
        self.register_buffer("outputs", outputs, persistent=False)  # (L, V): which output is which value's

    def forward(self, rows: Tensor) -> Tensor:
        """Scores of the B x L pairs, blocks first.

        Args:
            rows: Codes and labels side by side, shape (B, n, D + L), or codes alone, (B, n, D).

        Returns:
            T of the labels in the rows, shape (B L, n); of codes alone, T of every value of every label, shape
            (B L, n V), to be weighed by ``log_weights``.
        """
        codes, labels = rows[..., : self.latent_dim], rows[..., self.latent_dim :]
        hidden = self.second((self.first(codes) + self.of_block).relu()).relu()
        scores = self.last(hidden).float()  # (B, n, all values)
        if labels.shape[-1]:
            chosen = self.outputs.gather(1, labels.long().flatten(0, 1).T).T.reshape(labels.shape)
            told: Tensor = scores.gather(-1, chosen).mT.flatten(0, 1)
            return told
        table: Tensor = scores[..., self.outputs]  # (B, n, L, V)
        return table.transpose(1, 2).flatten(2).flatten(0, 1)

    def log_weights(self, log_p: Tensor, n: int) -> Tensor:
        """Log weights log p(y) - log n of the scores of n rows of codes alone, shape (B L, n V).

        Args:
            log_p: Of the values of each label, shape (L, V); -inf where a label has no such value.
            n: Rows of codes.
        """
        spread = (log_p - math.log(n))[None, :, None, :]
        return spread.expand(len(self.of_block), -1, n, -1).flatten(2).flatten(0, 1)
