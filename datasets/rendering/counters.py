"""Random numbers as a function of a row and a stream, so that any row can be drawn alone and first.

Everything is integer arithmetic, or exact in float64, and so the same on every machine.

References:
    Steele, Lea, Flood (2014), Fast Splittable Pseudorandom Number Generators, OOPSLA: the finaliser
    of SplitMix64. Salmon et al. (2011), Parallel Random Numbers: As Easy as 1, 2, 3: counters as state.
"""

import numpy as np

_GOLDEN, _STREAM = 0x9E3779B97F4A7C15, 0xD1B54A32D192ED03  # odd: steps between rows and between streams
_NORMAL_WORDS = 3  # of four numbers each


def random_words(rows: np.ndarray, stream: int) -> np.ndarray:
    """Uniform words of 64 bits.

    Args:
        rows: Row numbers, int64 ``(n,)``.
        stream: Tells independent sequences apart.

    Returns:
        uint64 ``(n,)``.
    """
    word = rows.astype(np.uint64) * np.uint64(_GOLDEN) + np.uint64((stream + 1) * _STREAM % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        word = (word ^ (word >> np.uint64(shift))) * np.uint64(factor)
    return word


def uniforms(rows: np.ndarray, stream: int) -> np.ndarray:
    """Numbers uniform in [0, 1): float64 ``(n,)``; see ``random_words``."""
    return (random_words(rows, stream) >> np.uint64(11)) * 2.0**-53


def normals(rows: np.ndarray, stream: int) -> np.ndarray:
    """Numbers of mean 0 and variance 1, nearly normal: sums of twelve uniform ones.

    Their density is within 0.005 of the normal one; the tails end at 6. No logarithm or cosine of a
    C library is needed, whose last bits differ between machines.

    Args:
        rows: Row numbers, int64 ``(n,)``.
        stream: Tells independent sequences apart; ``normals`` and ``uniforms`` of one stream are related.

    Returns:
        float64 ``(n,)``.
    """
    total = np.zeros(len(rows), np.int64)
    for part in range(_NORMAL_WORDS):
        word = random_words(rows, stream * _NORMAL_WORDS + part)
        for quarter in range(4):
            total += ((word >> np.uint64(16 * quarter)) & np.uint64(0xFFFF)).astype(np.int64)
    centre = 4 * _NORMAL_WORDS * 65535
    return (2 * total - centre) / (2 * 65536.0)
