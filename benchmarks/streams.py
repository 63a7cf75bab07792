"""Random streams: every random number of a run is a function of (seed, purpose, step, ...).

Nothing is drawn from a global generator and no generator's state lives from one step to the next. So at one seed all
models see the same batches and the same noise, a resumed run draws what an unbroken one would have drawn, and a new
metric or log line shifts nothing.
"""

import hashlib

import numpy as np


def stream_key(seed: int, *purpose: str | int) -> int:
    """A key that is unique to a seed and a purpose.

    Args:
        seed: The run's seed.
        purpose: Words and numbers that name the use, such as ``"noise", "vae", step``.

    Returns:
        An integer in [0, 2^63), the same on every machine.
    """
    text = "\0".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def numpy_stream(seed: int, *purpose: str | int) -> np.random.Generator:
    """A NumPy generator of its own for a seed and a purpose."""
    return np.random.Generator(np.random.Philox(key=stream_key(seed, *purpose)))
