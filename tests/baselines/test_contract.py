import pytest
import torch
from torch.distributions import Normal, kl_divergence

from minebench.baselines.beta_vae import BetaVAEConfig
from minebench.baselines.contract import Gaussian, Noise, Terms


def gaussians(n: int, dim: int) -> Gaussian:
    generator = torch.Generator().manual_seed(1)
    return Gaussian(torch.randn(n, dim, generator=generator), torch.randn(n, dim, generator=generator))


def test_kl_is_that_of_torch_distributions():
    posterior = gaussians(5, 3)
    normal = Normal(posterior.mean, torch.exp(0.5 * posterior.logvar))
    expected = kl_divergence(normal, Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(posterior.kl(), expected)


def test_samples_have_the_posterior_mean_and_variance():
    """4,000 draws from N(2, 0.25): the standard error of the mean is 0.5 / sqrt(4000) = 0.008."""
    posterior = Gaussian(torch.full((4000, 1), 2.0), torch.full((4000, 1), 2 * torch.log(torch.tensor(0.5)).item()))
    z = posterior.sample(Noise(torch.Generator().manual_seed(0)))
    assert z.mean().item() == pytest.approx(2.0, abs=0.04)
    assert z.std().item() == pytest.approx(0.5, abs=0.03)


def test_a_sample_carries_gradient_to_mean_and_logvar():
    mean, logvar = torch.zeros(2, 3, requires_grad=True), torch.zeros(2, 3, requires_grad=True)
    Gaussian(mean, logvar).sample(Noise(torch.Generator().manual_seed(0))).sum().backward()
    assert torch.equal(mean.grad, torch.ones(2, 3))
    assert logvar.grad.abs().min() > 0


def test_the_loss_is_the_weighted_sum_of_its_terms():
    terms = Terms({"a": torch.tensor(2.0), "b": torch.tensor(3.0), "c": torch.tensor(7.0)}, {"b": -2.0, "c": 0.0})
    assert terms.total.item() == 2.0 - 2.0 * 3.0


def test_a_term_of_weight_zero_cannot_spoil_the_loss():
    assert Terms({"a": torch.tensor(2.0), "b": torch.tensor(torch.inf)}, {"b": 0.0}).total.item() == 2.0


def test_weights_of_unknown_terms_are_refused():
    with pytest.raises(ValueError, match=r"terms that do not exist: \['kll'\]; the terms are \['kl'\]"):
        Terms({"kl": torch.tensor(1.0)}, {"kll": 4.0})


def test_configurations_are_immutable_and_refuse_what_they_do_not_know():
    config = BetaVAEConfig()
    with pytest.raises(ValueError, match="frozen"):
        config.beta = 2.0
    with pytest.raises(ValueError, match="Extra inputs"):
        BetaVAEConfig(betta=2.0)
    with pytest.raises(ValueError, match="finite"):
        BetaVAEConfig(beta=float("inf"))
