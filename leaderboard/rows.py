"""The rows of a table: which runs are one model under one configuration, and what stands beside their scores."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minebench.leaderboard.cells import Cell
from minebench.leaderboard.results import JSON, Failure, RunResult
from minebench.leaderboard.statistics import Estimate, estimate


@dataclass(frozen=True)
class FailedRun:
    """A run without scores."""

    dataset: str
    seed: int
    failure: Failure


@dataclass(frozen=True)
class Costs:
    """What stands beside the scores; None where no run says."""

    reconstruction: Estimate | None  # nats per image, held out
    kl: Estimate | None  # nats per image, held out
    active_codes: float | None  # mean over seeds
    n_codes: int | None
    parameters: int | None
    train_seconds: float | None  # mean over seeds
    peak_memory_bytes: int | None  # most over seeds


@dataclass(frozen=True)
class Row:
    """One model under one configuration."""

    key: str  # names the row in tests between rows
    model: str
    title: str
    variant: tuple[str, ...]  # what tells it from the model's other configurations, e.g. ("beta=16",)
    trained: bool
    seeds: tuple[int, ...]  # of its scored runs, over all data sets of the table
    failed: tuple[FailedRun, ...]
    cells: tuple[Cell | None, ...]  # one for each column
    costs: Costs


def row_key(run: RunResult) -> str:
    """What the runs of one row have in common: model, configuration, training."""
    return _canonical([run.model, run.trained, run.model_config_values, run.train_config])


def failed_runs(runs: Sequence[RunResult]) -> tuple[FailedRun, ...]:
    """The failures among some runs, by data set and seed."""
    failures = [FailedRun(run.dataset, run.seed, run.failure) for run in runs if run.failure]
    return tuple(sorted(failures, key=lambda failed: (failed.dataset, failed.seed)))


def costs_of(datasets: Sequence[Sequence[RunResult]]) -> Costs:
    """What the runs of a row cost and how well they reconstruct.

    Args:
        datasets: The row's scored runs on each data set of the table.

    Returns:
        Means over seeds and then over data sets, with plain t intervals; no mean where a data set has no value.
    """
    return Costs(
        reconstruction=_estimated(datasets, "reconstruction"),
        kl=_estimated(datasets, "kl"),
        active_codes=_mean(datasets, "active_codes"),
        n_codes=_most(datasets, "n_codes"),
        parameters=_most(datasets, "parameters"),
        train_seconds=_mean(datasets, "train_seconds"),
        peak_memory_bytes=_most(datasets, "peak_memory_bytes"),
    )


def variants(runs: Sequence[RunResult]) -> list[tuple[str, ...]]:
    """The settings that tell rows from their neighbours.

    Args:
        runs: One run of each row.

    Returns:
        For each row ``key=value``: of the model's configuration where it differs among the
        rows of that model; of the training where it differs among any trained rows, since
        models that were trained differently would look comparable otherwise.
    """
    found = []
    for run in runs:
        siblings = [other for other in runs if (other.model, other.trained) == (run.model, run.trained)]
        peers = [other for other in runs if other.trained] if run.trained else siblings
        model = _differing(run.model_config_values, [other.model_config_values for other in siblings])
        training = _differing(run.train_config, [other.train_config for other in peers])
        found.append((*model, *training))
    return found


def _numbers(datasets: Sequence[Sequence[RunResult]], name: str) -> list[list[float]]:
    return [[value for run in runs if (value := getattr(run, name)) is not None] for runs in datasets]


def _estimated(datasets: Sequence[Sequence[RunResult]], name: str) -> Estimate | None:
    numbers = _numbers(datasets, name)
    return estimate(numbers) if numbers and all(numbers) else None


def _mean(datasets: Sequence[Sequence[RunResult]], name: str) -> float | None:
    found = _estimated(datasets, name)
    return found.mean if found else None


def _most(datasets: Sequence[Sequence[RunResult]], name: str) -> int | None:
    return max((int(value) for numbers in _numbers(datasets, name) for value in numbers), default=None)


def _differing(config: dict[str, JSON], others: Sequence[dict[str, JSON]]) -> list[str]:
    own, flat = _flat(config), [_flat(other) for other in others]
    keys = sorted({key for other in flat for key in other})
    return [f"{key}={own.get(key, 'none')}" for key in keys if len({other.get(key) for other in flat}) > 1]


def _flat(config: Any, prefix: str = "") -> dict[str, str]:
    if not isinstance(config, dict):
        return {prefix: config if isinstance(config, str) else _canonical(config)}
    return {k: v for key, part in config.items() for k, v in _flat(part, f"{prefix}.{key}".lstrip(".")).items()}


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
