"""The one loop that trains every model.

It owns optimisers, batches, randomness and logs; a model says who moves, when, and what each minimises
(``minebench.baselines.contract``). The gradient of a phase is taken with respect to its player's parameters only.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from minebench.baselines.contract import Batch, Model, Player, Terms
from minebench.benchmarks.batches import Batches
from minebench.benchmarks.spec import Precision, TrainConfig

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


class PlayerState:
    """A player and its optimiser: Adam without weight decay, eps 1e-8."""

    def __init__(self, player: Player) -> None:
        self.parameters = player.parameters
        self.optimizer = torch.optim.Adam(
            player.parameters, lr=player.learning_rate, betas=player.betas, eps=1e-8, fused=True
        )

    def update(self, loss: Tensor) -> Tensor:
        """One Adam step down the gradient of ``loss`` with respect to this player's parameters alone.

        Returns:
            The norm of the gradient, a scalar on the device.
        """
        gradients = torch.autograd.grad(loss, self.parameters)
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return nn.utils.get_total_norm(gradients)


class TermLog:
    """Running means of all terms, and the first step at which one was not finite; all of it stays on the device."""

    def __init__(self) -> None:
        self._names: dict[str, tuple[str, ...]] = {}
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        self._first_bad: dict[str, Tensor] = {}

    def add(self, player: str, terms: Terms, total: Tensor, gradient_norm: Tensor, step: int) -> None:
        """Count the terms of one update in.

        Raises:
            ValueError: If a player's terms are not the same at every step.
        """
        names = self._names.setdefault(player, (*terms.terms, "loss", "gradient_norm"))
        if set(names[:-2]) != set(terms.terms):
            raise ValueError(f"{player} gave the terms {sorted(terms.terms)} where it gave {sorted(names[:-2])} before")
        parts = [terms.terms[name] for name in names[:-2]]
        values = torch.stack([value.detach() for value in (*parts, total, gradient_norm)])
        bad = torch.where(values.isfinite(), _NEVER, step)
        if player in self._sums:
            self._sums[player] += values
            self._first_bad[player] = torch.minimum(self._first_bad[player], bad)
            self._counts[player] += 1
        else:
            self._sums[player], self._first_bad[player], self._counts[player] = values, bad, 1

    def read(self) -> dict[str, float]:
        """The means since the last call, by ``player/term``; the only device synchronisation.

        Raises:
            DivergedError: If a term was not finite, with the first such step and term.
        """
        self.check()
        means: dict[str, float] = {}
        for player, sums in self._sums.items():
            count = self._counts[player]
            means |= {f"{player}/{n}": s / count for n, s in zip(self._names[player], sums.tolist(), strict=True)}
        self._sums.clear()
        return means

    def check(self) -> None:
        """See that all terms were finite.

        Raises:
            DivergedError: If one was not, with the first such step and term.
        """
        bad = [
            (step, f"{player}/{name}")
            for player in self._sums
            for name, step in zip(self._names[player], self._first_bad[player].tolist(), strict=True)
            if step != _NEVER
        ]
        if bad:
            raise DivergedError(*min(bad, key=lambda entry: entry[0]))


class TrainerState:
    """A model in training: its players, how many steps are done in how many seconds, and its log.

    Args:
        model: A model on the device that it is trained on.

    Raises:
        ValueError: If players share parameters, or leave some to nobody.
    """

    def __init__(self, model: Model) -> None:
        self.players = {player.name: PlayerState(player) for player in checked_players(model)}
        self.model = model
        self.step = 0
        self.seconds = 0.0  # of training, over all processes that had a part in it
        self.log = TermLog()

    def check(self) -> None:
        """See that all terms since the last reading, and all parameters, are finite; synchronises the device.

        Raises:
            DivergedError: If they are not.
        """
        self.log.check()
        for name, player in self.players.items():
            if not torch.stack([parameter.isfinite().all() for parameter in player.parameters]).all():
                raise DivergedError(self.step, f"{name}/parameters")


def train(
    state: TrainerState, batches: Batches, config: TrainConfig, *, log_every: int
) -> Iterator[dict[str, float] | None]:
    """Advance ``state`` to ``config.steps``.

    Args:
        state: What is trained, in place.
        batches: Where batches come from.
        config: How long.
        log_every: Steps between two readings of the log.

    Yields:
        After every step: the means of each term where the log was read (and at the last step), else None.

    Raises:
        DivergedError: When the log is read and a term was not finite.
    """
    while state.step < config.steps:
        updates = Counter[str]()  # of each player in this step: two phases of one player see different batches
        for phase in state.model.phases(state.step):
            player = state.players[phase.player]
            for _ in range(phase.repeats):
                batch = batches.draw(state.step, phase, updates[phase.player])
                updates[phase.player] += 1
                terms = loss(state.model, phase.player, batch, config.precision)
                total = terms.total
                gradient_norm = player.update(total)
                state.log.add(phase.player, terms, total, gradient_norm, state.step)
        state.step += 1
        yield state.log.read() if state.step % log_every == 0 or state.step == config.steps else None


def loss(model: Model, player: str, batch: Batch, precision: Precision) -> Terms:
    """What a player minimises, with the networks computing in a precision.

    Matrix products and convolutions of ``bf16`` take and give bfloat16. Parameters, gradients and Adam's moments stay
    float32; so do the losses, because models lift what their networks give to float32.
    """
    device = batch.images.device.type
    # no cache of casts: older torch let one made without gradient serve where a gradient is due (pytorch issue 158232)
    with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16", cache_enabled=False):
        return model.loss(player, batch)


def checked_players(model: Model) -> Sequence[Player]:
    """The players of a model, refused if they share parameters or do not cover the model.

    Raises:
        TypeError: If the model is no ``nn.Module``.
        ValueError: With the names of the parameters at fault.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"a model must be a torch.nn.Module; got {type(model).__name__}")
    players = model.players()
    owners: dict[int, list[str]] = {id(p): [] for p in model.parameters() if p.requires_grad}
    for player in players:
        for parameter in player.parameters:
            owners.setdefault(id(parameter), []).append(player.name)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    if shared := {names.get(key, "?"): who for key, who in owners.items() if len(who) > 1}:
        raise ValueError(f"each parameter belongs to one player; shared: {shared}")
    if orphans := [names[key] for key, who in owners.items() if not who]:
        raise ValueError(f"parameters that no player moves: {orphans}; give them to one or set requires_grad=False")
    return players
