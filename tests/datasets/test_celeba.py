"""CelebA from files in the published form, made here: synthetic pictures, made-up labels."""

import hashlib
import io
import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minebench.datasets import celeba_pictures
from minebench.datasets.celeba import load_celeba
from minebench.datasets.celeba_files import ATTRIBUTES, CARD, CELEBA
from minebench.datasets.celeba_pictures import prepare_picture
from minebench.datasets.files import DataFileError
from minebench.datasets.splits import held_out_split

N = 24
UNKNOWN = {
    name: replace(getattr(CELEBA, name), checksum=None) for name in ("pictures", "labels", "partition", "identity")
}
SMALL = replace(CELEBA, n_images=N, **UNKNOWN)
NAMES = [f"{number:06d}.jpg" for number in range(1, N + 1)]
RNG = np.random.default_rng(0)
VALUES = RNG.integers(0, 2, (N, 40))
PARTS = np.arange(N) * 3 // N  # eight of each
PEOPLE = RNG.integers(1, 6, N)


def picture(number: int) -> Image.Image:
    """A smooth picture that says its number by its colours; the border outside the crop is white."""
    y, x = np.mgrid[0:218, 0:178]
    planes = [number * 10 + 0 * x, x, y]
    pixels = np.stack(planes, axis=-1).astype(np.uint8)
    pixels[:30] = pixels[-30:] = pixels[:, :10] = pixels[:, -10:] = 255
    return Image.fromarray(pixels)


def jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


JPEGS = [jpeg(picture(number)) for number in range(N)]


def write_pictures(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, content in reversed(list(zip(NAMES, JPEGS, strict=True))):  # folders have no order
        (folder / name).write_bytes(content)


def write_zip(path: Path, members: dict[str, bytes] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures = {f"img_align_celeba/{name}": content for name, content in zip(NAMES, JPEGS, strict=True)}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("img_align_celeba/", b"")
        for name, content in (pictures if members is None else members).items():
            archive.writestr(name, content)


def write_labels(folder: Path) -> None:
    """In the form of the published text files: two header lines or none, two spaces before a positive number."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [f"{n} " + " ".join(f"{2 * v - 1:2d}" for v in row) for n, row in zip(NAMES, VALUES, strict=True)]
    (folder / "list_attr_celeba.txt").write_text("\n".join([str(N), " ".join(ATTRIBUTES) + " ", *rows]) + "\n")
    (folder / "list_eval_partition.txt").write_text("".join(f"{n} {p}\n" for n, p in zip(NAMES, PARTS, strict=True)))
    (folder / "identity_CelebA.txt").write_text("".join(f"{n} {p}\n" for n, p in zip(NAMES, PEOPLE, strict=True)))


def write_csv(folder: Path) -> None:
    """In the form of Kaggle's copies, which leave the identity out."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [f"{name}," + ",".join(str(2 * value - 1) for value in row) for name, row in zip(NAMES, VALUES, strict=True)]
    (folder / "list_attr_celeba.csv").write_text("\n".join([",".join(["image_id", *ATTRIBUTES]), *rows]) + "\n")
    rows = [f"{name},{part}" for name, part in zip(NAMES, PARTS, strict=True)]
    (folder / "list_eval_partition.csv").write_text("\n".join(["image_id,partition", *rows]) + "\n")


@pytest.fixture
def root(tmp_path) -> Path:
    write_pictures(tmp_path / "celeba" / "img_align_celeba")
    write_labels(tmp_path / "celeba")
    return tmp_path


def load(root: Path, **kwargs: object):
    return load_celeba(root, layout=SMALL, **kwargs)


def left_behind(root: Path) -> list[str]:
    return sorted(file.name for file in root.glob("imported/*.u8*") if file.suffix != ".lock")


def test_folder_and_text_files_become_a_real_table(root):
    data = load(root)
    assert (data.name, data.source, len(data)) == ("celeba", "real", N)
    assert data.image_shape == (3, 64, 64)
    assert data.factor_names == ATTRIBUTES
    assert data.factor_sizes == (2,) * 40
    assert np.array_equal(data.factors(np.arange(N)), VALUES)
    assert np.array_equal(data.attributes, VALUES)
    assert np.array_equal(data.split, PARTS)
    assert np.array_equal(data.identity, PEOPLE)
    assert not hasattr(data, "index")


def test_pictures_are_in_the_order_of_their_names(root):
    """Their red planes are 0, 10, 20 ..."""
    red = load(root).images(np.arange(N))[:, 0]
    assert abs(red.mean(axis=(1, 2)) - 10 * np.arange(N)).max() < 1


def test_the_crop_is_central_and_the_reduction_keeps_the_geometry(root):
    """Columns 15 ... 162 and rows 35 ... 182 become 64: pixel k is centred at 15 (or 35) + 2.3125 (k + .5) - .5."""
    image = load(root).images([3])[0].astype(float)
    centres = 2.3125 * (np.arange(64) + 0.5) - 0.5
    assert abs(image[1, 32] - (15 + centres)).max() < 2  # JPEG's own error
    assert abs(image[2, :, 32] - (35 + centres)).max() < 2


@pytest.mark.slow  # seconds to import
def test_the_preparation_is_torchvisions():
    from torchvision.transforms import CenterCrop, Compose, Resize

    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (218, 178, 3), np.uint8))
    assert np.array_equal(prepare_picture(noise), np.asarray(Compose([CenterCrop(148), Resize(64)])(noise)))


def test_the_reduction_does_not_alias():
    """Lines one pixel wide, twice finer than the result can hold, become an even grey."""
    lines = np.zeros((218, 178, 3), np.uint8)
    lines[:, ::2] = 255
    assert abs(prepare_picture(Image.fromarray(lines))[:, 2:-2].astype(float) - 127.5).max() < 32


def test_zip_nested_folder_and_csv_give_the_same_pixels(root, tmp_path):
    expected = load(root)
    write_zip(tmp_path / "zip" / "celeba" / "img_align_celeba.zip")
    write_labels(tmp_path / "zip" / "celeba")
    write_pictures(tmp_path / "kaggle" / "celeba" / "img_align_celeba" / "img_align_celeba")
    write_csv(tmp_path / "kaggle" / "celeba")
    zipped, kaggle = load(tmp_path / "zip"), load(tmp_path / "kaggle")
    assert zipped.fingerprint() == kaggle.fingerprint() == expected.fingerprint()
    assert np.array_equal(zipped.identity, PEOPLE)
    assert kaggle.identity is None


def test_the_authors_own_folders_are_known(root, tmp_path):
    own = tmp_path / "own" / "celeba"
    write_zip(own / "Img" / "img_align_celeba.zip")
    write_labels(own / "Anno")
    (own / "Eval").mkdir()
    (own / "Anno" / "list_eval_partition.txt").rename(own / "Eval" / "list_eval_partition.txt")
    assert load(tmp_path / "own").fingerprint() == load(root).fingerprint()


def test_without_any_file_the_drawn_faces_stand_in(tmp_path, monkeypatch):
    drawn = object()
    monkeypatch.setattr("minebench.datasets.celeba.load_celeba_like", lambda root, report: (root, drawn))
    assert load(tmp_path) == (tmp_path, drawn)


def test_everything_is_read_once(root, monkeypatch):
    first = load(root)
    monkeypatch.setattr("minebench.datasets.celeba.read_pictures", pytest.fail)
    monkeypatch.setattr("minebench.datasets.celeba.read_attributes", pytest.fail)
    again = load(root, report=pytest.fail)
    assert again.fingerprint() == first.fingerprint()
    assert isinstance(again.pixels.stored.array.base, np.memmap)


def test_blocks_leave_no_seam(root, tmp_path, monkeypatch):
    expected = load(root)
    shutil.rmtree(root / "imported")
    monkeypatch.setattr(celeba_pictures, "_BLOCK", 7)
    monkeypatch.setattr("minebench.datasets.celeba_labels._BLOCK", 5)
    told = []
    again = load(root, report=lambda *words: told.append(words))
    assert np.array_equal(again.pixels.stored.array, expected.pixels.stored.array)
    assert np.array_equal(again.attributes, VALUES)
    assert [done for stage, done, _ in told if stage == "celeba_64.u8"] == [7, 14, 21, 24]


def test_models_train_on_the_published_training_part_and_are_scored_on_the_test_part(root):
    split = held_out_split(load(root))
    assert np.array_equal(split.train, np.flatnonzero(PARTS == 0))
    assert np.array_equal(np.sort(split.held_out), np.flatnonzero(PARTS == 2))


def test_a_sample_has_its_fixed_attributes(root):
    data = load(root)
    rows = data.sample(50, np.random.default_rng(1), fixed={"Male": 1, "Smiling": 0})
    assert (data.factors(rows)[:, [ATTRIBUTES.index("Male"), ATTRIBUTES.index("Smiling")]] == (1, 0)).all()


def test_labels_and_partition_are_part_of_the_fingerprint(root):
    first = load(root).fingerprint()
    for name, old, new in (("list_attr_celeba.txt", "-1", " 1"), ("list_eval_partition.txt", " 1\n", " 2\n")):
        path = root / "celeba" / name
        content = path.read_text()
        path.write_text(content.replace(old, new, 1))
        assert load(root).fingerprint() != first
        path.write_text(content)


def edit(name: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).write_text(change((folder / name).read_text()))

    return spoil


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            remove("list_attr_celeba.txt"),
            r"list_attr_celeba\.txt: expected this file beside the others of CelebA.*got none",
        ),
        (remove("list_eval_partition.txt"), r"list_eval_partition\.txt: expected this file beside the others"),
        (
            edit("list_attr_celeba.txt", lambda t: t.replace("24\n", "25\n", 1)),
            "the number of pictures, 24 in line 1; got 25",
        ),
        (
            edit("list_attr_celeba.txt", lambda t: t.replace("Bangs Big_Lips", "Big_Lips Bangs")),
            "the names of 40 attributes in line 2",
        ),
        (
            edit("list_attr_celeba.txt", lambda t: t[:-500]),
            "expected 24 pictures; got the end after|000021.jpg|40 values",
        ),
        (edit("list_attr_celeba.txt", lambda t: t + "000025.jpg 1\n"), "expected 24 pictures; got more in line 27"),
        (
            edit("list_attr_celeba.txt", lambda t: t.replace("000007.jpg", "000070.jpg")),
            r"expected 000007\.jpg and 40 values of -1 or 1 in line 9",
        ),
        (edit("list_attr_celeba.txt", lambda t: t.replace("-1", " 0", 1)), "expected values of -1 and 1 above line"),
        (edit("list_attr_celeba.txt", lambda t: t.replace("-1", " x", 1)), "expected integers above line"),
        (
            edit("list_eval_partition.txt", lambda t: t.replace("jpg 2", "jpg 3", 1)),
            "expected numbers from 0 to 2; got 0 to 3",
        ),
        (
            edit("list_eval_partition.txt", lambda t: t.replace(" 0", "", 1)),
            r"expected 000001\.jpg and one number in line 1",
        ),
        (edit("list_eval_partition.txt", lambda t: ""), "expected 24 pictures; got the end after 0 lines"),
        (
            edit("identity_CelebA.txt", lambda t: t.replace(f" {PEOPLE[0]}\n", " 0\n", 1)),
            "expected numbers from 1; got 0",
        ),
    ],
)
def test_missing_and_bad_labels_are_told_with_file_line_and_remedy(root, spoil, message):
    spoil(root / "celeba")
    with pytest.raises(DataFileError, match=message) as refused:
        load(root)
    assert "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html" in str(refused.value)
    assert left_behind(root) == []


def test_labels_without_pictures_are_an_error_and_nothing_at_all_is_none(tmp_path):
    write_labels(tmp_path / "celeba")
    with pytest.raises(
        DataFileError, match=r"img_align_celeba\.zip: expected this file .*, or one of celeba/img_align"
    ):
        load(tmp_path)


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (JPEGS[4][:700], "truncated|broken"),
        (JPEGS[4].replace(b"\x00\xda\x00\xb2", b"\xff\xdc\xff\xdc", 1), "exceeds limit"),  # a header of 65,500 x 65,500
        (b"", "cannot identify"),
        (b"<!DOCTYPE html>", "cannot identify"),
        (jpeg(picture(4).resize((64, 64))), "a picture of 64 x 64 pixels"),
        (jpeg(picture(4).transpose(Image.Transpose.ROTATE_90)), "a picture of 218 x 178 pixels"),
    ],
)
@pytest.mark.parametrize("form", ["folder", "zip"])
def test_a_bad_picture_is_named_and_leaves_nothing(root, content, got, form):
    folder = root / "celeba" / "img_align_celeba"
    if form == "folder":
        (folder / "000005.jpg").write_bytes(content)
    else:
        shutil.rmtree(folder)
        pictures = dict(zip((f"img_align_celeba/{name}" for name in NAMES), JPEGS, strict=True))
        write_zip(root / "celeba" / "img_align_celeba.zip", pictures | {"img_align_celeba/000005.jpg": content})
    with pytest.raises(
        DataFileError, match=rf"expected 000005\.jpg to be a whole JPEG of 178 x 218 pixels; got .*({got})"
    ):
        load(root)
    assert left_behind(root) == []


def test_a_picture_in_grey_becomes_three_equal_channels(root):
    (root / "celeba" / "img_align_celeba" / "000005.jpg").write_bytes(jpeg(picture(4).convert("L")))
    red, green, blue = load(root).images([4])[0]
    assert np.array_equal(red, green)
    assert np.array_equal(red, blue)


def test_a_missing_picture_is_named(root):
    (root / "celeba" / "img_align_celeba" / "000009.jpg").unlink()
    with pytest.raises(DataFileError, match=r"expected 24 pictures; got 23, without 000009\.jpg"):
        load(root)


def archive_with(root: Path, members: dict[str, bytes]) -> None:
    shutil.rmtree(root / "celeba" / "img_align_celeba")
    pictures = dict(zip((f"img_align_celeba/{name}" for name in NAMES), JPEGS, strict=True))
    write_zip(root / "celeba" / "img_align_celeba.zip", pictures | members)


@pytest.mark.parametrize(
    "name", ["../../evil.jpg", "/etc/evil.jpg", "img_align_celeba/../../000001.jpg", "a\\..\\000001.jpg"]
)
def test_an_archive_that_points_outside_is_refused_and_writes_nothing(root, name):
    archive_with(root, {name: b"evil"})
    with pytest.raises(DataFileError, match="expected members below one folder; got ") as refused:
        load(root)
    assert refused.value.got == name
    assert [path for folder in (root, root.parent) for path in folder.glob("*/*evil*")] == []
    assert left_behind(root) == []


def test_a_bomb_in_the_archive_is_refused_before_it_is_inflated(root):
    archive_with(root, {})
    path = root / "celeba" / "img_align_celeba.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in zip(NAMES, JPEGS, strict=True):
            archive.writestr(f"img_align_celeba/{name}", bytes(1 << 25) if name == NAMES[3] else content)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(
        DataFileError, match=r"expected pictures up to 1,048,576 bytes; got 000004\.jpg of 33,554,432 bytes"
    ):
        load(root)


@pytest.mark.parametrize("part", [0.0, 0.5, 0.99])
def test_a_cut_archive_is_refused(root, part):
    archive_with(root, {})
    path = root / "celeba" / "img_align_celeba.zip"
    os.truncate(path, int(part * path.stat().st_size))
    with pytest.raises(DataFileError, match="expected a complete zip archive"):
        load(root)


@pytest.mark.parametrize("name", ["pictures", "labels", "partition", "identity"])
def test_published_checksums_are_compared(root, name):
    archive_with(root, {})
    path = root / "celeba" / SMALL.__getattribute__(name).name
    md5 = hashlib.md5(path.read_bytes()).hexdigest()  # noqa: S324 - the published checksums are of this kind
    file = getattr(SMALL, name)
    assert len(load_celeba(root, layout=replace(SMALL, **{name: replace(file, checksum=f"md5:{md5}")}))) == N
    with pytest.raises(DataFileError, match=f"{path.name}: expected md5 {'0' * 32}; got {md5}"):
        load_celeba(root, layout=replace(SMALL, **{name: replace(file, checksum="md5:" + "0" * 32)}))


def test_the_card_is_that_of_the_published_files():
    assert (CARD.n_images, len(CARD.factor_names)) == (202_599, 40)
    assert CELEBA.pictures.checksum == "md5:00d2c5bc6d35e252742224ab0c1e8fcb"
    assert {file.folder for file in CARD.files} == {"celeba"}
    assert not any(file.urls for file in CARD.files)  # given to those who agree to the terms
