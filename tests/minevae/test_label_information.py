import math

import pytest
import torch

from minebench.minevae.label_counts import LabelCounts
from minebench.minevae.label_critics import LabelCritics
from minebench.minevae.label_information import LabelInformation, pair_masks


def test_scores_of_codes_alone_hold_those_of_each_label():
    """Row i, label l, value v of the table is the score of the row with that label."""
    torch.manual_seed(0)
    critics = LabelCritics(3, 4, (2, 5), 8)
    codes, labels = torch.randn(3, 6, 4), torch.stack([torch.arange(6) % 2, torch.arange(6) % 5], 1)
    joint = critics(torch.cat([codes, labels.float().expand(3, -1, -1)], -1)).view(3, 2, 6)
    table = critics(codes).view(3, 2, 6, 5)
    for block in range(3):
        for row in range(6):
            torch.testing.assert_close(joint[block, :, row], table[block, [0, 1], row, labels[row]])
    assert not torch.allclose(joint[0], joint[1])


def test_log_weights_sum_to_one_and_leave_out_values_that_a_label_does_not_have():
    critics, counts = LabelCritics(3, 4, (2, 5), 8), LabelCounts((2, 5))
    counts.add(torch.tensor([[0, 4], [0, 3]]))
    weights = critics.log_weights(counts.log_p(), 7).exp()
    assert weights.shape == (6, 35)
    torch.testing.assert_close(weights.sum(1), torch.ones(6))
    by_value = weights[0].view(7, 5).sum(0)  # two values, counted three times and once
    torch.testing.assert_close(by_value, torch.tensor([0.75, 0.25, 0.0, 0.0, 0.0]))


def test_label_entropy_is_even_at_first_and_then_that_of_the_labels():
    counts = LabelCounts((2, 4))
    assert counts.entropy().tolist() == pytest.approx([math.log(2), math.log(4)])
    counts.add(torch.tensor([[0, 0]] * 10_000))
    assert counts.entropy().max() < 0.01


def world(n, generator):
    """Block 0 tells the first label (ln 2), block 1 the second through a noisy channel, block 2 nothing."""
    labels = torch.stack([torch.randint(size, (n,), generator=generator) for size in (2, 4)], 1)
    codes = torch.randn(3, n, 2, generator=generator)
    codes[0, :, 0] = 2.0 * labels[:, 0] - 1 + 0.05 * codes[0, :, 0]
    codes[1, :, 0] = labels[:, 1] - 1.5 + 0.3 * codes[1, :, 0]
    return codes, labels


def test_critics_ascend_to_the_information_of_each_pair():
    """After 300 updates of 128 rows: ln 2 and 0, 0 and the channel's 1.20 (by quadrature), 0 and 0. Seed 0."""
    torch.manual_seed(0)
    generator, counts = torch.Generator().manual_seed(0), LabelCounts((2, 4))
    information = LabelInformation(3, 2, (2, 4), hidden_dim=32)
    adam = torch.optim.Adam(information.parameters(), lr=5e-3, betas=(0.5, 0.9))
    for _ in range(300):
        loss = information.critic_loss(*world(128, generator), counts.log_p())
        adam.zero_grad()
        loss.backward()
        adam.step()
    x = torch.linspace(-5, 5, 20_001)
    density = (
        torch.stack([torch.exp(-0.5 * ((x - y + 1.5) / 0.3) ** 2) for y in range(4)]) / 0.3 / math.sqrt(2 * math.pi)
    )
    mixed = density.mean(0)
    channel = torch.trapezoid(torch.special.xlogy(density, density / mixed.clamp(min=1e-30)).mean(0), x).item()
    truth = torch.tensor([[math.log(2), 0.0], [0.0, channel], [0.0, 0.0]])
    torch.testing.assert_close(information.value(*world(4000, generator), counts.log_p()), truth, atol=0.05, rtol=0)


def test_the_product_is_the_exact_sum_over_values():
    """The log of the mean of e^T over all rows and both values, not over rows with one value each."""
    information, counts = LabelInformation(1, 2, (2,), hidden_dim=4), LabelCounts((2,))
    scores = information.estimator.scores(
        torch.cat([torch.randn(1, 5, 2), torch.zeros(1, 5, 1)], -1),
        torch.randn(1, 5, 2),
        information.log_weights(counts.log_p(), 5),
    )
    table = scores.product.view(5, 2)
    by_hand = table.exp().mean().log()
    torch.testing.assert_close(scores.log_mean_exp()[0], by_hand)


def test_masks_by_hand():
    """Two labels, three factors: blocks nuisance, first, second, and one without a label."""
    own, leak = pair_masks(4, 2)
    assert own.nonzero().tolist() == [[1, 0], [2, 1]]
    information = torch.arange(8.0).view(4, 2)  # I(block b; label l) = 2 b + l
    leaks = (leak * information).sum((1, 2))
    assert leaks.tolist() == [3.0 + 0.0, 4.0 + 1.0, (6.0 + 7.0) / 2]


def test_gradients_reach_codes_and_not_the_label_side_or_critics_of_the_joint_branch():
    torch.manual_seed(0)
    information, counts = LabelInformation(2, 3, (2,), hidden_dim=8, branches="joint"), LabelCounts((2,))
    codes = torch.randn(2, 6, 3, requires_grad=True)
    labels = torch.zeros(6, 1, dtype=torch.int64)
    joint = torch.autograd.grad(information.model_gradient(codes, labels, counts.log_p()).sum(), codes)[0]
    information.branches = "both"
    both = torch.autograd.grad(information.model_gradient(codes, labels, counts.log_p()).sum(), codes)[0]
    assert joint.abs().max() > 0
    assert not torch.allclose(joint, both)
