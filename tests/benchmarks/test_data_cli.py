"""The commands of ``minebench datasets``, on small files in the published formats."""

import hashlib
import json
import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from minebench.benchmarks import cli, data_sets, registry
from minebench.benchmarks.registry import DatasetEntry
from minebench.datasets import downloads, dsprites, mpi3d_files
from minebench.datasets.dsprites import Comparison
from minebench.datasets.files import DataFileError
from minebench.datasets.grid import Grid
from minebench.datasets.mpi3d import load_mpi3d
from minebench.datasets.mpi3d_files import FACTOR_NAMES, TOY
from minebench.datasets.published import PublishedFile
from minebench.datasets.shapes_mini import load_shapes_mini

GRID = Grid(FACTOR_NAMES, (1, 1, 2, 1, 1, 5, 5))
LAYOUT = replace(TOY, grids=(GRID,), file=replace(TOY.file, checksum=None))


def invoke(*words, code=0):
    result = CliRunner().invoke(cli.app, list(map(str, words)), catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.stdout


@pytest.fixture(autouse=True)
def _data_sets_are_restored():
    before = dict(registry.DATASETS)
    yield
    registry.DATASETS.clear()
    registry.DATASETS.update(before)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (50, 64, 64, 3), np.uint8)


@pytest.fixture(params=[np.savez, np.savez_compressed], ids=["stored", "deflated"])
def root(request, tmp_path, images) -> Path:
    """A folder with a small file of MPI3D, for which the entry of the registry is made to fit."""
    path = LAYOUT.file.place(tmp_path)
    path.parent.mkdir(parents=True)
    request.param(path, images=images)
    registry.DATASETS["mpi3d_toy"] = replace(registry.DATASETS["mpi3d_toy"], loader=partial(load_mpi3d, LAYOUT))
    return tmp_path


def test_the_list_tells_which_real_files_are_there(root):
    listed = json.loads(invoke("datasets", "list", "--data-dir", root, "--json"))
    assert listed["mpi3d_toy"]["source"] == "real"
    assert listed["shapes3d"]["source"] == "procedural"
    assert set(listed) == set(registry.DATASETS)


def test_the_environment_names_the_folder(root, monkeypatch):
    monkeypatch.setenv("MINEBENCH_DATA", str(root))
    assert json.loads(invoke("datasets", "list", "--json"))["mpi3d_toy"]["source"] == "real"


@pytest.mark.parametrize("name", sorted(registry.DATASETS))
def test_info_tells_every_data_set_without_opening_it(name, tmp_path, monkeypatch):
    monkeypatch.setattr(DatasetEntry, "load", pytest.fail)
    text = invoke("datasets", "info", name, "--data-dir", tmp_path)
    assert name in text
    if registry.DATASETS[name].card:
        assert str(tmp_path) in text
        assert "licence:" in text


def test_info_tells_sizes_packed_and_as_bytes():
    """737,280 x 64 x 64 bits are 0.377 GB and bytes 3.02 GB; 480,000 x 64 x 64 x 3 bytes are 5.90 GB."""
    packed = json.loads(invoke("datasets", "info", "dsprites", "--json"))["size"]
    assert packed == {"packed, a bit a pixel": "0.38 GB", "as bytes": "3.02 GB", "as float32": "12.08 GB"}
    assert json.loads(invoke("datasets", "info", "shapes3d", "--json"))["size"]["as bytes"] == "5.90 GB"


def test_info_of_a_rule_carries_its_title():
    assert "dSprites trained without shape 2" in invoke("datasets", "info", "dsprites:without=shape:2")


@pytest.mark.parametrize("command", ["info", "import", "verify", "download"])
@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("correlated=posX,posZ,0.2", "no factor 'posZ' among shape, .*; did you mean 'posY'"),
        ("without=shape:9", r"values of factor 'shape' lie in 0 \.\.\. 2; got 9"),
    ],
)
def test_a_rule_that_does_not_fit_is_told_before_anything_is_done(command, rule, message, tmp_path):
    with pytest.raises(registry.UsageError, match=message):
        invoke("datasets", command, f"dsprites:{rule}", "--data-dir", tmp_path)


@pytest.mark.parametrize("words", [["list"], ["info", "shapes3d"], ["download", "shapes3d"]])
def test_a_file_is_no_folder_of_data(words, tmp_path):
    (tmp_path / "file").touch()
    result = CliRunner().invoke(cli.app, ["datasets", *words, "--data-dir", str(tmp_path / "file")])
    assert result.exit_code == 2
    assert "is a file" in result.output


def test_info_tells_what_stands_in_and_what_is_there(root):
    assert "procedural: shapes3d_like, the procedural source, stands in" in invoke("datasets", "info", "shapes3d")
    text = invoke("datasets", "info", "mpi3d_toy", "--data-dir", root)
    assert f"source:        real ({LAYOUT.file.place(root)})" in text
    assert f"is at {LAYOUT.file.place(root)}" in text


def test_an_import_says_where_the_images_lie(root, images, request):
    text = invoke("datasets", "import", "mpi3d_toy", "--data-dir", root)
    stored = "stored]" in request.node.name
    place = "mapped where they lie; nothing is copied" if stored else f"stored in {root / 'imported' / 'mpi3d_toy.u8'}"
    assert text == f"mpi3d_toy: {LAYOUT.file.place(root)}: 50 images, 0.00 GB, {place}\n"
    assert invoke("datasets", "import", "mpi3d_toy", "--data-dir", root) == text


def test_an_import_reports_its_progress_to_the_caller(root):
    told = []
    data_sets.import_files("mpi3d_toy", root, lambda *words: told.append(words))
    assert told[-1][1:] in ((50, 50), (LAYOUT.file.place(root).stat().st_size,) * 2)


def test_verify_compares_files_and_images(root):
    found = json.loads(invoke("datasets", "verify", "mpi3d_toy", "--data-dir", root, "--json"))
    assert found["images"].startswith("50, of the shape")
    assert found["published"] == {"mpi3d_toy.npz": "an earlier file"}
    assert len(found["sha256"]) == 64


@pytest.mark.parametrize("place", ["mpi3d/mpi3d_toy/mpi3d_toy.npz", "mpi3d_toy.npz"])
@pytest.mark.parametrize("known", [True, False])
def test_verify_compares_the_file_with_the_published_checksum_each_time(root, monkeypatch, known, place):
    path = LAYOUT.file.place(root).rename(root / place)
    md5 = hashlib.md5(path.read_bytes()).hexdigest()  # noqa: S324 - the published checksums are of this kind
    file = replace(LAYOUT.file, checksum=f"md5:{md5}" if known else "md5:" + "0" * 32)
    monkeypatch.setattr(mpi3d_files, "TOY_CARD", replace(mpi3d_files.TOY_CARD, n_images=50, files=(file,)))
    if known:
        assert data_sets.verify("mpi3d_toy", root)["published"] == {"mpi3d_toy.npz": f"agrees: md5 {md5}"}
    else:
        with pytest.raises(DataFileError, match=f"expected md5 {'0' * 32}; got {md5}"):
            data_sets.verify("mpi3d_toy", root)


def test_verify_notices_images_that_changed_behind_the_records_back(root):
    data = registry.dataset("mpi3d_toy").load(root)
    path = Path(data.pixels.stored.array.base.filename)
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[200_000] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(DataFileError, match=r"expected images of sha256 .*, as when they were read; got .*import"):
        data_sets.verify("mpi3d_toy", root)


def test_verify_refuses_a_file_that_is_not_the_published_one(root):
    wrong = replace(TOY, grids=(GRID,), file=replace(TOY.file, checksum="md5:" + "0" * 32))
    registry.DATASETS["mpi3d_toy"] = replace(registry.DATASETS["mpi3d_toy"], loader=partial(load_mpi3d, wrong))
    with pytest.raises(DataFileError, match="expected md5 "):
        data_sets.verify("mpi3d_toy", root)


def test_verify_of_dsprites_prints_the_number_of_differing_pixels(tmp_path, monkeypatch):
    path = tmp_path / dsprites.FILE_NAMES[0]
    path.parent.mkdir()
    path.touch()
    drawn = load_shapes_mini()
    registry.DATASETS["dsprites"] = replace(registry.DATASETS["dsprites"], loader=lambda root, **_: drawn)
    monkeypatch.setattr(data_sets, "compare_with_real", lambda root: Comparison(path, 737_280, 2, 1_003))
    text = invoke("datasets", "verify", "dsprites", "--data-dir", tmp_path)
    assert "2 of 737,280 differ from the drawing" in text
    assert "1,003 differ from the drawing" in text


@pytest.mark.parametrize("command", ["import", "verify"])
def test_without_files_the_message_says_which_where_and_what_stands_in(command, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["minebench", "datasets", command, "shapes3d", "--data-dir", str(tmp_path)])
    with pytest.raises(SystemExit) as left:
        cli.main()
    error = capsys.readouterr().err
    assert left.value.code == 2
    assert error.count("\n") == 1
    for part in ("267,573,662 bytes", "sha256 0a0f6ed9", f"{tmp_path}/3dshapes/3dshapes.h5", "shapes3d_like"):
        assert part in error


@pytest.mark.parametrize("command", ["import", "verify", "download"])
def test_what_is_made_here_has_no_files(command):
    with pytest.raises(registry.UsageError, match="shapes_mini is made by minebench: there are no files of it"):
        invoke("datasets", command, "shapes_mini")


def test_a_download_gets_every_file_that_is_needed_and_one_of_twins(tmp_path, monkeypatch):
    asked = []

    def fetch(file: PublishedFile, root: Path, report: object) -> Path:
        asked.append(file.name)
        return file.place(root)

    monkeypatch.setattr(downloads, "download", fetch)
    assert invoke("datasets", "download", "dsprites", "--data-dir", tmp_path).split() == [
        str(tmp_path / "dsprites" / "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.hdf5")
    ]
    invoke("datasets", "download", "celeba", "--data-dir", tmp_path)
    assert asked[1:] == ["img_align_celeba.zip", "list_attr_celeba.txt", "list_eval_partition.txt"]


def test_a_download_that_fails_says_what_stands_in(tmp_path):
    with pytest.raises(downloads.DownloadError) as refused:
        invoke("datasets", "download", "celeba", "--data-dir", tmp_path)
    message = str(refused.value)
    for name in ("img_align_celeba.zip", "list_attr_celeba.txt", "list_eval_partition.txt"):  # at once, not one a try
        assert f"{name} has no address for programs" in message
    assert message.endswith("until then celeba_like, the procedural source, stands in")


def test_an_unknown_name_is_answered_with_the_nearest():
    for command in ("info", "import", "verify", "download"):
        with pytest.raises(registry.UsageError, match="did you mean 'shapes3d'"):
            invoke("datasets", command, "shapes3")
