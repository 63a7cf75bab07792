"""Values on the same batches: of the estimators without critics, with the exact critic, and with trained ones."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from minebench.benchmarks.study.build import build
from minebench.benchmarks.study.cells import FREE, READINGS, Cell
from minebench.benchmarks.study.distribution import Distribution, draw_batch, generator_for
from minebench.benchmarks.study.faulty import faulty_total_correlation
from minebench.benchmarks.study.trained import Trained
from minebench.minevae.bounds import Objective, Scores, bound
from minebench.minevae.code_batch import CodeBatch, needed
from minebench.minevae.estimators import total_correlation_estimator

CONSTANT = 1.0  # nats: what the control says, whatever it sees


class Values(NamedTuple):
    """What one estimator said.

    Attributes:
        values: Nats, float64, shape (S, R): critics (1 where there are none) and batches.
        seconds: Of this thread, for one value.
    """

    values: np.ndarray
    seconds: float


def batches(cell: Cell, n: int, purpose: str = "batch") -> list[CodeBatch]:
    """The batches of a cell, which do not depend on the estimators that will meet them."""
    distribution = build(cell.distribution)
    label, size = cell.distribution.label, cell.batch_size
    return [
        draw_batch(distribution, size, generator_for(cell.seed, label, size, purpose, replicate))
        for replicate in range(n)
    ]


def free_values(cell: Cell, met: list[CodeBatch]) -> dict[str, Values]:
    """Values of the cell's estimators without critics and with the exact critic, by name.

    Args:
        cell: Which estimators.
        met: The batches.

    Raises:
        ValueError: If an estimator needs posteriors that the distribution does not have, or fewer codes.
    """
    distribution, found = build(cell.distribution), dict[str, Values]()
    for name in cell.estimators:
        function = free_estimator(name, distribution)
        start = time.thread_time()
        values = [float(function(batch)) for batch in met]
        found[name] = Values(np.array([values]), (time.thread_time() - start) / len(met))
    return found


def free_estimator(name: str, distribution: Distribution) -> Callable[[CodeBatch], Tensor]:
    """An estimator without trained critics as a function of a batch.

    Raises:
        ValueError: If the name is not one of ``cells.FREE`` or ``cells.ORACLES``.
    """
    if name == "constant":
        return lambda batch: batch.z.new_tensor(CONSTANT)
    if name == "mss_faulty":
        return lambda batch: faulty_total_correlation(
            batch.z, needed(batch.posterior, "posterior"), needed(batch.n_images, "n_images")
        )
    if name in FREE:
        return total_correlation_estimator(name, distribution.dim, groups=distribution.groups).value
    return lambda batch: read_oracle(name, exact_scores(distribution, batch.z, needed(batch.product, "product")))


def exact_scores(distribution: Distribution, joint: Tensor, product: Tensor) -> Scores:
    """What the exact critic says of samples (M, D), as one critic."""
    return Scores(distribution.log_ratio(joint)[None], distribution.log_ratio(product)[None])


def read_oracle(name: str, scores: Scores) -> Tensor:
    """The estimate of one of ``cells.ORACLES``: a scalar."""
    objective, tau = read(name.removeprefix("oracle_"))
    if objective == "nwj":  # its exact critic is the log ratio plus one
        scores = Scores(scores.joint + 1, scores.product + 1)
    return bound(scores, objective, tau=tau)[0]


def read(reading: str) -> tuple[Objective, float]:
    """Objective and tau of a reading: ``mine`` and ``dv`` are read alike, and so are ``mean`` and ``js``."""
    name, _, tau = reading.partition("_")
    known: dict[str, Objective] = {
        "mine": "dv", "dv": "dv", "nwj": "nwj", "js": "js", "mean": "js", "smile": "smile", "infonce": "infonce"
    }  # fmt: skip
    return known[name], float(tau or 5)


@torch.no_grad()
def trained_values(trained: Trained, met: list[CodeBatch]) -> dict[str, Values]:
    """Values of trained critics, by reading: shape (S, R)."""
    return _read_all(trained, [partial(trained.scores, batch) for batch in met], "")


@torch.no_grad()
def own_values(trained: Trained, n: int) -> dict[str, Values]:
    """A control: values of offline critics on the codes that they were trained on; readings end in ``@own``."""
    return _read_all(trained, [trained.own_scores] * n, "@own")


def _read_all(trained: Trained, sources: Sequence[Callable[[], Scores]], suffix: str) -> dict[str, Values]:
    readings = READINGS[trained.spec.objective]
    prefix = "" if trained.spec.structure == "whole" else f"{trained.spec.structure}_"
    found: dict[str, list[Tensor]] = {reading: [] for reading in readings}
    start = time.thread_time()
    for source in sources:
        scores = source()
        for reading in readings:
            objective, tau = read(reading)
            found[reading].append(trained.sum_pairs(bound(scores, objective, tau=tau)))
    seconds = (time.thread_time() - start) / len(sources) / trained.spec.n_critics / len(readings)
    return {
        f"{prefix}{reading}{suffix}": Values(torch.stack(values, 1).double().numpy(), seconds)
        for reading, values in found.items()
    }
