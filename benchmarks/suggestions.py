"""Errors that name what was meant."""

from collections.abc import Iterable
from difflib import get_close_matches

from pydantic import BaseModel, ValidationError


class UsageError(ValueError):
    """A request that cannot be met as written: an unknown name, a bad setting, a missing file."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name that is not among the known ones, with the nearest of them.

    Args:
        kind: What the name should be, e.g. ``"model"``.
        name: What came.
        known: What exists.

    Returns:
        An error to raise.
    """
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return UsageError(f"unknown {kind} {name!r}{hint} (known: {', '.join(names)})")


def explain(error: ValidationError, schema: type[BaseModel], what: str) -> UsageError:
    """A pydantic error in the house's words: which key, what was expected, what came.

    Args:
        error: What pydantic raised while it checked ``schema``.
        schema: The model that was checked; its fields are what an unknown key is compared with.
        what: Where the values came from, e.g. ``"configuration of beta_vae"``.

    Returns:
        An error to raise.
    """
    lines = []
    for problem in error.errors(include_url=False):
        key = ".".join(map(str, problem["loc"]))
        if problem["type"] == "extra_forbidden" and len(problem["loc"]) == 1:
            lines.append(str(unknown_name("key", key, schema.model_fields)))
        else:
            lines.append(f"{key}: {problem['msg'][0].lower()}{problem['msg'][1:]}; got {problem['input']!r}")
    return UsageError(f"{what}: " + "; ".join(lines))
