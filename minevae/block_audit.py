"""The audit of a MINE Disentangle VAE in training: what its estimators say beside what the whole mixture says.

Two kinds of blocks are audited, because two are estimated. Total correlation is that between the hard blocks, groups of
whole latents. Information on labels is that of what the gate lets through: c_k = a_k z + sqrt(1 - a_k^2) xi is, given
an image, a diagonal Gaussian, so that each gated block has a mixture of its own to be summed out. (All gated blocks
together do not: they share z, and are not independent given the image.)
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from minebench.baselines.audited import AuditView, Encoded
from minebench.baselines.contract import Gaussian, Noise
from minebench.minevae.audit import audit
from minebench.minevae.gate import CodeStatistics
from minebench.minevae.monitors import TOLERANCE

CHUNK = 256  # components of the mixture at a time: as many times draws times latents numbers in memory


class Estimates(NamedTuple):
    """What the estimators say of one batch, in nats.

    Attributes:
        correlation: Total correlation between the hard blocks, by the estimator's name.
        information: I(c_k; y_k) of the labelled factors' gated blocks, shape (L,); empty without labels.
        by_critics: The names in ``correlation``, and ``information``, of what critics say of the batch.
    """

    correlation: dict[str, Tensor]
    information: Tensor
    by_critics: frozenset[str]


class Truth(NamedTuple):
    """What the mixture of all posteriors says of the gated blocks of the labelled factors.

    Attributes:
        own: I(c_k; y_k), nats, shape (L,).
        leak: The mean of I(c_k; y_l) over l other than k, nats, shape (L,); 0 with a single label.
        believed: Share of the blocks with I(x; c_k) < log N - 3.
    """

    own: Tensor
    leak: Tensor
    believed: float


Gain = Callable[[Gaussian], Tensor]  # posteriors (M, D) to gains (B, D), or (M, B, D)
Estimate = Callable[[Encoded, Noise], Estimates]


@torch.no_grad()
def audit_blocks(
    view: AuditView,
    blocks: Sequence[Sequence[int]],
    gain: Gain,
    statistics: CodeStatistics,
    estimate: Estimate,
    n_labels: int,
) -> dict[str, float]:
    """Estimates on training and held-out draws, and the truth of both.

    Args:
        view: The population and the draws.
        blocks: Columns of each hard block, nuisance first.
        gain: Of the gate.
        statistics: By which the gate standardises codes.
        estimate: What the model's estimators say of a batch.
        n_labels: L; block k + 1 is that of label k.

    Returns:
        Numbers by name, see docs/mine-vae.md; those of held-out draws begin with ``held_out_``.
    """
    found: dict[str, float] = {"images": len(view.population.factors), "draws": len(view.train.factors)}
    own: dict[str, Tensor] = {}
    most = math.log(view.batch_size) - 1
    for name, drawn in (("", view.train), ("held_out_", view.held_out)):
        hard = audit(
            view.population.posterior,
            view.population.factors,
            blocks,
            drawn.posterior,
            drawn.factors,
            view.noise,
            chunk=CHUNK,
        )
        found[f"{name}total_correlation"] = hard.total_correlation
        found[f"{name}total_correlation_error"] = hard.standard_error
        if not name:
            found |= {"information_on_image": hard.information_on_image, "believed": float(hard.believed)}
        said = _by_batches(drawn, view, estimate)
        found |= {f"{name}total_correlation_{which}": float(value) for which, value in said.correlation.items()}
        values = [value for which, value in said.correlation.items() if which in said.by_critics]
        if n_labels:
            truth = gated_truth(view, drawn, gain, statistics, n_labels)
            found |= {f"{name}information": float(truth.own.mean()), f"{name}leak": float(truth.leak.mean())}
            found |= {f"{name}information_estimated": float(said.information.mean())}
            own[name] = said.information
            if not name:
                found["gated_believed"] = truth.believed
            if "information" in said.by_critics:
                values += list(said.information)
        found[f"{name}out_of_range"] = float(sum(abs(float(value)) >= most for value in values))
    if own:
        found["labels_parted"] = float((own[""] - own["held_out_"] > TOLERANCE).sum())
    return found


def gated_truth(view: AuditView, drawn: Encoded, gain: Gain, statistics: CodeStatistics, n_labels: int) -> Truth:
    """What the gated blocks of the labelled factors tell of the labels, by the mixture of all posteriors."""
    population, factors = view.population, view.population.factors[:, :n_labels]
    of_all, of_drawn = gain(population.posterior), gain(drawn.posterior)
    columns = [range(population.posterior.mean.shape[1])]
    told, believed = [], []
    for k in range(1, n_labels + 1):
        block = audit(
            gated_posterior(population.posterior, of_all[..., k, :], statistics),
            factors,
            columns,
            gated_posterior(drawn.posterior, of_drawn[..., k, :], statistics),
            drawn.factors[:, :n_labels],
            view.noise,
            chunk=CHUNK,
        )
        told.append(block.block_on_factor[0])
        believed.append(block.believed)
    table = torch.tensor(told)  # (L, L)
    own = table.diagonal()
    return Truth(own, (table.sum(1) - own) / max(n_labels - 1, 1), sum(believed) / n_labels)


def gated_posterior(posterior: Gaussian, gain: Tensor, statistics: CodeStatistics) -> Gaussian:
    """The posteriors of what one block sees of images, arrays of shape (M, D).

    Args:
        posterior: Of z, arrays of shape (M, D).
        gain: Of the block, shape (D,), or (M, D) where each image has its own.
        statistics: By which codes are standardised.
    """
    squared = gain.square()
    variance = squared * posterior.logvar.exp() / statistics.variance() + 1 - squared
    return Gaussian(gain * statistics.standardise(posterior.mean), variance.log())


def _by_batches(drawn: Encoded, view: AuditView, estimate: Estimate) -> Estimates:
    """The mean of the estimates over batches as large as those of training; a part of one is left out."""
    size, n_drawn = view.batch_size, len(drawn.factors)
    said = []
    for start in range(0, max(n_drawn - n_drawn % size, 1), size):
        rows = slice(start, start + size)
        said.append(
            estimate(Encoded(Gaussian(*(part[rows] for part in drawn.posterior)), drawn.factors[rows]), view.noise)
        )
    return Estimates(
        {name: torch.stack([each.correlation[name] for each in said]).mean() for name in said[0].correlation},
        torch.stack([each.information for each in said]).mean(0),
        said[0].by_critics,
    )
