"""Pixels that stay where they lie in a published file: read through once, and trusted afterwards.

A file that is mapped in place is not imported, so nothing has looked at its bytes. They are read
once from start to end, compared with every checksum that is known (the published one, and the
CRC-32 in the archive), and the outcome is recorded beside the stores with the file's stamp.
"""

import hashlib
import json
import logging
import uuid
import zlib
from pathlib import Path

from minebench.datasets.files import Report, unheard
from minebench.datasets.npz import Place
from minebench.datasets.published import PublishedFile

logger = logging.getLogger(__name__)

_BLOCK = 1 << 23


def checked_sha256(
    path: Path,
    place: Place,
    n_bytes: int,
    published: PublishedFile,
    record: Path,
    report: Report = unheard,
) -> str:
    """The sha256 of an array that is mapped in place, from the record of the last check or a new one.

    Args:
        path: The npz file.
        place: Where the array lies in it.
        n_bytes: The array's size.
        published: What the file must be.
        record: Where the outcome is kept; where it cannot be written, the next process checks again.
        report: Is told how many bytes are read.

    Returns:
        64 hexadecimal digits.

    Raises:
        DataFileError: If a checksum differs or the file cannot be read.
    """
    key = {"file": published.key(path), "offset": place.offset, "bytes": n_bytes}
    try:
        known = json.loads(record.read_bytes())
        if {name: known[name] for name in key} == key:
            return str(known["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no record, or one of another kind
    sha256 = _read_through(path, place, n_bytes, published, report)
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        partial = record.with_name(f"{record.name}.{uuid.uuid4().hex}.partial")
        partial.write_text(json.dumps(key | {"sha256": sha256}), encoding="utf-8")
        partial.replace(record)
    except OSError as error:
        logger.warning("%s cannot be written (%s); %s is checked anew by every process", record, error, path)
    return sha256


def _read_through(path: Path, place: Place, n_bytes: int, published: PublishedFile, report: Report) -> str:
    algorithm, _, expected = (published.checksum or "").partition(":")
    whole = hashlib.new(algorithm, usedforsecurity=False) if algorithm else None
    pixels, crc, position = hashlib.sha256(), 0, 0
    end, size = place.offset + n_bytes, path.stat().st_size
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if whole is not None:
                whole.update(block)
            first = max(place.start - position, 0)
            last = max(end - position, 0)
            crc = zlib.crc32(block[first:last], crc)
            pixels.update(block[max(place.offset - position, 0) : last])
            position += len(block)
            report(f"checksums of {path.name}", position, size)
    if whole is not None:
        published.compare(path, whole.hexdigest(), expected)
    if crc != place.crc:
        raise published.bad(path, f"images of CRC-32 {place.crc:08x}, as the archive says", f"{crc:08x}")
    return pixels.hexdigest()
