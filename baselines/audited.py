"""An optional part of the contract: a model whose estimates can be compared with what costs too much in a step."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from minebench.baselines.contract import Gaussian, Noise


class Encoded(NamedTuple):
    """Images as a model encodes them, and what made them.

    Attributes:
        posterior: Arrays of shape (n, latent_dim).
        factors: Value indices, int64, shape (n, n_factors).
    """

    posterior: Gaussian
    factors: Tensor


class AuditView(NamedTuple):
    """What an audit looks at: a model that stands still, on more images than a batch holds.

    Attributes:
        population: Images that the model trains on, those that it holds out from some of its players left out.
        train: A uniform sample of them.
        held_out: As many images that no player trains on.
        batch_size: Images in a batch of training; ``train`` and ``held_out`` are a few of those.
        noise: Random numbers of the audit's own.
    """

    population: Encoded
    train: Encoded
    held_out: Encoded
    batch_size: int
    noise: Noise


@runtime_checkable
class Audited(Protocol):
    """A model that can be audited in training."""

    def audit(self, view: AuditView) -> Mapping[str, float]:
        """Numbers for the log, by name. It is called between steps, in evaluation mode, and changes nothing."""
        ...
