"""Getting a published file: over HTTP by pooch, from the first address that gives it whole.

pooch writes into a folder of its own and compares the checksum; then the file is put in its place. A
download that is cut leaves nothing, one that is killed leaves a folder that the next one removes. Of
two processes that want one file, one gets it and the other waits. pooch cannot go on with a download
that was interrupted: the message names a command that can.
"""

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from minebench.datasets.files import DataFileError, Report, unheard
from minebench.datasets.published import PublishedFile

logger = logging.getLogger(__name__)

_CHUNK = 1 << 20  # bytes received at once
_PATIENCE = 30.0  # seconds without an answer before an address is given up


class DownloadError(OSError):
    """No address gave the file."""


def download(file: PublishedFile, root: Path, report: Report = unheard) -> Path:
    """Put a published file in its place, unless a good copy is there.

    Args:
        file: What is to be got.
        root: The folder of all data.
        report: Is told how many bytes have come.

    Returns:
        The file's path.

    Raises:
        DownloadError: If it has no address, or none gives it; the message says how a person gets it.
        DataFileError: If a bad copy is in its place already: nothing is replaced unasked.
    """
    place = file.place(root)
    if not place.exists() and not file.urls:
        raise DownloadError(f"{file.name} has no address for programs: {how_to_get(file, root)}")
    place.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(place.with_name(f".{file.name}.lock")):
        if place.exists():
            file.check(place, report)
            return place
        reasons = []
        for url in file.urls:
            try:
                return _retrieve(url, file, place, report)
            except (OSError, ValueError) as error:  # the latter: another checksum
                reasons.append(f"{url}: {' '.join(str(error).split())[:200]}")
                logger.info("%s", reasons[-1])
    raise DownloadError(f"{file.name} cannot be downloaded ({'; '.join(reasons)}): {how_to_get(file, root)}")


def how_to_get(file: PublishedFile, root: Path) -> str:
    """What a person does to put a file in its place."""
    place = file.place(root)
    by_hand = f"get {file} from {file.page} and put it at {place}"
    return f"{by_hand}, e.g. with curl -L -C - --create-dirs -o {place} {file.urls[0]}" if file.urls else by_hand


def _retrieve(url: str, file: PublishedFile, place: Path, report: Report) -> Path:
    import pooch  # noqa: PLC0415 - its network library would slow down everything that loads data

    pooch.get_logger().setLevel(logging.WARNING)
    progress = _Progress(f"download of {file.name}", report)
    downloader = pooch.HTTPDownloader(progressbar=progress, chunk_size=_CHUNK, timeout=_PATIENCE)
    folder = place.with_name(f".{file.name}.download")
    shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed: this one holds the lock
    try:
        got = Path(pooch.retrieve(url, file.checksum, fname=file.name, path=folder, downloader=downloader))
        file.check_size(got)  # pooch has compared the checksum, where one is known
        return got.replace(place)
    except DataFileError as error:
        raise ValueError(f"expected {error.expected}; got {error.got}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class _Progress:
    """What pooch tells of its progress, passed on."""

    stage: str
    report: Report
    total: int = 0
    done: int = 0

    def update(self, n: int) -> None:
        """That many more bytes have come."""
        self.done = min(self.done + n, self.total) if self.total else self.done + n
        self.report(self.stage, self.done, self.total or self.done)

    def reset(self) -> None:
        """Count from the start: pooch does so before its last word."""
        self.done = 0

    def close(self) -> None:
        """Nothing is open."""
