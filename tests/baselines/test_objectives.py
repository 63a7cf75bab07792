"""Each objective against a sum written out in NumPy, from the networks' outputs alone."""

import math

import numpy as np
import pytest
import torch

from minebench.baselines.beta_tcvae import BetaTCVAE, BetaTCVAEConfig
from minebench.baselines.beta_vae import BetaVAE, BetaVAEConfig
from minebench.baselines.contract import Noise
from minebench.baselines.factor_vae import FactorVAE, FactorVAEConfig
from minebench.baselines.vae import VAE, VAEConfig

N_BATCH, N_IMAGES = 8, 1000


def outputs(model, batch):
    """Means, log variances, samples and pixel probabilities of a batch, in float64."""
    with torch.no_grad():
        mean, logvar = model.encode(batch.images)
        z = mean + torch.exp(0.5 * logvar) * Noise(torch.Generator().manual_seed(6)).normal(mean.shape)
        logits = model.decode(z)
    return (value.double().numpy() for value in (mean, logvar, z, 1 / (1 + torch.exp(-logits.double()))))


def elbo_by_hand(images, mean, logvar, probability):
    x = images.double().numpy()
    reconstruction = -(x * np.log(probability) + (1 - x) * np.log(1 - probability)).sum((1, 2, 3)).mean()
    kl = 0.5 * (mean**2 + np.exp(logvar) - 1 - logvar).sum(1).mean()
    return reconstruction, kl


def trained_a_little(model):
    """Posteriors that differ from N(0, 1) and from each other: the head's biases and weights are moved apart."""
    with torch.no_grad():
        model.encoder[-1].weight[: len(model.encoder[-1].bias) // 2] *= 20
        model.encoder[-1].bias.copy_(torch.linspace(-1, 1, len(model.encoder[-1].bias)))
    return model


@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_beta_vae_is_reconstruction_plus_beta_kl(beta, data, make_batch):
    model = trained_a_little(BetaVAE(BetaVAEConfig(beta=beta), data))
    mean, logvar, _, probability = outputs(model, make_batch())
    reconstruction, kl = elbo_by_hand(make_batch().images, mean, logvar, probability)
    terms = model.loss("vae", make_batch())
    assert terms.terms["reconstruction"].item() == pytest.approx(reconstruction, rel=1e-5)
    assert terms.terms["kl"].item() == pytest.approx(kl, rel=1e-5)
    assert terms.total.item() == pytest.approx(reconstruction + beta * kl, rel=1e-5)


def test_vae_is_beta_vae_at_one(data, make_batch):
    model = trained_a_little(VAE(VAEConfig(), data))
    mean, logvar, _, probability = outputs(model, make_batch())
    assert model.loss("vae", make_batch()).total.item() == pytest.approx(
        sum(elbo_by_hand(make_batch().images, mean, logvar, probability)), rel=1e-5
    )


def test_factor_vae_adds_gamma_times_the_mean_log_ratio(data, make_batch):
    model = trained_a_little(FactorVAE(FactorVAEConfig(gamma=7.0), data))
    mean, logvar, z, probability = outputs(model, make_batch())
    with torch.no_grad():
        logits = model.discriminator(torch.tensor(z, dtype=torch.float32)).double().numpy()
    p_joint = np.exp(logits[:, 0]) / np.exp(logits).sum(1)
    ratio = np.log(p_joint / (1 - p_joint)).mean()
    assert abs(ratio) > 1e-3
    expected = sum(elbo_by_hand(make_batch().images, mean, logvar, probability)) + 7.0 * ratio
    assert model.loss("vae", make_batch()).total.item() == pytest.approx(expected, rel=1e-5)


def test_the_discriminator_minimises_cross_entropy_between_joint_and_permuted_codes(data, make_batch):
    model = trained_a_little(FactorVAE(FactorVAEConfig(), data))
    batch, noise = make_batch(), Noise(torch.Generator().manual_seed(6))
    with torch.no_grad():
        z = model.encode(batch.images).sample(noise)
        other = model.encode(batch.second_images).sample(noise)
        order = noise.uniform(other.shape).numpy().argsort(0)
        permuted = np.stack([other.numpy()[order[:, j], j] for j in range(10)], axis=1)
        logits = model.discriminator(torch.cat([z, torch.tensor(permuted)])).double().numpy()
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    expected = -np.concatenate([log_p[:N_BATCH, 0], log_p[N_BATCH:, 1]]).mean()
    assert model.loss("discriminator", make_batch()).total.item() == pytest.approx(expected, rel=1e-5)


def tc_by_hand(z, mean, logvar, weights):
    sd = np.exp(0.5 * logvar)
    density = np.exp(-0.5 * ((z[:, None] - mean) / sd) ** 2) / (sd * math.sqrt(2 * math.pi))  # (M, M, D)
    joint = (weights * density.prod(2)).sum(1)
    marginals = (weights[..., None] * density).sum(1)
    return (np.log(joint) - np.log(marginals).sum(1)).mean()


@pytest.mark.parametrize(
    ("estimator", "weights"),
    [
        ("mws", np.full((8, 8), 1 / (8 * 1000))),
        ("mss_loo", np.where(np.eye(8, dtype=bool), 1 / 1000, 999 / (1000 * 7))),
    ],
)
def test_beta_tcvae_adds_beta_minus_one_total_correlations(estimator, weights, data, make_batch):
    model = trained_a_little(BetaTCVAE(BetaTCVAEConfig(beta=6.0, estimator=estimator), data))
    mean, logvar, z, probability = outputs(model, make_batch())
    tc = tc_by_hand(z, mean, logvar, weights)
    expected = sum(elbo_by_hand(make_batch().images, mean, logvar, probability)) + 5.0 * tc
    terms = model.loss("vae", make_batch())
    assert terms.terms[f"total_correlation_{estimator}"].item() == pytest.approx(tc, rel=1e-4)
    assert terms.total.item() == pytest.approx(expected, rel=1e-5)


def test_beta_tcvae_at_one_is_the_vae(data, make_batch):
    model = BetaTCVAE(BetaTCVAEConfig(beta=1.0), data)
    terms = model.loss("vae", make_batch())
    assert terms.total.item() == pytest.approx((terms.terms["reconstruction"] + terms.terms["kl"]).item())


def test_what_is_logged_as_an_estimate_of_the_value_takes_no_part_in_the_loss(data, make_batch):
    terms = BetaTCVAE(BetaTCVAEConfig(), data).loss("vae", make_batch())
    assert not terms.terms["total_correlation_mss_loo"].requires_grad
    assert terms.weights["total_correlation_mss_loo"] == 0.0
