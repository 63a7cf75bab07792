"""Controls: random blocks and shuffled labels near chance, labels as codes near the best."""

import numpy as np
import pytest

from minebench.metrics import block_information as block_information_module
from minebench.metrics.block_controls import block_controls
from minebench.metrics.block_gaps import mig_blocks_result, named_gap_result
from minebench.metrics.block_information import block_information
from minebench.metrics.block_irs import irs_blocks
from minebench.metrics.block_votes import z_diff_blocks, z_min_var_blocks

BLOCKS = [[], [0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]


def controls(n_samples=400):
    """Each of three factors in the four codes of its block."""
    rng = np.random.default_rng(0)
    factors = rng.integers(4, size=(n_samples, 3))
    codes = np.repeat(factors, 4, axis=1) + 0.1 * rng.normal(size=(n_samples, 12))
    return codes, factors, block_controls(codes, factors, BLOCKS, rng=rng, nuisance=0)


def test_random_blocks_keep_the_sizes_and_the_codes():
    codes, factors, found = controls()
    control = found["random blocks"]
    assert [len(block) for block in control.blocks] == [0, 4, 4, 4]
    assert sorted(code for block in control.blocks for code in block) == list(range(12))
    assert control.blocks != tuple(map(tuple, BLOCKS))
    np.testing.assert_array_equal(control.codes, codes)
    np.testing.assert_array_equal(control.factors, factors)


def test_shuffled_labels_keep_rows_whole():
    _, factors, found = controls()
    shuffled = found["shuffled labels"].factors
    assert (shuffled != factors).any()
    assert sorted(map(tuple, shuffled)) == sorted(map(tuple, factors))


def test_labels_as_codes_leave_the_nuisance_block_empty():
    codes, factors, found = controls()
    assert found["labels as codes"].blocks == ((), (0,), (1,), (2,))
    plain = block_controls(codes, factors, BLOCKS, rng=np.random.default_rng(0))
    assert plain["labels as codes"].blocks == ((0,), (1,), (2,))


def test_scores_of_the_controls_are_what_they_are_for(monkeypatch):
    """Labels: near 1 in all. Shuffled: chance. Random blocks: every factor is in several, so no block has a gap."""
    monkeypatch.setattr(block_information_module, "_UPDATES", 300)
    _, _, found = controls()
    votes = {"n_train": 300, "n_test": 200}
    gaps, named, migs = {}, {}, {}
    for name, control in found.items():
        rng = np.random.default_rng(0)
        information = block_information(*control, rng=rng)
        migs[name] = mig_blocks_result(*control, rng=rng, information=information).value
        arguments = {"rng": rng, "information": information, "named": True, "nuisance": 0}
        named[name] = named_gap_result(*control, **arguments).value
        gaps[name] = z_diff_blocks(*control, rng=rng, **votes), 1 - z_min_var_blocks(*control, rng=rng, **votes)
    assert min(migs["labels as codes"], named["labels as codes"], *gaps["labels as codes"]) > 0.95
    assert irs_blocks(*found["labels as codes"]) == pytest.approx(1)
    assert abs(migs["shuffled labels"]) < 0.05
    assert abs(named["shuffled labels"]) < 0.05
    assert max(gaps["shuffled labels"]) < 1 / 3 + 4 * np.sqrt(2 / 9 / 200) + 0.05
    assert migs["random blocks"] < 0.4
    assert named["random blocks"] < 0.4


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="equal n_samples"):
        block_controls(np.eye(3), np.eye(4), [[0]], rng=np.random.default_rng(0))
