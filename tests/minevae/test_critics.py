import pytest
import torch

from minebench.minevae.critics import Critics


def critics(n_critics=3, dim=4, seed=0):
    return Critics(n_critics, dim, 8, generator=torch.Generator().manual_seed(seed))


def test_stacked_critics_are_single_networks_side_by_side():
    stacked, inputs = critics(), torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(1))
    for p in range(3):
        hidden = inputs[p]
        for layer in range(2):
            hidden = (hidden @ stacked.weights[layer][p] + stacked.biases[layer][p]).relu()
        expected = (hidden @ stacked.weights[2][p] + stacked.biases[2][p])[:, 0]
        torch.testing.assert_close(stacked(inputs)[p], expected)


def test_samples_without_a_set_axis_go_to_every_critic():
    stacked, rows = critics(), torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(stacked(rows), stacked(rows.expand(3, 5, 4)))


def test_one_network_serves_any_number_of_sets():
    shared, inputs = critics(n_critics=1), torch.randn(6, 5, 4, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(shared(inputs), torch.cat([shared(rows) for rows in inputs]))


def test_one_critics_gradient_does_not_depend_on_another():
    stacked, inputs = critics(), torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(1))
    (gradient,) = torch.autograd.grad(stacked(inputs)[1].sum(), stacked.weights[0])
    assert gradient[[0, 2]].eq(0).all()
    assert gradient[1].abs().sum() > 0


def test_scores_do_not_depend_on_the_unit_of_an_input():
    inputs = torch.randn(3, 200, 4, generator=torch.Generator().manual_seed(1))
    plain, scaled = critics(), critics()
    plain.scale.update(inputs)
    scaled.scale.update(1000 * inputs + 5)
    torch.testing.assert_close(plain(inputs), scaled(1000 * inputs + 5), atol=1e-3, rtol=1e-3)


def test_the_scale_is_that_of_each_critics_own_inputs_and_survives_constants_and_infinities():
    stacked = critics()
    inputs = torch.randn(3, 200, 4, generator=torch.Generator().manual_seed(1))
    inputs[1] *= 10
    inputs[2, :, 0] = 7.0  # a constant column is centred, not blown up
    stacked.scale.update(inputs)
    torch.testing.assert_close(stacked.scale(inputs)[:2].std(1), torch.ones(2, 4), atol=0.01, rtol=0)
    assert stacked.scale(inputs)[2, :, 0].abs().max() < 1e-5
    before = stacked.scale.mean.clone()
    stacked.scale.update(torch.full((3, 2, 4), torch.nan))
    torch.testing.assert_close(stacked.scale.mean, before)


def test_wrong_shapes_are_refused_with_those_that_fit():
    with pytest.raises(ValueError, match=r"3 critics take inputs \(3, n, 4\) or \(n, 4\); got \(2, 5, 4\)"):
        critics()(torch.zeros(2, 5, 4))
    with pytest.raises(ValueError, match=r"got \(5, 3\)"):
        critics()(torch.zeros(5, 3))
