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
        key = ".".join(map(str, problem["loc"])) or "as a whole"
        known = _fields_beside(problem["loc"], schema)
        if problem["type"] == "extra_forbidden" and known:
            lines.append(str(unknown_name("key", key, known)))
        else:
            lines.append(f"{key}: {problem['msg'][0].lower()}{problem['msg'][1:]}; got {problem['input']!r}")
    return UsageError(f"{what}: " + "; ".join(lines))


def _fields_beside(place: tuple[int | str, ...], schema: type[BaseModel]) -> list[str]:
    """The keys that exist where an unknown one was found, with their path."""
    if not place:  # of the whole, not of a key
        return []
    *path, _ = place
    for part in path:
        field = schema.model_fields.get(str(part))
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, BaseModel):
            return []
        schema = field.annotation
    return [".".join(map(str, [*path, name])) for name in schema.model_fields]
