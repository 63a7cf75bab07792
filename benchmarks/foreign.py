"""Scores and codes of anyone's model, of any framework: arrays in, numbers out; no torch."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minebench.benchmarks import registry
from minebench.benchmarks.representation import Blocks, Representation
from minebench.benchmarks.rows import scored_rows
from minebench.benchmarks.scoring import Shared, measure
from minebench.benchmarks.suggestions import UsageError
from minebench.datasets.factor_dataset import FactorDataset
from minebench.metrics.blocks import check_blocks
from minebench.metrics.inputs import check_codes_and_factors
from minebench.metrics.result import MetricResult


class Scored(NamedTuple):
    """One metric of a representation.

    Attributes:
        metric: Its name.
        codes: Whether single codes were scored, or blocks of them.
        entry: The metric as it was run, with its protocol.
        result: What it gave; None where it does not apply.
        skipped: Why it does not apply; empty where it does.
    """

    metric: str
    codes: registry.Codes
    entry: registry.MetricEntry
    result: MetricResult | None
    skipped: str = ""

    @property
    def label(self) -> str:
        """The metric's name, and whether it scored blocks."""
        return registry.label(self.metric, self.codes)


def score(
    codes: np.ndarray,
    factors: np.ndarray,
    *,
    blocks: Blocks | None = None,
    named: bool = False,
    nuisance: int | None = None,
    n_factor_bins: int | None = None,
    seed: int = 0,
    metrics: str | Iterable[str] | None = None,
) -> dict[str, MetricResult]:
    """Score codes of any model with the benchmark's metrics and protocols.

    Args:
        codes: Shape ``(n_samples, n_codes)``, e.g. posterior means.
        factors: Value indices, shape ``(n_samples, n_factors)``; any finite numbers with ``n_factor_bins``.
        blocks: Groups of columns of ``codes``, such as ``((0, 1), (2,))``: these are scored in place of single codes,
            by the metrics that can.
        named: Whether the k-th block, the nuisance block not counted, belongs to the k-th factor.
        nuisance: The block that is to hold what no factor tells, if there is one.
        n_factor_bins: Cut each factor with more distinct values than this into so many equal-width bins: a departure
            from the benchmark's protocol, for continuous factors.
        seed: Seed of the metrics that draw samples; each has a stream of its own.
        metrics: Name or names of metrics; if left out, all of ``minebench metrics list`` that apply, and a
            ``UserWarning`` for each that does not, with the reason.

    Returns:
        The result of each metric by name: value, direction, details.

    Raises:
        UsageError: If a metric is unknown, a named one scores the other kind of codes, or ``named`` or ``nuisance`` do
            not fit the blocks.
        ValueError: If the arrays cannot be scored, a named metric does not apply to them, or none does.
    """
    representation = Representation(codes, factors, blocks, named, nuisance)
    kinds: tuple[registry.Codes, ...] = ("dims",) if blocks is None else ("blocks",)
    found = list(score_kinds(representation, kinds, n_factor_bins=n_factor_bins, seed=seed, metrics=metrics))
    for one in found:
        if one.skipped:
            warnings.warn(f"{one.metric} is not scored: {one.skipped}", stacklevel=2)
    return {one.metric: one.result for one in found if one.result is not None}


def score_kinds(
    representation: Representation,
    kinds: Sequence[registry.Codes],
    *,
    n_factor_bins: int | None = None,
    seed: int = 0,
    metrics: str | Iterable[str] | None = None,
) -> Iterator[Scored]:
    """Score single codes, blocks of them, or both, one metric after the other.

    Args:
        representation: What is scored.
        kinds: ``"dims"``, ``"blocks"`` or both.
        n_factor_bins: As in ``score``.
        seed: As in ``score``.
        metrics: As in ``score``; a named one scores the kinds that it can.

    Yields:
        One entry a metric and kind; only with ``metrics`` left out, some may be skipped.

    Raises:
        UsageError: As in ``score``.
        ValueError: As in ``score``.
    """
    asked = _asked(kinds, [metrics] if isinstance(metrics, str) else metrics)
    _check(representation, n_factor_bins, arrays=metrics is None)
    shared: Shared = {}
    skipped = []
    for name, kind in asked:
        entry = _entry(name, kind, representation, n_factor_bins)
        try:
            one = Scored(name, kind, entry, measure(name, entry, representation, seed, shared))
        except ValueError as error:
            if metrics is not None:
                raise ValueError(f"{registry.label(name, kind)}: {error}") from error
            one = Scored(name, kind, entry, None, str(error))
            skipped.append(f"{one.label}: {error}")
        yield one
    if skipped and len(skipped) == len(asked):
        raise ValueError(f"no metric applies: {'; '.join(skipped)}")


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


def _asked(kinds: Sequence[registry.Codes], names: Iterable[str] | None) -> list[tuple[str, registry.Codes]]:
    """Metric and kind of every score, kind by kind; unknown names and those that fit no kind are refused."""
    entries = registry.METRICS if names is None else {name: registry.metric(name) for name in names}
    asked = [(name, kind) for kind in kinds for name, entry in entries.items() if entry.scores(kind)]
    if names is not None and (rest := entries.keys() - {name for name, _ in asked}):
        name = min(rest)
        if entries[name].blocks:
            raise UsageError(
                f"{name} scores blocks of codes; give them as blocks=, such as ((0, 1), (2,)), or as the array "
                "block_of_code of a file"
            )
        able = ", ".join(other for other, entry in registry.METRICS.items() if entry.blocks)
        raise UsageError(f"{name} scores single codes only; blocks are scored by {able}")
    return asked


def _entry(
    name: str, kind: registry.Codes, representation: Representation, n_factor_bins: int | None
) -> registry.MetricEntry:
    entry = registry.metric(name)
    if kind == "blocks":
        entry = entry.on_blocks().with_constants(named=representation.named)
    return entry if n_factor_bins is None else entry.with_constants(n_factor_bins=n_factor_bins)


def _check(representation: Representation, n_factor_bins: int | None, *, arrays: bool) -> None:
    """Refuse what no metric could make sense of; ``arrays``: also those that a metric would refuse by itself."""
    codes, factors, blocks, named, nuisance = representation
    if blocks is None and (named or nuisance is not None):
        raise UsageError("named and nuisance tell of blocks; give the blocks, too, such as blocks=((0, 1), (2,))")
    if not isinstance(named, bool | np.bool_):
        raise UsageError(f"named must be True or False; got {named!r}")
    if nuisance is not None and (isinstance(nuisance, bool) or not isinstance(nuisance, int | np.integer)):
        raise UsageError(f"nuisance must be the number of a block, or None; got {nuisance!r}")
    if blocks is not None and nuisance is not None and not 0 <= nuisance < len(blocks):
        raise UsageError(f"nuisance must be one of the blocks 0..{len(blocks) - 1}, or None; got {nuisance}")
    if arrays and blocks is None:
        check_codes_and_factors(codes, factors, n_factor_bins=n_factor_bins)
    elif arrays and blocks is not None:
        check_blocks(codes, factors, blocks, n_factor_bins=n_factor_bins)
