"""Mistakes of public code bases that these models could make: each test passes here and fails for the wrong variant."""

import math

import pytest
import torch
import torch.nn.functional as F

from minebench.baselines.annealed_vae import AnnealedVAE, AnnealedVAEConfig
from minebench.baselines.beta_tcvae import BetaTCVAE, BetaTCVAEConfig
from minebench.baselines.contract import Noise
from minebench.baselines.dip_vae import DIPVAEII, DIPVAEIIConfig, covariance_over_batch
from minebench.baselines.factor_vae import FactorVAE, FactorVAEConfig, permute_columns
from minebench.baselines.semi_tcvae import SemiTCVAE, SemiTCVAEConfig
from minebench.baselines.vae import VAE, VAEConfig, bernoulli_nll


def effective_gradient(model, batch, *, share_step):
    """Gradient on the encoder's last bias in a step of FactorVAE.

    ``share_step=False``: of the VAE's own loss, for its own parameters. ``share_step=True`` is the mistake: the
    discriminator's loss, on codes with a graph, is differentiated into the same encoder.
    """
    bias = model.encoder[-1].bias
    (own,) = torch.autograd.grad(model.loss("vae", batch).total, [bias])
    if not share_step:
        return own
    z = model.encode(batch.images).sample(Noise(torch.Generator().manual_seed(6)))
    loss = F.cross_entropy(model.discriminator(z), torch.zeros(len(z), dtype=torch.long))
    return own + torch.autograd.grad(loss, [bias])[0]


def test_no_gradient_of_the_discriminator_reaches_the_encoder(data, make_batch):
    """Mistake 1: with gamma = 0 the gradient is that of a plain VAE, unless the discriminator's leaks in."""
    model = FactorVAE(FactorVAEConfig(gamma=0.0), data)
    plain = VAE(VAEConfig(), data)
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith("discriminator")})
    expected = torch.autograd.grad(plain.loss("vae", make_batch()).total, [plain.encoder[-1].bias])[0]
    torch.testing.assert_close(effective_gradient(model, make_batch(), share_step=False), expected)
    leaking = effective_gradient(model, make_batch(), share_step=True)
    assert (leaking - expected).abs().max() > 1e-6

    loss = model.loss("discriminator", make_batch()).total
    unused = torch.autograd.grad(loss, list(model.encoder.parameters()), allow_unused=True)
    assert all(gradient is None for gradient in unused)


def is_a_sample_of_the_marginals(z, permuted):
    """Each column keeps its values, and the rows are torn apart."""
    kept = torch.equal(z.sort(0).values, permuted.sort(0).values)
    return kept and not torch.equal(z, permuted)


def test_columns_are_permuted_over_the_batch_not_within_a_sample():
    """Mistake 2: shuffling the coordinates of each sample gives no sample of the product of marginals."""
    z = torch.arange(12.0).reshape(4, 3) ** 2
    noise = Noise(torch.Generator().manual_seed(0))
    assert is_a_sample_of_the_marginals(z, permute_columns(z, noise))
    within = z.gather(1, noise.uniform(z.shape).argsort(1))
    assert not is_a_sample_of_the_marginals(z, within)


def test_columns_are_permuted_independently_of_each_other():
    """One permutation for all columns would keep the joint distribution: 10,000 pairs stay equal only by it."""
    z = torch.arange(10_000.0)[:, None].repeat(1, 2)
    permuted = permute_columns(z, Noise(torch.Generator().manual_seed(0)))
    assert (permuted[:, 0] == permuted[:, 1]).float().mean() < 0.01
    whole_rows = z[torch.randperm(10_000, generator=torch.Generator().manual_seed(0))]
    assert (whole_rows[:, 0] == whole_rows[:, 1]).all()


def batches_seen_by(module, run):
    sizes = []
    handle = module.register_forward_hook(lambda _, args, __: sizes.append(len(args[0])))
    run()
    handle.remove()
    return sizes


def test_every_update_sees_whole_batches(data, make_batch):
    """Mistake 3: splitting one batch in two trains FactorVAE on half of it."""
    model = FactorVAE(FactorVAEConfig(), data)
    assert batches_seen_by(model.decoder, lambda: model.loss("vae", make_batch())) == [8]
    assert batches_seen_by(model.encoder, lambda: model.loss("discriminator", make_batch())) == [8, 8]
    assert batches_seen_by(model.discriminator, lambda: model.loss("discriminator", make_batch())) == [16]
    halves = make_batch().images.chunk(2)
    assert batches_seen_by(model.encoder, lambda: model.encode(halves[0])) == [4]


def test_the_discriminator_draws_its_second_batch_elsewhere(data, make_batch):
    model = FactorVAE(FactorVAEConfig(), data)
    assert [phase.second_batch for phase in model.phases(0)] == [False, True]
    with pytest.raises(ValueError, match=r"needs Batch\.second_images"):
        model.loss("discriminator", make_batch()._replace(second_images=None))


def test_losses_are_sums_over_pixels():
    """Mistake 4: at logits 0 an image costs 4096 log 2 nats; a mean over pixels makes it log 2."""
    logits, images = torch.zeros(2, 1, 64, 64), torch.ones(2, 1, 64, 64)
    assert bernoulli_nll(logits, images).tolist() == pytest.approx([4096 * math.log(2)] * 2)
    mean = F.binary_cross_entropy_with_logits(logits, images)
    assert mean.item() == pytest.approx(math.log(2))


def test_kl_is_a_sum_over_codes(data, make_batch):
    model = VAE(VAEConfig(), data)
    with torch.no_grad():
        model.encoder[-1].weight.zero_()
        model.encoder[-1].bias.copy_(torch.cat([torch.full((10,), 2.0), torch.zeros(10)]))
    assert model.loss("vae", make_batch()).terms["kl"].item() == pytest.approx(10 * 2.0, rel=1e-5)  # mean^2 / 2 a code


@pytest.mark.parametrize(("make", "config"), [(BetaTCVAE, BetaTCVAEConfig), (SemiTCVAE, SemiTCVAEConfig)])
def test_minibatch_weights_use_the_training_sets_size_also_in_validation(make, config, data, make_batch):
    """Mistake 5: with the batch's size for N, or with a validation set's, the estimate moves."""
    model = make(config(estimator="mss_loo"), data)
    values = []
    for mode, n_images in ((True, 1000), (False, 1000), (False, 8)):
        model.train(mode)
        model.data = data._replace(n_images=n_images)
        values.append(model.loss("vae", make_batch()).terms["total_correlation_mss_loo"].item())
    assert values[0] == values[1]
    assert values[2] != pytest.approx(values[0], abs=1e-6)


class CountsItsCalls(AnnealedVAE):
    """A public mistake: the schedule's clock is a counter in the model, which validation moves, too."""

    calls = 0

    def loss(self, player, batch):
        self.calls += 1
        return super().loss(player, batch._replace(step=torch.tensor(self.calls - 1)))


class CountsEpochs(AnnealedVAE):
    """A public mistake: the clock counts passes over the data, the schedule's length is in steps."""

    def loss(self, player, batch):
        return super().loss(player, batch._replace(step=batch.step // (self.data.n_images // len(batch.images))))


def capacities(model, make_batch, *, validations):
    """The capacity at each of four training steps with validation calls after each."""
    found = []
    for step in range(4):
        found.append(model.loss("vae", make_batch(step)).terms["capacity"].item())
        for _ in range(validations):
            model.eval()
            model.loss("vae", make_batch(step))
            model.train()
    return found


def test_the_capacity_is_a_function_of_the_training_step(data, make_batch):
    """Mistake 6: capacity schedules in epochs, or counted by validation calls. The rise is 25 nats in 10 steps."""
    config, expected = AnnealedVAEConfig(annealing_steps=10), [0.0, 2.5, 5.0, 7.5]
    assert capacities(AnnealedVAE(config, data), make_batch, validations=0) == pytest.approx(expected)
    assert capacities(AnnealedVAE(config, data), make_batch, validations=3) == pytest.approx(expected)
    assert capacities(CountsItsCalls(config, data), make_batch, validations=0) == pytest.approx(expected)
    assert capacities(CountsItsCalls(config, data), make_batch, validations=3) == pytest.approx([0.0, 10.0, 20.0, 25.0])
    assert capacities(CountsEpochs(config, data), make_batch, validations=0) == [0.0] * 4


def test_a_confident_error_still_has_a_gradient():
    """Mistake 7: at logit 200 and pixel 0 the gradient is 1; through a sigmoid and BCE it has vanished."""
    logits = torch.full((1, 1, 1, 1), 200.0, requires_grad=True)
    bernoulli_nll(logits, torch.zeros(1, 1, 1, 1)).sum().backward()
    assert logits.grad.item() == 1.0
    saturated = torch.full((1, 1, 1, 1), 200.0, requires_grad=True)
    F.binary_cross_entropy(torch.sigmoid(saturated), torch.zeros(1, 1, 1, 1)).backward()
    assert saturated.grad.item() == 0.0


def test_pixels_can_be_told_with_certainty():
    """Mistake 7: a Tanh before the likelihood leaves 0.31 nats a pixel that no decoder can avoid."""
    images = (torch.arange(4.0).reshape(1, 1, 2, 2) > 1).float()
    sure = 50 * (2 * images - 1)
    assert bernoulli_nll(sure, images).item() == pytest.approx(0.0, abs=1e-6)
    assert bernoulli_nll(torch.tanh(sure), images).item() == pytest.approx(4 * math.log(1 + math.exp(-1)))


def centred_over_latents(mean):
    """A public mistake: deviations from the mean over an image's codes, and products that are not averaged."""
    centred = mean - mean.mean(1, keepdim=True)
    return centred.T @ centred


def test_dip_covariance_is_over_the_images_of_a_batch():
    """Mistake 8: codes that are the same for every image have no covariance, however they differ from each other."""
    constant = torch.tensor([[1.0, -2.0, 5.0]]).repeat(4, 1)
    assert covariance_over_batch(constant).abs().max() == 0
    assert centred_over_latents(constant).abs().max() > 1
    mean = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(covariance_over_batch(mean), torch.cov(mean.T, correction=0))
    assert covariance_over_batch(mean[:5, :2]).shape == (2, 2)  # not images by images


def test_dip_variances_stand_on_the_diagonal_alone(data, make_batch):
    """Mistake 8: E[variance] added to every entry makes independent codes look correlated.

    Codes of constant mean and of variance 1 have covariance I: no penalty. With the scalar 1 in every entry the penalty
    off the diagonal is 10 x 9.
    """
    model = DIPVAEII(DIPVAEIIConfig(), data)
    with torch.no_grad():
        model.encoder[-1].weight.zero_()
        model.encoder[-1].bias.copy_(torch.cat([torch.linspace(-1, 1, 10), torch.zeros(10)]))
    terms = model.loss("vae", make_batch()).terms
    assert (terms["off_diagonal"].item(), terms["diagonal"].item()) == pytest.approx((0.0, 0.0), abs=1e-8)
    with torch.no_grad():
        posterior = model.encode(make_batch().images)
    everywhere = covariance_over_batch(posterior.mean) + posterior.logvar.exp().mean()
    wrong = (everywhere - everywhere.diagonal().diag()).square().sum()
    assert wrong.item() == pytest.approx(90.0)
