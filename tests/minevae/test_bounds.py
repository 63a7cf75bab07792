"""Objectives on scores of the exact log ratio, on scores by hand, and on scores that would overflow."""

import math

import pytest
import torch

from minebench.minevae.bounds import OBJECTIVES, Scores, bound, critic_loss

RHO = 0.5
INFORMATION = -0.5 * math.log(1 - RHO**2)  # of two standard normal variables with correlation RHO: 0.144 nats


def exact_scores(n: int, *, n_sets: int = 1, seed: int = 0) -> Scores:
    """The true log ratio log N(x, y; R) - log N(x) - log N(y) of joint and independent draws."""
    generator = torch.Generator().manual_seed(seed)
    x, noise, apart = torch.randn(3, n_sets, n, generator=generator, dtype=torch.float64)

    def log_ratio(a, b):
        quadratic = (a**2 + b**2 - 2 * RHO * a * b) / (1 - RHO**2)
        return INFORMATION - 0.5 * (quadratic - a**2 - b**2)

    return Scores(log_ratio(x, RHO * x + math.sqrt(1 - RHO**2) * noise), log_ratio(x, apart))


@pytest.mark.parametrize("objective", ["dv", "nwj", "js"])
def test_an_exact_critic_gives_the_information_of_a_gaussian(objective):
    """400,000 draws: standard error of E_p[T] 0.0008; NWJ is tight at T + 1."""
    scores = exact_scores(400_000)
    if objective == "nwj":
        scores = Scores(scores.joint + 1, scores.product + 1)
    assert bound(scores, objective).item() == pytest.approx(INFORMATION, abs=0.004)


def test_smile_with_a_wide_clip_is_donsker_varadhan_and_with_a_narrow_one_is_not():
    """DV does not change when a constant is added to T; a clip at 0.1 takes it for nearly nothing."""
    scores = exact_scores(1000)
    shifted = Scores(scores.joint + 1, scores.product + 1)
    assert bound(shifted, "smile", tau=50).item() == pytest.approx(bound(scores, "dv").item(), abs=1e-9)
    assert bound(shifted, "smile", tau=0.1).item() > bound(scores, "dv").item() + 0.8


def test_infonce_by_hand():
    """T = log 3 on one joint sample, 0 and log 2 on two product samples: log 3 - log((3 + 1 + 2) / 3)."""
    scores = Scores(torch.tensor([[math.log(3)]]), torch.tensor([[0.0, math.log(2)]]))
    assert bound(scores, "infonce").item() == pytest.approx(math.log(3) - math.log(2), abs=1e-6)


def test_infonce_never_exceeds_log_of_its_samples():
    scores = Scores(torch.full((1, 5), 100.0), torch.full((1, 8), -100.0))
    assert bound(scores, "infonce").item() == pytest.approx(math.log(9), abs=1e-5)
    assert bound(scores, "dv").item() == pytest.approx(200.0)


def test_an_exact_sum_over_labels_equals_the_sum_over_many_copies():
    """p(y) = (3/4, 1/4): weights log 3/4 and log 1/4 on two samples, or four samples of which three are equal."""
    once = Scores(torch.zeros(1, 1), torch.tensor([[0.3, -1.2]]), torch.tensor([0.75, 0.25]).log())
    copies = Scores(torch.zeros(1, 1), torch.tensor([[0.3, 0.3, 0.3, -1.2]]))
    for objective in ("dv", "nwj", "smile"):
        torch.testing.assert_close(bound(once, objective), bound(copies, objective))
    torch.testing.assert_close(critic_loss(once, "js"), critic_loss(copies, "js"))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_large_scores_keep_gradients_finite_and_values_honest(objective):
    """Float32 overflows at e^89; no objective may turn that into a gradient, or hide it from the value."""
    joint, product = torch.tensor([[300.0, -300.0]]), torch.tensor([[150.0, 500.0, -500.0]])
    joint.requires_grad_()
    product.requires_grad_()
    for loss in (critic_loss(Scores(joint, product), objective), -bound(Scores(joint, product), objective)):
        for gradient in torch.autograd.grad(loss.sum(), (joint, product), allow_unused=True):
            assert gradient is None or torch.isfinite(gradient).all()
    value = bound(Scores(joint, product), objective).item()
    assert value < 10 or objective == "js"
    if objective == "nwj":
        assert value == -math.inf


def test_the_gradient_goes_on_pushing_down_scores_beyond_the_clip():
    """A clamped e^T has no gradient above the clamp, and the critic runs away."""
    product = torch.full((1, 4), 30.0, requires_grad=True)
    (gradient,) = torch.autograd.grad(critic_loss(Scores(torch.zeros(1, 4), product), "nwj").sum(), product)
    assert (gradient > 0).all()
    clamped = product.clamp(max=20.0).exp().mean()
    assert torch.autograd.grad(clamped, product)[0].eq(0).all()


@pytest.mark.parametrize("corrected", [True, False])
def test_the_moving_average_removes_the_bias_of_the_gradient_of_the_logarithm(corrected):
    """T = a x with x ~ N(0, 1): log E[e^T] = a^2 / 2, whose derivative is a; on batches of 4 the plain one falls short.

    200,000 batches, a = 1/2: standard error of the mean derivative 0.0013.
    """
    n_batches, a = 200_000, torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    x = torch.randn(n_batches, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    scores = Scores(torch.zeros(n_batches, 1, dtype=torch.float64), a * x)
    average = torch.full((n_batches,), 0.125, dtype=torch.float64) if corrected else None
    (slope,) = torch.autograd.grad(critic_loss(scores, "dv", log_average=average).mean(), a)
    if corrected:
        assert slope.item() == pytest.approx(0.5, abs=0.006)
    else:
        assert slope.item() < 0.45


def test_the_corrected_loss_keeps_the_value_of_the_negative_bound():
    scores = exact_scores(50, n_sets=3)
    torch.testing.assert_close(
        critic_loss(scores, "dv", log_average=torch.tensor([0.1, 2.0, -3.0])), -bound(scores, "dv")
    )


def test_the_classifiers_loss_is_cross_entropy():
    scores = exact_scores(20)
    logits, labels = torch.cat([scores.joint, scores.product], 1), torch.tensor([1.0] * 20 + [0.0] * 20)
    expected = 2 * torch.nn.functional.binary_cross_entropy_with_logits(logits[0].float(), labels)
    assert critic_loss(scores, "smile").item() == pytest.approx(expected.item(), abs=1e-6)


def test_bad_requests_are_refused():
    with pytest.raises(ValueError, match="unknown objective 'mine'; known: dv"):
        bound(exact_scores(4), "mine")
    with pytest.raises(ValueError, match="tau > 0"):
        bound(exact_scores(4), "smile", tau=0.0)
