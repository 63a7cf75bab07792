"""What blocks of codes tell of labels: I(c_k; y_l) of all pairs at once."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from minebench.minevae.bounds import Objective
from minebench.minevae.label_critics import LabelCritics
from minebench.minevae.mutual_information import Branches, MutualInformationEstimator


class LabelInformation(nn.Module):
    """One estimator for all pairs of B blocks and L labels, with the sum over the labels' values taken exactly.

    Args:
        n_blocks: B.
        latent_dim: D, the width of the codes of each block.
        label_sizes: Number of values of each label.
        hidden_dim: Width of the critic's hidden layers.
        objective: See ``bounds``.
        tau: Where ``smile`` clips.
        decay: Of the moving average of ``dv``.
        branches: Of the gradient to the codes, see ``MutualInformationEstimator.model_gradient``.
    """

    def __init__(
        self,
        n_blocks: int,
        latent_dim: int,
        label_sizes: Sequence[int],
        *,
        hidden_dim: int = 128,
        objective: Objective = "dv",
        tau: float = 5.0,
        decay: float = 0.99,
        branches: Branches = "both",
    ) -> None:
        super().__init__()
        critics = LabelCritics(n_blocks, latent_dim, label_sizes, hidden_dim)
        self.log_weights = critics.log_weights
        self.estimator = MutualInformationEstimator(
            latent_dim + len(label_sizes),
            n_pairs=n_blocks * len(label_sizes),
            objective=objective,
            tau=tau,
            decay=decay,
            critics=critics,
        )
        self.branches, self.n_labels = branches, len(label_sizes)

    def value(self, codes: Tensor, labels: Tensor, log_p: Tensor) -> Tensor:
        """The estimates.

        Args:
            codes: Shape (B, n, D).
            labels: Value indices, int64, shape (n, L).
            log_p: Of the values of each label, shape (L, V), see ``LabelCounts``.

        Returns:
            Nats, shape (B, L).
        """
        return self._by_pair(self.estimator.value(*self._samples(codes, labels, log_p)))

    def critic_loss(self, codes: Tensor, labels: Tensor, log_p: Tensor) -> Tensor:
        """What the critic minimises: the mean over pairs, a scalar; arguments as in ``value``."""
        return self.estimator.critic_loss(*self._samples(codes, labels, log_p)) / len(self.estimator.log_average)

    def model_gradient(self, codes: Tensor, labels: Tensor, log_p: Tensor) -> Tensor:
        """The estimates with their gradient to the codes, shape (B, L); arguments as in ``value``."""
        samples = self._samples(codes, labels, log_p)
        return self._by_pair(self.estimator.model_gradient(*samples, branches=self.branches))

    def _samples(self, codes: Tensor, labels: Tensor, log_p: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        joint = torch.cat([codes, labels.to(codes.dtype).expand(len(codes), -1, -1)], -1)
        return joint, codes, self.log_weights(log_p, codes.shape[1])

    def _by_pair(self, values: Tensor) -> Tensor:
        return values.view(-1, self.n_labels)


def pair_masks(n_blocks: int, n_labels: int) -> tuple[Tensor, Tensor]:
    """Which pairs are wanted, and how the others are weighed as leaks.

    Returns:
        Own: (B, L), 1 where block k + 1 meets label k. Leak: (B - 1, B, L): for each factor's block the weights of the
        mean over the labels of others in it, plus those of its own label in block 0. Blocks without a label of
        their own come after those with one.
    """
    own = torch.zeros(n_blocks, n_labels)
    labelled = torch.arange(n_labels)
    own[labelled + 1, labelled] = 1
    leak = torch.zeros(n_blocks - 1, n_blocks, n_labels)
    others = 1 - own
    shares = others / others.sum(1, keepdim=True).clamp(min=1)
    blocks = torch.arange(1, n_blocks)
    leak[blocks - 1, blocks] = shares[1:]
    leak[labelled, 0, labelled] = 1
    return own, leak
