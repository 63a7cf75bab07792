import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from minebench.datasets.cache import Stored
from minebench.datasets.packed_pixels import PackedPixels, pack, unpack


def pixels_of(words: np.ndarray) -> PackedPixels:
    return PackedPixels(Stored.of(words))


WORDS = np.arange(6 * 64, dtype="<u8").reshape(6, 64)


def test_bit_c_is_column_c():
    """2^0 + 2^9 + 2^63 lights columns 0, 9 and 63 of its row."""
    words = np.zeros((1, 64), "<u8")
    words[0, 5] = 2**0 + 2**9 + 2**63
    image = unpack(words)[0, 0]
    assert np.argwhere(image).tolist() == [[5, 0], [5, 9], [5, 63]]
    assert set(np.unique(image)) == {0, 255}


@settings(deadline=None, database=None)
@given(arrays(np.uint8, st.tuples(st.integers(0, 3), st.integers(1, 4), st.just(64)), elements=st.integers(0, 1)))
def test_unpack_undoes_pack_with_255_for_1(images):
    words = pack(images)
    assert words.dtype == np.dtype("<u8")
    assert np.array_equal(unpack(words)[:, 0], images * 255)


def test_images_follow_the_index_with_repeats():
    images = pixels_of(WORDS).images(np.array([4, 0, 4]))
    assert np.array_equal(images, unpack(WORDS[[4, 0, 4]]))


@pytest.mark.parametrize("n", [4095, 4096, 4097, 10_000])
def test_blocks_leave_no_seam(n):
    rows = np.random.default_rng(n).integers(0, 6, n)
    images = pixels_of(WORDS).images(rows)
    assert images.shape == (n, 1, 64, 64)
    assert all(
        np.array_equal(images[rows == row], np.repeat(unpack(WORDS[[row]]), (rows == row).sum(), 0)) for row in range(6)
    )


def test_the_fingerprint_is_that_of_the_words_and_their_shape():
    digest = hashlib.sha256(WORDS.tobytes()).hexdigest()
    assert pixels_of(WORDS).fingerprint() == hashlib.sha256(f"{digest} 6 (1, 64, 64)".encode()).hexdigest()


def test_the_fingerprint_is_blind_to_where_the_pixels_come_from():
    known = PackedPixels(Stored(WORDS.copy(), hashlib.sha256(WORDS.tobytes()).hexdigest()))
    assert known.fingerprint() == pixels_of(WORDS).fingerprint()


def test_one_pixel_or_the_order_changes_the_fingerprint():
    flipped = WORDS.copy()
    flipped[3, 3] ^= np.uint64(1)
    prints = {pixels_of(words).fingerprint() for words in (WORDS, flipped, WORDS[::-1])}
    assert len(prints) == 3


@pytest.mark.parametrize("words", [WORDS.astype(np.int64), WORDS.astype(">u8"), WORDS.ravel()])
def test_words_of_another_form_are_refused(words):
    with pytest.raises(ValueError, match=r"words must be little-endian uint64 \(n, H\)"):
        pixels_of(words)
