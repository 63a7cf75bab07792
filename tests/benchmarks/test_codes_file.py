"""Arrays of a file: what is taken, and what is refused by name."""

import numpy as np
import pytest

from minebench.benchmarks.codes_file import load_codes
from minebench.benchmarks.representation import Representation


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {"codes": rng.normal(size=(300, 4)).astype(np.float32), "factors": rng.integers(3, size=(300, 2))}


def test_files_without_the_two_arrays_are_refused(tmp_path, arrays):
    path = tmp_path / "a.npz"
    with pytest.raises(ValueError, match=r"no file at .*a.npz; expected an .npz file with arrays codes and factors"):
        load_codes(path)
    np.savez(path, codes=arrays["codes"], labels=arrays["factors"])
    with pytest.raises(ValueError, match="factors missing, it has codes, labels"):
        load_codes(path)
    path.write_text("codes")
    with pytest.raises(ValueError, match=r"is no \.npz file"):
        load_codes(path)


def test_pickled_arrays_are_refused(write):
    with pytest.raises(ValueError, match="arrays of Python objects are refused"):
        load_codes(write(codes=np.array([{"a": 1}], dtype=object)))


def test_a_file_cut_short_is_told_from_a_good_one(write):
    path = write()
    data = bytearray(path.read_bytes())
    data[200:400] = bytes(200)  # the arrays no longer have their checksums
    path.write_bytes(data)
    with pytest.raises(ValueError, match="is damaged"):
        load_codes(path)


def test_other_arrays_are_left_alone(write, arrays):
    loaded = load_codes(write(other=np.array([{"a": 1}], dtype=object)))
    np.testing.assert_array_equal(loaded.codes, arrays["codes"])
    assert loaded[2:] == (None, False, None)


@pytest.mark.parametrize(
    "blocks",
    [
        (None, False, None),
        (((0, 2), (1, 3)), False, None),
        (((1,), (0, 3), ()), True, None),
        (((3,), (), (0,)), True, 1),
    ],
)
def test_blocks_come_back_as_a_run_has_saved_them(blocks, tmp_path, arrays):
    saved = Representation(arrays["codes"], arrays["factors"], *blocks)
    saved.save(tmp_path / "codes.npz")
    assert load_codes(tmp_path / "codes.npz")[2:] == saved[2:]


def test_a_foreign_file_needs_block_of_code_alone(write):
    assert load_codes(write(block_of_code=[1, 0, -1, 1]))[2:] == (((1,), (0, 3)), False, None)
    more = {"n_blocks": 3, "named": True, "nuisance": 0}
    assert load_codes(write(block_of_code=[1, 0, -1, 1], **more))[2:] == (((1,), (0, 3), ()), True, 0)
    assert load_codes(write(block_of_code=[-1] * 4)).blocks is None


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.uint64, ">i4"])
def test_blocks_are_integers_of_any_kind(dtype, write):
    assert load_codes(write(block_of_code=np.array([0, 0, 1, 1], dtype))).blocks == ((0, 1), (2, 3))


@pytest.mark.parametrize("n_blocks", [-5, 20_000_000])
def test_a_number_of_blocks_that_is_none_is_refused(n_blocks, write):
    with pytest.raises(ValueError, match=f"n_blocks must be from 0 to 10000; got {n_blocks}"):
        load_codes(write(block_of_code=np.array([0, 0, 1, 1]), n_blocks=np.int64(n_blocks)))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"block_of_code": [0, 1]}, r"an integer for each of the codes \(300, 4\), .* got int64 \(2,\)"),
        ({"block_of_code": [0.0, 1, 0, 1]}, r"an integer for each of the codes .* got float64 \(4,\)"),
        ({"block_of_code": [[0, 1, 0, 1]]}, r"got int64 \(1, 4\)"),
        ({"block_of_code": [0, -2, 0, 1]}, r"from -1 to n_blocks - 1 = 1; got -2 to 1"),
        ({"block_of_code": [0, 1, 2, 0], "n_blocks": 2}, r"from -1 to n_blocks - 1 = 1; got 0 to 2"),
        ({"block_of_code": [0, 1, 0, 1], "n_blocks": [1, 2]}, r"n_blocks must be a single integer; got int64 \(2,\)"),
        ({"block_of_code": [0, 1, 0, 1], "named": 1}, r"named must be a single true or false; got int64 \(\)"),
        ({"block_of_code": [0, 1, 0, 1], "nuisance": 2}, r"nuisance must be -1 or one of the blocks 0..1; got 2"),
        ({"block_of_code": [0, 1, 0, 1], "nuisance": 1.0}, r"nuisance must be a single integer; got float64"),
        ({"block_of_code": [-1] * 4, "named": True}, r"named tells of blocks; block_of_code has none"),
        ({"named": True, "nuisance": 1}, r"named and nuisance tell of blocks; block_of_code \(n_codes,\) is missing"),
    ],
)
def test_blocks_that_do_not_fit_are_refused_with_the_file_and_the_array(more, message, write):
    with pytest.raises(ValueError, match=rf"a\.npz: .*{message}"):
        load_codes(write(**more))
