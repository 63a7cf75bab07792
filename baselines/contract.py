"""What the trainer asks of a model: who moves what, when, and what each minimises.

A model is an ``nn.Module`` that lists its players and phases and returns named loss terms. The trainer owns
optimisers, batches, randomness and devices, so that every model is trained by the same loop.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor


class Config(BaseModel):
    """The parent of every model's hyperparameters: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DataSpec(NamedTuple):
    """What a model may know of the data, and of how long it will see them, when it is built.

    Attributes:
        image_shape: Channels, height and width.
        n_images: Images in the training set (the N of minibatch estimates), also during validation.
        factor_sizes: Number of values of each factor.
        n_steps: Steps of the whole run, for schedules that are shares of it; the default is the reference study's.
    """

    image_shape: tuple[int, int, int]
    n_images: int
    factor_sizes: tuple[int, ...]
    n_steps: int = 300_000


class DataUse(NamedTuple):
    """How a model uses the training images; at one seed the same shares are the same images for every model.

    Attributes:
        labels: Share of the training images whose factors the model may see, in [0, 1].
        held_out: Share of the training images, in [0, 1), that only phases with ``images="held_out"`` see. It is drawn
            without regard to labels, so the same share of the labels is held out with it.
    """

    labels: float = 0.0
    held_out: float = 0.0


class CodeBlocks(NamedTuple):
    """Groups of code columns that belong together.

    Attributes:
        columns: The columns of each block; an empty block is allowed.
        named: Whether the k-th block, the nuisance block not counted, belongs to the k-th factor of the data set.
        nuisance: The block that is to hold what no factor tells, if there is one.
    """

    columns: tuple[tuple[int, ...], ...]
    named: bool = False
    nuisance: int | None = None


class Noise:
    """Random numbers of one phase of one step, on the model's device.

    The trainer makes a fresh stream from (seed, player, step, repeat), so what one model draws never shifts what
    another model, or a later step, sees.
    """

    def __init__(self, generator: torch.Generator) -> None:
        self._generator = generator

    def normal(self, shape: Sequence[int]) -> Tensor:
        """Independent draws from N(0, 1), float32, of the given shape."""
        return torch.randn(tuple(shape), generator=self._generator, device=self._generator.device)

    def uniform(self, shape: Sequence[int]) -> Tensor:
        """Independent draws from U[0, 1), float32, of the given shape."""
        return torch.rand(tuple(shape), generator=self._generator, device=self._generator.device)


class Gaussian(NamedTuple):
    """A batch of diagonal Gaussians: ``mean`` and ``logvar``, both of shape (batch, latent_dim)."""

    mean: Tensor
    logvar: Tensor

    def sample(self, noise: Noise) -> Tensor:
        """One reparameterised draw from each Gaussian, shape (batch, latent_dim)."""
        return self.mean + torch.exp(0.5 * self.logvar) * noise.normal(self.mean.shape)

    def kl(self) -> Tensor:
        """KL divergence to N(0, I) in nats, summed over latents, shape (batch,)."""
        return 0.5 * (self.mean.square() + self.logvar.exp() - 1.0 - self.logvar).sum(1)


class Labelled(NamedTuple):
    """Images whose factors are known.

    Attributes:
        images: Float32 in [0, 1], shape (batch, channels, height, width).
        labels: Value indices, int64, shape (batch, n_factors).
    """

    images: Tensor
    labels: Tensor


class Batch(NamedTuple):
    """What a loss may look at.

    Attributes:
        images: Float32 in [0, 1], shape (batch, channels, height, width).
        noise: The phase's own random numbers.
        step: The number of updates done so far, a 0-dimensional int64 tensor on the device.
        second_images: An independent batch of the same shape, for the phases that ask for one.
        labels: Value indices of ``images``, int64, shape (batch, n_factors), -1 where the model may not know them; None
            for a model that sees no labels.
        labelled: A batch of the same size drawn from the labelled images alone, for the phases that ask for one.
    """

    images: Tensor
    noise: Noise
    step: Tensor
    second_images: Tensor | None = None
    labels: Tensor | None = None
    labelled: Labelled | None = None


class Player(NamedTuple):
    """Who moves: parameters that share a loss, and their Adam settings."""

    name: str
    parameters: tuple[torch.nn.Parameter, ...]
    learning_rate: float
    betas: tuple[float, float] = (0.9, 0.999)


class Phase(NamedTuple):
    """One entry of a step: which player moves, how often, and on what.

    Attributes:
        player: Name of the player that is updated.
        repeats: Updates in a row, each on a fresh batch with fresh noise.
        second_batch: Whether the loss needs a second, independent batch.
        labelled_batch: Whether the loss needs a batch of labelled images.
        images: The images that all batches of the phase come from: those to train on, or those held out from them.
    """

    player: str
    repeats: int = 1
    second_batch: bool = False
    labelled_batch: bool = False
    images: Literal["train", "held_out"] = "train"


@dataclass(frozen=True)
class Terms:
    """Named scalar terms of a loss, in nats per image.

    Attributes:
        terms: The terms under their true names; all are logged.
        weights: Factor of a term in the loss; 1 where absent, and a term of weight 0 is logged only.
    """

    terms: Mapping[str, Tensor]
    weights: Mapping[str, float | Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.weights) - set(self.terms)):
            raise ValueError(f"weights for terms that do not exist: {unknown}; the terms are {sorted(self.terms)}")

    @property
    def total(self) -> Tensor:
        """The loss: the weighted sum of the terms, a scalar."""
        parts = [self._weighted(name) for name in self.terms if not self._is_logged_only(name)]
        return torch.stack(parts).sum()

    def _weighted(self, name: str) -> Tensor:
        return self.weights.get(name, 1.0) * self.terms[name]

    def _is_logged_only(self, name: str) -> bool:
        weight = self.weights.get(name, 1.0)
        return isinstance(weight, int | float) and weight == 0.0


@runtime_checkable
class Model(Protocol):
    """The trainer's view of a model; in practice a child of ``VAE``."""

    def players(self) -> tuple[Player, ...]:
        """All players; their parameters are disjoint and together cover the model."""
        ...

    def phases(self, step: int) -> tuple[Phase, ...]:
        """The phases of one step in order: the order is the algorithm."""
        ...

    def loss(self, player: str, batch: Batch) -> Terms:
        """What ``player`` minimises on ``batch``."""
        ...

    def encode(self, images: Tensor) -> Gaussian:
        """The posteriors q(z|x) of images (batch, channels, height, width)."""
        ...

    def decode(self, z: Tensor) -> Tensor:
        """Bernoulli logits (batch, channels, height, width) of codes (batch, latent_dim)."""
        ...

    def data_use(self) -> DataUse:
        """The shares of the training images that are labelled, and held out."""
        ...

    def code_blocks(self) -> CodeBlocks | None:
        """Groups of code columns that belong together, or None where each stands alone."""
        ...
