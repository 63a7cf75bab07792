import math

import numpy as np
import pytest
import torch

from minebench.baselines.contract import Gaussian
from minebench.baselines.total_correlation import (
    full_total_correlation,
    log_density_matrix,
    log_weights,
    minibatch_total_correlation,
)


def correlated_posteriors(n: int, dim: int, rho: float, seed: int = 0) -> Gaussian:
    """Posteriors whose mixture is, for large n, N(0, R) with equal correlations rho.

    Means are drawn from N(0, R - s^2 I) with s^2 = (1 - rho) / 2; each posterior adds N(0, s^2 I).
    """
    variance = (1 - rho) / 2
    covariance = np.full((dim, dim), rho) + np.eye(dim) * (1 - rho - variance)
    means = np.random.default_rng(seed).multivariate_normal(np.zeros(dim), covariance, n)
    return Gaussian(torch.tensor(means, dtype=torch.float32), torch.full((n, dim), math.log(variance)))


def draw(posterior: Gaussian, rows: torch.Tensor, seed: int = 1) -> tuple[torch.Tensor, Gaussian]:
    chosen = Gaussian(posterior.mean[rows], posterior.logvar[rows])
    generator = torch.Generator().manual_seed(seed)
    return chosen.mean + torch.exp(0.5 * chosen.logvar) * torch.randn(chosen.mean.shape, generator=generator), chosen


def faulty_stratified_weights(n_batch: int, n_images: int) -> torch.Tensor:
    """What four public code bases do: 1/N in column 0, the rest in column 1, whatever sample a row belongs to."""
    others = n_batch - 1
    weights = torch.full((n_batch, n_batch), 1 / others)
    weights[:, 0] = 1 / n_images
    weights[:, 1] = (n_images - others) / (n_images * others)
    weights[others - 1, 0] = (n_images - others) / (n_images * others)
    return weights


@pytest.mark.parametrize("estimator", ["mss", "mss_loo"])
@pytest.mark.parametrize(("n_batch", "n_images"), [(2, 2), (5, 100), (64, 737_280)])
def test_stratified_weights_of_a_row_sum_to_one_with_1_over_n_on_the_own_posterior(estimator, n_batch, n_images):
    weights = log_weights(n_batch, n_images, estimator).double().exp()
    torch.testing.assert_close(weights.sum(1), torch.ones(n_batch, dtype=torch.float64), rtol=0, atol=1e-5)
    torch.testing.assert_close(weights.diagonal(), torch.full((n_batch,), 1 / n_images, dtype=torch.float64))


def test_the_public_stratified_weights_do_not_sum_to_one():
    """With M = 4, N = 1000 the row that gets two remainders sums to 2 x 997/3000 + 2/3."""
    sums = faulty_stratified_weights(5, 1000).sum(1)
    others = 4
    assert sums.max().item() == pytest.approx((1000 - others) / (1000 * others) * 2 + (others - 1) / others, abs=1e-6)
    assert sums.max().item() == pytest.approx(1.248)
    own = faulty_stratified_weights(5, 1000).diagonal()
    assert not torch.allclose(own, torch.full((5,), 1 / 1000))


def test_leave_one_out_weights_by_hand():
    """N = 10, M = 3: the own posterior 1/10, each other 9 / (10 * 2)."""
    expected = torch.full((3, 3), 0.45).fill_diagonal_(0.1)
    torch.testing.assert_close(log_weights(3, 10, "mss_loo").exp(), expected)


def test_weighted_sampling_weights_by_hand():
    torch.testing.assert_close(log_weights(3, 10, "mws").exp(), torch.full((3, 3), 1 / 30))


def test_log_density_by_hand():
    """z = (1, 2) under N(0, 1) x N(1, e^2)."""
    posterior = Gaussian(torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0, 2.0]]))
    expected = [-0.5 * (1 + math.log(2 * math.pi)), -0.5 * (math.exp(-2) + 2 + math.log(2 * math.pi))]
    torch.testing.assert_close(log_density_matrix(torch.tensor([[1.0, 2.0]]), posterior)[0, 0], torch.tensor(expected))


@pytest.mark.parametrize("estimator", ["mws", "mss", "mss_loo"])
def test_the_estimate_equals_a_sum_written_out(estimator):
    z, posterior = draw(correlated_posteriors(6, 3, 0.5), torch.arange(6))
    weights = log_weights(6, 50, estimator).exp().double().numpy()
    mean, sd = posterior.mean.double().numpy(), np.exp(0.5 * posterior.logvar.double().numpy())
    density = np.exp(-0.5 * ((z.double().numpy()[:, None] - mean) / sd) ** 2) / (sd * math.sqrt(2 * math.pi))
    total = 0.0
    for s in range(6):
        joint = sum(weights[s, m] * density[s, m].prod() for m in range(6))
        marginals = [sum(weights[s, m] * density[s, m, d] for m in range(6)) for d in range(3)]
        total += math.log(joint) - sum(math.log(q) for q in marginals)
    estimate = minibatch_total_correlation(log_density_matrix(z, posterior), 50, estimator=estimator)
    assert estimate.item() == pytest.approx(total / 6, rel=1e-5)


def test_full_monte_carlo_finds_the_closed_form_of_a_gaussian():
    """TC = -1/2 log det R = -1/2 log((1 + 3 rho)(1 - rho)^3) for four codes with rho = 0.6."""
    posterior = correlated_posteriors(8000, 4, 0.6)
    z, _ = draw(posterior, torch.randint(8000, (1500,), generator=torch.Generator().manual_seed(2)))
    value, error = full_total_correlation(z, posterior)
    truth = -0.5 * math.log((1 + 3 * 0.6) * 0.4**3)
    assert error.item() < 0.05
    assert value.item() == pytest.approx(truth, abs=4 * error.item() + 0.02)


def test_full_monte_carlo_does_not_depend_on_the_chunk():
    posterior = correlated_posteriors(300, 3, 0.5)
    z, _ = draw(posterior, torch.arange(100))
    assert full_total_correlation(z, posterior, chunk=7)[0].item() == pytest.approx(
        full_total_correlation(z, posterior)[0].item(), abs=1e-6
    )


def test_stratified_estimates_lie_near_the_truth_and_weighted_ones_do_not():
    """One code repeated as independent pairs: TC of four codes with rho = 0.6 is 0.86; MWS is off by ~ 3 log N."""
    posterior, n_images = correlated_posteriors(20_000, 4, 0.6), 20_000
    truth = -0.5 * math.log((1 + 3 * 0.6) * 0.4**3)
    values: dict[str, list[float]] = {"mws": [], "mss": [], "mss_loo": [], "per latent": []}
    for repeat in range(40):
        rows = torch.randint(n_images, (256,), generator=torch.Generator().manual_seed(repeat))
        log_density = log_density_matrix(*draw(posterior, rows, repeat))
        for estimator in ("mws", "mss", "mss_loo"):
            values[estimator].append(minibatch_total_correlation(log_density, n_images, estimator=estimator).item())
        weighted = log_density + log_weights(256, n_images, "mss_loo")[..., None]  # a public mistake: once per latent
        values["per latent"].append((weighted.sum(2).logsumexp(1) - weighted.logsumexp(1).sum(1)).mean().item())
    mean = {name: float(np.mean(v)) for name, v in values.items()}
    assert mean["mss_loo"] == pytest.approx(truth, abs=0.25)
    assert mean["mss"] == pytest.approx(truth, abs=0.25)
    assert mean["mws"] > truth + 20  # (D - 1) log N = 29.7 at most
    assert mean["per latent"] < truth - 10


def test_weighted_sampling_is_offset_by_a_constant_of_no_gradient():
    """The gradient of MWS and of the same estimate with normalised weights are the same."""
    z, posterior = draw(correlated_posteriors(32, 3, 0.5), torch.arange(32))
    z.requires_grad_()
    log_density = log_density_matrix(z, posterior)
    small = minibatch_total_correlation(log_density, 32, estimator="mws")
    large = minibatch_total_correlation(log_density, 10**6, estimator="mws")
    assert (large - small).item() == pytest.approx(2 * math.log(10**6 / 32), rel=1e-5)
    torch.testing.assert_close(
        torch.autograd.grad(small, z, retain_graph=True)[0], torch.autograd.grad(large, z)[0], atol=1e-6, rtol=1e-4
    )


def test_the_correlation_between_blocks_leaves_out_that_within():
    """Codes 0, 1 are correlated and 2, 3 are, the pairs independent: nothing between blocks (0, 1) and (2, 3)."""
    pair, other = correlated_posteriors(4000, 2, 0.8, seed=3), correlated_posteriors(4000, 2, 0.8, seed=4)
    posterior = Gaussian(torch.cat([pair.mean, other.mean], 1), torch.cat([pair.logvar, other.logvar], 1))
    z, _ = draw(posterior, torch.arange(1000))
    between, error = full_total_correlation(z, posterior, blocks=((0, 1), (2, 3)))
    assert between.item() == pytest.approx(0.0, abs=4 * error.item() + 0.03)
    assert full_total_correlation(z, posterior)[0].item() == pytest.approx(-math.log(1 - 0.64), abs=0.15)


def test_blocks_of_one_code_are_the_plain_estimate():
    z, posterior = draw(correlated_posteriors(16, 3, 0.5), torch.arange(16))
    log_density = log_density_matrix(z, posterior)
    torch.testing.assert_close(
        minibatch_total_correlation(log_density, 100, estimator="mss_loo", blocks=((0,), (1,), (2,))),
        minibatch_total_correlation(log_density, 100, estimator="mss_loo"),
    )


def test_bad_requests_are_refused():
    z, posterior = draw(correlated_posteriors(4, 3, 0.5), torch.arange(4))
    log_density = log_density_matrix(z, posterior)
    with pytest.raises(ValueError, match="larger than the training set"):
        minibatch_total_correlation(log_density, 3, estimator="mss")
    with pytest.raises(ValueError, match="at least two images"):
        minibatch_total_correlation(log_density[:1, :1], 3, estimator="mss")
    with pytest.raises(ValueError, match="each of the 3 latents once"):
        minibatch_total_correlation(log_density, 9, estimator="mss", blocks=((0, 1), (1,)))
    with pytest.raises(ValueError, match="at least two samples"):
        full_total_correlation(z[:1], posterior)
