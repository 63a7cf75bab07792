"""The one check of a protocol's constants: every metric refuses the same wrong counts, numbers, words and generators.

A constant of the wrong type is a ``TypeError``, one out of its range a ``ValueError``; both name the argument and what
it takes. Without the check NaN passes as a threshold that no code meets, and 20.0 as a number of bins.
"""

import math
from collections.abc import Collection
from numbers import Integral, Real

import numpy as np


def check_counts(least: int = 1, /, **counts: int) -> None:
    """Refuse what is no whole number, or too small a one.

    Args:
        least: Smallest count that is valid.
        **counts: The counts, by the names of the arguments.

    Raises:
        TypeError: If a count is no integer of Python or NumPy, such as 20.0 or True.
        ValueError: If a count is below ``least``.
    """
    for name, count in counts.items():
        if not isinstance(count, Integral) or isinstance(count, bool):
            raise TypeError(f"{name} must be a whole number, {least} or more; got {count!r}")
        if count < least:
            raise ValueError(f"{name} must be at least {least}; got {count}")


def check_number(name: str, value: float, *, low: float = 0.0, high: float = math.inf, with_low: bool = True) -> None:
    """Refuse what is no number, not finite, or out of range.

    Args:
        name: The argument.
        value: What it was given.
        low: Lower end of the range.
        high: Upper end; it is valid unless it is infinite.
        with_low: Whether the lower end is valid.

    Raises:
        TypeError: If ``value`` is no real number.
        ValueError: If it is NaN, infinite, or outside the range.
    """
    span = f"{'[' if with_low else '('}{low:g}, {high:g}{']' if math.isfinite(high) else ')'}"
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number in {span}; got {value!r}")
    if not (low <= value <= high and math.isfinite(value) and (with_low or value > low)):
        raise ValueError(f"{name} must be in {span}; got {value}")


def check_flags(**flags: bool) -> None:
    """Refuse what is neither true nor false: the word "no" would count as true.

    Args:
        **flags: The flags, by the names of the arguments.

    Raises:
        TypeError: If one is no bool of Python or NumPy.
    """
    for name, flag in flags.items():
        if not isinstance(flag, bool | np.bool_):
            raise TypeError(f"{name} must be True or False; got {flag!r}")


def check_choice(name: str, value: str, choices: Collection[str]) -> None:
    """Refuse a word that is not among those known.

    Args:
        name: The argument.
        value: What it was given.
        choices: What it takes, ``get_args`` of its type.

    Raises:
        ValueError: If ``value`` is none of them.
    """
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be {' or '.join(map(repr, choices))}; got {value!r}")


def check_generator(rng: np.random.Generator) -> None:
    """Refuse a seed, or the old ``RandomState``, in place of a generator.

    Args:
        rng: Source of a metric's draws.

    Raises:
        TypeError: If it is no ``numpy.random.Generator``.
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy.random.Generator; got {rng!r}; pass np.random.default_rng(seed)")
