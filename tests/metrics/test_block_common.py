"""What every score of blocks owes, tested over the registry."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minebench.benchmarks import registry
from minebench.metrics import block_information

METRICS = {name: entry.on_blocks() for name, entry in registry.METRICS.items() if entry.blocks}
metrics = pytest.mark.parametrize("name", METRICS)
SMALL = {"n_train": 60, "n_test": 40}


@pytest.fixture(autouse=True, scope="module")
def _short_training():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block_information, "_UPDATES", 60)  # one look at the rows that say when to stop
        yield


def score(name: str, codes: Any, factors: Any, blocks: Sequence[Sequence[int]], seed: int = 0) -> Any:
    entry = METRICS[name]
    arguments = {key: value for key, value in SMALL.items() if key in entry.full_protocol()}
    if entry.is_random():
        arguments["rng"] = np.random.default_rng(seed)
    return entry.function()(codes, factors, blocks, **arguments)


@st.composite
def any_input(draw):
    """Small random input with ties, dead codes, rare values, wild units, empty blocks and codes in none."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_samples, n_codes, n_factors = draw(st.integers(8, 60)), draw(st.integers(1, 6)), draw(st.integers(1, 4))
    factors = rng.integers(-1, draw(st.integers(1, 4)), size=(n_samples, n_factors))
    factors[:2], factors[2:4] = 0, 1  # every factor varies and has a value with two rows
    codes = rng.normal(size=(n_samples, n_codes)) * 10.0 ** rng.integers(-200, 100, size=n_codes)
    if draw(st.booleans()):
        codes = np.sign(codes)
    codes[:, : draw(st.integers(0, n_codes))] = 0.1
    owner = rng.integers(-1, 3, size=n_codes)
    return codes, factors, [np.flatnonzero(owner == block).tolist() for block in range(3)]


@metrics
@settings(derandomize=True, deadline=None, max_examples=10)
@given(any_input())
def test_any_valid_input_scores_within_the_range_in_plain_json(name, data):
    result = score(name, *data)
    assert type(result.value) is float
    assert METRICS[name].lower - 1e-9 <= result.value <= METRICS[name].upper + 1e-9  # NaN fails as well
    assert as_json(result.details)
    assert {"factors", "dropped_factors", "n_codes", "dead_codes", "notes"} <= result.details.keys()
    assert result.details["codes_per_block"] == [len(block) for block in data[2]]
    assert result.direction == METRICS[name].direction


@metrics
def test_inputs_are_not_changed_and_layout_and_container_do_not_matter(name):
    rng = np.random.default_rng(0)
    codes, factors, blocks = rng.normal(size=(80, 5)), rng.integers(3, size=(80, 2)), ((0, 3), (1,), (4, 2))
    kept = codes.copy(), factors.copy()
    codes.setflags(write=False)
    factors.setflags(write=False)
    expected = score(name, codes, factors, blocks)
    np.testing.assert_array_equal(codes, kept[0])
    np.testing.assert_array_equal(factors, kept[1])
    assert score(name, np.asfortranarray(codes), factors.tolist(), [np.array(block) for block in blocks]) == expected
    assert score(name, codes, factors * 7 - 10, blocks) == expected


@metrics
def test_what_single_codes_are_refused_for_is_refused(name):
    codes, factors = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30)[:, None] % 3
    codes[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"code columns \[1\] hold NaN or inf"):
        score(name, codes, factors, [[0], [2]])
    with pytest.raises(ValueError, match="equal n_samples"):
        score(name, codes[1:], factors, [[0], [2]])
    with pytest.raises(ValueError, match="every factor is constant"):
        score(name, codes[:, [0]], factors * 0, [[0], []])
    with pytest.raises(ValueError, match="named twice"):
        score(name, codes[:, [0]], factors, [[0], [0]])


def as_json(value):
    """Whether the value holds plain JSON types only, no NaN and no numpy scalars."""
    if isinstance(value, dict):
        return all(type(key) is str and as_json(item) for key, item in value.items())
    if isinstance(value, list):
        return all(as_json(item) for item in value)
    return value is None or type(value) in (bool, int, str) or (type(value) is float and np.isfinite(value))


@metrics
def test_constant_blocks_are_noted_though_a_code_in_no_block_varies(name):
    factors = np.random.default_rng(0).integers(3, size=(60, 2))
    codes = np.column_stack([np.zeros((60, 2)), factors])
    [note] = score(name, codes, factors, [[0], [1]]).details["notes"]
    assert note.startswith("all blocks are constant")
