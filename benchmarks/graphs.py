"""Steps as CUDA graphs: captured once, replayed with a single launch.

A graph holds one step of given phases (``StaticStep``) with the optimisers and the log's sums. Between replays the host
changes only what the graph reads: row numbers, the step's number, and the seeds of its generators, which are registered
with the graph (see the notes "CUDA Graph-safe RNG states" in torch's ``CUDAGeneratorImpl.h`` and ``torch.cuda.graph``).
What cannot be captured is carried out operation by operation, on the same buffers and with the same random numbers.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from minebench.baselines.contract import Phase
from minebench.benchmarks import devices
from minebench.benchmarks.batches import Batches
from minebench.benchmarks.spec import Precision
from minebench.benchmarks.static_step import StaticStep
from minebench.benchmarks.trainer import TrainerState

WARM_UP = 3  # steps before a capture: libraries choose and allocate what they keep in the first ones

Replay = Callable[[], None]


class CaptureError(RuntimeError):
    """A step cannot be held in a graph; the message says why."""


class CudaGraphs:
    """Captures the steps of one run, all on the stream that the run is carried out on.

    A stream of its own, because kernels of cuBLAS use a workspace that belongs to the stream they were captured on: two
    graphs of one stream must not run at the same time. And no graph is destroyed before the run ends, because that
    frees the workspace for all graphs of its stream (pytorch issue 193402).
    """

    def __init__(self) -> None:
        self._graphs: list[torch.cuda.CUDAGraph] = []

    def __call__(self, step: StaticStep) -> Replay:
        """A function that carries out the step once more; raises what torch raises if it cannot be captured."""
        graph = torch.cuda.CUDAGraph()
        self._graphs.append(graph)
        for generator in step.generators:
            graph.register_generator_state(generator)
        stream = torch.cuda.current_stream()
        with torch.cuda.stream(stream), torch.cuda.graph(graph, stream=stream):  # the outer one ends a failed capture
            step.run(seeded=False)
        return graph.replay


class GraphSteps:
    """Carries out the steps of a run, each distinct tuple of phases by a graph of its own.

    Args:
        state: What is trained; restored from its checkpoint, if there is one.
        batches: Where batches come from.
        precision: Of the networks.
        capture: Makes a replay of a step.

    Attributes:
        news: What happened since it was last looked at, for the run's log: a capture, or why there is none.
    """

    def __init__(
        self,
        state: TrainerState,
        batches: Batches,
        precision: Precision,
        capture: Callable[[StaticStep], Replay] | None = None,
    ) -> None:
        self._state, self._batches, self._precision = state, batches, precision
        self._capture = capture or CudaGraphs()
        self._steps: dict[tuple[Phase, ...], tuple[StaticStep, Replay]] = {}
        self.news: list[dict[str, str]] = []

    def advance(self) -> None:
        """The step that the state stands at."""
        phases = tuple(self._state.model.phases(self._state.step))
        if phases not in self._steps:
            self._steps[phases] = self._prepare(phases)
        step, replay = self._steps[phases]
        step.fill(self._state.step)
        replay()

    def _prepare(self, phases: tuple[Phase, ...]) -> tuple[StaticStep, Replay]:
        step = StaticStep(self._state, self._batches, phases, self._precision)
        players = ", ".join(phase.player for phase in phases)
        try:
            with undone(self._state):
                warm_up(step, self._state, self._batches.device)
            replay = self._capture(step)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:  # the model's own errors come again, where they count
            cause = error.__context__ or error  # the end of a failed capture raises, too
            self.news.append({"event": "eager", "phases": players, "why": str(cause).split("\n")[0]})
            return step, step.run
        self.news.append({"event": "graph", "phases": players})
        return step, replay


def warm_up(step: StaticStep, state: TrainerState, device: torch.device) -> None:
    """Carry out a step a few times, and see that a graph of it would do the same.

    Raises:
        CaptureError: If the model draws from torch's own generators, or replaces tensors that the next step reads.
        RuntimeError: If it makes the host wait for the device (torch's own words), or has an error of its own.
    """
    before, tensors = devices.generator_states(device), _named_tensors(state)
    step.fill(state.step)
    step.run(seeded=False)
    if any(not torch.equal(old, new) for old, new in zip(before, devices.generator_states(device), strict=True)):
        raise CaptureError(
            "the model draws from torch's own generator (dropout does), which a graph cannot seed for each update; "
            "draw from batch.noise"
        )
    if replaced := _replaced(tensors, _named_tensors(state)):
        raise CaptureError(f"the model replaces {', '.join(replaced)} in a step; change buffers in place, with copy_")
    with devices.waiting_forbidden(device):
        for _ in range(WARM_UP - 1):
            step.fill(state.step)
            step.run(seeded=False)


@contextmanager
def undone(state: TrainerState) -> Iterator[None]:
    """What is trained inside leaves no trace: weights, buffers, moments and sums are restored in place, bit by bit."""
    tensors = _named_tensors(state)
    before = {id(tensor): (tensor, tensor.detach().clone()) for tensor in state.tensors()}
    try:
        yield
    finally:
        for name in _replaced(tensors, _named_tensors(state)):
            owner, _, leaf = name.rpartition(".")
            setattr(state.module.get_submodule(owner), leaf, tensors.get(name))
        with torch.no_grad():
            for tensor in state.tensors():
                if id(tensor) in before:
                    tensor.copy_(before[id(tensor)][1])
                else:
                    tensor.zero_()  # moments and sums that were made inside: they begin at zero


def _named_tensors(state: TrainerState) -> dict[str, Tensor]:
    return dict((*state.module.named_parameters(), *state.module.named_buffers()))


def _replaced(old: dict[str, Tensor], new: dict[str, Tensor]) -> list[str]:
    return sorted(name for name in old.keys() | new.keys() if old.get(name) is not new.get(name))
