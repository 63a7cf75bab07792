"""Scores of a representation: each metric gets what it asks for, and what several need is made once; no torch.

``score_run`` scores the runs of this project; ``foreign`` scores the codes of anyone's model.
"""

import inspect
import time
from typing import Any, Literal, cast

from minebench.benchmarks import registry
from minebench.benchmarks.identity import score_id
from minebench.benchmarks.representation import Representation
from minebench.benchmarks.streams import numpy_stream
from minebench.leaderboard.results import Score
from minebench.metrics.block_information import BlockInformation, block_information
from minebench.metrics.information import JointInformation, joint_information
from minebench.metrics.result import MetricResult

# of one representation: joint counts by protocol, and what the classifiers of its blocks have learnt
Shared = dict[tuple[tuple[str, Any], ...] | Literal["blocks"], JointInformation | BlockInformation]


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
    shared: Shared = {}
    return tuple(
        _record(train_id, name, entry, kind, representation, seed, shared)
        for name, entry, kind in _run_metrics(representation.blocks is not None, representation.named)
    )


def expected_scores(train_id: str, *, blocks: bool = False, named: bool = False) -> set[str]:
    """The score_ids that a complete result of a run has today.

    Args:
        train_id: The run.
        blocks: Whether its model has blocks of codes.
        named: Whether these belong to factors.
    """
    return {score_id(train_id, name, entry, kind) for name, entry, kind in _run_metrics(blocks, named)}


def measure(
    name: str, entry: registry.MetricEntry, representation: Representation, seed: int, shared: Shared
) -> MetricResult:
    """The result of one metric.

    Args:
        name: Its name, which its random stream belongs to.
        entry: How it is run: the registry's entry, on blocks or with other constants if need be.
        representation: What is scored.
        seed: Seed of the stream.
        shared: What other metrics of the same representation and seed have made already; added to.

    Raises:
        ValueError: If the metric does not apply to the representation.
    """
    if entry.from_information:
        read: MetricResult = entry.reader()(_joint_counts(entry, representation, shared))
        return read
    asked = inspect.signature(entry.function()).parameters
    arguments: dict[str, Any] = {key: value for key, value in representation._asdict().items() if key in asked}
    if "rng" in asked:
        arguments["rng"] = numpy_stream(seed, "metric", name)
    if "information" in asked:
        arguments["information"] = _learnt(entry, representation, seed, shared)
    result: MetricResult = entry.function()(**arguments | entry.protocol)
    return result


def _run_metrics(blocks: bool, named: bool) -> list[tuple[str, registry.MetricEntry, registry.Codes]]:
    """The metrics of every run; with blocks, all that score blocks as well."""
    entries = registry.METRICS.items()
    dims: list[tuple[str, registry.MetricEntry, registry.Codes]] = [
        (name, entry, "dims") for name, entry in entries if entry.in_runs
    ]
    on_blocks = [(name, entry.on_blocks().with_constants(named=named)) for name, entry in entries if entry.blocks]
    return dims + [(name, entry, "blocks") for name, entry in on_blocks] if blocks else dims


def _record(
    train_id: str,
    name: str,
    entry: registry.MetricEntry,
    kind: registry.Codes,
    representation: Representation,
    seed: int,
    shared: Shared,
) -> Score:
    start = time.perf_counter()
    result = measure(name, entry, representation, seed, shared)
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


def _joint_counts(entry: registry.MetricEntry, representation: Representation, shared: Shared) -> JointInformation:
    protocol = tuple(sorted(entry.full_protocol().items()))
    if protocol not in shared:
        shared[protocol] = joint_information(representation.codes, representation.factors, **dict(protocol))
    return cast(JointInformation, shared[protocol])


def _learnt(entry: registry.MetricEntry, representation: Representation, seed: int, shared: Shared) -> BlockInformation:
    if "blocks" not in shared:
        codes, factors, blocks = representation[:3]
        stream = numpy_stream(seed, "metric", "block_information")
        bins = entry.full_protocol().get("n_factor_bins")
        shared["blocks"] = block_information(
            codes, factors, () if blocks is None else blocks, rng=stream, min_blocks=2, n_factor_bins=bins
        )
    return cast(BlockInformation, shared["blocks"])
