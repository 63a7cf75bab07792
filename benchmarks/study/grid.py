"""Grids: which cells to run, as YAML (``grids/``). A list stands for each of its values; lists multiply."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from minebench.benchmarks.spec import Frozen
from minebench.benchmarks.study.cells import Cell
from minebench.benchmarks.suggestions import UsageError, explain, unknown_name

_FOLDER = Path(__file__).parents[1] / "grids"
_LISTS = ("estimators", "betas")  # lists that are meant as such


class Primary(Frozen):
    """The comparison that decides, fixed before anything is run."""

    neural: str = "mine"
    monte_carlo: str = "mss_loo"
    condition: str = "converged"
    batch_size: int = 256
    cost: Literal["flops", "seconds"] = "flops"
    learning_rate: float = Field(5e-4, description="Of the critics, with Adam's usual betas: MINE's best of two.")
    critic_steps: int = Field(2, description="Updates of a critic that are counted with each of its estimates.")


class Grid(Frozen):
    """Cells to run."""

    name: str
    about: str
    primary: Primary = Primary()
    cells: tuple[Cell, ...]


def grid_names() -> list[str]:
    """The grids that come with the package."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def load_grid(name: str) -> Grid:
    """Read a grid.

    Args:
        name: One of ``grid_names()``, or the path of a YAML file with ``name``, ``about``, perhaps ``primary``, and
            ``cells``: a list of cells whose lists are written out here.

    Returns:
        The grid, no cell twice.

    Raises:
        UsageError: If there is no such grid, or it holds unknown keys or bad values.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else _FOLDER / f"{name}.yaml"
    if not path.is_file():
        raise unknown_name("grid", name, grid_names()) if path.parent == _FOLDER else UsageError(f"no grid at {path}")
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no YAML: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        raise UsageError(f"{path} must hold a mapping with name, about and a list of cells")
    try:
        cells = dict.fromkeys(Cell.model_validate(one) for entry in document["cells"] for one in expand(entry))
        return Grid.model_validate({**document, "cells": tuple(cells)})
    except ValidationError as error:
        raise explain(error, Cell if error.title == "Cell" else Grid, str(path)) from None


def expand(entry: Any) -> Iterator[Any]:
    """Every combination of the lists in an entry; those of ``estimators`` and ``betas`` stay lists."""
    if isinstance(entry, list):
        for one in entry:
            yield from expand(one)
    elif isinstance(entry, dict):
        choices = [[value] if key in _LISTS else list(expand(value)) for key, value in entry.items()]
        for values in product(*choices):
            yield dict(zip(entry, values, strict=True))
    else:
        yield entry
