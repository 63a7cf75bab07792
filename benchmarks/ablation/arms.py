"""An ablation as YAML: a reference, and arms that each set something else.

A spec is named (a file of ``ablations/``) or a path. Its runs are the harness's: an arm that a board has run already is
reused, for what a run is called decides no number.
"""

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from itertools import combinations
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, JsonValue, NonNegativeInt, model_validator

from minebench.benchmarks import registry
from minebench.benchmarks.profile import complete_config, label_of, read_document
from minebench.benchmarks.spec import Frozen, RunSpec, TrainConfig
from minebench.benchmarks.suggestions import UsageError, unknown_name

_FOLDER = Path(__file__).parents[1] / "ablations"
_Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]  # it names a folder, or an arm on the command line


class Arm(Frozen):
    """One line of the table."""

    title: str
    model: str = ""  # "": the ablation's own
    set: dict[str, JsonValue] = Field(default_factory=dict)  # on top of the ablation's ``config``


class Reported(Frozen):
    """Figures that somebody else has published of some arms."""

    source: str
    metrics: tuple[str, ...] = Field(min_length=1)
    arms: dict[str, tuple[float, ...]] = Field(min_length=2)  # in the order of ``metrics``

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if short := [arm for arm, values in self.arms.items() if len(values) != len(self.metrics)]:
            raise ValueError(f"{len(self.metrics)} metrics need as many figures an arm; {short} have others")
        return self


class Ablation(Frozen):
    """What to run, and what to compare it with."""

    name: _Name
    about: str
    model: str
    datasets: tuple[str, ...] = Field(min_length=1)
    seeds: tuple[NonNegativeInt, ...] = Field(min_length=1)
    train: TrainConfig
    config: dict[str, JsonValue] = Field(default_factory=dict)  # for every arm whose model has the key
    reference: str  # the arm that the others are compared with
    arms: dict[_Name, Arm] = Field(min_length=2)
    reported: Reported | None = None
    label: str = ""  # the name, with what was changed on the command line; made here

    def model_of(self, arm: str) -> str:
        """The registry name of an arm's model."""
        return self.arms[arm].model or self.model

    def config_of(self, arm: str) -> dict[str, JsonValue]:
        """The complete configuration of an arm.

        Raises:
            UsageError: If a key is unknown or a value is bad; it names the arm.
        """
        model = self.model_of(arm)
        known = registry.model(model).config_class().model_fields
        shared = {key: value for key, value in self.config.items() if model == self.model or key in known}
        try:
            return complete_config(model, shared | self.arms[arm].set)
        except UsageError as error:
            raise UsageError(f"arm {arm}: {error}") from None


def ablation_names() -> list[str]:
    """The ablations that come with the package."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def load_ablation(name: str, sets: Sequence[str] = (), arms: Iterable[str] = ()) -> Ablation:
    """Read a spec and check every arm.

    Args:
        name: One of ``ablation_names()``, or the path of a YAML file.
        sets: Changes as ``a.b=value``, the value in YAML.
        arms: Names or globs; the reference is always among the arms. All if left out.

    Raises:
        UsageError: If there is no such spec, it holds unknown keys or bad values, an arm does, two arms are one and the
            same run, or a pattern matches no arm.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else _FOLDER / f"{name}.yaml"
    if not path.is_file():
        shipped = path.parent == _FOLDER
        raise unknown_name("ablation", name, ablation_names()) if shipped else UsageError(f"no ablation at {path}")
    found: Ablation = read_document(Ablation, path, sets)
    registry.model(found.model)
    _check(found)
    chosen = _chosen(found, arms)
    return found.model_copy(
        update={"label": label_of(found.name, sets), "arms": {arm: found.arms[arm] for arm in chosen}}
    )


def arm_specs(ablation: Ablation, seeds: Sequence[int] = ()) -> dict[str, list[RunSpec]]:
    """The runs of each arm: every data set from every seed.

    Args:
        ablation: From ``load_ablation``.
        seeds: In place of the spec's own, if given.
    """
    return {
        arm: [
            RunSpec(
                model=ablation.model_of(arm),
                config=ablation.config_of(arm),
                dataset=dataset,
                seed=seed,
                train=ablation.train,
                profile=f"ablation {ablation.label}",
                setting=arm,
            )
            for dataset in ablation.datasets
            for seed in seeds or ablation.seeds
        ]
        for arm in ablation.arms
    }


def folder_name(ablation: Ablation) -> str:
    """Where its tables go: the name, and what was changed on the command line."""
    return re.sub(r"[^A-Za-z0-9._=+-]+", "-", ablation.label)[:120]


def _check(ablation: Ablation) -> None:
    if ablation.reference not in ablation.arms:
        raise unknown_name("reference arm", ablation.reference, ablation.arms)
    for dataset in ablation.datasets:
        registry.dataset(dataset)
    runs = {arm: (ablation.model_of(arm), ablation.config_of(arm)) for arm in ablation.arms}
    for first, second in combinations(runs, 2):
        if runs[first] == runs[second]:
            raise UsageError(f"arms {first} and {second} of {ablation.name} are the same run; leave one out")
    if ablation.reported is not None:
        for arm in ablation.reported.arms:
            if arm not in ablation.arms:
                raise unknown_name("arm of reported", arm, ablation.arms)
        for metric in ablation.reported.metrics:
            registry.metric(metric)


def _chosen(ablation: Ablation, patterns: Iterable[str]) -> list[str]:
    asked = list(patterns)
    for pattern in asked:
        if not any(fnmatchcase(arm, pattern) for arm in ablation.arms):
            raise unknown_name("arm", pattern, ablation.arms)
    return [
        arm
        for arm in ablation.arms
        if not asked or arm == ablation.reference or any(fnmatchcase(arm, pattern) for pattern in asked)
    ]
