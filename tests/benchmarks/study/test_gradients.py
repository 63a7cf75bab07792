import pytest
import torch

from minebench.benchmarks.study.cells import Cell, CriticSpec, DistributionSpec
from minebench.benchmarks.study.distribution import generator_for
from minebench.benchmarks.study.gaussians import GaussianCodes
from minebench.benchmarks.study.gradients import LinearEncoder, free_gradients, gradient_error, trained_gradients
from minebench.benchmarks.study.trained import Trained
from minebench.benchmarks.suggestions import UsageError
from minebench.minevae.gaussian_fit import covariance_total_correlation


def spec(total_correlation=1.0):
    return DistributionSpec(kind="equicorrelated", dim=3, total_correlation=total_correlation, n_images=2000)


def test_the_exact_gradient_is_that_of_finite_differences():
    encoder = LinearEncoder(GaussianCodes("factor", 3, 1.0, n_images=10))
    weight, log_scale = encoder.weight.detach().double(), encoder.log_scale.detach().double()

    def value(weight, log_scale):
        return covariance_total_correlation(weight @ weight.T + torch.diag(torch.exp(2 * log_scale)))

    gradient, step = encoder.exact_gradient(), 1e-5
    for place in range(9):
        moved = torch.zeros(9, dtype=torch.float64).index_fill(0, torch.tensor(place), step).view(3, 3)
        expected = (value(weight + moved, log_scale) - value(weight - moved, log_scale)) / (2 * step)
        assert gradient[place].item() == pytest.approx(expected.item(), abs=1e-5)
    for place in range(3):
        moved = torch.zeros(3, dtype=torch.float64).index_fill(0, torch.tensor(place), step)
        expected = (value(weight, log_scale + moved) - value(weight, log_scale - moved)) / (2 * step)
        assert gradient[9 + place].item() == pytest.approx(expected.item(), abs=1e-5)


def test_errors_of_gradients_by_hand():
    """g = (2, 0); estimates (3, 1) and (3, -1), (3, 0): mean (3, 0), so bias 1/2 less chance; noise sqrt(2/3) / 2.

    Chance adds (1 / 3) x the sample variance of 1 to the squared bias: sqrt(1 - 1/3) / 2.
    """
    gradients = torch.tensor([[[3.0, 1.0], [3.0, -1.0], [3.0, 0.0]]])
    found = gradient_error(gradients, torch.tensor([2.0, 0.0]))
    assert found.bias == pytest.approx((1 - 1 / 3) ** 0.5 / 2)
    assert found.noise == pytest.approx((2 / 3) ** 0.5 / 2)
    assert found.cosine == pytest.approx((2 * 3 / 10**0.5 + 1) / 3)
    assert found.n == 3


def test_the_exact_critic_s_joint_branch_has_no_bias_and_less_noise_than_both():
    cell = Cell(
        distribution=spec(), batch_size=128, n_gradients=40, n_replicates=3,
        estimators=("oracle_dv", "mss_loo", "gauss_sample", "part_mc", "constant"),
    )  # fmt: skip
    found = free_gradients(cell)
    assert set(found) == {"oracle_dv", "oracle_dv/joint", "mss_loo", "gauss_sample", "part_mc"}
    assert found["oracle_dv/joint"].bias < 0.1
    assert found["oracle_dv/joint"].noise < found["oracle_dv"].noise
    assert found["gauss_sample"].cosine > 0.95
    assert found["part_mc"].bias < 0.15
    assert found["mss_loo"].bias > found["part_mc"].bias + 0.1


@pytest.mark.parametrize("structure", ["whole", "tree", "copula"])
def test_gradients_of_stacked_critics_are_those_of_each(structure):
    critics = CriticSpec(objective="nwj", structure=structure, n_critics=2, hidden_dim=8, n_steps=3)
    cell = Cell(distribution=spec(), batch_size=16, critics=critics, n_gradients=3, n_replicates=3)
    trained = Trained(cell)
    encoder = LinearEncoder(trained.distribution)
    batch = encoder.batch(16, generator_for(0, "x"))
    z = batch.z.detach().expand(2, -1, -1).clone().requires_grad_()
    (slopes,) = torch.autograd.grad(trained.model_gradient(z, 0, "both").sum(), z)
    stacked = encoder.from_codes(batch, slopes)
    values = trained.model_gradient(batch.z.expand(2, -1, -1), 0, "both")
    for number in range(2):
        alone = torch.autograd.grad(values[number], (encoder.weight, encoder.log_scale), retain_graph=True)
        torch.testing.assert_close(stacked[number], torch.cat([part.flatten() for part in alone]))
    prefix = "" if structure == "whole" else f"{structure}_"
    assert set(trained_gradients(cell, trained)) == {f"{prefix}nwj", f"{prefix}nwj/joint"}


def test_other_codes_have_no_encoder():
    with pytest.raises(UsageError, match="set n_gradients to 0"):
        LinearEncoder(GaussianCodes("factor", 3, 1.0))
