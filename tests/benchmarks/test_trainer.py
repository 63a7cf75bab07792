import math

import pytest
import torch
from torch import nn

from minebench.baselines.contract import Batch, Noise, Phase, Player, Terms
from minebench.benchmarks.spec import TrainConfig
from minebench.benchmarks.trainer import DivergedError, TrainerState, train


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
    assert logs[1] == {"first/ramp": 0.5, "first/twice": 1.0, "first/loss": 1.0}
    assert logs[3] == {"first/ramp": 2.5, "first/twice": 5.0, "first/loss": 5.0}
    assert logs[4] == {"first/ramp": 4.0, "first/twice": 8.0, "first/loss": 8.0}  # the last step is always read
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
