"""Each objective against a sum written out in NumPy, from the networks' outputs alone."""

import math

import numpy as np
import pytest
import torch

from minebench.baselines.annealed_vae import AnnealedVAE, AnnealedVAEConfig
from minebench.baselines.beta_tcvae import BetaTCVAE, BetaTCVAEConfig
from minebench.baselines.beta_vae import BetaVAE, BetaVAEConfig
from minebench.baselines.contract import CodeBlocks, DataUse, Noise
from minebench.baselines.dip_vae import DIPVAEI, DIPVAEII, DIPVAEIConfig, DIPVAEIIConfig
from minebench.baselines.factor_vae import FactorVAE, FactorVAEConfig
from minebench.baselines.semi_tcvae import SemiTCVAE, SemiTCVAEConfig, divide_latents
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


def tc_by_hand(z, mean, logvar, weights, blocks=None):
    sd = np.exp(0.5 * logvar)
    density = np.exp(-0.5 * ((z[:, None] - mean) / sd) ** 2) / (sd * math.sqrt(2 * math.pi))  # (M, M, D)
    joint = (weights * density.prod(2)).sum(1)
    if blocks is not None:
        density = np.stack([density[..., list(block)].prod(2) for block in blocks], axis=2)
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


@pytest.mark.parametrize(
    ("step", "capacity"), [(0, 0.0), (1, 0.25), (40, 10.0), (100, 25.0), (101, 25.0), (300_000, 25.0)]
)
def test_annealed_vae_holds_the_mean_kl_at_a_capacity_that_rises_linearly(step, capacity, data, make_batch):
    model = trained_a_little(AnnealedVAE(AnnealedVAEConfig(gamma=30.0, max_capacity=25.0, annealing_steps=100), data))
    mean, logvar, _, probability = outputs(model, make_batch())
    reconstruction, kl = elbo_by_hand(make_batch().images, mean, logvar, probability)
    terms = model.loss("vae", make_batch(step))
    assert terms.terms["capacity"].item() == pytest.approx(capacity, rel=1e-6)
    assert terms.total.item() == pytest.approx(reconstruction + 30.0 * abs(kl - capacity), rel=1e-5)


def test_annealed_vae_takes_the_absolute_value_of_the_mean_not_the_mean_of_absolute_values(data, make_batch):
    """At a capacity between the images' KLs the two differ."""
    model = trained_a_little(AnnealedVAE(AnnealedVAEConfig(), data))
    with torch.no_grad():
        kl = model.encode(make_batch().images).kl()
    model.config = AnnealedVAEConfig(max_capacity=kl.median().item())
    distance = model.loss("vae", make_batch(10**6)).terms["distance_to_capacity"].item()
    assert distance == pytest.approx(abs(kl.mean() - kl.median()).item(), abs=1e-5)
    assert (kl - kl.median()).abs().mean().item() > distance + 0.1


@pytest.mark.parametrize(
    ("n_steps", "given", "rise"),
    [
        (300_000, None, 100_000),  # the reference study's
        (1_000_000, None, 100_000),
        (30_000, None, 10_000),
        (30, None, 20),
        (30, 7, 7),
        (300_000, 200_000, 200_000),
    ],
)
def test_the_capacity_rises_for_a_third_of_a_run_that_is_shorter_than_the_reference(n_steps, given, rise, data):
    model = AnnealedVAE(AnnealedVAEConfig(annealing_steps=given), data._replace(n_steps=n_steps))
    reached = model.capacity(torch.tensor([rise // 2, rise - 1, rise])) / model.config.max_capacity
    assert reached.tolist() == pytest.approx([rise // 2 / rise, (rise - 1) / rise, 1.0])


@pytest.mark.parametrize(
    ("make", "config", "with_variances"),
    [
        (DIPVAEI, DIPVAEIConfig(lambda_od=3.0, lambda_d_factor=5.0), False),
        (DIPVAEII, DIPVAEIIConfig(lambda_od=3.0, lambda_d_factor=5.0), True),
    ],
)
def test_dip_vae_adds_the_squared_distance_of_a_covariance_from_the_identity(
    make, config, with_variances, data, make_batch
):
    model = trained_a_little(make(config, data))
    mean, logvar, _, probability = outputs(model, make_batch())
    off_diagonal = diagonal = 0.0
    for i in range(10):
        for j in range(10):
            c = sum((mean[n, i] - mean[:, i].mean()) * (mean[n, j] - mean[:, j].mean()) for n in range(8)) / 8
            if i == j:
                diagonal += (c + with_variances * np.exp(logvar[:, i]).mean() - 1) ** 2
            else:
                off_diagonal += c**2
    terms = model.loss("vae", make_batch())
    assert terms.terms["off_diagonal"].item() == pytest.approx(off_diagonal, rel=1e-4)
    assert terms.terms["diagonal"].item() == pytest.approx(diagonal, rel=1e-4)
    expected = sum(elbo_by_hand(make_batch().images, mean, logvar, probability)) + 3.0 * off_diagonal + 15.0 * diagonal
    assert terms.total.item() == pytest.approx(expected, rel=1e-5)


def test_dip_vaes_have_the_published_ratio_of_weights(data, make_batch):
    """lambda_d is 10 lambda_od in the first form and lambda_od in the second."""
    for model, lambda_d in ((DIPVAEI(DIPVAEIConfig(), data), 100.0), (DIPVAEII(DIPVAEIIConfig(), data), 10.0)):
        assert model.loss("vae", make_batch()).weights == {"off_diagonal": 10.0, "diagonal": lambda_d}


def cross_entropy_by_hand(model, codes, labels):
    """Sum over factors of the mean over images of -log p(label), the heads' layers written out."""
    total = 0.0
    for k, (head, latents) in enumerate(zip(model.heads, model.code_blocks().columns, strict=False)):
        first, _, last = head
        hidden = np.maximum(codes[:, list(latents)] @ to_numpy(first.weight).T + to_numpy(first.bias), 0)
        logits = hidden @ to_numpy(last.weight).T + to_numpy(last.bias)
        log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        total -= np.mean([log_p[n, labels[n, k]] for n in range(len(labels))])
    return total


def to_numpy(tensor):
    return tensor.detach().double().numpy()


@pytest.mark.parametrize("head_input", ["mean", "sample"])
@pytest.mark.parametrize("between", ["latents", "blocks"])
def test_semi_tcvae_adds_a_cross_entropy_for_each_factor_to_a_beta_tcvae(between, head_input, data, make_batch):
    config = SemiTCVAEConfig(beta=6.0, head_weight=7.0, estimator="mss_loo", between=between, head_input=head_input)
    model = trained_a_little(SemiTCVAE(config, data))
    mean, logvar, z, probability = outputs(model, make_batch())
    weights = np.where(np.eye(8, dtype=bool), 1 / 1000, 999 / (1000 * 7))
    blocks = model.code_blocks().columns if between == "blocks" else None
    tc = tc_by_hand(z, mean, logvar, weights, blocks)
    images, labels = make_batch().labelled
    with torch.no_grad():
        posterior = model.encode(images)
        noise = Noise(torch.Generator().manual_seed(6))
        noise.normal(mean.shape)  # the draw of the unlabelled batch comes first
        codes = posterior.mean if head_input == "mean" else posterior.sample(noise)
    entropy = cross_entropy_by_hand(model, to_numpy(codes), labels.numpy())
    terms = model.loss("vae", make_batch())
    assert terms.terms["label_cross_entropy"].item() == pytest.approx(entropy, rel=1e-5)
    name = "block_total_correlation_mss_loo" if between == "blocks" else "total_correlation_mss_loo"
    assert terms.terms[name].item() == pytest.approx(tc, rel=1e-4)
    elbo = sum(elbo_by_hand(make_batch().images, mean, logvar, probability))
    assert terms.total.item() == pytest.approx(elbo + 5.0 * tc + 7.0 * entropy, rel=1e-5)


def test_semi_tcvae_without_weight_on_its_heads_is_beta_tcvae(data, make_batch):
    model = SemiTCVAE(SemiTCVAEConfig(head_weight=0.0), data)
    plain = BetaTCVAE(BetaTCVAEConfig(), data)
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith("heads")})
    assert model.loss("vae", make_batch()).total.item() == plain.loss("vae", make_batch()).total.item()


def test_semi_tcvae_says_which_labels_it_sees_and_which_latents_are_whose(data, make_batch):
    model = SemiTCVAE(SemiTCVAEConfig(label_fraction=0.02), data)
    assert model.data_use() == DataUse(labels=0.02, held_out=0.0)
    assert model.code_blocks() == CodeBlocks(((0, 1, 2), (3, 4, 5), (6, 7, 8, 9)), named=True, nuisance=2)
    assert [head[-1].out_features for head in model.heads] == [3, 6]
    with pytest.raises(ValueError, match=r"the heads need Batch\.labelled; ask for it in the Phase"):
        model.loss("vae", make_batch()._replace(labelled=None))


@pytest.mark.parametrize(
    ("latent_dim", "n_factors", "per_factor", "sizes"),
    [
        (10, 5, None, [1, 1, 1, 1, 1, 5]),
        (10, 6, None, [1, 1, 1, 1, 1, 1, 4]),
        (128, 5, None, [21, 21, 21, 21, 21, 23]),
        (128, 10, None, [11] * 10 + [18]),
        (10, 5, 2, [2, 2, 2, 2, 2, 0]),
    ],
)
def test_latents_are_divided_equally_and_the_rest_is_for_nuisance(latent_dim, n_factors, per_factor, sizes):
    blocks = divide_latents(latent_dim, n_factors, per_factor=per_factor)
    assert [len(block) for block in blocks] == sizes
    assert [latent for block in blocks for latent in block] == list(range(latent_dim))


def test_more_latents_than_there_are_cannot_be_divided():
    with pytest.raises(ValueError, match="40 factors with at least 1 latents each need more than latent_dim=10"):
        divide_latents(10, 40)
    with pytest.raises(ValueError, match="5 factors with 3 latents each need more than latent_dim=10"):
        divide_latents(10, 5, per_factor=3)
