import pytest
import torch

from minebench.baselines.contract import Terms
from minebench.benchmarks.term_log import DivergedError, TermLog


def add(log, player, step, **terms):
    tensors = {name: torch.tensor(float(value)) for name, value in terms.items()}
    log.add(player, Terms(tensors), sum(tensors.values()), torch.tensor(0.0), torch.tensor(step))


def test_means_are_over_the_updates_since_the_last_reading_of_each_player():
    log = TermLog()
    for step, value in enumerate([1, 2, 6]):
        add(log, "a", step, x=value)
    add(log, "b", 0, y=5)
    read = log.read()
    assert (read["a/x"], read["b/y"]) == (3.0, 5.0)
    add(log, "a", 3, x=7)
    assert log.read() == {"a/x": 7.0, "a/loss": 7.0, "a/gradient_norm": 0.0}
    assert log.read() == {}


def test_its_tensors_start_at_zero_and_stay_the_same_objects():
    """What a graph has captured must not be replaced behind its back."""
    log = TermLog()
    add(log, "a", 0, x=1)
    before = log.tensors()
    add(log, "a", 1, x=2)
    log.read()
    assert all(one is other for one, other in zip(before, log.tensors(), strict=True))
    assert all(not tensor.any() for tensor in log.tensors())


def test_the_first_step_that_was_not_finite_is_told_whatever_came_later():
    log = TermLog()
    add(log, "a", 0, x=1)
    add(log, "b", 4, y=float("nan"))
    add(log, "a", 3, x=float("inf"))
    add(log, "a", 5, x=float("nan"))
    with pytest.raises(DivergedError, match="step 3: a/x is not finite"):
        log.read()
