import csv
import hashlib
import os
import random
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from minebench.datasets import dsprites as module
from minebench.datasets.cache import Stored
from minebench.datasets.dsprites import FILE_NAMES, WORDS_SHA256, compare_with_real, draw_dsprites, load_dsprites
from minebench.datasets.files import DataFileError
from minebench.datasets.image_grid import ImageGrid
from minebench.datasets.packed_pixels import PackedPixels
from minebench.datasets.splits import held_out_split

GOLDEN = Path(os.environ.get("MINEBENCH_GOLDEN", Path(__file__).parents[3] / "shared" / "golden"))
needs_golden = pytest.mark.skipif(
    not GOLDEN.is_dir(), reason=f"no published frames in {GOLDEN}; set MINEBENCH_GOLDEN to their folder"
)
# the rows behind the 100 published frames with known factors
LABELLED_ROWS = [92595, 339150, 656090, *random.Random(1234).sample(range(737_280), 97)]  # noqa: S311
LABELLED_SHA256 = "4d3605dd2c7fbda04474c37e0355038297cc78f73982198f7c5be75d87b0fca3"


def golden_frames(name: str, n: int, n_columns: int) -> np.ndarray:
    """The frames of a picture of tiles, booleans (n, 64, 64)."""
    picture = np.asarray(Image.open(GOLDEN / name).convert("L")) > 127
    tiles = picture.reshape(-1, 64, n_columns, 64).swapaxes(1, 2).reshape(-1, 64, 64)
    assert len(tiles) == n
    return tiles


def golden_rows(name: str) -> list[dict[str, int]]:
    with (GOLDEN / name).open(newline="") as file:
        return [{key: int(value) for key, value in row.items()} for row in csv.DictReader(file)]


@needs_golden
def test_all_100_labelled_frames_agree_in_every_pixel_and_label(dsprites):
    labels = golden_rows("dsprites_labelled_100.csv")
    rows = [label["index"] for label in labels]
    factors = [[label[name] for name in dsprites.factor_names] for label in labels]
    assert rows == LABELLED_ROWS
    assert dsprites.factors(rows).tolist() == factors
    frames = golden_frames("dsprites_labelled_100.png", 100, 10)
    assert np.array_equal(dsprites.images(rows)[:, 0] > 0, frames)
    published = np.packbits(frames, axis=-1, bitorder="little").tobytes()
    assert hashlib.sha256(published).hexdigest() == LABELLED_SHA256


@needs_golden
def test_all_320_frames_of_the_published_animation_agree_in_every_pixel(dsprites):
    rows = [row["inferred_index"] for row in golden_rows("dsprites_gif_320.csv")]
    assert np.array_equal(dsprites.images(rows)[:, 0] > 0, golden_frames("dsprites_gif_320.png", 320, 20))


def test_the_labelled_frames_have_the_hash_of_the_published_ones(dsprites):
    """As the first test, where the published frames are not at hand."""
    assert hashlib.sha256(dsprites.pixels.words[LABELLED_ROWS].tobytes()).hexdigest() == LABELLED_SHA256


def test_without_a_file_the_whole_set_is_drawn_with_the_published_hash(dsprites):
    assert dsprites.source == "procedural"
    assert len(dsprites) == 737_280
    assert dsprites.factor_sizes == (3, 6, 40, 32, 32)
    assert hashlib.sha256(dsprites.pixels.words.data).hexdigest() == dsprites.pixels.stored.sha256 == WORDS_SHA256


@pytest.fixture(scope="module")
def pictures(dsprites):
    """A number for every row, equal where the frames are equal in every bit."""
    return np.unique(dsprites.pixels.words.view("V512").ravel(), return_inverse=True)[1]


def test_21574_frames_repeat_others(pictures):
    assert len(pictures) - len(np.unique(pictures)) == 21_574


def test_orientations_0_and_39_are_the_same_picture(dsprites, pictures):
    """That alone makes 3 * 6 * 32 * 32 = 18,432 repeats."""
    by_orientation = pictures.reshape(dsprites.factor_sizes)
    assert np.array_equal(by_orientation[:, :, 0], by_orientation[:, :, 39])
    assert by_orientation[:, :, 0].size == 18_432


def test_3882_held_out_rows_have_a_twin_among_the_rows_trained_on(dsprites, pictures):
    split = held_out_split(dsprites)
    assert np.isin(pictures[split.held_out], pictures[split.train]).sum() == 3_882


def test_a_second_load_maps_the_store(dsprites, dsprites_root, monkeypatch):
    monkeypatch.setattr(module, "draw_dsprites", pytest.fail)
    again = load_dsprites(dsprites_root)
    assert again.fingerprint() == dsprites.fingerprint()
    assert isinstance(again.pixels.words.base, np.memmap)


def test_the_default_root_is_the_environments(dsprites, dsprites_root, monkeypatch):
    monkeypatch.setenv("MINEBENCH_DATA", str(dsprites_root))
    monkeypatch.setattr(module, "draw_dsprites", pytest.fail)
    assert load_dsprites().fingerprint() == dsprites.fingerprint()


def test_a_drawing_that_is_not_the_published_one_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "draw_dsprites", lambda: [np.zeros((737_280, 64), "<u8")])
    with pytest.raises(ValueError, match=f"must have sha256 {WORDS_SHA256}"):
        load_dsprites(tmp_path)


def test_the_file_is_looked_for_under_its_published_names_in_two_places():
    stem = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64"
    assert {f"dsprites/{stem}.npz", f"{stem}.npz", f"dsprites/{stem}.hdf5", f"{stem}.hdf5"} <= set(FILE_NAMES)


@pytest.mark.parametrize("name", FILE_NAMES)
def test_a_bad_file_is_an_error_and_never_replaced_by_the_drawing(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"PK\x03\x04 half a download")
    with pytest.raises(DataFileError, match="delete it and get it again"):
        load_dsprites(tmp_path)


def test_a_file_of_another_grid_is_an_error(write_file, small_arrays, tmp_path):
    write_file(small_arrays, stem=tmp_path / FILE_NAMES[0].removesuffix(".npz"))
    with pytest.raises(DataFileError, match=r"latents_classes to be integer \(737280, 6\); got int64 \(2400, 6\)"):
        load_dsprites(tmp_path)


def test_without_a_file_there_is_nothing_to_compare(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"co1sh3sc6or40x32y32_64x64.npz.*28,024,106 bytes.*sha256 729fa22e"):
        compare_with_real(tmp_path)


def test_the_comparison_counts_differing_frames_and_pixels(dsprites, tmp_path, monkeypatch):
    """Two pixels of row 1,023 (the end of a block) and one of the last row."""
    words = dsprites.pixels.words.copy()
    words[1023, [0, 63]] ^= np.array([1, 2**63], np.uint64)
    words[-1, 5] ^= np.uint64(2**17)
    found = ImageGrid("dsprites", "real", PackedPixels(Stored.of(words)), dsprites.grid)
    monkeypatch.setattr(module, "read_dsprites", lambda path, root: found)
    path = tmp_path / FILE_NAMES[0]
    path.parent.mkdir()
    path.touch()
    assert compare_with_real(tmp_path) == (path, 737_280, 2, 3)


def write_full_npz(path: Path) -> None:
    """A file in the published format and size, streamed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("imgs.npy", "w", force_zip64=True) as member:
            header = {"descr": "|u1", "fortran_order": False, "shape": (737_280, 64, 64)}
            np.lib.format.write_array_header_1_0(member, header)
            for words in draw_dsprites():
                member.write(np.unpackbits(words.view(np.uint8), bitorder="little").data)
        with archive.open("latents_classes.npy", "w") as member:
            classes = np.indices((1, 3, 6, 40, 32, 32)).reshape(6, -1).T
            np.lib.format.write_array(member, np.ascontiguousarray(classes, np.int64))


def write_full_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        images = file.create_dataset(
            "imgs", (737_280, 64, 64), np.uint8, chunks=(23_040, 2, 4), compression="gzip", compression_opts=1
        )
        blocks = draw_dsprites()
        for start in range(0, 737_280, 46_080):  # two rows of chunks, 45 blocks
            words = np.concatenate([next(blocks) for _ in range(45)])
            pixels = np.unpackbits(words.view(np.uint8), bitorder="little")
            images[start : start + 46_080] = pixels.reshape(-1, 64, 64)
        classes = np.indices((1, 3, 6, 40, 32, 32)).reshape(6, -1).T
        file.create_dataset("latents/classes", data=classes, dtype=np.int64)


IMPORT = """
import sys
from pathlib import Path
from minebench.datasets.dsprites import load_dsprites
grid = load_dsprites(Path(sys.argv[1]))
# not getrusage, whose maximum a child inherits from the process that started it
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(grid.source, grid.pixels.stored.sha256, grid.fingerprint(), peak)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from Linux's /proc")
@pytest.mark.parametrize(("name", "write"), [(FILE_NAMES[0], write_full_npz), (FILE_NAMES[3], write_full_hdf5)])
def test_a_file_of_the_published_size_is_imported_within_600_mb(tmp_path, dsprites, name, write):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    write(path)
    command = [sys.executable, "-P", "-c", IMPORT, str(tmp_path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert answer[:3] == ["real", WORDS_SHA256, dsprites.fingerprint()]
    assert int(answer[3]) < 600_000  # kilobytes
    assert compare_with_real(tmp_path) == (path, 737_280, 0, 0)
    shutil.rmtree(tmp_path)  # 0.4 GB that pytest would keep for three sessions
