"""What a metric sees of a model: codes and the factors they belong to."""

import hashlib
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minebench.leaderboard.results import write_atomically

CODES_FILE = "codes.npz"
Blocks = tuple[tuple[int, ...], ...]


class Representation(NamedTuple):
    """Codes of a model on the scored rows.

    Attributes:
        codes: Posterior means, float32, shape (n, n_codes).
        factors: Value indices, int64, shape (n, n_factors).
        blocks: Groups of code columns, or None where each code stands alone.
    """

    codes: np.ndarray
    factors: np.ndarray
    blocks: Blocks | None = None

    def save(self, path: Path) -> str:
        """Write to an ``.npz`` file, atomically.

        Returns:
            SHA-256 of codes, factors and blocks (of the values, not of the file).
        """
        buffer = io.BytesIO()
        block_of_code = np.full(self.codes.shape[1], -1, np.int64)
        for number, block in enumerate(self.blocks or ()):
            block_of_code[list(block)] = number
        n_blocks = np.int64(len(self.blocks or ()))  # the last ones may be empty
        np.savez_compressed(
            buffer, codes=self.codes, factors=self.factors, block_of_code=block_of_code, n_blocks=n_blocks
        )
        write_atomically(path, buffer.getvalue())
        digest = hashlib.sha256()
        for array in (self.codes.astype("<f4"), self.factors.astype("<i8"), block_of_code.astype("<i8"), n_blocks):
            digest.update(f"{array.shape}\n".encode() + array.tobytes())
        return digest.hexdigest()

    @classmethod
    def load(cls, path: Path) -> "Representation":
        """Read what ``save`` wrote; nothing is unpickled."""
        with np.load(path, allow_pickle=False) as file:
            block_of_code = file["block_of_code"]
            blocks = tuple(tuple(np.flatnonzero(block_of_code == b).tolist()) for b in range(file["n_blocks"])) or None
            return cls(file["codes"], file["factors"], blocks)
