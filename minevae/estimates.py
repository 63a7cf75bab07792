"""Mutual information and total correlation of arrays: a value with an interval and a warning, for use on their own.

    >>> import numpy as np
    >>> from minebench.minevae.estimators import mutual_information
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(2000, 1))
    >>> y = 0.8 * x + 0.6 * rng.normal(size=(2000, 1))  # correlation 0.8: 0.511 nats
    >>> found = mutual_information(x, y, method="gauss_sample_debiased")
    >>> found.low < 0.511 < found.high
    True
    >>> found.flags
    ()

The interval tells how the value scatters with the rows, critics held fixed. It knows nothing of what a critic failed to
learn: an estimate by critics is too low by an amount that no interval shows.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy import stats
from torch import Tensor

from minebench.baselines.contract import Noise
from minebench.minevae.bounds import OBJECTIVES, Objective, Scores, bound
from minebench.minevae.copula import CopulaCritics, GaussianCopula
from minebench.minevae.critic_correlation import line_splits, split_rows, tree_splits
from minebench.minevae.critic_training import Samples, train_critics
from minebench.minevae.gaussian_fit import Correction, fitted_total_correlation
from minebench.minevae.groups import Groups, permute_groups
from minebench.minevae.mutual_information import MutualInformationEstimator
from minebench.minevae.nearest_neighbours import neighbour_total_correlation

Flag = Literal["above log batch - 1", "not finite", "negative"]

ARRAY_METHODS = (
    "gauss_sample",
    "gauss_sample_debiased",
    "gauss_sample_shrunk",
    "ksg",
    *(f"{structure}{objective}" for structure in ("", "line_", "tree_", "copula_") for objective in OBJECTIVES),
)
N_PARTS = 10  # of the rows that a value is made of; each is left out once for the interval
MIN_ROWS = 100


@dataclass(frozen=True)
class InformationEstimate:
    """An estimate from samples.

    Attributes:
        value: Nats.
        low: Lower end of the 95 % interval (jackknife over parts of the rows, Student's t); NaN if not finite.
        high: Upper end.
        flags: ``above log batch - 1``: what m samples of the product of marginals cannot support (McAllester and
            Stratos 2020, Formal Limitations on the Measurement of Mutual Information, arXiv:1811.04251);
            ``not finite``; ``negative``: no information is, so the value is noise or the critics failed.
        method: How it was made.
        n_rows: Rows.
    """

    value: float
    low: float
    high: float
    flags: tuple[Flag, ...]
    method: str
    n_rows: int


@dataclass(frozen=True)
class CriticSettings:
    """How critics are trained: on one half of the rows, for the value of the other, and the other way round.

    Attributes:
        hidden_dim: Width of the two hidden layers.
        n_steps: Most updates; a fifth of the half decides when to stop.
        batch_size: Rows of an update.
        learning_rate: Adam's.
        tau: Where ``smile`` clips.
    """

    hidden_dim: int = 128
    n_steps: int = 2000
    batch_size: int = 256
    learning_rate: float = 1e-3
    tau: float = 5.0


def mutual_information(
    x: ArrayLike, y: ArrayLike, *, method: str = "dv", seed: int = 0, critics: CriticSettings | None = None
) -> InformationEstimate:
    """Mutual information of two variables, from samples of both.

    Args:
        x: Shape (n,) or (n, D_x), n >= 100.
        y: Shape (n,) or (n, D_y). A single column of integers is taken for labels: as many columns of 0 and 1.
        method: One of ``ARRAY_METHODS``; ``dv`` is MINE. After ``copula_``, critics correct a Gaussian copula, of
            continuous variables.
        seed: Of splits, permutations and weights.
        critics: How critics are trained, for the methods that have some.

    Returns:
        The estimate in nats.

    Raises:
        ValueError: If the arrays do not fit together, are too short or not finite, or the method is unknown.
    """
    parts = [_columns(x), _columns(y)]
    if len(parts[0]) != len(parts[1]):
        raise ValueError(f"x and y must have equally many rows; got {len(parts[0])} and {len(parts[1])}")
    width = parts[0].shape[1]
    groups = (tuple(range(width)), tuple(range(width, width + parts[1].shape[1])))
    return total_correlation(np.hstack(parts), groups=groups, method=method, seed=seed, critics=critics)


def total_correlation(
    codes: ArrayLike,
    *,
    groups: Groups | None = None,
    method: str = "gauss_sample_debiased",
    seed: int = 0,
    critics: CriticSettings | None = None,
) -> InformationEstimate:
    """Total correlation of codes, from samples alone.

    Args:
        codes: Samples, shape (n, D), n >= 100, D >= 2.
        groups: Columns between which it is measured; default: each column on its own.
        method: One of ``ARRAY_METHODS``. The default sees second moments only; ``copula_js`` had the smallest
            error of all critics on (warped) Gaussians in the study of estimators, and that of ``js`` on mixtures.
        seed: Of splits, permutations and weights.
        critics: How critics are trained, for the methods that have some.

    Returns:
        The estimate in nats.

    Raises:
        ValueError: If the codes are too few or not finite, or the method is unknown.
    """
    if method not in ARRAY_METHODS:
        raise ValueError(f"unknown method for samples {method!r}; known: {', '.join(ARRAY_METHODS)}")
    z = torch.as_tensor(_columns(codes))
    if len(z) < MIN_ROWS or z.shape[1] < 2:
        raise ValueError(f"an estimate takes {MIN_ROWS} rows and two columns at least; got {tuple(z.shape)}")
    z = z[torch.randperm(len(z), generator=torch.Generator().manual_seed(seed))]
    if method.startswith(("gauss", "ksg")):
        values, error = _jackknife(_of_rows(z, method, groups), _parts(len(z)))
        return _estimate(values.sum(), error, N_PARTS - 1, (), method, len(z))
    settings = critics or CriticSettings()
    folds = [_critic_fold(z[a::2].float(), z[1 - a :: 2].float(), method, groups, seed + a, settings) for a in (0, 1)]
    value = torch.stack([values.sum() for values, _ in folds]).mean()
    error = 0.5 * math.hypot(*(error for _, error in folds))
    ceiling = math.log(len(z) // 2) - 1
    flags: tuple[Flag, ...] = ()
    if any(bool((values > ceiling).any()) for values, _ in folds):
        flags = ("above log batch - 1",)
    return _estimate(value, error, 2 * (N_PARTS - 1), flags, method, len(z))


def _of_rows(z: Tensor, method: str, groups: Groups | None) -> Callable[[Tensor], Tensor]:
    if method == "ksg":
        return lambda rows: neighbour_total_correlation(z[rows], groups=groups)[None]
    corrections: dict[str, Correction] = {
        "gauss_sample": "raw",
        "gauss_sample_debiased": "debiased",
        "gauss_sample_shrunk": "shrunk",
    }
    return lambda rows: fitted_total_correlation(z[rows], groups, correction=corrections[method])[None]


def _critic_fold(
    train: Tensor, test: Tensor, method: str, groups: Groups | None, seed: int, settings: CriticSettings
) -> tuple[Tensor, float]:
    """Values of the critics' pairs on ``test``, shape (P,), after training on ``train``; error of their sum."""
    generator = torch.Generator().manual_seed(seed)
    noise = Noise(generator)
    structure, objective = _read_method(method)
    make = {"line": line_splits, "tree": tree_splits}.get(structure)
    splits = make(train.shape[1], groups) if make else None
    n_checked = len(train) // 5
    learned, critics = train[n_checked:], None
    if structure == "copula":
        critics = CopulaCritics(GaussianCopula(learned, groups), 1, settings.hidden_dim, generator=generator)
    estimator = MutualInformationEstimator(
        train.shape[1],
        n_pairs=len(splits or (0,)),
        hidden_dim=settings.hidden_dim,
        objective=objective,
        tau=settings.tau,
        generator=generator,
        critics=critics,
    )

    def samples(rows: Tensor) -> Samples:
        return (rows, permute_groups(rows, noise, groups)) if splits is None else split_rows(rows, splits, noise)

    def draw(_: int) -> Samples:
        return samples(learned[(noise.uniform((settings.batch_size,)) * len(learned)).long()])

    train_critics(
        estimator,
        draw,
        n_steps=settings.n_steps,
        learning_rate=settings.learning_rate,
        validation=samples(train[:n_checked]),
    )
    parts = _parts(len(test))
    by_part = [samples(test[part]) for part in parts]  # a product row is made of rows of its own part
    with torch.no_grad():
        joint, product = (estimator.critics(torch.cat([pair[i] for pair in by_part], -2)) for i in (0, 1))
    scores = Scores(joint.double(), product.double())
    return _jackknife(
        lambda rows: bound(Scores(scores.joint[:, rows], scores.product[:, rows]), objective, tau=settings.tau), parts
    )


def _read_method(method: str) -> tuple[str, Objective]:
    structure, _, rest = method.rpartition("_")
    return structure, next(objective for objective in OBJECTIVES if objective == rest)


def _parts(n: int) -> list[Tensor]:
    return list(torch.arange(n).tensor_split(N_PARTS))


def _jackknife(statistic: Callable[[Tensor], Tensor], parts: Sequence[Tensor]) -> tuple[Tensor, float]:
    """A statistic of all rows, shape (P,), and the standard error of its sum by leaving one part out at a time."""
    values = statistic(torch.cat(list(parts)))
    left = torch.stack([statistic(torch.cat([*parts[:j], *parts[j + 1 :]])).sum() for j in range(len(parts))])
    return values, float(math.sqrt((len(parts) - 1) * left.var(correction=0).item()))


def _estimate(
    value: Tensor, error: float, df: int, flags: tuple[Flag, ...], method: str, n_rows: int
) -> InformationEstimate:
    number = float(value)
    if not math.isfinite(number) or not math.isfinite(error):
        return InformationEstimate(number, math.nan, math.nan, (*flags, "not finite"), method, n_rows)
    reach = float(stats.t.ppf(0.975, df)) * error
    if number < 0:
        flags = (*flags, "negative")
    return InformationEstimate(number, number - reach, number + reach, flags, method, n_rows)


def _columns(values: ArrayLike) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim == 1 and array.dtype.kind in "iub":
        array = np.unique(array, return_inverse=True)[1][:, None] == np.arange(len(np.unique(array)))
    columns = np.asarray(array, dtype=np.float64)
    columns = columns[:, None] if columns.ndim == 1 else columns
    if columns.ndim != 2 or not np.isfinite(columns).all():
        raise ValueError(f"samples must be finite and of shape (n,) or (n, D); got {array.dtype} {array.shape}")
    return columns
