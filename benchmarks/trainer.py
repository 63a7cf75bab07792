"""The one loop that trains every model.

It owns optimisers, batches, randomness and logs; a model says who moves, when, and what each minimises
(``minebench.baselines.contract``). The gradient of a phase is taken with respect to its player's parameters only.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from minebench.baselines.contract import Batch, Model, Phase, Player, Terms
from minebench.benchmarks.batches import Batches
from minebench.benchmarks.spec import Precision, TrainConfig
from minebench.benchmarks.term_log import DivergedError, TermLog


class PlayerState:
    """A player and its optimiser: Adam without weight decay, eps 1e-8."""

    def __init__(self, player: Player) -> None:
        self.parameters = player.parameters
        on_gpu = any(parameter.is_cuda for parameter in player.parameters)
        self.optimizer = torch.optim.Adam(
            player.parameters, lr=player.learning_rate, betas=player.betas, eps=1e-8, fused=True, capturable=on_gpu
        )

    def update(self, loss: Tensor) -> Tensor:
        """One Adam step down the gradient of ``loss`` with respect to this player's parameters alone.

        Returns:
            The norm of the gradient, a scalar on the device.
        """
        gradients = torch.autograd.grad(loss, self.parameters)
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            # fused Adam pairs numbers by their place in memory, and looks at no strides (torch 2.14, CPU)
            parameter.grad = (
                gradient if same_layout(parameter, gradient) else torch.empty_like(parameter).copy_(gradient)
            )
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return nn.utils.get_total_norm(gradients)


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
        self.module = cast(nn.Module, model)  # the same object: ``checked_players`` has seen that it is one
        self.step = 0
        self.seconds = 0.0  # of training, over all processes that had a part in it
        self.log = TermLog()

    def update(self, player: str, batch: Batch, precision: Precision) -> None:
        """Move one player once: its loss, one step of its optimiser, its terms into the log."""
        terms = loss(self.model, player, batch, precision)
        total = terms.total
        gradient_norm = self.players[player].update(total)
        self.log.add(player, terms, total, gradient_norm, batch.step)

    def tensors(self) -> list[Tensor]:
        """All that a step changes: parameters, buffers, the optimisers' moments and the log's sums.

        The first step makes moments and sums; they begin at zero.
        """
        states = (entry for player in self.players.values() for entry in player.optimizer.state.values())
        moments = [value for entry in states for value in entry.values() if isinstance(value, Tensor)]
        return [*self.module.parameters(), *self.module.buffers(), *moments, *self.log.tensors()]

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
    state: TrainerState,
    batches: Batches,
    config: TrainConfig,
    *,
    log_every: int,
    advance: Callable[[], None] | None = None,
) -> Iterator[dict[str, float] | None]:
    """Advance ``state`` to ``config.steps``.

    Args:
        state: What is trained, in place.
        batches: Where batches come from.
        config: How long, in which precision.
        log_every: Steps between two readings of the log.
        advance: Carries out the step that ``state`` stands at; by default operation by operation (``eager_step``).

    Yields:
        After every step: the means of each term where the log was read (and at the last step), else None.

    Raises:
        DivergedError: When the log is read and a term was not finite.
    """
    while state.step < config.steps:
        if advance is None:
            eager_step(state, batches, config.precision)
        else:
            advance()
        state.step += 1
        yield state.log.read() if state.step % log_every == 0 or state.step == config.steps else None


def eager_step(state: TrainerState, batches: Batches, precision: Precision) -> None:
    """One step: every update of every phase, each on a batch of its own."""
    for phase, repeat in updates(state.model.phases(state.step)):
        state.update(phase.player, batches.draw(state.step, phase, repeat), precision)


def same_layout(one: Tensor, other: Tensor) -> bool:
    """Whether the elements of two tensors of one shape lie in memory in the same order; gaps are not looked for."""
    if one.stride() == other.stride():  # the common case
        return True
    return all(n == 1 or a == b for n, a, b in zip(one.shape, one.stride(), other.stride(), strict=True))


def updates(phases: Sequence[Phase]) -> Iterator[tuple[Phase, int]]:
    """The updates of one step in order, each with its number among those of its player.

    Two phases of one player go on counting, so that they see different batches.
    """
    done = Counter[str]()
    for phase in phases:
        for _ in range(phase.repeats):
            yield phase, done[phase.player]
            done[phase.player] += 1


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
