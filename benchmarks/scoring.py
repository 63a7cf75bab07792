"""Scores of a representation, of this project's models or of anyone's; no torch.

``score`` and ``encode`` are what a user with a model of another framework needs: arrays in, numbers out.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from minebench.benchmarks import registry
from minebench.benchmarks.identity import score_id
from minebench.benchmarks.representation import Representation
from minebench.benchmarks.rows import scored_rows
from minebench.benchmarks.streams import numpy_stream
from minebench.datasets.factor_dataset import FactorDataset
from minebench.leaderboard.results import Score
from minebench.metrics.information import JointInformation, joint_information
from minebench.metrics.result import MetricResult

_Counted = dict[tuple[tuple[str, Any], ...], JointInformation]  # joint counts of one representation, by protocol


def score(
    codes: np.ndarray, factors: np.ndarray, *, seed: int = 0, metrics: Iterable[str] | None = None
) -> dict[str, MetricResult]:
    """Score codes of any model with the benchmark's metrics and protocols.

    Args:
        codes: Shape ``(n_samples, n_codes)``, e.g. posterior means.
        factors: Value indices, shape ``(n_samples, n_factors)``.
        seed: Seed of the metrics that draw samples; each has a stream of its own.
        metrics: Names of the metrics; all of ``minebench metrics list`` if left out.

    Returns:
        The result of each metric by name: value, direction, details.

    Raises:
        UsageError: If a metric is unknown.
        ValueError: If the arrays cannot be scored.
    """
    counted: _Counted = {}
    return {name: _measure(name, codes, factors, seed, counted) for name in (metrics or registry.METRICS)}


def encode(
    encoder: Callable[[np.ndarray], np.ndarray],
    dataset: str | FactorDataset,
    *,
    rows: np.ndarray | None = None,
    batch_size: int = 250,
    data_root: Path | None = None,
) -> Representation:
    """Codes and factors of any encoder on the rows that the benchmark scores.

    Args:
        encoder: From images, float32 in [0, 1] of shape ``(n, channels, height, width)``, to codes
            ``(n, n_codes)``; of any framework, as long as NumPy understands what it returns.
        dataset: A name of ``minebench datasets list``, or a data set.
        rows: Rows to encode; the benchmark's 10,000 held-out rows if left out.
        batch_size: Images given at a time.
        data_root: Where data lies, for a data set given by name.

    Returns:
        What ``score`` takes: ``score(*encode(model, "dsprites")[:2])``.

    Raises:
        ValueError: If the encoder returns arrays of another length or rank.
    """
    data: FactorDataset = registry.dataset(dataset).load(data_root) if isinstance(dataset, str) else dataset
    chosen = scored_rows(data) if rows is None else np.asarray(rows)
    codes = []
    for start in range(0, len(chosen), batch_size):
        images = data.images(chosen[start : start + batch_size]).astype(np.float32) / 255
        batch = np.asarray(encoder(images))
        if batch.ndim != 2 or len(batch) != len(images):
            raise ValueError(f"the encoder must return (n, n_codes) for n = {len(images)} images; got {batch.shape}")
        codes.append(batch)
    return Representation(np.concatenate(codes), data.factors(chosen))


def score_run(train_id: str, representation: Representation, seed: int) -> tuple[Score, ...]:
    """The scores that every run has, as records for its result.

    Args:
        train_id: The run.
        representation: Its codes and factors.
        seed: Its seed: at one seed all models meet the same draws.

    Returns:
        One record a metric. Joint counts are made once, and their seconds stand with the first metric that reads them.
    """
    counted: _Counted = {}
    return tuple(_record(train_id, name, representation, seed, counted) for name in _run_metrics())


def expected_scores(train_id: str) -> set[str]:
    """The score_ids that a complete result of a run has today."""
    return {score_id(train_id, name, registry.metric(name)) for name in _run_metrics()}


def _run_metrics() -> list[str]:
    return [name for name, entry in registry.METRICS.items() if entry.in_runs]


def _record(train_id: str, name: str, representation: Representation, seed: int, counted: _Counted) -> Score:
    entry = registry.metric(name)
    start = time.perf_counter()
    result = _measure(name, representation.codes, representation.factors, seed, counted)
    return Score(
        score_id=score_id(train_id, name, entry),
        metric=name,
        title=entry.title,
        version=entry.version(),
        direction=entry.direction,
        lower=entry.lower,
        upper=entry.upper,
        value=result.value,
        protocol=entry.full_protocol(),
        details=result.details,
        seconds=round(time.perf_counter() - start, 3),
    )


def _measure(name: str, codes: np.ndarray, factors: np.ndarray, seed: int, counted: _Counted) -> MetricResult:
    entry = registry.metric(name)
    if entry.from_information:
        full_protocol = tuple(sorted(entry.full_protocol().items()))
        if full_protocol not in counted:
            counted[full_protocol] = joint_information(codes, factors, **dict(full_protocol))
        read: MetricResult = entry.reader()(counted[full_protocol])
        return read
    protocol = dict(entry.protocol)
    if entry.is_random():
        protocol["rng"] = numpy_stream(seed, "metric", name)
    result: MetricResult = entry.function()(codes, factors, **protocol)
    return result
