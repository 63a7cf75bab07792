"""Variational bounds on a Kullback-Leibler divergence KL(p || q), from the scores of a critic on samples of both.

With p the joint distribution and q the product of its marginals, KL(p || q) is a mutual information, or a total
correlation. T is the critic; nats throughout; E_q stands for the mean over the product samples.

* ``dv``: E_p[T] - log E_q[e^T]. Donsker and Varadhan (1975); Belghazi et al. (2018), MINE, section 3.1,
  arXiv:1801.04062. On a batch, the gradient of the logarithm is biased; a moving average of E_q[e^T] in its
  denominator removes most of that (MINE, section 3.2).
* ``nwj``: E_p[T] - E_q[e^(T - 1)]. Nguyen, Wainwright and Jordan (2010), arXiv:0809.0853.
* ``js``: the critic is a classifier with T its logit; the value is the density ratio E_p[T], as in Kim and Mnih (2018),
  FactorVAE, section 3, arXiv:1802.05983. It is no bound.
* ``smile``: the critic of ``js``, read as E_p[T] - log E_q[clip(e^T, e^-tau, e^tau)]. Song and Ermon (2020), section 4,
  arXiv:1910.06222. No bound for finite tau.
* ``infonce``: E_p[T - log((e^T + sum of e^T over the m product samples) / (m + 1))]. van den Oord et al. (2018),
  arXiv:1807.03748; the negatives are the product samples, so it serves total correlation too. Never above log(m + 1).
"""

import math
from typing import Literal, NamedTuple, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

Objective = Literal["dv", "nwj", "js", "smile", "infonce"]
OBJECTIVES: tuple[Objective, ...] = get_args(Objective)

MAX_EXPONENT = 20.0  # of e^T where it is the weight of a gradient


class Scores(NamedTuple):
    """What P critics say of samples.

    Attributes:
        joint: T on n samples of p, shape (P, n).
        product: T on m samples of q, shape (P, m).
        log_weights: Logarithms of weights of the product samples that sum to 1, of a shape that broadcasts to (P, m),
            where a sum over a discrete variable is taken exactly; without them every sample weighs 1/m.
    """

    joint: Tensor
    product: Tensor
    log_weights: Tensor | None = None

    def log_mean_exp(self) -> Tensor:
        """Of each critic: log E_q[e^T], shape (P,); safe for any size of T."""
        return _log_mean_exp(self.product, self.log_weights)


def bound(scores: Scores, objective: Objective, *, tau: float = 5.0) -> Tensor:
    """The estimate of KL(p || q) that an objective reads off the scores.

    Nothing is clipped in the value: a critic that has run away shows. In the gradient of ``nwj``, e^T is taken at 20
    at most, so that it stays finite.

    Args:
        scores: Of critics trained with the same objective (``js`` for ``smile``).
        objective: See the module.
        tau: Where ``smile`` clips.

    Returns:
        Nats, shape (P,), with the gradient of this very expression.

    Raises:
        ValueError: If the objective is unknown, or tau is not positive.
    """
    joint = scores.joint.mean(-1)
    match objective:
        case "dv":
            return joint - scores.log_mean_exp()
        case "nwj":
            return joint - _mean(_exponential(scores.product - 1), scores.log_weights)
        case "js":
            return joint
        case "smile":
            if not tau > 0:
                raise ValueError(f"smile clips at tau > 0; got {tau}")
            return joint - _log_mean_exp(scores.product.clamp(-tau, tau), scores.log_weights)
        case "infonce":
            m = scores.product.shape[-1]
            others = scores.log_mean_exp()[..., None] + math.log(m)
            return (scores.joint - torch.logaddexp(scores.joint, others)).mean(-1) + math.log(m + 1)
    raise _unknown(objective)


def critic_loss(scores: Scores, objective: Objective, *, log_average: Tensor | None = None) -> Tensor:
    """What the critics minimise.

    Args:
        scores: With gradients to the critics.
        objective: See the module.
        log_average: For ``dv``: the logarithm of a moving average of E_q[e^T], shape (P,), which takes the place of the
            batch's own in the gradient. The loss keeps the value of the negative bound.

    Returns:
        Shape (P,): the negative bound, or the classifier's cross-entropy (twice the mean) for ``js`` and ``smile``.

    Raises:
        ValueError: If the objective is unknown.
    """
    if objective in ("js", "smile"):
        return F.softplus(-scores.joint).mean(-1) + _mean(F.softplus(scores.product), scores.log_weights)
    value = bound(scores, objective)
    if objective != "dv" or log_average is None:
        return -value
    exponent = (scores.product - log_average[..., None]).clamp(max=MAX_EXPONENT)
    corrected = scores.joint.mean(-1) - _mean(exponent.exp().detach() * scores.product, scores.log_weights)
    return -(corrected - corrected.detach() + value.detach())


def _mean(values: Tensor, log_weights: Tensor | None) -> Tensor:
    return values.mean(-1) if log_weights is None else (values * log_weights.exp()).sum(-1)


def _log_mean_exp(values: Tensor, log_weights: Tensor | None) -> Tensor:
    if log_weights is None:
        return torch.logsumexp(values, -1) - math.log(values.shape[-1])
    return torch.logsumexp(values + log_weights, -1)


def _exponential(exponent: Tensor) -> Tensor:
    """e^x with the gradient of e^min(x, 20): it goes on pushing down where a clamp would let go."""
    slope = exponent.detach().clamp(max=MAX_EXPONENT).exp()
    return exponent.detach().exp() + slope * (exponent - exponent.detach())


def _unknown(objective: str) -> ValueError:
    return ValueError(f"unknown objective {objective!r}; known: {', '.join(OBJECTIVES)}")
