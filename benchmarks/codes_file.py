"""Codes, factors and blocks read from an ``.npz`` file: a run's own, or that of a foreign model.

Arrays of the file; what else it holds is left alone:

* ``codes`` (n_samples, n_codes) and ``factors`` (n_samples, n_factors);
* ``block_of_code``, if codes come in blocks: integers (n_codes,), the number of each code's block from 0, -1 for none;
* beside it, if need be, three single values: ``n_blocks``, the number of blocks where the last ones are empty;
  ``named``, whether the k-th block, the nuisance block not counted, belongs to the k-th factor; ``nuisance``, the
  number of the block that is to hold what no factor tells, -1 for none.
"""

import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from minebench.benchmarks.representation import Representation
from minebench.benchmarks.suggestions import UsageError

_MOST_BLOCKS = 10_000
_MAKE_ONE = "np.savez(path, codes=codes, factors=factors) writes one"
_ARRAYS = ("codes", "factors")
_OF_BLOCKS = ("n_blocks", "named", "nuisance")


def load_codes(path: Path) -> Representation:
    """Read what a model's codes are scored from; nothing is unpickled.

    Args:
        path: An ``.npz`` file; a run's ``codes.npz`` is one.

    Returns:
        Codes and factors as they stand in the file, and its blocks.

    Raises:
        UsageError: If there is no such file, it is no ``.npz`` file, it lacks one of the two arrays, one holds Python
            objects, or the arrays of blocks do not fit.
    """
    if not path.is_file():
        raise UsageError(f"no file at {path}; expected an .npz file with arrays codes and factors ({_MAKE_ONE})")
    if not zipfile.is_zipfile(path):
        raise UsageError(f"{path} is no .npz file; {_MAKE_ONE}")
    try:
        with np.load(path, allow_pickle=False) as file:
            if missing := [name for name in _ARRAYS if name not in file.files]:
                raise UsageError(
                    f"{path} must hold the arrays codes and factors; {' and '.join(missing)} missing, it has "
                    f"{', '.join(file.files) or 'none'}; {_MAKE_ONE}"
                )
            known = [name for name in (*_ARRAYS, "block_of_code", *_OF_BLOCKS) if name in file.files]
            arrays = {name: file[name] for name in known}
    except ValueError as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(
            f"{path} cannot be read ({error}); arrays of Python objects are refused: save numbers"
        ) from error
    except (OSError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error, tokenize.TokenError) as error:
        raise UsageError(f"{path} is damaged ({error}); {_MAKE_ONE}") from error
    try:
        return _representation(arrays)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def _representation(arrays: Mapping[str, np.ndarray]) -> Representation:
    codes, factors, number = arrays["codes"], arrays["factors"], arrays.get("block_of_code")
    if number is None:
        if stray := [name for name in _OF_BLOCKS if name in arrays]:
            raise UsageError(f"{' and '.join(stray)} tell of blocks; block_of_code (n_codes,) is missing")
        return Representation(codes, factors)
    if number.dtype.kind not in "iu" or number.shape != codes.shape[1:2]:
        raise UsageError(
            f"block_of_code must hold an integer for each of the codes {codes.shape}, the number of its block or -1; "
            f"got {number.dtype} {number.shape}"
        )
    first, last = (int(number.min()), int(number.max())) if number.size else (-1, -1)
    n_blocks = _single(arrays, "n_blocks", "iu")
    n_blocks = last + 1 if n_blocks is None else n_blocks
    if not 0 <= n_blocks <= _MOST_BLOCKS:
        raise UsageError(f"n_blocks must be from 0 to {_MOST_BLOCKS}; got {n_blocks}")
    if first < -1 or last >= n_blocks:
        raise UsageError(
            f"block_of_code must hold numbers from -1 to n_blocks - 1 = {n_blocks - 1}; got {first} to {last}"
        )
    named, nuisance = bool(_single(arrays, "named", "b")), _single(arrays, "nuisance", "iu")
    if nuisance is not None and not -1 <= nuisance < n_blocks:
        raise UsageError(f"nuisance must be -1 or one of the blocks 0..{n_blocks - 1}; got {nuisance}")
    if named and not n_blocks:
        raise UsageError("named tells of blocks; block_of_code has none")
    blocks = tuple(tuple(np.flatnonzero(number == block).tolist()) for block in range(n_blocks))
    return Representation(codes, factors, blocks or None, named, None if nuisance == -1 else nuisance)


def _single(arrays: Mapping[str, np.ndarray], name: str, kinds: str) -> int | None:
    """The only value of an array, or None where it is not there."""
    array = arrays.get(name)
    if array is None:
        return None
    if array.size != 1 or array.dtype.kind not in kinds:
        kind = "true or false" if kinds == "b" else "integer"
        raise UsageError(f"{name} must be a single {kind}; got {array.dtype} {array.shape}")
    return int(array.item())
