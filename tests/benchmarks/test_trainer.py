import math

import pytest
import torch
from torch import nn

from minebench.baselines.contract import Batch, Noise, Phase, Player, Terms
from minebench.benchmarks.spec import TrainConfig
from minebench.benchmarks.term_log import DivergedError
from minebench.benchmarks.trainer import TrainerState, train


class FixedBatches:
    """Hands out the same images, and remembers what was asked for."""

    def __init__(self):
        self.asked = []

    def draw(self, step, phase, repeat):
        self.asked.append((step, phase.player, repeat))
        return Batch(torch.ones(1), Noise(torch.Generator()), torch.tensor(step))


class TwoPlayers(nn.Module):
    """Player a minimises a^2 + a b, player b minimises (b - 3)^2; each loss also depends on the other's parameter."""

    def __init__(self, bad_from=math.inf):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(2.0))
        self.b = nn.Parameter(torch.tensor(1.0))
        self.bad_from = bad_from

    def players(self):
        return (Player("first", (self.a,), 0.1), Player("second", (self.b,), 0.1))

    def phases(self, step):
        return (Phase("first"), Phase("second", repeats=2))

    def loss(self, player, batch):
        if player == "first":
            bad = torch.where(batch.step >= self.bad_from, torch.nan, 0.0)
            return Terms({"square": self.a**2, "product": self.a * self.b + bad})
        return Terms({"distance": (self.b - 3) ** 2 + 0 * self.a})


def run(model, steps, log_every=1):
    state, batches = TrainerState(model), FixedBatches()
    return state, batches, list(train(state, batches, TrainConfig(steps=steps), log_every=log_every))


def test_the_order_of_phases_and_repeats_is_the_algorithm():
    _, batches, _ = run(TwoPlayers(), 2)
    once = [("first", 0), ("second", 0), ("second", 1)]
    assert batches.asked == [(step, *phase) for step in (0, 1) for phase in once]


def test_adams_first_step_has_the_size_of_the_learning_rate():
    """m / sqrt(v) is 1 at the first step, whatever the gradient."""
    state, _, _ = run(TwoPlayers(), 1)
    assert state.model.a.item() == pytest.approx(2.0 - 0.1, abs=1e-6)


def test_a_player_moves_its_own_parameters_only():
    class OnlyFirst(TwoPlayers):
        def phases(self, step):
            return (Phase("first"),)

    state, _, _ = run(OnlyFirst(), 3)
    assert state.model.b.item() == 1.0
    assert state.model.b.grad is None


def test_the_log_holds_the_mean_of_each_term_under_its_own_name():
    class Ramp(TwoPlayers):
        def phases(self, step):
            return (Phase("first"),)

        def loss(self, player, batch):
            return Terms({"ramp": batch.step + 0 * self.a, "twice": 2.0 * batch.step + 0 * self.a}, {"twice": 0.5})

    _, _, logs = run(Ramp(), 5, log_every=2)
    still = {"first/gradient_norm": 0.0}
    assert logs[1] == {"first/ramp": 0.5, "first/twice": 1.0, "first/loss": 1.0} | still
    assert logs[3] == {"first/ramp": 2.5, "first/twice": 5.0, "first/loss": 5.0} | still
    assert logs[4] == {"first/ramp": 4.0, "first/twice": 8.0, "first/loss": 8.0} | still  # the last step is always read
    assert logs[0] is None
    assert logs[2] is None


def test_how_often_the_log_is_read_changes_no_number():
    weights = [run(TwoPlayers(), 7, log_every)[0].model.a.item() for log_every in (1, 3, 100)]
    assert len(set(weights)) == 1


def test_a_term_that_is_not_finite_stops_the_run_with_its_step_and_name():
    with pytest.raises(DivergedError, match=r"step 3: first/product is not finite") as caught:
        run(TwoPlayers(bad_from=3), 10, log_every=5)
    assert (caught.value.step, caught.value.term) == (3, "first/product")


def test_training_goes_on_from_where_the_state_stands():
    state, batches, _ = run(TwoPlayers(), 2)
    list(train(state, batches, TrainConfig(steps=3), log_every=1))
    straight, _, _ = run(TwoPlayers(), 3)
    assert state.step == 3
    assert state.model.a.item() == straight.model.a.item()


def test_shared_parameters_and_parameters_of_nobody_are_refused():
    class Shared(TwoPlayers):
        def players(self):
            return (Player("first", (self.a, self.b), 0.1), Player("second", (self.b,), 0.1))

    class Orphan(TwoPlayers):
        def players(self):
            return (Player("first", (self.a,), 0.1),)

    with pytest.raises(ValueError, match=r"shared: {'b': \['first', 'second'\]}"):
        TrainerState(Shared())
    with pytest.raises(ValueError, match=r"no player moves: \['b'\]"):
        TrainerState(Orphan())
    with pytest.raises(TypeError, match=r"must be a torch\.nn\.Module; got object"):
        TrainerState(object())


def test_the_gradients_norm_is_logged():
    """d/da (a^2 + a b) at a = 2, b = 1 is 5."""
    _, _, logs = run(TwoPlayers(), 1)
    assert logs[0]["first/gradient_norm"] == pytest.approx(5.0)


def test_a_gradient_that_is_not_finite_is_named_where_it_arose():
    """The slope of the root at 0 is infinite, times 0 no number: the loss of step 0 is finite, its gradient is not."""

    class RootAtZero(TwoPlayers):
        def phases(self, step):
            return (Phase("second"),)

        def loss(self, player, batch):
            return Terms({"root": torch.sqrt(0 * self.b)})

    with pytest.raises(DivergedError, match="step 0: second/gradient_norm"):
        run(RootAtZero(), 5, log_every=5)


def test_parameters_that_are_not_finite_are_refused_before_a_checkpoint():
    state, _, _ = run(TwoPlayers(), 1)
    state.check()
    with torch.no_grad():
        state.model.b.fill_(torch.nan)
    with pytest.raises(DivergedError, match="step 1: second/parameters"):
        state.check()


def test_terms_are_logged_by_name_whatever_their_order_and_must_stay_the_same():
    class Swapped(TwoPlayers):
        def phases(self, step):
            return (Phase("first"),)

        def loss(self, player, batch):
            terms = {"one": 1.0 + 0 * self.a, "ten": 10.0 + 0 * self.a}
            return Terms(dict(reversed(terms.items())) if batch.step % 2 else terms)

    _, _, logs = run(Swapped(), 4, log_every=4)
    assert (logs[3]["first/one"], logs[3]["first/ten"]) == (1.0, 10.0)

    class Changing(Swapped):
        def loss(self, player, batch):
            return Terms({f"term{batch.step.item()}": 1.0 + 0 * self.a})

    with pytest.raises(ValueError, match=r"first gave the terms \['term1'\] where it gave \['term0'\] before"):
        run(Changing(), 2)


def test_two_phases_of_one_player_see_different_batches():
    class Twice(TwoPlayers):
        def phases(self, step):
            return (Phase("first"), Phase("second"), Phase("first", repeats=2))

    _, batches, _ = run(Twice(), 1)
    assert batches.asked == [(0, "first", 0), (0, "second", 0), (0, "first", 1), (0, "first", 2)]


class Strided(nn.Module):
    """Gradients come as autograd leaves them: transposed, or one number expanded to a whole tensor."""

    def __init__(self):
        super().__init__()
        self.transposed = nn.Parameter(torch.arange(6.0).reshape(2, 3) / 10)
        self.expanded = nn.Parameter(torch.ones(2, 2))
        self.target = torch.tensor([[0.0, 1.0], [2.0, 3.0], [5.0, 8.0]])

    def players(self):
        return (Player("all", (self.transposed, self.expanded), 0.1),)

    def phases(self, step):
        return (Phase("all"),)

    def loss(self, player, batch):
        return Terms({"fit": (self.transposed.t().softmax(0) * self.target).sum(), "sum": 3 * self.expanded.sum()})


def by_hand(steps, fused):
    """The same training with gradients as autograd leaves them; the plain Adam looks at strides."""
    model = Strided()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1, fused=fused)
    for _ in range(steps):
        optimizer.zero_grad()
        gradients = torch.autograd.grad(model.loss("all", None).total, list(model.parameters()))
        for parameter, gradient in zip(model.parameters(), gradients, strict=True):
            parameter.grad = gradient if all(gradient.stride()) else gradient.contiguous()  # fused: it reads beyond
        optimizer.step()
    return model


def test_a_gradient_that_lies_otherwise_in_memory_reaches_its_own_elements():
    """Fused Adam takes numbers in the order of memory: a transposed gradient, assigned as it is, moves others."""
    model = Strided()
    gradients = torch.autograd.grad(model.loss("all", None).total, tuple(model.parameters()))
    assert [gradient.stride() for gradient in gradients] == [(1, 2), (0, 0)]
    expected = by_hand(3, fused=False)
    state, _, _ = run(Strided(), 3)
    torch.testing.assert_close(state.model.transposed, expected.transposed)
    torch.testing.assert_close(state.model.expanded, expected.expanded)
    assert not torch.allclose(by_hand(3, fused=True).transposed, expected.transposed, atol=1e-3)
