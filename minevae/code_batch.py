"""What an estimator of total correlation looks at, and what it offers."""

from typing import NamedTuple, Protocol, TypeVar

from torch import Tensor

from minebench.baselines.contract import Gaussian, Noise

T = TypeVar("T")


class CodeBatch(NamedTuple):
    """A batch of codes, with as much about them as the estimator at hand needs.

    Attributes:
        z: Samples, shape (M, D).
        product: Samples in which the groups are independent, shape (M, D), from ``groups.permute_groups``: for critics.
        posterior: The posteriors that the samples were drawn from, in their order, arrays of shape (M, D): for sampling
            from a minibatch, and for fits to means.
        n_images: Size N of the training set: for sampling from a minibatch.
        population: All N posteriors, arrays of shape (N, D): for Monte Carlo over the whole data.
        rows: Which of the population each sample was drawn from, int64, shape (M,): for Monte Carlo over a part of it.
        noise: Source of that part.
    """

    z: Tensor
    product: Tensor | None = None
    posterior: Gaussian | None = None
    n_images: int | None = None
    population: Gaussian | None = None
    rows: Tensor | None = None
    noise: Noise | None = None


class TotalCorrelationEstimator(Protocol):
    """The interface of all estimators of total correlation, trained or not."""

    def value(self, batch: CodeBatch) -> Tensor:
        """The estimate in nats, a scalar without gradient."""
        ...

    def critic_loss(self, batch: CodeBatch) -> Tensor | None:
        """What the estimator's critics minimise, a scalar; None if it has none."""
        ...

    def model_gradient(self, batch: CodeBatch) -> Tensor:
        """The estimate with its gradient to the codes, a scalar."""
        ...


def needed(part: T | None, name: str) -> T:
    """A part of a batch that an estimator cannot do without.

    Raises:
        ValueError: If it is missing.
    """
    if part is None:
        raise ValueError(f"this estimator looks at CodeBatch.{name}, which the batch lacks; pass it")
    return part
