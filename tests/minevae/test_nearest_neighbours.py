import math

import pytest
import torch

from minebench.minevae.nearest_neighbours import neighbour_total_correlation


def gaussian(n, dim, rho, seed=0):
    draws = torch.randn(n, dim + 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return math.sqrt(rho) * draws[:, :1] + math.sqrt(1 - rho) * draws[:, 1:]


@pytest.mark.parametrize(("dim", "rho"), [(2, 0.6), (3, 0.6), (4, 0.0)])
def test_the_total_correlation_of_gaussians(dim, rho):
    """1,500 rows; over seeds the estimate scatters by 0.03."""
    truth = -0.5 * math.log((1 + (dim - 1) * rho) * (1 - rho) ** (dim - 1))
    assert neighbour_total_correlation(gaussian(1500, dim, rho)).item() == pytest.approx(truth, abs=0.1)


def test_three_rows_by_hand():
    """Columns (0, 1, 3) and (0, 3, 1), k = 1, max-distances 3 (0-1), 3 (0-2), 2 (1-2): radii 3, 2, 2.

    Nearer than the radius in the first column: rows 1, 0, none; in the second: row 2, none, row 0. (Row 2 sees row 1
    at distance 2 in the first column, not below its radius.) So n = (1, 1, 0) and (1, 0, 1), each digamma(2) four times
    and digamma(1) twice over three rows: psi(1) + psi(3) - (4 psi(2) + 2 psi(1)) / 3.
    """
    psi = {1: -0.5772156649, 2: 1 - 0.5772156649, 3: 1.5 - 0.5772156649}
    z = torch.tensor([[0.0, 0.0], [1.0, 3.0], [3.0, 1.0]], dtype=torch.float64)
    expected = psi[1] + psi[3] - (4 * psi[2] + 2 * psi[1]) / 3
    assert neighbour_total_correlation(z, k=1).item() == pytest.approx(expected, abs=1e-9)


def test_nothing_lies_between_groups_that_are_independent():
    z = torch.cat([gaussian(1500, 2, 0.8), gaussian(1500, 2, 0.8, seed=1)], 1)
    assert neighbour_total_correlation(z, groups=((0, 1), (2, 3))).item() == pytest.approx(0.0, abs=0.1)
    assert neighbour_total_correlation(z).item() > 0.7


def test_too_many_codes_and_too_few_rows_are_refused():
    with pytest.raises(ValueError, match="up to 5 codes; got 6"):
        neighbour_total_correlation(torch.zeros(10, 6))
    with pytest.raises(ValueError, match="more than 3 rows; got 3"):
        neighbour_total_correlation(torch.zeros(3, 2))
