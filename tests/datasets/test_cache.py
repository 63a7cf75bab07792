import errno
import hashlib
import logging
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from minebench.datasets.cache import Recipe, obtain, open_store, sha256_of
from minebench.datasets.files import DataFileError

CONTENT = np.random.default_rng(0).integers(0, 255, (1000, 8), np.uint8)


class Counted:
    """Makes ``CONTENT`` in four blocks and counts how often it was asked to."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Iterator[np.ndarray]:
        self.times += 1
        yield from np.split(CONTENT, [1, 300, 999])


@pytest.fixture
def blocks() -> Counted:
    return Counted()


@pytest.fixture
def recipe(blocks: Counted) -> Recipe:
    return Recipe("origin", CONTENT.shape, CONTENT.dtype, blocks)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stores" / "content.u8"


def files_beside(path: Path) -> set[str]:
    return {file.name for file in path.parent.iterdir()} - {f"{path.name}.lock"}


def test_the_content_is_made_once_and_mapped_afterwards(path, recipe, blocks):
    first, second = obtain(path, recipe), obtain(path, recipe)
    assert blocks.times == 1
    for stored in (first, second):
        assert np.array_equal(stored.array, CONTENT)
        assert stored.array.dtype == CONTENT.dtype
        assert stored.sha256 == hashlib.sha256(CONTENT.tobytes()).hexdigest()
    assert type(second.array) is np.ndarray
    assert isinstance(second.array.base, np.memmap)


def test_only_the_finished_file_and_the_lock_remain(path, recipe):
    obtain(path, recipe)
    assert files_beside(path) == {path.name}


def test_neither_kind_of_array_can_be_written(path, recipe, tmp_path):
    (tmp_path / "file").touch()
    for stored in (obtain(path, recipe), obtain(tmp_path / "file" / "below", recipe)):
        with pytest.raises(ValueError, match="read-only"):
            stored.array[0, 0] = 1


@pytest.mark.parametrize("kept", [0, 1, 7999, 8000, 8001, 8500, 9023])
def test_a_cut_store_does_not_count_and_is_made_anew(path, recipe, blocks, kept):
    """8,000 bytes of content and 1,024 of seal."""
    obtain(path, recipe)
    assert path.stat().st_size == 9024
    os.truncate(path, kept)
    assert open_store(path, recipe) is None
    assert np.array_equal(obtain(path, recipe).array, CONTENT)
    assert blocks.times == 2


@pytest.mark.parametrize("tail", [b"\0" * 1024, b"[]".ljust(1024), b'{"sha256": 1}'.ljust(1024), b"\xff" * 1024])
def test_a_foreign_file_of_the_right_length_does_not_count(path, recipe, blocks, tail):
    path.parent.mkdir()
    path.write_bytes(b"\0" * 8000 + tail)
    assert np.array_equal(obtain(path, recipe).array, CONTENT)
    assert blocks.times == 1


@pytest.mark.parametrize(
    "changes", [{"key": "other"}, {"shape": (500, 16)}, {"dtype": np.dtype(np.int8)}, {"sha256": "0" * 64}]
)
def test_a_store_of_another_recipe_does_not_count(path, recipe, changes):
    obtain(path, recipe)
    assert open_store(path, replace(recipe, **changes)) is None


def test_content_of_another_hash_is_refused_and_not_stored(path, recipe):
    with pytest.raises(ValueError, match=f"must have sha256 {'0' * 64}; got"):
        obtain(path, replace(recipe, sha256="0" * 64))
    assert files_beside(path) == set()


@pytest.mark.parametrize("parts", [[CONTENT[:999]], [CONTENT, CONTENT[:1]], [CONTENT[:, :7]], []])
def test_blocks_that_do_not_make_up_the_shape_are_refused_and_not_stored(path, recipe, parts):
    with pytest.raises(ValueError, match=r"blocks must make up \(1000, 8\); got"):
        obtain(path, replace(recipe, blocks=lambda: parts))
    assert files_beside(path) == set()


def test_an_error_on_the_way_leaves_nothing(path, recipe, blocks):
    def broken() -> Iterator[np.ndarray]:
        yield CONTENT[:500]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        obtain(path, replace(recipe, blocks=broken))
    assert files_beside(path) == set()
    assert np.array_equal(obtain(path, recipe).array, CONTENT)


def test_without_a_folder_the_content_is_made_in_memory_and_the_log_says_so(tmp_path, recipe, blocks, caplog):
    (tmp_path / "file").touch()
    stored = obtain(tmp_path / "file" / "content.u8", recipe)
    assert np.array_equal(stored.array, CONTENT)
    assert stored.sha256 == hashlib.sha256(CONTENT.tobytes()).hexdigest()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "made in memory" in caplog.text


def test_what_is_too_large_for_memory_is_refused_where_it_cannot_be_stored(tmp_path, recipe, blocks):
    (tmp_path / "file").touch()
    with pytest.raises(DataFileError, match=r"0\.00 GB can be stored; got .*; make room there, or .*--data-dir"):
        obtain(tmp_path / "file" / "content.u8", replace(recipe, in_memory=False))
    assert blocks.times == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_without_permission_the_content_is_made_in_memory(tmp_path, recipe, caplog):
    tmp_path.chmod(0o500)
    assert np.array_equal(obtain(tmp_path / "content.u8", recipe).array, CONTENT)
    assert "Permission denied" in caplog.text


def test_on_a_full_disk_the_content_is_made_in_memory_and_nothing_is_left(path, recipe, blocks, caplog):
    """A limit on the size of files stands for the disk: the kernel stops the write half-way."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        stored = obtain(path, recipe)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert np.array_equal(stored.array, CONTENT)
    assert blocks.times == 2  # once into the file, once into memory
    assert os.strerror(errno.EFBIG) in caplog.text
    assert files_beside(path) == set()


def test_a_disk_that_is_full_half_way_is_an_error_for_what_is_too_large_for_memory(path, recipe):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(DataFileError, match=os.strerror(errno.EFBIG)):
            obtain(path, replace(recipe, in_memory=False))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files_beside(path) == set()


def test_a_disk_without_room_is_noticed_before_any_work(path, recipe, blocks, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=9_023))  # one byte too few
    with pytest.raises(DataFileError, match=r"No space left on device: 0\.00 GB are free"):
        obtain(path, replace(recipe, in_memory=False))
    assert blocks.times == 0
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=9_024))
    assert np.array_equal(obtain(path, replace(recipe, in_memory=False)).array, CONTENT)


def test_progress_is_told_in_rows(path, recipe):
    told = []
    obtain(path, recipe, lambda *words: told.append(words))
    assert told == [("content.u8", rows, 1000) for rows in (1, 300, 999, 1000)]


def test_the_hash_of_a_stored_array_is_taken_in_blocks_and_is_that_of_its_seal(path, recipe, monkeypatch):
    monkeypatch.setattr("minebench.datasets.cache._READ_BYTES", 8 * 300)
    stored, told = obtain(path, recipe), []
    assert sha256_of(stored.array, lambda *words: told.append(words)) == stored.sha256
    assert [done for _, done, _ in told] == [300, 600, 900, 1000]


SLOW_WRITER = """
import sys, time
from pathlib import Path
import numpy as np
from minebench.datasets.cache import Recipe, obtain

path, log, pause = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])

def blocks():
    with log.open("a") as file:
        file.write("made\\n")
    yield np.full((500, 8), 7, np.uint8)
    time.sleep(pause)
    yield np.full((500, 8), 8, np.uint8)

print(obtain(path, Recipe("slow", (1000, 8), np.dtype(np.uint8), blocks)).array.sum())
"""
SLOW = Recipe("slow", (1000, 8), np.dtype(np.uint8), lambda: [np.full((1000, 8), 9, np.uint8)])


def start_writer(path: Path, log: Path, pause: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", "-c", SLOW_WRITER, str(path), str(log), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_of_two_processes_one_makes_the_store_and_the_other_waits(path, tmp_path):
    log = tmp_path / "log"
    writers = [start_writer(path, log, pause=1.0) for _ in range(2)]
    answers = [writer.communicate(timeout=60)[0].strip() for writer in writers]
    assert answers == [str(500 * 8 * 7 + 500 * 8 * 8)] * 2
    assert log.read_text() == "made\n"


def test_a_writer_that_is_killed_leaves_nothing_that_counts(path, tmp_path):
    log = tmp_path / "log"
    writer = start_writer(path, log, pause=60.0)
    deadline = time.monotonic() + 30
    while not (log.exists() and list(path.parent.glob("*.partial"))) and time.monotonic() < deadline:
        time.sleep(0.01)
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    assert len(list(path.parent.glob("*.partial"))) == 1
    assert open_store(path, SLOW) is None
    assert obtain(path, SLOW).array.sum() == 1000 * 8 * 9  # the next process makes it anew, at once
    assert files_beside(path) == {path.name}
