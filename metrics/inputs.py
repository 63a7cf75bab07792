"""The one check of codes and factors: every metric sees the same clean arrays and refuses the same input.

Rules for degenerate input live here and nowhere else: what is not finite is refused by column, factor values are
relabelled to 0..n-1, constant factors are dropped and counted, constant codes are kept and marked dead.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minebench.metrics.protocol import check_counts
from minebench.metrics.result import Json

_LARGEST = 1e150  # the square of a larger code overflows


@dataclass(frozen=True)
class CheckedInputs:
    """Codes and factors that a metric can score.

    Attributes:
        codes: Float64, shape ``(n_samples, n_codes)``, finite.
        factors: Labels 0..n_k-1, shape ``(n_samples, n_factors)``, no column constant.
        factor_sizes: Values present of each kept factor.
        kept_factors: Where the columns of ``factors`` stood in the caller's array.
        dropped_factors: Columns with one value.
        minimum: Smallest value of each code.
        value_range: Largest minus smallest value of each code.
        alive: Whether a code takes more than one value.
    """

    codes: NDArray[np.float64]
    factors: NDArray[np.intp]
    factor_sizes: tuple[int, ...]
    kept_factors: tuple[int, ...]
    dropped_factors: tuple[int, ...]
    minimum: NDArray[np.float64]
    value_range: NDArray[np.float64]
    alive: NDArray[np.bool_]

    def details(self) -> dict[str, Json]:
        """What every ``MetricResult`` says about its input."""
        notes: list[Json] = [] if self.alive.any() else ["all codes are constant"]
        return {
            "factors": list(self.kept_factors),
            "dropped_factors": list(self.dropped_factors),
            "n_codes": self.codes.shape[1],
            "dead_codes": np.flatnonzero(~self.alive).tolist(),
            "notes": notes,
        }

    def need_factors(self, least: int) -> None:
        """Refuse input with too few factors for the metric.

        Args:
            least: Fewest factors, constant ones not counted, for which the metric is defined.

        Raises:
            ValueError: If fewer factors vary.
        """
        if len(self.kept_factors) < least:
            raise ValueError(
                f"this metric compares factors and needs at least {least} that vary; "
                f"got {len(self.kept_factors)} (columns {list(self.kept_factors)})"
            )

    def standardized(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Codes with mean 0 and variance 1 (dead codes exactly 0), and the standard deviations they had (ddof 1)."""
        # scaled by the range first: then no square overflows or vanishes, whatever the unit of the codes
        unit = self.codes - self.minimum
        unit /= np.where(self.alive, self.value_range, 1.0)
        unit -= np.where(self.alive, unit.mean(axis=0), 0.0)
        variance = np.einsum("nd,nd->d", unit, unit) / max(1, len(unit) - 1)
        unit /= np.where(self.alive, np.sqrt(variance), 1.0)
        return unit, np.sqrt(variance) * self.value_range

    def active_codes(self, std: NDArray[np.float64], min_std: float) -> tuple[NDArray[np.intp], dict[str, Json]]:
        """The codes that have not collapsed.

        Args:
            std: The standard deviations of the codes, from ``standardized``.
            min_std: What an active one exceeds: 0.05 in the literature, meant for posterior means under a N(0, 1)
                prior.

        Returns:
            Their columns, and what the details of a result say of them. If no code passes, all that vary are active,
            and a note says so.
        """
        active = np.flatnonzero(self.alive & (std > min_std))
        if len(active) or not self.alive.any():
            return active, {"active_codes": active.tolist()}
        active = np.flatnonzero(self.alive)
        note = f"no code passed min_std={min_std:g}: all non-constant codes were used"
        return active, {"active_codes": active.tolist(), "notes": [note]}


def check_codes_and_factors(
    codes: ArrayLike, factors: ArrayLike, *, min_codes: int = 1, n_factor_bins: int | None = None
) -> CheckedInputs:
    """Check and normalise the input of a metric; the caller's arrays are not changed.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)``, any real dtype.
        factors: Value indices, shape ``(n_samples, n_factors)``. Any integers, or floats that hold integers; they
            need not be 0..n-1 (CelebA's -1 and +1 are two values).
        min_codes: Fewest codes for which the metric is defined.
        n_factor_bins: Cut each factor with more distinct values than this into so many equal-width bins; then
            factors may hold any finite numbers. ``None`` takes factors as they are.

    Returns:
        The checked arrays, see ``CheckedInputs``.

    Raises:
        ValueError: If the shapes do not fit, an array is empty or not numeric, there are fewer than ``min_codes``
            codes, entries are masked, codes are not finite or beyond 1e150, factors hold non-integers without
            ``n_factor_bins`` or floats beyond 1e150 that are to be binned, every factor is constant, or
            ``n_factor_bins`` is below 2.
        TypeError: If ``n_factor_bins`` is neither a whole number nor ``None``.
    """
    raw_codes, raw_factors = unmasked("codes", codes), unmasked("factors", factors)
    _check_shapes(raw_codes, raw_factors, min_codes)
    if n_factor_bins is not None:
        check_counts(2, n_factor_bins=n_factor_bins)
    checked = np.ascontiguousarray(raw_codes, dtype=np.float64)
    minimum, maximum = checked.min(axis=0), checked.max(axis=0)  # NaN and inf show in one of the two
    _check_codes(minimum, maximum)
    labels, sizes = _label_factors(raw_factors, n_factor_bins)
    kept = [k for k, size in enumerate(sizes) if size > 1]
    if not kept:
        raise ValueError(f"every factor is constant ({len(sizes)} columns); a metric needs one that takes two values")
    return CheckedInputs(
        codes=checked,
        factors=np.stack([labels[k] for k in kept]).T,  # columns are contiguous: every metric reads by factor
        factor_sizes=tuple(sizes[k] for k in kept),
        kept_factors=tuple(kept),
        dropped_factors=tuple(k for k, size in enumerate(sizes) if size == 1),
        minimum=minimum,
        value_range=maximum - minimum,
        alive=maximum > minimum,
    )


def check_codes(codes: ArrayLike, *, min_codes: int = 1) -> CheckedInputs:
    """Check and normalise codes for a score that needs no factors; the caller's array is not changed.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)``, any real dtype.
        min_codes: Fewest codes for which the score is defined.

    Returns:
        The checked codes, with no factor.

    Raises:
        ValueError: If ``codes`` is no matrix, empty, masked or not numeric, has fewer than ``min_codes`` columns, or is
            not finite or beyond 1e150.
    """
    raw = unmasked("codes", codes)
    if raw.ndim != 2:
        raise ValueError(f"codes must be (n_samples, n_codes); got shape {raw.shape}")
    _check_shapes(raw, np.zeros((len(raw), 1)), min_codes)
    checked = np.ascontiguousarray(raw, dtype=np.float64)
    minimum, maximum = checked.min(axis=0), checked.max(axis=0)
    _check_codes(minimum, maximum)
    return CheckedInputs(
        codes=checked,
        factors=np.empty((len(checked), 0), dtype=np.intp),
        factor_sizes=(),
        kept_factors=(),
        dropped_factors=(),
        minimum=minimum,
        value_range=maximum - minimum,
        alive=maximum > minimum,
    )


def unmasked(name: str, array: ArrayLike) -> NDArray[Any]:
    """An argument as a plain array.

    Args:
        name: The argument, for the message.
        array: Anything that NumPy reads as an array.

    Returns:
        The array, not copied where it is one.

    Raises:
        ValueError: If it is a masked array with masked entries: NumPy would score what lies below the mask.
    """
    if isinstance(array, np.ma.MaskedArray) and (hidden := int(np.ma.getmaskarray(array).sum())):
        raise ValueError(f"{name} have {hidden} masked entries, which have no value; leave their rows out")
    return np.asarray(array)


def _check_shapes(codes: NDArray[Any], factors: NDArray[Any], min_codes: int) -> None:
    if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors):
        raise ValueError(
            "codes and factors must be (n_samples, n_codes) and (n_samples, n_factors) with equal n_samples; "
            f"got {codes.shape} and {factors.shape}"
        )
    if codes.size == 0 or factors.size == 0:
        raise ValueError(f"codes and factors must not be empty; got shapes {codes.shape} and {factors.shape}")
    for name, array in (("codes", codes), ("factors", factors)):
        if array.dtype.kind not in "buif":
            raise ValueError(f"{name} must hold real numbers; got dtype {array.dtype}; convert them first")
    if codes.shape[1] < min_codes:
        raise ValueError(f"this metric compares codes and needs at least {min_codes} of them; got codes {codes.shape}")


def _check_codes(minimum: NDArray[np.float64], maximum: NDArray[np.float64]) -> None:
    finite = np.isfinite(minimum) & np.isfinite(maximum)
    if not finite.all():
        raise ValueError(
            f"code columns {np.flatnonzero(~finite).tolist()} hold NaN or inf; a diverged model has no score"
        )
    large = np.maximum(-minimum, maximum) > _LARGEST
    if large.any():
        raise ValueError(f"code columns {np.flatnonzero(large).tolist()} exceed {_LARGEST:g}; rescale the codes")


def _label_factors(factors: NDArray[Any], n_factor_bins: int | None) -> tuple[list[NDArray[np.intp]], list[int]]:
    if factors.dtype.kind == "f":
        finite = np.isfinite(factors)
        if not finite.all():
            raise ValueError(f"factor columns {np.flatnonzero(~finite.all(axis=0)).tolist()} hold NaN or inf")
        whole = (factors == np.floor(factors)).all(axis=0)
        if n_factor_bins is None and not whole.all():
            raise ValueError(
                f"factor columns {np.flatnonzero(~whole).tolist()} hold non-integer values; "
                "pass n_factor_bins= to bin them"
            )
    labels, sizes = [], []
    for number, column in enumerate(factors.T):
        label, size = _relabel(column)
        if n_factor_bins is not None and size > n_factor_bins:
            label, size = _relabel(equal_width_bins(_distances(number, column), n_factor_bins))
        labels.append(label)
        sizes.append(size)
    return labels, sizes


def _relabel(column: NDArray[Any]) -> tuple[NDArray[np.intp], int]:
    """The rank of each entry's value among the values present, and their number."""
    low, high = column.min().item(), column.max().item()
    if column.dtype.kind == "f" or high - low > 4 * len(column):
        values, label = np.unique(column, return_inverse=True)
        return label.astype(np.intp, copy=False), len(values)
    # small integers: a table is 20 times faster than sorting
    offset = _above_smallest(column).astype(np.intp)
    present = np.zeros(high - low + 1, dtype=bool)
    present[offset] = True
    rank = np.cumsum(present) - 1
    return rank[offset].astype(np.intp, copy=False), int(rank[-1]) + 1


def _above_smallest(column: NDArray[Any]) -> NDArray[np.uint64]:
    """Each integer's distance from the smallest: exact, because unsigned differences wrap round."""
    wide = column.astype(np.uint64 if column.dtype.kind == "u" else np.int64).view(np.uint64)
    return np.asarray(wide - wide[column.argmin()])


def _distances(number: int, column: NDArray[Any]) -> NDArray[np.float64]:
    """What of a factor equal-width bins are cut from; integers are subtracted before they lose digits as floats."""
    if column.dtype.kind != "f":
        return _above_smallest(column).astype(np.float64)
    if float(np.abs(column).max()) > _LARGEST:  # the limit may lie beyond the column's own type
        raise ValueError(f"factor columns [{number}] exceed {_LARGEST:g}; rescale the factors to bin them")
    return column.astype(np.float64)


def equal_width_bins(values: NDArray[np.float64], n_bins: int) -> NDArray[np.intp]:
    """The bin 0..n_bins-1 of each value, per column, between the column's smallest and largest value."""
    low = values.min(axis=0)
    width = values.max(axis=0) - low
    position = (values - low) / np.where(width > 0, width, 1.0)  # divided first: n_bins / width may overflow
    position *= n_bins
    bins: NDArray[np.intp] = position.astype(np.intp)
    bins[bins == n_bins] = n_bins - 1  # the largest value closes the last bin
    return bins
