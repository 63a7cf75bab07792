"""The record of one run, and the two places where records live.

A run leaves one ``RunResult``: what was trained, how it scored, or why it failed. While runs
are made, each record is a ``result.json`` in a folder of its own (``ResultStore``); what is
published is one sorted text file of them (``read_jsonl``, ``write_jsonl``), which the
leaderboard is rendered from and git can compare.
"""

import json
import math
import os
import re
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from filelock import BaseFileLock, FileLock
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

RESULT_FILE = "result.json"

# A file system path that starts at a root, a drive or a home; quoted ones may hold spaces.
_PATH = re.compile(
    r"(?P<quote>[\"'])(?P<quoted>(?:file://|~|[A-Za-z]:)?[/\\][^\"'\n]*)(?P=quote)"
    r"|(?<![\w:/\\.~-])(?:file://|~|[A-Za-z]:)?(?:[/\\]+[^\s/\\:'\"<>|,;()]+)+"
)


class ResultError(ValueError):
    """A record that cannot be read, or that contradicts another one."""


JSON = JsonValue  # plain data; ``Record`` sees to it that its numbers are finite
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]  # it names a folder
Count = Annotated[int, Field(ge=0)]


class Record(BaseModel):
    """Frozen; unknown keys and numbers that are not finite are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())


class Score(Record):
    """One metric on one representation of one run."""

    score_id: str  # what the value depends on: run, metric, version, protocol, library versions
    metric: str
    title: str
    version: int
    direction: Literal["up", "down"]  # which way is better
    lower: float | None  # range of the metric; None is unbounded
    upper: float | None
    codes: Literal["dims", "blocks"] = "dims"
    value: float
    repeats: tuple[float, ...] = ()  # a stochastic metric scored more than once; ``value`` is their mean
    protocol: dict[str, JSON]
    details: dict[str, JSON] = {}
    seconds: float

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.lower is not None and self.upper is not None and self.lower >= self.upper:
            raise ValueError(f"{self.metric}: lower must be below upper; got [{self.lower}, {self.upper}]")
        if self.repeats and not math.isclose(self.value, math.fsum(self.repeats) / len(self.repeats), abs_tol=1e-9):
            raise ValueError(f"{self.metric}: value must be the mean of its repeats; got {self.value}, {self.repeats}")
        return self


class Failure(Record):
    """Why a run has no scores."""

    kind: Literal["diverged", "oom", "timeout", "killed", "error"]
    message: str
    step: int | None = None
    term: str | None = None  # the loss term that was not finite
    traceback: str | None = None
    log: str | None = None


class Rows(Record):
    """The rows of the data set that were scored."""

    n: Count
    split: str
    hash: str


class Provenance(Record):
    """Where and when the run was made; times are ISO 8601, UTC."""

    git_commit: str | None
    git_dirty: bool | None
    versions: dict[str, str]
    hardware: dict[str, JSON]
    started: str
    finished: str


class RunResult(Record):
    """One model, one data set, one seed: the outcome of training and scoring it."""

    schema_version: Literal[1] = 1
    train_id: Identifier
    model: str
    model_title: str
    dataset: str
    dataset_title: str
    seed: int
    profile: str
    also_profiles: tuple[str, ...] = ()  # other labels under which the same run was asked for
    source: Literal["real", "procedural"]
    pixel_exact: bool  # a procedural source that equals the real one in every pixel
    supervision: str = "none"
    precision: str = "fp32"
    trained: bool = True  # False for the row ``untrained``
    status: Literal["done", "failed"]
    failure: Failure | None = None
    model_config_values: dict[str, JSON]
    train_config: dict[str, JSON]
    data_fingerprint: str
    steps: Count
    scores: tuple[Score, ...] = ()
    rows: Rows | None = None
    reconstruction: float | None = None  # nats per image, held out
    kl: float | None = None  # nats per image, held out
    active_codes: Count | None = None
    n_codes: Count | None = None
    parameters: Count | None = None
    train_seconds: float | None = None
    peak_memory_bytes: Count | None = None
    device: str
    weights_sha256: str | None = None
    codes_sha256: str | None = None
    provenance: Provenance

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.status == "failed") != (self.failure is not None):
            raise ValueError(f"a failed run has a failure and a finished one has none; got status {self.status!r}")
        if self.status == "failed" and self.scores:
            raise ValueError(f"a failed run has no scores; got {[score.metric for score in self.scores]}")
        keys = [(score.score_id, score.codes) for score in self.scores]
        if len(set(keys)) != len(keys):
            raise ValueError(f"scores must differ in (score_id, codes); got {keys}")
        return self


class ResultStore:
    """One folder a run, ``<root>/runs/<train_id>/``; its ``result.json`` says that the run is over.

    Args:
        root: Folder of the store; made on the first ``save`` or ``lock``.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def folder(self, train_id: str) -> Path:
        """Where a run keeps its files, whether or not it exists yet.

        Raises:
            ValueError: If ``train_id`` is no plain file name.
        """
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", train_id):
            raise ValueError(
                f"train_id must be letters, digits, '.', '_' and '-' (it names a folder); got {train_id!r}"
            )
        return self.root / "runs" / train_id

    def exists(self, train_id: str) -> bool:
        """Whether the run is over, finished or failed."""
        return (self.folder(train_id) / RESULT_FILE).is_file()

    def save(self, result: RunResult) -> Path:
        """Write a record so that a reader, or a kill at any moment, sees all of it or none.

        An earlier record of the run is replaced: a failure that was retried, or scores added later.

        Returns:
            The path of the ``result.json``.
        """
        folder = self.folder(result.train_id)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / RESULT_FILE
        write_atomically(path, _dump(result.model_dump(mode="json"), indent=1) + "\n")
        return path

    def set_aside(self, train_id: str) -> None:
        """Rename the record of a run that is made anew, so that it no longer counts; hold the run's lock."""
        folder = self.folder(train_id)
        taken = len(list(folder.glob("replaced-*.json")))
        (folder / RESULT_FILE).rename(folder / f"replaced-{taken + 1}.json")

    def load(self, train_id: str) -> RunResult:
        """The record of one run.

        Raises:
            FileNotFoundError: If the run is not over.
            ResultError: If its file is damaged or belongs to another run.
        """
        path = self.folder(train_id) / RESULT_FILE
        result = _parse(path.read_bytes(), str(path))
        if result.train_id != train_id:
            raise ResultError(f"{path} is the record of run {result.train_id}; move it to the folder of that name")
        return result

    def iterate(self) -> Iterator[RunResult]:
        """All records, by train_id; folders without one (runs under way) are passed over.

        Raises:
            ResultError: At the first damaged record.
        """
        runs = self.root / "runs"
        for train_id in sorted(os.listdir(runs)) if runs.is_dir() else ():
            try:
                yield self.load(train_id)
            except (FileNotFoundError, NotADirectoryError):
                continue

    def lock(self, train_id: str) -> BaseFileLock:
        """The lock to hold while making a run; the system frees it when its holder dies."""
        folder = self.folder(train_id)
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / "run.lock")


def read_jsonl(path: Path) -> tuple[RunResult, ...]:
    """Records from a file of one JSON object a line.

    Raises:
        ResultError: If a line is damaged (it is named), or two lines hold different results of one run.
    """
    lines = Path(path).read_bytes().split(b"\n")  # not splitlines: names may hold other line separators
    return merge(_parse(line, f"{path}, line {number}") for number, line in enumerate(lines, start=1) if line.strip())


def write_jsonl(results: Iterable[RunResult], path: Path) -> None:
    """Publish records: one line each, sorted, the same bytes for the same set of results.

    What is published says nothing of the machine's file system, see ``published``.

    Raises:
        ResultError: If two records hold different results of one run.
    """
    lines = [_dump(published(result).model_dump(mode="json")) + "\n" for result in merge(results)]
    write_atomically(Path(path), "".join(lines))


def published(result: RunResult) -> RunResult:
    """A record without the machine's paths: of an absolute one the last part is kept, the log's place is left out."""
    text = result.model_dump_json()
    if "/" not in text and "\\" not in text and '"log":"' not in text:
        return result
    record: dict[str, Any] = _without_paths(result.model_dump(mode="json"))
    if record["failure"]:
        record["failure"]["log"] = None
    return RunResult.model_validate(record)


def merge(*collections: Iterable[RunResult]) -> tuple[RunResult, ...]:
    """Join results, each run once, ordered by profile, data set, model, seed and train_id.

    A finished run takes the place of a failed record of the same run, which was retried.

    Raises:
        ResultError: If two different results claim the same train_id.
    """
    merged: dict[str, RunResult] = {}
    for result in (result for collection in collections for result in collection):
        other = merged.setdefault(result.train_id, result)
        if other.status != result.status:
            merged[result.train_id] = result if result.status == "done" else other
        elif other is not result:
            _same_or_error(other, result)
    return tuple(sorted(merged.values(), key=lambda r: (r.profile, r.dataset, r.model, r.seed, r.train_id)))


def write_atomically(path: Path, data: str | bytes) -> None:
    """Put ``data`` (text as UTF-8) at ``path``: written beside it, flushed to disk, then renamed."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _dump(value: Any, *, indent: int | None = None) -> str:
    separators = (",", ":") if indent is None else None
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators)


def _parse(data: bytes, place: str) -> RunResult:
    try:
        return RunResult.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "the whole of it"
        raise ResultError(
            f"{place} is no result of schema 1 ({field}: {first['msg']}); repair or delete it, then run again"
        ) from None


def _without_paths(value: Any) -> Any:
    if isinstance(value, str):
        return _PATH.sub(lambda match: _last_part(match["quoted"] or match[0], match["quote"] or ""), value)
    if isinstance(value, dict):
        return {key: _without_paths(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_without_paths(part) for part in value]
    return value


def _last_part(path: str, quote: str) -> str:
    return quote + re.split(r"[/\\]", path.rstrip("/\\"))[-1] + quote


def _same_or_error(one: RunResult, other: RunResult) -> None:
    left, right = published(one).model_dump(), published(other).model_dump()
    differing = sorted(key for key in left if left[key] != right[key])
    if differing:
        raise ResultError(
            f"two different results for run {one.train_id} ({one.model}, {one.dataset}, seed {one.seed}): "
            f"they differ in {', '.join(differing)}; keep one of them"
        )
