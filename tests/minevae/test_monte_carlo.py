"""Monte Carlo rivals behind the interface; what the minibatch forms owe is tested beside them in baselines."""

import pytest
import torch

from minebench.baselines.contract import Gaussian
from minebench.baselines.total_correlation import full_total_correlation
from minebench.minevae.monte_carlo import MinibatchTotalCorrelation, MixtureTotalCorrelation, mixture_log_ratio

PAIRS = ((0, 1), (2, 3))


def test_the_whole_mixture_agrees_with_the_other_implementation_of_it(world):
    batch = world.draw(64, 0)
    expected, _ = full_total_correlation(batch.z, world.population)
    assert MixtureTotalCorrelation().value(batch).item() == pytest.approx(expected.item(), abs=1e-5)
    expected, _ = full_total_correlation(batch.z, world.population, blocks=PAIRS)
    assert MixtureTotalCorrelation(PAIRS).value(batch).item() == pytest.approx(expected.item(), abs=1e-5)


def test_chunks_change_neither_value_nor_gradient(world):
    z, population = world.draw(16, 0).z, Gaussian(*(part[:100].clone().requires_grad_() for part in world.population))
    found = []
    for chunk in (7, 4096):
        samples = z.clone().requires_grad_()
        value = mixture_log_ratio(samples, population, chunk=chunk).mean()
        found.append((value, *torch.autograd.grad(value, (samples, *population))))
    for few, many in zip(*found, strict=True):
        torch.testing.assert_close(few, many, atol=1e-5, rtol=1e-4)


def test_a_tenth_of_the_components_stays_near_all_of_them_and_minibatches_below(world):
    """Means over 20 batches of 128; standard error of a mean 0.02, the paired difference is far less."""
    estimators = {
        "all": MixtureTotalCorrelation(),
        "tenth": MixtureTotalCorrelation(share=0.1),
        "batch": MinibatchTotalCorrelation("mss_loo"),
    }
    mean = {
        name: torch.stack([estimator.value(world.draw(128, seed)) for seed in range(20)]).mean().item()
        for name, estimator in estimators.items()
    }
    assert mean["all"] == pytest.approx(world.truth, abs=0.1)
    assert mean["tenth"] == pytest.approx(mean["all"], abs=0.06)
    assert mean["batch"] < mean["tenth"] - 0.02


def test_a_sample_s_own_component_counts_once_with_its_weight(world):
    """With every component drawn, the part is the whole: 1/N own + (N - 1)/N times the mean of the others."""
    batch = world.draw(32, 0)
    small = Gaussian(world.population.mean[:50], world.population.logvar[:50])
    rows = torch.arange(32)
    own = Gaussian(small.mean[:32], small.logvar[:32])
    batch = batch._replace(population=small, rows=rows, posterior=own)
    whole = MixtureTotalCorrelation().value(batch).item()
    assert MixtureTotalCorrelation(share=0.999).value(batch).item() == pytest.approx(whole, abs=1e-5)
    twice = MixtureTotalCorrelation(share=0.999).value(batch._replace(rows=torch.full((32,), 49))).item()
    assert twice != pytest.approx(whole, abs=1e-3)


def test_gradients_reach_samples_and_posteriors(world):
    batch = world.draw(8, 0)
    z, means = batch.z.requires_grad_(), batch.posterior.mean.requires_grad_()
    loss = MinibatchTotalCorrelation("mss").model_gradient(batch._replace(z=z))
    assert all(part.abs().sum() > 0 for part in torch.autograd.grad(loss, (z, means)))


def test_what_a_batch_lacks_is_named(world):
    batch = world.draw(8, 0)
    with pytest.raises(ValueError, match=r"CodeBatch\.posterior"):
        MinibatchTotalCorrelation("mss").value(batch._replace(posterior=None))
    with pytest.raises(ValueError, match=r"CodeBatch\.population"):
        MixtureTotalCorrelation().value(batch._replace(population=None))
    with pytest.raises(ValueError, match=r"CodeBatch\.rows"):
        MixtureTotalCorrelation(share=0.5).value(batch._replace(rows=None))
    with pytest.raises(ValueError, match=r"in \(0, 1\]; got 0"):
        MixtureTotalCorrelation(share=0.0)
