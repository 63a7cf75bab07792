"""Codes and factors of a foreign model, read from an ``.npz`` file."""

import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

from minebench.benchmarks.suggestions import UsageError

_MAKE_ONE = "np.savez(path, codes=codes, factors=factors) writes one"


def load_codes(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the arrays ``codes`` and ``factors``; nothing is unpickled, other arrays are left alone.

    Args:
        path: An ``.npz`` file; a run's ``codes.npz`` is one.

    Returns:
        Codes ``(n_samples, n_codes)`` and factors ``(n_samples, n_factors)`` as they stand in the file.

    Raises:
        UsageError: If there is no such file, it is no ``.npz`` file, it lacks one of the two arrays, or one holds
            Python objects.
    """
    if not path.is_file():
        raise UsageError(f"no file at {path}; expected an .npz file with arrays codes and factors ({_MAKE_ONE})")
    if not zipfile.is_zipfile(path):
        raise UsageError(f"{path} is no .npz file; {_MAKE_ONE}")
    try:
        with np.load(path, allow_pickle=False) as file:
            if missing := [name for name in ("codes", "factors") if name not in file.files]:
                raise UsageError(
                    f"{path} must hold the arrays codes and factors; {' and '.join(missing)} missing, it has "
                    f"{', '.join(file.files) or 'none'}; {_MAKE_ONE}"
                )
            return file["codes"], file["factors"]
    except ValueError as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(
            f"{path} cannot be read ({error}); arrays of Python objects are refused: save numbers"
        ) from error
    except (OSError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error, tokenize.TokenError) as error:
        raise UsageError(f"{path} is damaged ({error}); {_MAKE_ONE}") from error
