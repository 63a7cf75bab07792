"""What ``minebench datasets`` does: tells of a data set; verifies, imports and downloads its real files. No torch."""

from pathlib import Path
from typing import Any, cast

import numpy as np

from minebench.benchmarks import registry
from minebench.benchmarks.registry import DatasetEntry
from minebench.benchmarks.suggestions import UsageError
from minebench.datasets import downloads
from minebench.datasets.cache import Stored, sha256_of
from minebench.datasets.dsprites import compare_with_real
from minebench.datasets.factor_dataset import FactorDataset
from minebench.datasets.files import DataFileError, Report, default_root, unheard
from minebench.datasets.image_grid import ImageGrid
from minebench.datasets.image_table import ImageTable
from minebench.datasets.published import Card, PublishedFile
from minebench.datasets.subsets import whole


def info(name: str, root: Path | None) -> dict[str, Any]:
    """A data set: what it is, where its images would come from, their size, and where its files are to be had.

    Args:
        name: A data set, with or without a rule.
        root: The folder of all data, or None for the default.

    Returns:
        Plain data; nothing is opened.

    Raises:
        UsageError: If there is no such data set, or a rule does not fit it.
    """
    entry, folder = _entry(name), root or default_root()
    found = entry.find(folder)
    told: dict[str, Any] = {
        "name": name,
        "title": entry.title,
        "what": entry.description,
        "source": f"real ({found})" if found else f"procedural: {_stand_in(entry)}",
        "paper": entry.paper,
    }
    if not entry.card:
        return told
    card = entry.about()
    return told | {
        "images": f"{card.n_images:,} of {' x '.join(map(str, card.image_shape))}",
        "factors": dict(zip(card.factor_names, card.factor_sizes, strict=True)),
        "size": sizes(card),
        "files": {file.name: _described(file, folder) for file in card.files},
        "needed": "one of these" if card.one_of else ", ".join(file.name for file in card.files if file.needed),
        "licence": card.licence,
        "page": card.page,
    }


def sizes(card: Card) -> dict[str, str]:
    """How much room the images take, in words by form: packed, as the bytes that are stored and resident, as floats."""
    values = card.n_images * int(np.prod(card.image_shape))
    packed = {"packed, a bit a pixel": _gigabytes(values / 8)} if card.bits == 1 else {}
    return packed | {"as bytes": _gigabytes(values), "as float32": _gigabytes(4 * values)}


def import_files(name: str, root: Path | None, report: Report = unheard) -> str:
    """Read the real files of a data set once, so that every later run maps the outcome.

    Args:
        name: A data set.
        root: The folder of all data, or None for the default.
        report: Is told how far it is.

    Returns:
        A sentence that says where the images lie.

    Raises:
        FileNotFoundError: If there are no real files.
        DataFileError: If they are bad, or the images cannot be stored.
    """
    entry, folder = _entry(name), root or default_root()
    found = _find(name, entry, folder)
    array = _kept(entry.load(folder, report)).array
    place = _place(array)
    where = "mapped where they lie; nothing is copied" if place == found else f"stored in {place or 'memory alone'}"
    return f"{name}: {found}: {len(array):,} images, {_gigabytes(array.nbytes)}, {where}"


def verify(name: str, root: Path | None, report: Report = unheard) -> dict[str, Any]:
    """Compare the real files of a data set with what was published, and the images in use with their seal.

    Args:
        name: A data set.
        root: The folder of all data, or None for the default.
        report: Is told how far it is.

    Returns:
        Findings; for dSprites also how many pixels of how many frames differ from the drawing.

    Raises:
        FileNotFoundError: If there are no real files.
        DataFileError: If something differs from what was published or recorded.
    """
    entry, folder = _entry(name), root or default_root()
    found = _find(name, entry, folder)
    told: dict[str, Any] = {"name": name, "found": str(found)}
    array, recorded = _kept(entry.load(folder, report))
    told["images"] = f"{len(array):,}, of the shape and order that were published"
    card = entry.about()
    earlier = len(array) != card.n_images  # MPI3D: nothing is known of the files that were published first
    told["published"] = {
        file.name: "an earlier file" if earlier else _checked(file, found, folder, report) for file in card.files
    }
    digest = sha256_of(array, report)
    if digest != recorded:
        raise DataFileError(
            _place(array) or folder,
            expected=f"images of sha256 {recorded}, as when they were read",
            got=digest,
            remedy="delete it and import the data set again",
        )
    told["sha256"] = digest
    if name == "dsprites":
        comparison = compare_with_real(folder)
        told["frames"] = f"{comparison.n_differing_frames:,} of {comparison.n_frames:,} differ from the drawing"
        told["pixels"] = f"{comparison.n_differing_pixels:,} differ from the drawing"
    return told


def download(name: str, root: Path | None, report: Report = unheard) -> list[Path]:
    """Get those files of a data set that programs may get.

    Args:
        name: A data set.
        root: The folder of all data, or None for the default.
        report: Is told how far it is.

    Returns:
        The files.

    Raises:
        UsageError: If it has no real files, or a rule does not fit it.
        DownloadError: If some cannot be had, once the others are there; the message says how a person gets each,
            and what stands in until then.
        DataFileError: If a bad copy is in the way.
    """
    entry, folder = _entry(name), root or default_root()
    got, reasons = [], []
    for file in _needed(name, entry):
        try:
            got.append(downloads.download(file, folder, report))
        except downloads.DownloadError as error:
            reasons.append(str(error))
    if reasons:
        raise downloads.DownloadError(f"{'; '.join(reasons)}; until then {_stand_in(entry)}")
    return got


def _entry(name: str) -> DatasetEntry:
    """A data set by its name; a rule behind it is compared with the factors before anything is done."""
    entry = registry.dataset(name)
    if entry.rule and entry.card:
        card = entry.about()
        try:
            entry.rule.share(np.zeros((1, len(card.factor_names)), np.int64), card)
        except ValueError as error:
            raise UsageError(str(error)) from error
    return entry


def _find(name: str, entry: DatasetEntry, root: Path) -> Path:
    """The first real file of a data set."""
    files = _needed(name, entry)
    found = entry.find(root)
    if found is None:
        how = "; ".join(downloads.how_to_get(file, root) for file in files)
        raise FileNotFoundError(f"no real files of {name} below {root}: {how}; until then {_stand_in(entry)}")
    return found


def _needed(name: str, entry: DatasetEntry) -> list[PublishedFile]:
    if not entry.card:
        raise UsageError(f"{name} is made by minebench: there are no files of it")
    card = entry.about()
    return [card.files[0]] if card.one_of else [file for file in card.files if file.needed]


def _checked(file: PublishedFile, found: Path, root: Path, report: Report) -> str:
    """Compare a file with what was published, where it was found or in its place."""
    path = found if found.name == file.name else file.place(root)
    if not path.is_file():
        return f"not at {path}"
    file.check(path, report)
    return f"agrees: {file.checksum.replace(':', ' ')}" if file.checksum else "no checksum is known"


def _kept(data: FactorDataset) -> Stored:
    """The array behind a data set of real files, and the sha256 that was recorded of it."""
    return cast("ImageGrid | ImageTable", whole(data)).pixels.stored  # what our own loaders return


def _place(array: np.ndarray) -> Path | None:
    """The file that an array is mapped from."""
    return Path(array.base.filename) if isinstance(array.base, np.memmap) and array.base.filename else None


def _described(file: PublishedFile, root: Path) -> str:
    state = "is at" if file.place(root).exists() else "goes to"
    size = f"{file.n_bytes:,} bytes" if file.n_bytes else "size not published"
    checksum = file.checksum.replace(":", " ") if file.checksum else "checksum not published"
    return f"{state} {file.place(root)}; {size}, {checksum}; {file.urls[0] if file.urls else file.page}"


def _stand_in(entry: DatasetEntry) -> str:
    """What is used while the real files are not there."""
    if entry.embedded:
        return f"{entry.embedded}, the procedural source, stands in"
    return "it is drawn, equal to the published images in every pixel" if entry.pixel_exact else "it is drawn"


def _gigabytes(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.2f} GB"
