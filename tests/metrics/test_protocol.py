"""Constants of a protocol: what each check refuses, and that every metric makes it, over the registry."""

import inspect
import re
from typing import Any

import numpy as np
import pytest

from minebench.benchmarks import registry
from minebench.metrics.block_controls import block_controls
from minebench.metrics.block_grouping import greedy_blocks
from minebench.metrics.jemmig import jemmig_joint
from minebench.metrics.mig import mig
from minebench.metrics.protocol import check_choice, check_counts, check_flags, check_generator, check_number
from minebench.metrics.udr import udr
from minebench.metrics.uncertainty import standard_error
from minebench.metrics.z_min_var import factor_vae_score

DATA: dict[str, Any] = {
    "codes": np.random.default_rng(0).normal(size=(60, 4)),
    "factors": np.arange(60)[:, None] // [1, 3] % 3,
    "blocks": ((0, 1), (2, 3)),
    "models": np.random.default_rng(0).normal(size=(2, 60, 4)),
    "metric": mig,
    "informative": None,
    "information": None,
}
FUNCTIONS = {name: entry.function() for name, entry in registry.METRICS.items()}
FUNCTIONS |= {f"{name} on blocks": e.on_blocks().function() for name, e in registry.METRICS.items() if e.blocks}
FUNCTIONS |= {
    function.__name__: function
    for function in (block_controls, factor_vae_score, greedy_blocks, jemmig_joint, standard_error, udr)
}

Wrong = list[tuple[Any, type[Exception]]]
COUNT: Wrong = [(2.0, TypeError), ("3", TypeError), (True, TypeError), (0, ValueError), (-5, ValueError)]
NUMBER: Wrong = [(np.nan, ValueError), (np.inf, ValueError), (-0.5, ValueError), ("1", TypeError), (True, TypeError)]
WRONG_BY_DEFAULT: dict[type, Wrong] = {
    bool: [("no", TypeError), (1, TypeError), (None, TypeError)],
    int: [*COUNT, (np.nan, TypeError), (None, TypeError)],
    float: [*NUMBER, (None, TypeError)],
    str: [("another", ValueError), (None, ValueError)],
}
WRONG_BY_NAME: dict[str, Wrong] = {
    "n_factor_bins": [*COUNT, (1, ValueError)],
    "nuisance": [(0.0, TypeError), (True, TypeError), (-1, ValueError), (2, ValueError)],
    "rate": NUMBER,
    "rng": [(0, TypeError), (None, TypeError), (np.random.RandomState(0), TypeError)],
    "train_sizes": [((), ValueError), (100, ValueError), ((10, 0), ValueError), ((10.0,), TypeError)],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_constant_of_every_metric_is_checked_and_named(name):
    parameters = inspect.signature(FUNCTIONS[name]).parameters
    valid = {key: value for key, value in (DATA | {"rng": np.random.default_rng(0)}).items() if key in parameters}
    for constant, parameter in parameters.items():
        if constant in DATA or parameter.kind is parameter.VAR_KEYWORD:
            continue
        kind = type(parameter.default)
        for value, error in WRONG_BY_DEFAULT[kind] if kind in WRONG_BY_DEFAULT else WRONG_BY_NAME[constant]:
            with pytest.raises(error, match=f"^{constant} must be"):
                FUNCTIONS[name](**valid | {constant: value})


@pytest.mark.parametrize("number", [3, np.int64(3), np.uint8(3)])
def test_integers_of_numpy_are_whole_numbers(number):
    check_counts(3, n_bins=number)


def test_counts_name_themselves_and_the_least():
    with pytest.raises(ValueError, match=r"^n_bins must be at least 2; got 1$"):
        check_counts(2, n_train=2, n_bins=1)
    with pytest.raises(TypeError, match=r"^n_bins must be a whole number, 2 or more; got 20.0$"):
        check_counts(2, n_bins=20.0)


@pytest.mark.parametrize(
    ("value", "span", "range_of_it"),
    [
        (-1e-9, "[0, inf)", {}),
        (0.0, "(0, 1]", {"high": 1.0, "with_low": False}),
        (1.5, "(0, 1]", {"high": 1.0, "with_low": False}),
        (np.inf, "[0, inf)", {}),
        (np.nan, "[-1, 1]", {"low": -1.0, "high": 1.0}),
    ],
)
def test_numbers_out_of_range_are_refused_with_the_range(value, span, range_of_it):
    with pytest.raises(ValueError, match=re.escape(f"min_std must be in {span}; got {value}")):
        check_number("min_std", value, **range_of_it)


@pytest.mark.parametrize(
    ("value", "range_of_it"),
    [(0, {}), (np.float32(0.5), {}), (1e300, {}), (1.0, {"high": 1.0, "with_low": False}), (-1, {"low": -1.0})],
)
def test_the_ends_of_a_range_and_numbers_of_any_type_are_valid(value, range_of_it):
    check_number("min_std", value, **range_of_it)


def test_flags_words_and_generators():
    check_flags(named=np.True_, standardize=False)
    check_choice("binning", "width", ("width", "quantile"))
    check_generator(np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"^binning must be 'width' or 'quantile'; got 'log'$"):
        check_choice("binning", "log", ("width", "quantile"))
    with pytest.raises(TypeError, match=r"got 0; pass np.random.default_rng\(seed\)$"):
        check_generator(0)
