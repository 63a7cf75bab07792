"""Arrays made once, kept on disk, and memory-mapped afterwards.

A store is one file: the array's bytes, then a seal that names what they are. It is written under
another name in the same folder, brought to the disk, and renamed; so a file under the final name
with the right length and the right seal is complete, and anything else (cut, foreign, of another
key) does not count and is made anew. Of several processes that want one store, one makes it and
the others wait.
"""

import errno
import hashlib
import json
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from filelock import FileLock

from minebench.datasets.files import DataFileError, Report, unheard

logger = logging.getLogger(__name__)

_SEAL_BYTES = 1024
_SEAL_KIND = "minebench array store 1"
_READ_BYTES = 1 << 23
_PATIENCE = 1800.0  # seconds to wait for another process before going on without a store


@dataclass(frozen=True)
class Recipe:
    """What a store holds and how to make it.

    Attributes:
        key: Names the origin of the content (a hash of it); a store of another key does not count.
        shape: Shape of the array.
        dtype: Its type, byte order included.
        blocks: Makes the content from its start: consecutive parts along the first axis.
        sha256: What the content's hash must be, where that is known beforehand.
        in_memory: Whether it may be made in memory where it cannot be stored; not for what would fill it.
    """

    key: str
    shape: tuple[int, ...]
    dtype: np.dtype
    blocks: Callable[[], Iterable[np.ndarray]]
    sha256: str | None = None
    in_memory: bool = True

    @property
    def n_bytes(self) -> int:
        """The array's size."""
        return int(np.prod(self.shape)) * self.dtype.itemsize


class Stored(NamedTuple):
    """A read-only array and the sha256 of its bytes."""

    array: np.ndarray
    sha256: str

    @classmethod
    def of(cls, array: np.ndarray) -> "Stored":
        """An array that lies in memory alone."""
        return cls(array, sha256_of(array))


def obtain(path: Path, recipe: Recipe, report: Report = unheard) -> Stored:
    """The array of ``recipe``: mapped from ``path`` if it is there complete, else made and stored there.

    Where nothing can be stored (a folder without permission, a full disk), the array is made in
    memory instead, and the log says so; one that is too large for that is refused.

    Args:
        path: The store's final name; its folder is created.
        recipe: What it holds.
        report: Is told how many rows are made.

    Returns:
        The array, read-only, and its hash.

    Raises:
        ValueError: If the blocks do not make up the shape, or their hash is not the expected one.
        DataFileError: If the blocks come from a file that is bad, or the array can neither be stored
            nor made in memory.
    """
    try:
        stored = open_store(path, recipe)
        if stored is not None:
            return stored
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock", timeout=_PATIENCE):
            # another process may have made it while this one waited
            return open_store(path, recipe) or _make_store(path, recipe, report)
    except (OSError, NotImplementedError) as error:  # the latter: a file system without locks
        if not recipe.in_memory:
            raise DataFileError(
                path,
                expected=f"a place where {recipe.n_bytes / 1e9:.2f} GB can be stored",
                got=str(error),
                remedy="make room there, or choose another folder with --data-dir or MINEBENCH_DATA",
            ) from error
        logger.warning("%s cannot be stored (%s); its content is made in memory, in this process only", path, error)
        return _make_in_memory(recipe, report)


def open_store(path: Path, recipe: Recipe) -> Stored | None:
    """Map the store at ``path``, or return None if there is none that is complete and of this recipe.

    Args:
        path: The store's name.
        recipe: Key, shape and type that it must have.

    Returns:
        The array, read-only and mapped, and the hash that was taken when it was written.

    Raises:
        OSError: If the file is there but may not be read.
    """
    if not path.is_file() or path.stat().st_size != recipe.n_bytes + _SEAL_BYTES:
        return None
    with path.open("rb") as file:
        file.seek(recipe.n_bytes)
        tail = file.read()
    try:
        sha256 = str(json.loads(tail)["sha256"])
    except (ValueError, KeyError, TypeError):
        return None
    if tail != _seal(recipe, sha256) or (recipe.sha256 or sha256) != sha256:
        return None
    return Stored(np.memmap(path, recipe.dtype, "r", shape=recipe.shape).view(np.ndarray), sha256)


def sha256_of(array: np.ndarray, report: Report = unheard) -> str:
    """sha256 of an array's bytes, read block by block: what a store's seal is compared with.

    Args:
        array: Any contiguous array of at least one dimension; it may be a memory map.
        report: Is told how many rows are read.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    n_block = max(_READ_BYTES // max(array[:1].nbytes, 1), 1)
    for start in range(0, len(array), n_block):
        digest.update(np.ascontiguousarray(array[start : start + n_block]).data)
        report("sha256 of the images", min(start + n_block, len(array)), len(array))
    return digest.hexdigest()


def _seal(recipe: Recipe, sha256: str) -> bytes:
    content = {
        "kind": _SEAL_KIND,
        "key": recipe.key,
        "shape": recipe.shape,
        "dtype": recipe.dtype.str,
        "sha256": sha256,
    }
    return json.dumps(content).encode().ljust(_SEAL_BYTES)


def _make_store(path: Path, recipe: Recipe, report: Report) -> Stored:
    """Write, seal, rename. The caller holds the lock, so every other partial file is a dead writer's."""
    for leftover in path.parent.glob(f"{path.name}.*.partial"):
        leftover.unlink()
    free = shutil.disk_usage(path.parent).free
    if free < recipe.n_bytes + _SEAL_BYTES:  # told now, not after minutes of work
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}: {free / 1e9:.2f} GB are free")
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial")
    try:
        with partial.open("xb") as file:
            sha256 = _pour(recipe, lambda _, block: file.write(block.data), path.name, report)
            file.write(_seal(recipe, sha256))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    stored = open_store(path, recipe)
    if stored is None:
        raise OSError(f"{path} was changed while it was written")
    return stored


def _make_in_memory(recipe: Recipe, report: Report) -> Stored:
    array = np.empty(recipe.shape, recipe.dtype)

    def place(start: int, block: np.ndarray) -> None:
        array[start : start + len(block)] = block

    sha256 = _pour(recipe, place, "in memory", report)
    array.flags.writeable = False
    return Stored(array, sha256)


def _pour(recipe: Recipe, take: Callable[[int, np.ndarray], object], stage: str, report: Report) -> str:
    """Hand every block with its first row to ``take``; the checked hash of them all."""
    digest = hashlib.sha256()
    n_rows = 0
    for block in recipe.blocks():
        content = np.ascontiguousarray(block, recipe.dtype)
        if content.shape[1:] != recipe.shape[1:] or n_rows + len(content) > recipe.shape[0]:
            raise ValueError(f"blocks must make up {recipe.shape}; got {content.shape} after {n_rows} rows")
        take(n_rows, content)
        digest.update(content.data)
        n_rows += len(content)
        report(stage, n_rows, recipe.shape[0])
    if n_rows != recipe.shape[0]:
        raise ValueError(f"blocks must make up {recipe.shape}; got {n_rows} rows")
    sha256 = digest.hexdigest()
    if recipe.sha256 is not None and sha256 != recipe.sha256:
        raise ValueError(
            f"the content must have sha256 {recipe.sha256}; got {sha256}: this machine's arithmetic differs; "
            "put the published file in its place and report the processor and the version of numpy"
        )
    return sha256
