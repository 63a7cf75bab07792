"""Profiles: which models, data sets and seeds to run, and at what settings, as YAML.

A profile is named (a file of ``profiles/``) or a path. ``--set a.b=c`` changes the document before it is read, and the
label that results carry says so. A training file (``configs/``) is the same for one run.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, Field, JsonValue, NonNegativeInt, ValidationError

from minebench.benchmarks import registry
from minebench.benchmarks.spec import Frozen, RunSpec, TrainConfig
from minebench.benchmarks.suggestions import UsageError, explain, unknown_name

_FOLDER = Path(__file__).parent / "profiles"
_Values = Annotated[tuple[JsonValue, ...], Field(min_length=1)]


class Profile(Frozen):
    """What to run."""

    name: str
    about: str
    models: tuple[str, ...]
    datasets: tuple[str, ...]
    seeds: tuple[NonNegativeInt, ...] = Field(min_length=1)
    train: TrainConfig
    defaults: dict[str, JsonValue] = Field(default_factory=dict)  # for every model that has the key
    configs: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)  # by model
    grids: dict[str, dict[str, _Values]] = Field(default_factory=dict)  # by model; each combination is a setting


class TrainFile(Frozen):
    """One run."""

    model: str
    dataset: str = "dsprites"
    seed: NonNegativeInt = 0
    config: dict[str, JsonValue] = Field(default_factory=dict)
    train: TrainConfig = TrainConfig()


def profile_names() -> list[str]:
    """The profiles that come with the package."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def load_profile(name: str, sets: Sequence[str] = ()) -> Profile:
    """Read a profile.

    Args:
        name: One of ``profile_names()``, or the path of a YAML file.
        sets: Changes as ``a.b=value``, the value in YAML.

    Returns:
        The profile; with changes, its name says which.

    Raises:
        UsageError: If there is no such profile, or it holds unknown keys or bad values.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else _FOLDER / f"{name}.yaml"
    if not path.is_file():
        shipped = path.parent == _FOLDER
        raise unknown_name("profile", name, profile_names()) if shipped else UsageError(f"no profile at {path}")
    profile: Profile = read_document(Profile, path, sets)
    for model in [*profile.configs, *profile.grids]:
        registry.model(model)
    return profile.model_copy(update={"name": label_of(profile.name, sets)})


def load_train_file(path: Path, sets: Sequence[str] = ()) -> RunSpec:
    """Read a training file: one run.

    Raises:
        UsageError: If the file is missing, or holds unknown keys or bad values.
    """
    if not path.is_file():
        raise UsageError(f"no training file at {path}; the ones that come with minebench: {_shipped_configs()}")
    file: TrainFile = read_document(TrainFile, path, sets)
    registry.dataset(file.dataset)
    config = complete_config(file.model, file.config)
    label = label_of(f"train {path.stem}", sets)
    return RunSpec(
        model=file.model, config=config, dataset=file.dataset, seed=file.seed, train=file.train, profile=label
    )


def plan_specs(
    profile: Profile,
    *,
    models: Iterable[str] = (),
    datasets: Iterable[str] = (),
    seeds: Sequence[int] = (),
    added: Iterable[str] = (),
) -> list[RunSpec]:
    """The runs of a profile, each model at each setting on each data set from each seed, and the row ``untrained``.

    Args:
        profile: Settings, and what runs where the other arguments are left out.
        models: Names or globs.
        datasets: Names or globs.
        seeds: Seeds.
        added: Models that run beside the profile's own where ``models`` is left out (a plug-in's).

    Raises:
        UsageError: If a name matches nothing, or a grid names a setting twice.
    """
    chosen = _match("model", models, registry.MODELS) or [*profile.models, *added]
    chosen_datasets = _match_datasets(datasets) or list(profile.datasets)
    names = dict.fromkeys([*chosen, "untrained"])
    for key in profile.defaults:
        if not any(key in _fields(name) for name in names):
            raise unknown_name("key of defaults", key, {field for name in names for field in _fields(name)})
    settings = {name: _settings(profile, name) for name in names}
    specs = [
        RunSpec(
            model=name,
            config=config,
            dataset=data,
            seed=seed,
            train=profile.train,
            profile=profile.name,
            setting=setting,
        )
        for data in chosen_datasets
        for seed in (seeds or profile.seeds)
        for name in names
        for setting, config in settings[name].items()
    ]
    return sorted(specs, key=lambda spec: not registry.model(spec.model).trained)  # short runs last fill the slots


def complete_config(model: str, overrides: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """A model's hyperparameters with all defaults written out.

    Raises:
        UsageError: If a key is unknown or a value is bad.
    """
    schema: type[BaseModel] = registry.model(model).config_class()
    try:
        config: dict[str, JsonValue] = schema.model_validate(overrides).model_dump(mode="json")
    except ValidationError as error:
        raise explain(error, schema, f"configuration of {model}") from None
    return config


def parse_seeds(text: str) -> list[int]:
    """Seeds written as ``0-4``, ``3`` or ``0,2,5-7``.

    Raises:
        UsageError: If the text is none of these.
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise UsageError(f"seeds are written as 0-4 or 0,2,5; got {text!r}")
        if dash and int(first) > int(last):
            raise UsageError(f"{part!r} holds no seed: the first must not be above the last")
        seeds += range(int(first), int(last if dash else first) + 1)
    return list(dict.fromkeys(seeds))


def read_document(schema: type[Any], path: Path, sets: Sequence[str]) -> Any:
    """A YAML file, changed as ``--set`` says, as an instance of a schema.

    Raises:
        UsageError: If it is no YAML, or holds unknown keys or bad values.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no YAML: {error}") from None
    if not isinstance(document, dict):
        raise UsageError(f"{path} must hold a mapping of keys; got {type(document).__name__}")
    for change in sets:
        _apply(document, change)
    try:
        return schema.model_validate(document)
    except ValidationError as error:
        raise explain(error, schema, " with ".join([str(path), *sets])) from None


def _apply(document: dict[str, Any], change: str) -> None:
    key, equals, value = change.partition("=")
    if not equals or not key:
        raise UsageError(f"--set takes key=value with dots between levels, e.g. train.steps=500; got {change!r}")
    *path, last = key.split(".")
    for part in path:
        document = document.setdefault(part, {})
        if not isinstance(document, dict):
            raise UsageError(f"--set {change}: {part!r} is a value, not a level")
    try:
        document[last] = yaml.safe_load(value)
    except yaml.YAMLError:
        raise UsageError(f"--set {key}: {value!r} is no YAML value") from None


def label_of(name: str, sets: Sequence[str]) -> str:
    """A name with what ``--set`` changed: what carries it was not made with the file as it stands."""
    last = {change.partition("=")[0]: change for change in sets}  # a key that is set twice has its last value
    return "+".join([name, *(last[key] for key in sorted(last))])


def _settings(profile: Profile, model: str) -> dict[str, dict[str, JsonValue]]:
    """The complete configurations of a model in a profile, by what tells them apart; "" where there is one alone."""
    shared = {key: value for key, value in profile.defaults.items() if key in _fields(model)}
    fixed, grid = profile.configs.get(model, {}), profile.grids.get(model, {})
    if twice := sorted(fixed.keys() & grid.keys()):
        raise UsageError(f"{twice} of {model} are in configs and in grids; for one value set grids.{model}.{twice[0]}")
    settings: dict[str, dict[str, JsonValue]] = {}
    for values in product(*grid.values()):
        point = dict(zip(grid, values, strict=True))
        config = complete_config(model, shared | fixed | point)
        if config in settings.values():
            raise UsageError(f"grids.{model} holds {point} twice")
        settings[", ".join(f"{key}={config[key]}" for key in grid)] = config
    return settings


def _fields(model: str) -> set[str]:
    schema: type[BaseModel] = registry.model(model).config_class()
    return set(schema.model_fields)


def _match_datasets(patterns: Iterable[str]) -> list[str]:
    """Data sets by name or glob, each with the rule for its rows that follows a colon."""
    chosen: dict[str, None] = {}
    for pattern in patterns:
        names, colon, rule = pattern.partition(":")
        found = [f"{name}{colon}{rule}" for name in _match("data set", [names], registry.DATASETS)]
        registry.dataset(found[0])  # a rule that is none is refused before anything is loaded
        chosen |= dict.fromkeys(found)
    return list(chosen)


def _match(kind: str, patterns: Iterable[str], known: Iterable[str]) -> list[str]:
    names = list(known)
    chosen: dict[str, None] = {}
    for pattern in patterns:
        found = [name for name in names if fnmatchcase(name, pattern)]
        if not found:
            raise unknown_name(kind, pattern, names)
        chosen |= dict.fromkeys(found)
    return list(chosen)


def _shipped_configs() -> str:
    return ", ".join(sorted(str(path) for path in (Path(__file__).parent / "configs").glob("*.yaml")))
