"""Streams are stood in for: what is tested is who is current when."""

from contextlib import contextmanager

import pytest
import torch

from minebench.benchmarks import devices


@pytest.fixture
def current(monkeypatch):
    """The stack of streams that are current, as a machine with a GPU would have it."""
    stack = ["default"]

    @contextmanager
    def stream(chosen):
        stack.append(chosen)
        try:
            yield
        finally:
            stack.pop()

    names = iter("abc")
    monkeypatch.setattr(devices, "find_device", torch.device)
    monkeypatch.setattr(devices.torch.cuda, "Stream", lambda device: next(names))
    monkeypatch.setattr(devices.torch.cuda, "stream", stream)
    return stack


def test_runs_that_take_turns_each_compute_on_a_stream_of_their_own(current):
    def run(turns):
        for _ in range(turns):
            yield current[-1]
        return f"{turns} turns"

    def finish(turns):
        return (yield from devices.on_own_stream(run(turns), "cuda:0"))

    one, two = finish(2), finish(3)
    assert [next(one), next(two), next(one), next(two)] == ["a", "b", "a", "b"]
    assert current == ["default"]
    with pytest.raises(StopIteration, match="2 turns"):
        next(one)
    assert next(two) == "b"


def test_errors_and_an_early_end_reach_the_run(current):
    ended = []

    def run():
        try:
            yield 1
            raise RuntimeError("broken")
        finally:
            ended.append(current[-1])

    broken, closed = devices.on_own_stream(run(), "cuda"), devices.on_own_stream(run(), "cuda")
    assert (next(broken), next(closed)) == (1, 1)
    with pytest.raises(RuntimeError, match="broken"):
        next(broken)
    closed.close()
    assert (len(ended), current) == (2, ["default"])


def test_on_the_cpu_a_run_is_left_as_it_is(current):
    assert list(devices.on_own_stream(iter([current[-1]]), "cpu")) == ["default"]


def test_a_class_of_gpus_tells_how_steps_are_carried_out(monkeypatch):
    """Graphs and single launches may differ in the last bits; on a CPU there is only one way."""
    monkeypatch.setattr(devices.torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(devices.torch.cuda, "get_device_name", lambda device: f"name of {device}")
    assert devices.device_class("cuda", 1, "graph") == "name of cuda:0, graph"
    assert devices.device_class("cuda:0", 2, "eager") == "name of cuda:0, eager"
    assert devices.device_class("cpu", 1, "graph") == devices.device_class("cpu", 1, "eager")
