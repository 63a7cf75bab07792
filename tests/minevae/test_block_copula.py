import math

import pytest
import torch

from minebench.baselines.contract import Gaussian, Noise
from minebench.minevae.block_copula import BlockCopula
from minebench.minevae.block_correlation import BlockCorrelation, Codes
from minebench.minevae.copula import GaussianCopula

OWNER = torch.tensor([0, 1, 1, 0])
RHO = 0.6
# of blocks (0, 3) and (1, 2) of four codes with equal correlations
TRUTH = math.log(1 - RHO**2) - 0.5 * math.log((1 + 3 * RHO) * (1 - RHO) ** 3)


def gaussian(n, seed=0):
    draws = torch.randn(n, 5, generator=torch.Generator().manual_seed(seed))
    return math.sqrt(RHO) * draws[:, :1] + math.sqrt(1 - RHO) * draws[:, 1:]


def filled(n=1024, **settings):
    copula = BlockCopula(4, 16, n, **settings)
    copula.remember(gaussian(n))
    return copula


def test_it_starts_as_the_copula_of_lists_of_columns():
    codes, fresh = gaussian(1024), gaussian(500, seed=1)
    lists = GaussianCopula(codes, ((0, 3), (1, 2)))
    expected = lists.log_ratio(lists.normal_scores(fresh))
    inside = (fresh.abs() < 2).all(1)  # the outermost quantiles are interpolated in two ways
    torch.testing.assert_close(filled()(fresh, OWNER)[0, inside], expected[inside], atol=0.05, rtol=0.02)
    assert filled()(gaussian(4000, seed=2), OWNER).mean().item() == pytest.approx(TRUTH, abs=0.06)


def test_warps_of_single_codes_change_nothing():
    copula, fresh = BlockCopula(4, 16), gaussian(300, seed=1)
    copula.remember(gaussian(1024) ** 3)
    torch.testing.assert_close(copula(fresh**3, OWNER), filled()(fresh, OWNER), atol=0.1, rtol=0.05)


def test_one_owner_of_all_latents_has_no_total_correlation():
    scores = filled()(gaussian(100), torch.zeros(4, dtype=torch.int64))
    torch.testing.assert_close(scores, torch.zeros(1, 100), atol=1e-5, rtol=0)


def test_the_oldest_codes_make_room_and_the_first_ones_fill_it():
    copula = BlockCopula(2, 8, n_recent=6)
    rows = torch.arange(20.0).view(10, 2)
    copula.remember(rows[:4])
    torch.testing.assert_close(copula.recent, rows[[0, 1, 2, 3, 0, 1]])
    copula.remember(rows[4:8])
    torch.testing.assert_close(copula.recent, rows[[6, 7, 2, 3, 4, 5]])
    copula.remember(torch.full((1, 2), math.nan))
    torch.testing.assert_close(copula.recent, rows[[6, 7, 2, 3, 4, 5]])


def test_training_corrects_what_a_copula_cannot_see_and_the_gradient_lowers_it():
    """z_2 = +-z_0 with a random sign: no correlation between the blocks (0, 1) and (2,), and far more than 0.5 nats."""
    generator = torch.Generator().manual_seed(0)
    owner, noise = torch.tensor([0, 0, 1]), Noise(generator)

    def draw(n):
        x, y, e = torch.randn(3, n, generator=generator)
        return torch.stack([x, y, x * torch.randn(n, generator=generator).sign() + 0.1 * e], 1)

    module = BlockCorrelation("copula_js", 3, 2, 1000, hidden_dim=32)
    optimizer = torch.optim.Adam(module.parameters(), lr=5e-3)
    for _ in range(300):
        optimizer.zero_grad()
        module.critic_loss(draw(256), owner, noise).backward()
        optimizer.step()
    z = draw(2000).requires_grad_()
    empty = Gaussian(torch.zeros(1, 3), torch.zeros(1, 3))
    value = module(Codes(z, empty, empty, torch.zeros(1)), owner, noise)
    assert value.item() > 0.5
    (slope,) = torch.autograd.grad(value, z)
    moved = Codes((z - 200 * slope).detach(), empty, empty, torch.zeros(1))
    assert module(moved, owner, noise).item() < value.item() - 0.05


def test_only_training_moves_the_fit():
    module = BlockCorrelation("copula_js", 4, 2, 1000).eval()
    module.critic_loss(gaussian(32), OWNER, Noise(torch.Generator().manual_seed(0)))
    assert module.copula.n_seen.item() == 0
    torch.testing.assert_close(module.copula(gaussian(32), OWNER), torch.zeros(1, 32))
    assert module.has_critic
    assert not BlockCorrelation("mss_loo", 4, 2, 1000).has_critic
