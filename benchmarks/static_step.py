"""One step of training in memory that stays where it is: what a CUDA graph can hold.

The host chooses rows and keys for every batch of the step and copies them into buffers (``fill``). All that follows is
the same work of the device on the same memory at every step (``run``), and gives the bits of ``trainer.eager_step``.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from minebench.baselines.contract import Noise, Phase
from minebench.benchmarks.batches import Batches, seed_global
from minebench.benchmarks.residency import staged
from minebench.benchmarks.spec import Precision
from minebench.benchmarks.trainer import TrainerState, updates


class Slot:
    """The place of one update's batch: its buffers on the device and its random numbers."""

    def __init__(self, batches: Batches, phase: Phase, repeat: int, *, step: int) -> None:
        self._batches, self._phase, self._repeat = batches, phase, repeat
        self.player = phase.player
        self.generator = torch.Generator(batches.device)
        self.noise = Noise(self.generator)
        self.arrays: dict[str, Tensor] = {
            name: torch.from_numpy(array).to(batches.device, copy=True)
            for name, array in batches.choose(step, phase, repeat).arrays.items()
        }
        self.global_key = 0

    def fill(self, step: int) -> None:
        """Put the batch of a step into the place; waits for nothing."""
        choice = self._batches.choose(step, self._phase, self._repeat)
        for name, array in choice.arrays.items():
            self.arrays[name].copy_(staged(array, self._batches.device), non_blocking=True)
        self.generator.manual_seed(choice.noise_key)
        self.global_key = choice.global_key


class StaticStep:
    """A step of given phases.

    Args:
        state: What is trained.
        batches: Where batches come from.
        phases: Those of the step, from ``state.model.phases``.
        precision: Of the networks.
    """

    def __init__(self, state: TrainerState, batches: Batches, phases: Sequence[Phase], precision: Precision) -> None:
        self._state, self._batches, self._precision = state, batches, precision
        self._step = torch.zeros((), dtype=torch.int64, device=batches.device)
        self._slots = [Slot(batches, phase, repeat, step=state.step) for phase, repeat in updates(phases)]

    @property
    def generators(self) -> list[torch.Generator]:
        """The sources of all random numbers that the step draws."""
        return [slot.generator for slot in self._slots]

    def fill(self, step: int) -> None:
        """The host's part: the batches, random keys and number of a step into their places."""
        self._step.fill_(step)
        for slot in self._slots:
            slot.fill(step)

    def run(self, *, seeded: bool = True) -> None:
        """The device's part: every update on what was filled in.

        Args:
            seeded: Whether torch's own generators are seeded for each update, as the eager step does. A graph cannot.
        """
        for slot in self._slots:
            if seeded:
                seed_global(slot.global_key, self._batches.device)
            self._state.update(slot.player, self._batches.batch(slot.arrays, slot.noise, self._step), self._precision)
