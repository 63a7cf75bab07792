"""Scores of a representation, of this project's models or of anyone's; no torch.

``score`` and ``encode`` are what a user with a model of another framework needs: arrays in, numbers out.
"""

import inspect
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from minebench.benchmarks import registry
from minebench.benchmarks.identity import score_id
from minebench.benchmarks.representation import Blocks, Representation
from minebench.benchmarks.rows import scored_rows
from minebench.benchmarks.streams import numpy_stream
from minebench.benchmarks.suggestions import UsageError
from minebench.datasets.factor_dataset import FactorDataset
from minebench.leaderboard.results import Score
from minebench.metrics.block_information import BlockInformation, block_information
from minebench.metrics.information import JointInformation, joint_information
from minebench.metrics.result import MetricResult

# of one representation: joint counts by protocol, and what the classifiers of its blocks have learnt
_Shared = dict[tuple[tuple[str, Any], ...] | Literal["blocks"], JointInformation | BlockInformation]


def score(
    codes: np.ndarray,
    factors: np.ndarray,
    *,
    blocks: Blocks | None = None,
    named: bool = False,
    nuisance: int | None = None,
    seed: int = 0,
    metrics: Iterable[str] | None = None,
) -> dict[str, MetricResult]:
    """Score codes of any model with the benchmark's metrics and protocols.

    Args:
        codes: Shape ``(n_samples, n_codes)``, e.g. posterior means.
        factors: Value indices, shape ``(n_samples, n_factors)``.
        blocks: Groups of columns of ``codes``, such as ``((0, 1), (2,))``: these are scored in place of single codes,
            by the metrics that can.
        named: Whether the k-th block, the nuisance block not counted, belongs to the k-th factor.
        nuisance: The block that is to hold what no factor tells, if there is one.
        seed: Seed of the metrics that draw samples; each has a stream of its own.
        metrics: Names of the metrics; all of ``minebench metrics list`` that apply if left out.

    Returns:
        The result of each metric by name: value, direction, details.

    Raises:
        UsageError: If a metric is unknown, or does not apply to what is scored.
        ValueError: If the arrays cannot be scored.
    """
    shared: _Shared = {}
    representation = Representation(codes, factors, blocks, named, nuisance)
    kind: registry.Codes = "dims" if blocks is None else "blocks"
    names = _metrics_of(kind) if metrics is None else metrics
    return {name: _measure(_entry(name, kind), name, representation, seed, shared) for name in names}


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
        representation: Its codes, factors and blocks.
        seed: Its seed: at one seed all models meet the same draws.

    Returns:
        One record a metric, and for a model with blocks one more for each metric that scores blocks. Joint counts and
        the classifiers of blocks are made once, and their seconds stand with the first metric that reads them.
    """
    shared: _Shared = {}
    return tuple(
        _record(train_id, name, kind, representation, seed, shared)
        for name, kind in _run_metrics(representation.blocks is not None)
    )


def expected_scores(train_id: str, *, blocks: bool = False) -> set[str]:
    """The score_ids that a complete result of a run has today; ``blocks`` says whether its model has some."""
    return {score_id(train_id, name, _entry(name, kind), kind) for name, kind in _run_metrics(blocks)}


def _run_metrics(blocks: bool) -> list[tuple[str, registry.Codes]]:
    """The metrics of every run; with blocks, all that score blocks as well."""
    dims: list[tuple[str, registry.Codes]] = [
        (name, "dims") for name, entry in registry.METRICS.items() if entry.in_runs
    ]
    return dims + [(name, "blocks") for name in _metrics_of("blocks")] if blocks else dims


def _metrics_of(kind: registry.Codes) -> list[str]:
    return [
        name for name, entry in registry.METRICS.items() if (entry.blocks if kind == "blocks" else entry.scores_dims)
    ]


def _entry(name: str, kind: registry.Codes) -> registry.MetricEntry:
    entry = registry.metric(name)
    if kind == "blocks":
        if not entry.blocks:
            raise UsageError(f"{name} scores single codes only; blocks are scored by {', '.join(_metrics_of(kind))}")
        return entry.on_blocks()
    if not entry.scores_dims:
        raise UsageError(f"{name} scores blocks of codes; pass blocks=, such as ((0, 1), (2,))")
    return entry


def _record(
    train_id: str, name: str, kind: registry.Codes, representation: Representation, seed: int, shared: _Shared
) -> Score:
    entry = _entry(name, kind)
    start = time.perf_counter()
    result = _measure(entry, name, representation, seed, shared)
    return Score(
        score_id=score_id(train_id, name, entry, kind),
        metric=name,
        title=entry.title,
        version=entry.version(),
        direction=entry.direction,
        lower=entry.lower,
        upper=entry.upper,
        codes=kind,
        value=result.value,
        protocol=entry.full_protocol(),
        details=result.details,
        seconds=round(time.perf_counter() - start, 3),
    )


def _measure(
    entry: registry.MetricEntry, name: str, representation: Representation, seed: int, shared: _Shared
) -> MetricResult:
    """The result of a metric, given what its function asks for by name."""
    if entry.from_information:
        read: MetricResult = entry.reader()(_joint_counts(entry, representation, shared))
        return read
    asked = inspect.signature(entry.function()).parameters
    arguments: dict[str, Any] = {key: value for key, value in representation._asdict().items() if key in asked}
    if "rng" in asked:
        arguments["rng"] = numpy_stream(seed, "metric", name)
    if "information" in asked:
        arguments["information"] = _learnt(representation, seed, shared)
    result: MetricResult = entry.function()(**arguments, **entry.protocol)
    return result


def _joint_counts(entry: registry.MetricEntry, representation: Representation, shared: _Shared) -> JointInformation:
    protocol = tuple(sorted(entry.full_protocol().items()))
    if protocol not in shared:
        shared[protocol] = joint_information(representation.codes, representation.factors, **dict(protocol))
    return cast(JointInformation, shared[protocol])


def _learnt(representation: Representation, seed: int, shared: _Shared) -> BlockInformation:
    if "blocks" not in shared:
        codes, factors, blocks = representation[:3]
        stream = numpy_stream(seed, "metric", "block_information")
        shared["blocks"] = block_information(codes, factors, blocks or (), rng=stream, min_blocks=2)
    return cast(BlockInformation, shared["blocks"])
