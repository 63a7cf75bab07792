"""Floating-point operations of an estimate, counted from its formula.

An addition, a multiplication, an exponential and a logarithm each count as one; random numbers, sorts and gathers as
none. Seconds are measured beside it, for the two disagree ten- to a hundredfold: a matrix product runs near the speed
of the processor, a sum of exponentials does not.
"""

from minebench.benchmarks.study.cells import CriticSpec

_DENSITY = 5  # subtract, square, scale, add, halve
_LOG_SUM_EXP = 3  # subtract the largest, exponentiate, add


def free_flops(name: str, *, batch_size: int, dim: int, n_images: int | None) -> float:
    """Of one value of an estimator without critics (with the exact one: of reading its scores alone).

    Args:
        name: One of ``cells.FREE`` or ``cells.ORACLES``.
        batch_size: M.
        dim: D.
        n_images: N, of those that sum over the population.
    """
    per_pair = dim * (_DENSITY + 1 + _LOG_SUM_EXP) + _LOG_SUM_EXP
    if name.startswith(("mws", "mss")):
        return float(batch_size**2 * per_pair)
    if name in ("full_mc", "part_mc"):
        share = 1.0 if name == "full_mc" else 0.1
        return batch_size * (n_images or 0) * share * per_pair
    if name.startswith("gauss"):
        shrink = 4 * dim**2 if name.endswith("shrunk") else 0
        return float(2 * batch_size * dim**2 + dim**3 / 3 + shrink)
    if name == "ksg":
        return float(3 * batch_size**2 * dim)
    if name.startswith("oracle"):
        return float(2 * batch_size * (2 * dim**2 + _LOG_SUM_EXP))
    return 0.0


def critic_value_flops(critics: CriticSpec, *, batch_size: int, dim: int, n_pairs: int) -> float:
    """Of one value of one critic (for a line or tree: of all its splits): a pass over joint and product samples."""
    hidden = critics.hidden_dim
    per_row = 2 * (dim * hidden + hidden**2 + hidden) + 2 * hidden + 1
    return float(n_pairs * 2 * batch_size * (per_row + _LOG_SUM_EXP))


def critic_update_flops(critics: CriticSpec, *, batch_size: int, dim: int, n_pairs: int) -> float:
    """Of one update: a pass forward, two backward, and Adam."""
    hidden = critics.hidden_dim
    n_weights = dim * hidden + hidden**2 + 3 * hidden + 1
    passes = 3 * critic_value_flops(critics, batch_size=batch_size, dim=dim, n_pairs=n_pairs)
    return passes + 12.0 * n_weights * n_pairs
