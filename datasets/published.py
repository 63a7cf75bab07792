"""What is known of the published files: their names, sizes and checksums, and where a person gets them."""

from dataclasses import dataclass
from pathlib import Path

from minebench.datasets.files import DataFileError, Report, file_digest, file_stamp, unheard


@dataclass(frozen=True)
class PublishedFile:
    """One file as its authors published it.

    Attributes:
        name: Its name.
        folder: Where it is put, relative to the folder of all data.
        page: Where a person gets it.
        n_bytes: Its size, where that is known.
        checksum: ``md5:...`` or ``sha256:...``, where it is known.
        urls: Addresses of the file itself, the authors' own first; none where it cannot be had without
            a person's consent or browser.
        needed: Whether the data set cannot be read without it.
    """

    name: str
    folder: str
    page: str
    n_bytes: int | None = None
    checksum: str | None = None
    urls: tuple[str, ...] = ()
    needed: bool = True

    def __str__(self) -> str:
        """The name with what it must be, e.g. ``3dshapes.h5 (267,573,662 bytes, sha256 0a0f...)``."""
        known = [f"{self.n_bytes:,} bytes"] if self.n_bytes else []
        known += [self.checksum.replace(":", " ")] if self.checksum else []
        return f"{self.name} ({', '.join(known) or 'size and checksum not published'})"

    @property
    def remedy(self) -> str:
        """What to do about a bad copy."""
        return f"delete it and get it again ({self.page})"

    def key(self, path: Path) -> str:
        """What a store made from a copy is keyed by: the copy's stamp, and what it was compared with."""
        return f"{file_stamp(path)}, {self.checksum}"

    def place(self, root: Path) -> Path:
        """Where it is put below the folder of all data."""
        return root / self.folder / self.name

    def check(self, path: Path, report: Report = unheard) -> None:
        """Compare a copy's size and checksum with the published ones, as far as they are known.

        Args:
            path: The copy.
            report: Is told how many bytes are read.

        Raises:
            DataFileError: If one differs, or the copy cannot be read.
        """
        self.check_size(path)
        if self.checksum is not None:
            algorithm, _, expected = self.checksum.partition(":")
            self.compare(path, file_digest(path, algorithm, report), expected)

    def check_size(self, path: Path) -> None:
        """Compare a copy's size alone with the published one, if that is known.

        Raises:
            DataFileError: If it differs.
        """
        size = path.stat().st_size if path.is_file() else None
        if self.n_bytes is not None and size is not None and size != self.n_bytes:
            what = "the file is cut" if size < self.n_bytes else "it is another file"
            raise self.bad(path, f"{self.n_bytes:,} bytes", f"{size:,}: {what}")

    def compare(self, path: Path, digest: str, expected: str) -> None:
        """Refuse a copy of another checksum.

        Raises:
            DataFileError: If ``digest`` is not the expected one.
        """
        if digest != expected:
            raise self.bad(path, f"{(self.checksum or '').partition(':')[0]} {expected}", digest)

    def bad(self, path: Path, expected: str, got: str) -> DataFileError:
        """The error for a bad copy."""
        return DataFileError(path, expected=expected, got=got, remedy=self.remedy)


@dataclass(frozen=True)
class Card:
    """What can be said of a data set without opening it.

    Attributes:
        factor_names: One name per factor.
        factor_sizes: How many values each factor takes.
        n_images: How many images there are.
        image_shape: ``(C, H, W)``.
        licence: Under which terms its authors give it, in their words as far as they say.
        page: Its authors' page.
        files: The published files.
        one_of: Whether one of the files is enough; else all are needed.
        bits: Per value of an image: 1 for binary images, else 8.
    """

    factor_names: tuple[str, ...]
    factor_sizes: tuple[int, ...]
    n_images: int
    image_shape: tuple[int, int, int]
    licence: str
    page: str
    files: tuple[PublishedFile, ...]
    one_of: bool = False
    bits: int = 8
