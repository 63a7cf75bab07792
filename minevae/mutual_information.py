"""The trained estimator of mutual information: critics, an objective, and a moving average for each pair.

With the objective ``dv`` this is MINE: Belghazi et al. (2018), Mutual Information Neural Estimation, sections 3.1 and
3.2, arXiv:1801.04062. The other objectives are those of ``bounds``.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from minebench.minevae.bounds import OBJECTIVES, Objective, Scores, bound, critic_loss
from minebench.minevae.critics import Critics

Branches = Literal["both", "joint"]


class MutualInformationEstimator(nn.Module):
    """Estimates KL(joint || product) of P pairs of variables at once, from samples of both.

    The samples of a pair are rows that hold both variables side by side, (x, y): x and y together in ``joint``, apart
    in ``product``. All P pairs are scored in one batched matrix product. Critics move by ``critic_loss``; a model moves
    by ``model_gradient``; ``value`` is what to print.

    Args:
        input_dim: Width of a row.
        n_pairs: P.
        shared: One network for all pairs (rows then have to say which pair they are of), instead of one for each.
        hidden_dim: Width of the two hidden layers (``mine_hidden_dim``).
        objective: See ``bounds``.
        tau: Where ``smile`` clips.
        decay: Of the moving average in the gradient of ``dv``; 0 gives the batch's own, biased gradient.
        score_bound: M, where scores are M tanh(T / M) and not T: |T| <= M is what the paper's bound on the number of
            samples asks for (section 3.3.2, theorem 3). Where the divergence is many nats, e^T is large on so few
            product samples that most batches miss them; nothing then holds T down, and without a bound it runs away,
            with or without a moving average. No value exceeds 2 M.
        generator: Source of the initial weights; default: torch's own.
        critics: Networks to use instead of ``Critics``, from what stands for ``joint`` and for ``product`` to scores
            (P, n) and (P, m); their inputs are standardised already.

    Raises:
        ValueError: If the objective is unknown, the decay is not in [0, 1), or the bound is not positive.
    """

    log_average: Tensor

    def __init__(
        self,
        input_dim: int,
        *,
        n_pairs: int = 1,
        shared: bool = False,
        hidden_dim: int = 128,
        objective: Objective = "dv",
        tau: float = 5.0,
        decay: float = 0.99,
        score_bound: float | None = None,
        generator: torch.Generator | None = None,
        critics: nn.Module | None = None,
    ) -> None:
        super().__init__()
        if objective not in OBJECTIVES:
            raise ValueError(f"unknown objective {objective!r}; known: {', '.join(OBJECTIVES)}")
        if not 0 <= decay < 1:
            raise ValueError(f"the decay of the moving average lies in [0, 1); got {decay}")
        if score_bound is not None and not score_bound > 0:
            raise ValueError(f"the bound of the scores is positive, or None; got {score_bound}")
        self.objective, self.tau, self.decay, self.score_bound = objective, tau, decay, score_bound
        self.critics = critics or Critics(1 if shared else n_pairs, input_dim, hidden_dim, generator=generator)
        self.register_buffer("log_average", torch.full((n_pairs,), -math.inf))  # of E_product[e^T], of each pair

    def scores(self, joint: Tensor, product: Tensor, log_weights: Tensor | None = None) -> Scores:
        """The critics' scores of samples; arguments are those of ``value``."""
        return Scores(self._bounded(self.critics(joint)), self._bounded(self.critics(product)), log_weights)

    @torch.no_grad()
    def value(self, joint: Tensor, product: Tensor, log_weights: Tensor | None = None) -> Tensor:
        """The estimate of each pair.

        Args:
            joint: Samples of the joint distribution, shape (P, n, input_dim), or (n, input_dim) for all pairs.
            product: Samples of the product of marginals, shape (P, m, input_dim) or (m, input_dim).
            log_weights: Log weights of the product samples, see ``bounds.Scores``: with rows (x_i, y) for every value y
                of a discrete variable and log p(y) - log n each, the sum over y is exact.

        Returns:
            Nats, shape (P,). Of samples that the critics were not trained on it is, but for ``js`` and ``smile``, a
            lower bound in expectation or (``dv``) nearly so.
        """
        return bound(self.scores(joint, product, log_weights), self.objective, tau=self.tau)

    def critic_loss(self, joint: Tensor, product: Tensor, log_weights: Tensor | None = None) -> Tensor:
        """What the critics minimise; in training the call also moves the inputs' scale and the moving averages on.

        Arguments are those of ``value``; gradients reach the critics alone.

        Returns:
            The sum over pairs (the gradient of one critic does not depend on the others), nats.
        """
        joint, product = joint.detach(), product.detach()
        if self.training and isinstance(self.critics, Critics):
            self.critics.scale.update(joint)
        scores = self.scores(joint, product, log_weights)
        if self.objective != "dv" or self.decay == 0:
            return critic_loss(scores, self.objective).sum()
        if self.training:
            self._move_average(scores.log_mean_exp().detach())
        return critic_loss(scores, self.objective, log_average=self.log_average).sum()

    @torch.no_grad()
    def validation_loss(self, joint: Tensor, product: Tensor, log_weights: Tensor | None = None) -> Tensor:
        """The loss of each pair on samples that nothing is learned from, shape (P,); arguments as in ``value``."""
        return critic_loss(self.scores(joint, product, log_weights), self.objective)

    def model_gradient(
        self, joint: Tensor, product: Tensor, log_weights: Tensor | None = None, *, branches: Branches = "both"
    ) -> Tensor:
        """The estimate with its gradient to the samples, for the loss of the model that made them.

        Arguments are those of ``value``, with a graph to the model. No gradient reaches the critics' own parameters if
        the caller asks for those of the model only, as the trainer does.

        Args:
            joint: As in ``value``.
            product: As in ``value``.
            log_weights: As in ``value``.
            branches: ``joint``: through the joint samples alone. At the optimal critic the gradient through the product
                samples is 0 in expectation, and so nothing but noise: where component x_j moves with mean velocity
                v(x_j), it is E[v d/dx_j (log p(x) - log p_j(x_j))], and both parts of that are -E[dv/dx_j]. Away from
                it, ``both`` is the gradient of the bound as it stands. ``js`` has the joint branch only.

        Returns:
            Nats, shape (P,).
        """
        return bound(
            self.scores(joint, product.detach() if branches == "joint" else product, log_weights),
            self.objective,
            tau=self.tau,
        )

    def _bounded(self, scores: Tensor) -> Tensor:
        return scores if self.score_bound is None else self.score_bound * (scores / self.score_bound).tanh()

    @torch.no_grad()
    def _move_average(self, log_mean: Tensor) -> None:
        """In logarithms, so that no e^T overflows; a batch that is not finite is passed over."""
        keep, add = math.log(self.decay), math.log1p(-self.decay)
        moved = torch.logaddexp(self.log_average + keep, log_mean + add)
        moved = torch.where(torch.isneginf(self.log_average), log_mean, moved)
        self.log_average.copy_(torch.where(torch.isfinite(log_mean), moved, self.log_average))
