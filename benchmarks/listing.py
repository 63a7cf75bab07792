"""What the reading commands tell: records for ``--json``, aligned text for people. No torch but for a model's info."""

import inspect
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from minebench.benchmarks import registry
from minebench.benchmarks.status import RunStatus
from minebench.datasets.files import default_root
from minebench.metrics.result import MetricResult

if TYPE_CHECKING:
    from minebench.benchmarks.foreign import Scored
    from minebench.benchmarks.harness import Planned
    from minebench.benchmarks.traversal import Traversal


def models() -> dict[str, dict[str, Any]]:
    """The models by name."""
    return {
        name: {"title": entry.title, "supervision": entry.supervision, "paper": entry.paper}
        for name, entry in registry.MODELS.items()
    }


def model_info(name: str) -> dict[str, Any]:
    """A model with its hyperparameters."""
    entry = registry.model(name)
    fields = entry.config_class().model_fields
    return {
        "name": name,
        "title": entry.title,
        "what": inspect.getdoc(entry.model_class()),
        "paper": entry.paper,
        "supervision": entry.supervision,
        "config": {
            key: f"{'required' if field.is_required() else field.default}  {field.description or ''}".rstrip()
            for key, field in fields.items()
        },
        "source": str(registry.source_file(entry)),
    }


def datasets(root: Path | None) -> dict[str, dict[str, Any]]:
    """The data sets by name, with where their images would come from."""
    folder = root or default_root()
    return {
        name: {"title": entry.title, "source": entry.source(folder), "what": entry.description}
        for name, entry in registry.DATASETS.items()
    }


def metrics() -> dict[str, dict[str, Any]]:
    """The metrics by name."""
    return {
        name: {"title": entry.title, "better": entry.direction, "paper": entry.paper}
        for name, entry in registry.METRICS.items()
    }


def metric_info(name: str) -> dict[str, Any]:
    """A metric: what it measures, how to read it, how the benchmark runs it; or where a score of that name is found."""
    if owner := registry.metric_of_part(name):
        entry = registry.metric(owner)
        where = f"the details of {owner}: minebench metrics score CODES.npz -m {owner} --json"
        return {"name": name, "definition": entry.parts[name], "found in": where, "paper": entry.paper}
    entry = registry.OF_SEVERAL_MODELS.get(name) or registry.metric(name)
    info: dict[str, Any] = {
        "name": name,
        "title": entry.title,
        "definition": entry.definition,
        "better": "higher" if entry.direction == "up" else "lower",
        "range": entry.reads_as,
        "chance": entry.chance,
        "scores": _scored_codes(name, entry),
        "in runs": _in_runs(entry),
        "protocol": entry.full_protocol(),
        "cost": entry.cost,
        "paper": entry.paper,
        "version": entry.version(),
        "function": entry.target,
    }
    if entry.scores("dims") and entry.scores("blocks"):
        info |= {"on blocks": entry.on_blocks().full_protocol() | {"function": entry.blocks}}
    return info | ({"details": entry.parts} if entry.parts else {})


def plan_records(planned: Sequence["Planned"]) -> list[dict[str, Any]]:
    """A plan as records."""
    return [
        {
            "train_id": entry.job.train_id,
            "model": entry.job.spec.model,
            "setting": entry.job.spec.setting,
            "dataset": entry.job.spec.dataset,
            "seed": entry.job.spec.seed,
            "state": entry.state,
            "why": entry.why,
            "train_seconds": entry.seconds,
        }
        for entry in planned
    ]


def plan_text(planned: Sequence["Planned"]) -> str:
    """A plan as a table, with its cost as far as the store's history knows it."""
    rows = [
        (entry.job.spec.name, entry.state, clock(entry.seconds) if entry.seconds else "", entry.why)
        for entry in planned
    ]
    to_run = [entry for entry in planned if entry.state in ("new", "resume")]
    known = [entry.seconds for entry in to_run if entry.seconds is not None]
    trained = [entry for entry in to_run if registry.model(entry.job.spec.model).trained]
    cost = f", {clock(sum(known))} of training by this store's history" if known else ""
    unknown = f" ({len(trained) - len(known)} runs of unknown cost)" if len(known) < len(trained) else ""
    table = tabulate(rows, headers=("run", "state", "training", "why"), tablefmt="simple")
    tried = {(entry.job.spec.model, entry.job.spec.setting) for entry in planned if entry.job.spec.setting}
    several = f"; {len(tried)} settings of {len({model for model, _ in tried})} models" if tried else ""
    return f"{table}\n\n{len(to_run)} of {len(planned)} to run{cost}{unknown}{several}"


def status_record(entry: RunStatus) -> dict[str, Any]:
    """The state of a run as a record."""
    progress = entry.progress.model_dump() | {"remaining": entry.progress.remaining} if entry.progress else None
    return entry._asdict() | {"progress": progress}


def status_text(entries: Sequence[RunStatus], store: Path) -> str:
    """The states of runs as a table and a count."""
    if not entries:
        return f"no runs in {store}"
    rows = [(entry.train_id, entry.profile, entry.state, _note(entry)) for entry in entries]
    states = [entry.state for entry in entries]
    counts = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))
    return tabulate(rows, headers=("run", "profile", "state", ""), tablefmt="simple") + f"\n\n{counts}"


def traversal_record(found: "Traversal") -> dict[str, Any]:
    """What was drawn as a record: information and KL in nats."""
    rows = [
        {"row": row.title, "codes": row.n_codes, "kl": row.kl, "factor": row.factor, "information": row.nats}
        for row in found.rows
    ]
    return {"files": [str(file) for file in found.files], "rows": rows, "left_out": list(found.left_out)}


def traversal_text(found: "Traversal") -> str:
    """What was drawn: the rows as a table, then the files."""
    rows = [(row.title, row.n_codes, f"{row.kl:.2f}", row.factor, f"{row.nats:.2f}") for row in found.rows]
    headers = ("row", "codes", "KL, nats", "tells most of", "information, nats")
    left_out = [f"not drawn: {'; '.join(found.left_out)}"] if found.left_out else []
    table = tabulate(rows, headers=headers, tablefmt="simple")
    return "\n".join([table, "", found.about, *left_out, *(f"drew {file}" for file in found.files)])


def table_text(records: Mapping[str, Mapping[str, Any]]) -> str:
    """Records by name as a table."""
    columns = list(next(iter(records.values())))
    rows = [(name, *record.values()) for name, record in records.items()]
    return tabulate(rows, headers=("name", *columns), tablefmt="simple", maxcolwidths=[None] * len(columns) + [70])


def info_text(record: Mapping[str, Any]) -> str:
    """One record, a line a key; nested keys are indented."""
    lines = []
    for key, value in record.items():
        if isinstance(value, Mapping):
            lines += [f"{key}:", *(f"  {name:<28} {part}" for name, part in value.items())]
        else:
            lines.append(f"{key + ':':<14} {value}")
    return "\n".join(lines)


def numbers_text(numbers: Mapping[str, Any]) -> str:
    """Named numbers, a line each."""
    return tabulate([(name, value) for name, value in numbers.items()], tablefmt="plain", floatfmt=".4f")


def score_records(found: Sequence["Scored"]) -> dict[str, dict[str, Any]]:
    """Scores by metric as records, with their details; those that were skipped have the value None and the reason."""
    return {
        one.label: {
            "value": one.result.value if one.result else None,
            "better": one.entry.direction,
            "codes": one.codes,
            "version": one.entry.version(),
            "protocol": one.entry.full_protocol(),
        }
        | ({"details": one.result.details} if one.result else {"skipped": one.skipped})
        for one in found
    }


def scores_text(found: Sequence["Scored"]) -> str:
    """Scores as a table with the protocol and what the metrics noticed, then a line for each that was skipped."""
    rows = [
        (
            one.label,
            f"{one.result.value:.4f}",
            one.entry.direction,
            _constants(one.entry.full_protocol()),
            "; ".join(map(str, _notes(one.result))),
        )
        for one in found
        if one.result is not None
    ]
    headers = ("metric", "score", "better", "protocol", "notes")
    table = tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True)
    skipped = [f"not scored: {one.label}: {one.skipped}" for one in found if one.skipped]
    return "\n".join([table, *[""] * bool(skipped), *skipped])


def json_text(value: Any) -> str:
    """Plain data as JSON; NaN and infinities, which JSON does not have, are null."""
    return json.dumps(_finite(value), indent=1, ensure_ascii=False, allow_nan=False)


def clock(seconds: float) -> str:
    """A duration as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _scored_codes(name: str, entry: registry.MetricEntry) -> str:
    if name in registry.OF_SEVERAL_MODELS:
        return f"the codes of several models at once, in Python: {entry.target.replace(':', '.')}([codes, other_codes])"
    both = entry.scores("dims") and entry.scores("blocks")
    return "single codes, and blocks of them" if both else "single codes" if entry.scores("dims") else "blocks of codes"


def _in_runs(entry: registry.MetricEntry) -> str:
    if entry.in_runs:
        return "yes"
    return "of models with blocks of codes" if entry.blocks else "no, on request only"


def _constants(protocol: Mapping[str, Any]) -> str:
    """Protocol constants in words; those that are not set are left out."""
    return ", ".join(f"{key} {value}" for key, value in protocol.items() if value is not None)


def _notes(result: MetricResult) -> Sequence[Any]:
    notes = result.details.get("notes")
    return notes if isinstance(notes, list) else []


def _note(entry: RunStatus) -> str:
    progress = entry.progress
    if entry.state == "running" and progress is not None:
        left = progress.remaining
        pace = f", {progress.rate:.1f} steps/s, {clock(left)} left" if left is not None else ""
        return f"{progress.stage} {progress.step}/{progress.steps}{pace if progress.stage == 'train' else ''}"
    return entry.message
