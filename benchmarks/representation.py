"""What a metric sees of a model: codes and the factors they belong to."""

import hashlib
import io
from pathlib import Path
from typing import Any, NamedTuple

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
        named: Whether the k-th block, the nuisance block not counted, belongs to the k-th factor.
        nuisance: The block that is to hold what no factor tells, if there is one.
    """

    codes: np.ndarray
    factors: np.ndarray
    blocks: Blocks | None = None
    named: bool = False
    nuisance: int | None = None

    def save(self, path: Path) -> str:
        """Write to an ``.npz`` file, atomically; ``codes_file.load_codes`` reads it.

        Returns:
            SHA-256 of the arrays (of the values, not of the file).
        """
        buffer = io.BytesIO()
        block_of_code = np.full(self.codes.shape[1], -1, np.int64)
        for number, block in enumerate(self.blocks or ()):
            block_of_code[list(block)] = number
        n_blocks = np.int64(len(self.blocks or ()))  # the last ones may be empty
        arrays: dict[str, Any] = {"codes": self.codes.astype("<f4"), "factors": self.factors.astype("<i8")}
        arrays |= {"block_of_code": block_of_code.astype("<i8"), "n_blocks": n_blocks}
        if self.blocks is not None:
            nuisance = -1 if self.nuisance is None else self.nuisance
            arrays |= {"named": np.bool_(self.named), "nuisance": np.int64(nuisance)}
        np.savez_compressed(buffer, **arrays)
        write_atomically(path, buffer.getvalue())
        digest = hashlib.sha256()
        for array in arrays.values():
            digest.update(f"{array.shape}\n".encode() + array.tobytes())
        return digest.hexdigest()
