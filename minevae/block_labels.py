"""What the gated blocks tell of the labels: the informativeness and the leaks of the MINE Disentangle VAE."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from minebench.baselines.contract import Gaussian, Noise, Terms
from minebench.minevae.complexity import remembered
from minebench.minevae.gate import CodeStatistics, gated
from minebench.minevae.gaussian_fit import GaussianFitEstimator
from minebench.minevae.gaussian_information import LabelledCodes, gaussian_information
from minebench.minevae.label_counts import LabelCounts
from minebench.minevae.label_information import LabelInformation, pair_masks
from minebench.minevae.mine_vae_config import MINEDisentangleVAEConfig
from minebench.minevae.monitors import TOLERANCE, HeldOutGap
from minebench.minevae.precision import full_precision


class Seen(NamedTuple):
    """Labelled images as the encoder sees them.

    Attributes:
        posterior: Arrays of shape (M, D).
        z: Samples of them, shape (M, D).
        labels: Value indices, int64, shape (M, L).
    """

    posterior: Gaussian
    z: Tensor
    labels: Tensor


class BlockLabels(nn.Module):
    """I(c_k; y_l) of all B blocks and L labels, and what the losses make of it.

    Block k + 1 is that of label k; block 0 holds nuisance, and blocks beyond the labels have none.

    Args:
        config: Which estimator.
        n_blocks: B.
        label_sizes: Number of values of each label.
        statistics: By which codes are standardised.
        memory: The last posteriors with their labels, for the Gaussian fits.
    """

    own: Tensor
    leaks: Tensor

    def __init__(
        self,
        config: MINEDisentangleVAEConfig,
        n_blocks: int,
        label_sizes: Sequence[int],
        statistics: CodeStatistics,
        memory: GaussianFitEstimator,
    ) -> None:
        super().__init__()
        self.kind = config.mi_estimator
        self.critics: LabelInformation | None = None
        if self.kind != "gauss_mean" and self.kind != "gauss_sample":
            self.critics = LabelInformation(
                n_blocks,
                config.latent_dim,
                label_sizes,
                hidden_dim=config.mine_hidden_dim,
                objective=self.kind,
                tau=config.smile_tau,
                decay=config.moving_average,
                branches=config.gradient,
            )
        self._shared = (statistics, memory)  # in a tuple: they are parts of the model, and not of this one
        self.counts = LabelCounts(label_sizes)
        self.gap = HeldOutGap(len(label_sizes))
        own, leaks = pair_masks(n_blocks, len(label_sizes))
        self.register_buffer("own", own, persistent=False)
        self.register_buffer("leaks", leaks, persistent=False)

    @full_precision()
    def critic_loss(self, seen: Seen, gain: Tensor, noise: Noise) -> Tensor:
        """What the critics minimise, a scalar; arguments as in ``forward``."""
        if self.critics is None:
            raise ValueError(f"{self.kind} has no critics to train")
        return self.critics.critic_loss(self._codes(seen, gain, noise), seen.labels, self.counts.log_p())

    @full_precision()
    def forward(self, seen: Seen, gain: Tensor, noise: Noise) -> Tensor:
        """The estimates, with their gradient to codes and gains.

        Args:
            seen: Labelled images.
            gain: Of the gate, shape (B, D), or (M, B, D) where each image has its own.
            noise: Source of the gate's noise.

        Returns:
            I(c_k; y_l) in nats, shape (B, L).
        """
        if self.critics is None:
            return self._fitted(seen, gain, noise)
        return self.critics.model_gradient(self._codes(seen, gain, noise), seen.labels, self.counts.log_p())

    def terms(self, seen: Seen, gain: Tensor, noise: Noise, factors: Tensor, weight: Tensor) -> Terms:
        """The terms of the outer loss: leaks less information, sum_k w_k (leak_k - I_k).

        I_k counts only while its held-out value has not fallen. In training, the call takes labels and estimates into
        account.

        Args:
            seen: As in ``forward``.
            gain: As in ``forward``.
            noise: As in ``forward``.
            factors: w_k, shape (B - 1,).
            weight: Of the term, a scalar.
        """
        information = self(seen, gain, noise)
        own, leak = self.own_information(information), (self.leaks * information).sum((1, 2))
        if self.training:
            self.counts.add(seen.labels)
            self.gap.update_train(own)
        raised = self.gap.worth_raising()
        objective = (factors * leak).sum() - (factors[: len(own)] * raised * own).sum()
        logged = {
            "information": own.detach().mean(),
            "leak": leak.detach().mean(),
            "held_out_gap": self.gap.gap().mean(),
            "labels_stopped": (1 - raised).sum(),
            "labels_overfitted": (self.gap.gap() > TOLERANCE).float().sum(),
        }
        terms = logged | {"leak_less_information": objective}
        return Terms(terms, dict.fromkeys(logged, 0.0) | {"leak_less_information": weight})

    def own_information(self, information: Tensor) -> Tensor:
        """I(c_k; y_k) out of all pairs (B, L): shape (L,)."""
        return (information * self.own).sum(0)

    def _codes(self, seen: Seen, gain: Tensor, noise: Noise) -> Tensor:
        return gated(self._shared[0].standardise(seen.z), gain, noise)

    def _fitted(self, seen: Seen, gain: Tensor, noise: Noise) -> Tensor:
        """Of the batch, which has a gradient, and the remembered codes, which have none."""
        statistics, memory = self._shared
        noise_variance = statistics.noise_variance / statistics.variance()
        if self.kind == "gauss_mean":
            codes, old = seen.posterior.mean, memory.means
        else:
            codes, old = seen.z, memory.means + memory.variances.sqrt() * noise.normal(memory.means.shape)
            noise_variance = torch.zeros_like(noise_variance)
        weights = torch.cat([torch.ones_like(codes[:, 0]), remembered(memory)])
        rows = LabelledCodes(
            statistics.standardise(torch.cat([codes, old])),
            torch.cat([seen.labels, memory.labels]),
            weights,
            noise_variance,
        )
        return gaussian_information(rows, gain if gain.dim() == 2 else gain.mean(0), self.counts.counts.shape[1])
