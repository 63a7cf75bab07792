"""The log of loss terms: sums that stay on the device until they are read."""

from typing import NamedTuple

import torch
from torch import Tensor

from minebench.baselines.contract import Terms

_NEVER = torch.iinfo(torch.int64).max


class DivergedError(RuntimeError):
    """A loss term was not finite.

    Attributes:
        step: The first step at which it was not.
        term: Its name, ``player/term``.
    """

    def __init__(self, step: int, term: str) -> None:
        super().__init__(f"step {step}: {term} is not finite; the run is recorded as diverged")
        self.step = step
        self.term = term


class _Sums(NamedTuple):
    """Of one player. Every tensor starts at zero and is changed in place, so that a graph can hold on to it."""

    names: tuple[str, ...]
    values: Tensor  # float32 (terms,)
    alarms: Tensor  # int64 (terms,): 0 while all values are finite, then larger the earlier the first was not
    n_updates: Tensor  # int64, updates since the last reading


class TermLog:
    """Running means of all terms, and the first step at which one was not finite; all of it stays on the device."""

    def __init__(self) -> None:
        self._players: dict[str, _Sums] = {}

    def add(self, player: str, terms: Terms, total: Tensor, gradient_norm: Tensor, step: Tensor) -> None:
        """Count the terms of one update in.

        Args:
            player: Who was updated.
            terms: The terms of its loss.
            total: The loss, a scalar.
            gradient_norm: The norm of its gradient, a scalar.
            step: Updates done before this one, int64 on the device.

        Raises:
            ValueError: If a player's terms are not the same at every step.
        """
        sums = self._players.get(player)
        names = tuple(terms.terms) if sums is None else sums.names[:-2]
        if set(names) != set(terms.terms):
            raise ValueError(f"{player} gave the terms {sorted(terms.terms)} where it gave {sorted(names)} before")
        parts = [terms.terms[name] for name in names]
        values = torch.stack([value.detach() for value in (*parts, total, gradient_norm)])
        if sums is None:
            alarms = torch.zeros(values.shape, dtype=torch.int64, device=values.device)
            sums = _Sums((*names, "loss", "gradient_norm"), torch.zeros_like(values), alarms, alarms.new_zeros(()))
            self._players[player] = sums
        sums.values.add_(values)
        sums.n_updates.add_(1)
        torch.maximum(sums.alarms, torch.where(values.isfinite(), 0, _NEVER - step), out=sums.alarms)

    def read(self) -> dict[str, float]:
        """The means since the last call, by ``player/term``; the only device synchronisation.

        Raises:
            DivergedError: If a term was not finite, with the first such step and term.
        """
        self.check()
        means: dict[str, float] = {}
        for player, sums in self._players.items():
            if count := int(sums.n_updates):
                means |= {f"{player}/{n}": v / count for n, v in zip(sums.names, sums.values.tolist(), strict=True)}
            sums.values.zero_()
            sums.n_updates.zero_()
        return means

    def check(self) -> None:
        """See that all terms were finite; synchronises the device.

        Raises:
            DivergedError: If one was not, with the first such step and term.
        """
        bad = [
            (_NEVER - alarm, f"{player}/{name}")
            for player, sums in self._players.items()
            for name, alarm in zip(sums.names, sums.alarms.tolist(), strict=True)
            if alarm
        ]
        if bad:
            raise DivergedError(*min(bad, key=lambda entry: entry[0]))

    def tensors(self) -> list[Tensor]:
        """All that it holds on the device; each starts at zero."""
        return [tensor for sums in self._players.values() for tensor in sums[1:]]
