"""Truths by two routes, exact critics by their definition, and the condition on the normaliser by hand."""

import math

import pytest
import torch

from minebench.baselines.contract import Gaussian
from minebench.benchmarks.study.build import build
from minebench.benchmarks.study.cells import DistributionSpec
from minebench.benchmarks.study.distribution import draw_batch, generator_for
from minebench.benchmarks.study.gaussians import GaussianCodes
from minebench.benchmarks.study.mixtures import MixtureCodes, vae_like
from minebench.benchmarks.study.student import StudentCodes
from minebench.benchmarks.suggestions import UsageError

SPECS = [
    DistributionSpec(kind="equicorrelated", total_correlation=2, n_images=100),
    DistributionSpec(kind="pairs", total_correlation=2),
    DistributionSpec(kind="banded", total_correlation=2),
    DistributionSpec(kind="factor", total_correlation=2),
    DistributionSpec(kind="blocks", dim=24, total_correlation=3),
    DistributionSpec(kind="independent"),
    *(DistributionSpec(kind="equicorrelated", total_correlation=2, warp=warp) for warp in ("cube", "cdf", "asinh")),
    DistributionSpec(kind="student", total_correlation=4),
    DistributionSpec(kind="vae_like", dim=6, n_images=50, information=2),
    DistributionSpec(kind="banded", total_correlation=5, permuted=True),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.label)
def test_two_routes_lead_to_the_truth(spec):
    made = build(spec)
    error = math.hypot(made.truth.error, made.second_route.error)
    assert made.truth.value == pytest.approx(made.second_route.value, abs=3.5 * error + 1e-9)
    if not spec.permuted and spec.kind not in ("vae_like", "independent"):
        assert made.truth.value == pytest.approx(spec.total_correlation, abs=1e-6)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.label)
def test_the_exact_critic_is_the_density_ratio(spec):
    """E over the product of marginals of p / q is 1; of (p/q clipped at 20) it is at most 1, and near it."""
    made = build(spec)
    generator = generator_for(1, "ratio")
    codes = made.sample(4000, generator)[0]
    columns = made.groups or [(column,) for column in range(made.dim)]
    product = codes.clone()
    for group in columns:
        product[:, list(group)] = codes[torch.randperm(len(codes), generator=generator)][:, list(group)]
    ratio = made.log_ratio(product).exp()
    inverse = torch.exp(-made.log_ratio(codes))  # E_p[q / p] = 1, too
    assert 0.2 < ratio.clamp(max=20).mean() < 1.1
    assert 0.2 < inverse.clamp(max=20).mean() < 1.1


def test_the_condition_on_the_normaliser_by_hand():
    """Equal correlations: 1 + 9 rho, at TC 0.18 just above 2; pairs: 1 + rho, never 2."""
    for total_correlation, expected in ((0.17, "finite"), (0.2, "infinite")):
        made = GaussianCodes("equicorrelated", 10, total_correlation)
        rho = made.correlation[0, 1].item()
        assert made.largest_eigenvalue == pytest.approx(1 + 9 * rho)
        assert made.normaliser == expected
    assert GaussianCodes("pairs", 10, 20.0).normaliser == "finite"
    blocks = GaussianCodes("blocks", 16, 3.0)  # 8 canonical correlations, all equal: TC = -4 log(1 - rho^2)
    assert blocks.largest_eigenvalue == pytest.approx(1 + math.sqrt(1 - math.exp(-3 / 4)))


def test_additivity_of_blocks():
    """TC of all codes is that between blocks and those within: three blocks of correlation 0.6 over 8 codes."""
    blocks = GaussianCodes("blocks", 24, 3.0)
    within = -0.5 * math.log((1 + 7 * 0.6) * 0.4**7)
    whole = -0.5 * torch.linalg.slogdet(blocks.correlation)[1].item()
    assert whole == pytest.approx(3.0 + 3 * within)


def test_posteriors_mix_to_the_gaussian():
    """Mean of posterior means' covariance and s^2 I: R, to 0.03 at 20,000 images; s^2 = (1 - rho) / 2."""
    made = GaussianCodes("equicorrelated", 4, 1.0, n_images=20_000)
    rho = made.correlation[0, 1].item()
    assert made.posterior_variance == pytest.approx((1 - rho) / 2)
    batch = draw_batch(made, 20_000, generator_for(0, "mix"))
    torch.testing.assert_close(torch.cov(batch.z.T).double(), made.correlation, atol=0.04, rtol=0)
    torch.testing.assert_close(batch.posterior.mean, made.population.mean[batch.rows])


def test_warped_codes_are_functions_of_the_same_scores():
    plain = GaussianCodes("banded", 5, 1.0).sample(10, generator_for(0, "x"))
    cube = GaussianCodes("banded", 5, 1.0, warp="cube").sample(10, generator_for(0, "x"))
    torch.testing.assert_close(cube, plain**3)
    assert GaussianCodes("banded", 5, 1.0, warp="cube", n_images=50).population is None


def test_the_way_to_the_target_starts_at_half_of_it():
    made = GaussianCodes("equicorrelated", 4, 2.0)
    half = GaussianCodes("equicorrelated", 4, 1.0)
    draws = made.on_the_way(0.0)(50_000, generator_for(0, "x"), 1)[0]
    torch.testing.assert_close(torch.cov(draws.T).double(), half.correlation, atol=0.03, rtol=0)
    draws = made.on_the_way(1.0)(50_000, generator_for(0, "x"), 1)[0]
    torch.testing.assert_close(torch.cov(draws.T).double(), made.correlation, atol=0.03, rtol=0)


def test_many_degrees_of_freedom_are_a_gaussian():
    student, gaussian = StudentCodes(5, 2.0, freedom=1e6), GaussianCodes("equicorrelated", 5, 2.0)
    torch.testing.assert_close(student.correlation, gaussian.correlation, atol=1e-4, rtol=0)


def test_a_mixture_of_two_points_by_hand():
    """Two narrow posteriors at (0, 0) and (1, 1): the codes know each other's component: log 2 nats."""
    population = Gaussian(torch.tensor([[0.0, 0.0], [1.0, 1.0]]), torch.full((2, 2), math.log(1e-4)))
    made = MixtureCodes(population, max_samples=2000)
    assert made.truth.value == pytest.approx(math.log(2), abs=0.01)
    assert made.second_route.value == pytest.approx(math.log(2), abs=0.05)


def test_vae_like_posteriors_have_the_information_asked_for():
    """I(x; z) = E[log q(z|x) - log q(z)] over 4,000 fresh samples; the bisection used 256 others."""
    population = vae_like(400, 8, 3.0)
    made = MixtureCodes(population)
    rows = torch.randint(400, (4000,), generator=generator_for(5, "rows"))
    own = Gaussian(population.mean[rows], population.logvar[rows])
    deviation = torch.exp(0.5 * own.logvar)
    z = own.mean + deviation * torch.randn(own.mean.shape, generator=generator_for(6, "noise"))
    normal = torch.distributions.Normal(population.mean, torch.exp(0.5 * population.logvar))
    marginal = torch.stack([normal.log_prob(one).sum(1).logsumexp(0) for one in z]) - math.log(400)
    conditional = torch.distributions.Normal(own.mean, deviation).log_prob(z).sum(1)
    assert (conditional - marginal).mean().item() == pytest.approx(3.0, abs=0.3)
    assert made.dim == 8
    assert population.mean[:, -2:].eq(0).all()  # the collapsed codes


def test_impossible_distributions_are_refused():
    with pytest.raises(UsageError, match=r"student d10 tc0\.1: uncorrelated t codes"):
        build(DistributionSpec(kind="student", total_correlation=0.1))
    with pytest.raises(UsageError, match=r"I\(x; z\) lies below log N"):
        build(DistributionSpec(kind="vae_like", n_images=10, information=3))
    with pytest.raises(UsageError, match="pairs needs D in multiples of 2; got 5"):
        build(DistributionSpec(kind="pairs", dim=5, total_correlation=1))
    with pytest.raises(UsageError, match="minebench variance --truth codes"):
        build(DistributionSpec(kind="codes", run="x"))
