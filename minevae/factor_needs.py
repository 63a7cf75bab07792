"""The complexity of each factor as the MINE Disentangle VAE uses it: for targets, for weights, for the log."""

import torch
from torch import Tensor

from minebench.minevae.attention import membership
from minebench.minevae.complexity import block_rates, label_fits
from minebench.minevae.gaussian_fit import GaussianFitEstimator
from minebench.minevae.label_counts import LabelCounts
from minebench.minevae.mine_vae_config import MINEDisentangleVAEConfig


class FactorNeeds:
    """kappa_k: of a labelled factor H(y_k) or its Gaussian fit, of one without a label the Gaussian rate of its block.

    Args:
        config: Which complexity, and whether it weighs information.
        n_factors: K.
        fit: The last posteriors with their labels.
        counts: Of the labels; None without any.
    """

    def __init__(
        self, config: MINEDisentangleVAEConfig, n_factors: int, fit: GaussianFitEstimator, counts: LabelCounts | None
    ) -> None:
        self.config, self.n_factors, self.fit, self.counts = config, n_factors, fit, counts

    def complexity(self, owner: Tensor) -> Tensor:
        """Kappa in nats, at least 0, shape (K,), for the owners (D,) of the latents."""
        n_labels = 0 if self.counts is None else len(self.counts.counts)
        parts = []
        if self.counts is not None:
            parts.append(self._fits(self.counts) if self.config.complexity == "fit" else self.counts.entropy())
        if n_labels < self.n_factors:
            parts.append(self._rates(owner)[n_labels:])
        return torch.cat(parts)

    def labelled(self, owner: Tensor) -> Tensor:
        """Kappa of the factors that have labels, shape (L,)."""
        return self.complexity(owner)[: 0 if self.counts is None else len(self.counts.counts)]

    def weights(self, owner: Tensor) -> Tensor:
        """w_k, shape (K,): 1, or in proportion to complexity with mean 1 (``adaptive_weights``)."""
        if not self.config.adaptive_weights:
            return torch.ones(self.n_factors, device=owner.device)
        complexity = self.complexity(owner)
        return self.n_factors * complexity / complexity.sum().clamp(min=1e-6)

    def logged(self, owner: Tensor) -> dict[str, Tensor]:
        """Means over factors: what is used, the rate of the blocks, what labels hold, what the fit finds of it."""
        logged = {"complexity": self.complexity(owner).mean(), "complexity_rate": self._rates(owner).mean()}
        if self.counts is not None:
            logged["complexity_labels"] = self.counts.entropy().mean()
            logged["complexity_fit"] = self._fits(self.counts).mean()
        return logged

    def _rates(self, owner: Tensor) -> Tensor:
        return block_rates(self.fit, membership(owner, self.n_factors + 1))[1:]

    def _fits(self, counts: LabelCounts) -> Tensor:
        return label_fits(self.fit, counts.counts > 0)
