"""Gated blocks whose posteriors are known, estimates that lie, and the flags that they raise."""

import math

import pytest
import torch

from minebench.baselines.audited import AuditView, Encoded
from minebench.baselines.contract import Gaussian, Noise
from minebench.minevae.block_audit import Estimates, audit_blocks, gated_posterior
from minebench.minevae.gate import CodeStatistics, gated

BLOCKS = [[], [0], [1]]
DEVIATION = 0.5
BATCH = 100


def noise(seed=0):
    return Noise(torch.Generator().manual_seed(seed))


def coded(n, seed=0):
    """Latent 0 is +-1 by the first factor, latent 1 by the second."""
    factors = torch.randint(2, (n, 2), generator=torch.Generator().manual_seed(seed))
    mean = 2.0 * factors - 1
    return Encoded(Gaussian(mean, torch.full_like(mean, 2 * math.log(DEVIATION))), factors)


@pytest.fixture
def statistics():
    found = CodeStatistics(2)
    found.mean_variance.fill_(1.0)
    found.noise_variance.fill_(DEVIATION**2)
    return found


@pytest.fixture
def view():
    population = coded(1000)
    part = Encoded(Gaussian(*(rows[:400] for rows in population.posterior)), population.factors[:400])
    return AuditView(population, part, coded(400, seed=1), BATCH, noise())


def channel_information(deviation):
    """I(y; +-1 + deviation x noise) for an even sign, by quadrature."""
    x = torch.linspace(-12, 12, 40_001, dtype=torch.float64)
    density = [torch.exp(-0.5 * ((x - m) / deviation) ** 2) / deviation / math.sqrt(2 * math.pi) for m in (-1, 1)]
    mixed = (density[0] + density[1]) / 2
    return torch.trapezoid(sum(torch.special.xlogy(d, d / mixed) for d in density) / 2, x).item()


def says(correlation=0.0, information=(0.1, 0.1)):
    """An estimator of total correlation by critics, and of information, that say the same of every batch."""
    told = Estimates({"dv": torch.tensor(correlation)}, torch.tensor(information), frozenset({"dv", "information"}))
    return lambda drawn, noise: told


def audited(view, statistics, gain, estimate=None, n_labels=2):
    return audit_blocks(view, BLOCKS, lambda posterior: gain, statistics, estimate or says(), n_labels)


def test_the_gated_posterior_has_the_moments_of_what_the_gate_lets_through(statistics):
    """100,000 samples: standard error of a mean 0.003."""
    posterior = Gaussian(torch.tensor([[0.7, -1.0]]), torch.tensor([[-1.0, 0.5]]))
    gain = torch.tensor([0.3, 0.9])
    many = Gaussian(*(part.expand(100_000, 2) for part in posterior))
    seen = gated(statistics.standardise(many.sample(noise())), gain[None], noise(1))[0]
    found = gated_posterior(posterior, gain, statistics)
    torch.testing.assert_close(seen.mean(0), found.mean[0], atol=0.015, rtol=0)
    torch.testing.assert_close(seen.var(0), found.logvar[0].exp(), atol=0.015, rtol=0)


def test_gated_blocks_tell_what_the_channel_and_the_gate_let_through(view, statistics):
    """With gain a, c is a (+-1 + noise) / scale + sqrt(1 - a^2) noise: 400 draws, within 0.04 nats.

    Blocks see their own latent with gain 0.8 and the other's with 0.4: taken for hard blocks, they would leak nothing.
    """
    gain = torch.tensor([[0.1, 0.1], [0.8, 0.4], [0.4, 0.8]])
    found = audited(view, statistics, gain)
    scale = math.sqrt(1 + DEVIATION**2)

    def told(a):
        return channel_information(math.sqrt((a * DEVIATION / scale) ** 2 + 1 - a * a) / (a / scale))

    assert found["information"] == pytest.approx(told(0.8), abs=0.04)
    assert found["leak"] == pytest.approx(told(0.4), abs=0.04)
    assert told(0.8) < channel_information(DEVIATION) - 0.2  # what an audit without the gate would say
    assert found["held_out_information"] == pytest.approx(told(0.8), abs=0.05)
    assert found["total_correlation"] == pytest.approx(0.0, abs=0.05)
    assert (found["believed"], found["gated_believed"]) == (1.0, 1.0)
    assert (found["images"], found["draws"]) == (1000, 400)


def test_gains_of_each_image_are_taken_for_that_image(view, statistics):
    gain = torch.tensor([[0.1, 0.1], [0.8, 0.4], [0.4, 0.8]])
    of_images = audit_blocks(
        view._replace(noise=noise()),
        BLOCKS,
        lambda posterior: gain.expand(len(posterior.mean), 3, 2),
        statistics,
        says(),
        2,
    )
    assert of_images == pytest.approx(audited(view._replace(noise=noise()), statistics, gain))


def test_a_bound_beyond_the_logarithm_of_the_batch_is_flagged(view, statistics):
    """log 100 - 1 is 3.6 nats: 3.5 is within, 3.7 is not, and -20 is not, either. Closed forms are not limited."""
    gain = torch.full((3, 2), 0.5)
    for correlation, information, expected in (
        (3.5, (0.1, 0.1), 0),
        (3.7, (0.1, 0.1), 1),
        (-20.0, (0.1, 4.0), 2),
    ):
        found = audited(view, statistics, gain, says(correlation, information))
        assert (found["out_of_range"], found["held_out_out_of_range"]) == (expected, expected)
        assert found["total_correlation_dv"] == pytest.approx(correlation)
    by_formula = Estimates({"gauss_mean": torch.tensor(9.0)}, torch.tensor([9.0, 9.0]), frozenset())
    assert audited(view, statistics, gain, lambda drawn, noise: by_formula)["out_of_range"] == 0


def test_information_that_parts_from_held_out_is_flagged(view, statistics):
    """The first label's critic has learned training images by heart: 0.9 there, 0.4 elsewhere; the second's has not."""

    by_heart = [batch.tolist() for batch in view.train.factors.split(BATCH)]

    def estimate(drawn, noise):
        first = 0.9 if drawn.factors.tolist() in by_heart else 0.4
        return Estimates({}, torch.tensor([first, 0.4]), frozenset({"information"}))

    found = audited(view, statistics, torch.full((3, 2), 0.5), estimate)
    assert found["labels_parted"] == 1
    assert found["information_estimated"] > found["held_out_information_estimated"]
    assert audited(view, statistics, torch.full((3, 2), 0.5))["labels_parted"] == 0


def test_without_labels_only_total_correlation_is_audited(view, statistics):
    told = Estimates({"mss_loo": torch.tensor(0.2)}, torch.zeros(0), frozenset())
    found = audited(view, statistics, torch.full((3, 2), 0.5), lambda drawn, noise: told, n_labels=0)
    assert "total_correlation" in found
    assert not [name for name in found if "leak" in name or name.endswith(("information", "_estimated", "parted"))]
