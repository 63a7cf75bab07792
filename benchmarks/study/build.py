"""From the description of a distribution to the distribution."""

from functools import lru_cache
from typing import get_args

from torch import Generator, Tensor

from minebench.baselines.contract import Gaussian, Noise
from minebench.benchmarks.study.cells import DistributionSpec
from minebench.benchmarks.study.distribution import Distribution, Truth
from minebench.benchmarks.study.gaussians import GaussianCodes, Structure
from minebench.benchmarks.study.mixtures import MixtureCodes, vae_like
from minebench.benchmarks.study.student import StudentCodes
from minebench.benchmarks.suggestions import UsageError
from minebench.minevae.groups import permute_groups

CODES: dict[str, Gaussian] = {}  # posteriors of trained runs by name, put here by ``codes.encode_run``


@lru_cache(maxsize=4)
def build(spec: DistributionSpec) -> Distribution:
    """The distribution that a spec describes; the last ones are kept, for their truths are dear.

    Raises:
        UsageError: If there is no such distribution.
    """
    try:
        made = _build(spec)
    except ValueError as error:
        raise UsageError(f"{spec.label}: {error}") from None
    return PermutedCodes(made) if spec.permuted else made


def _build(spec: DistributionSpec) -> Distribution:
    structure = next((name for name in get_args(Structure) if name == spec.kind), None)
    if structure is not None:
        return GaussianCodes(structure, spec.dim, spec.total_correlation, warp=spec.warp, n_images=spec.n_images)
    if spec.warp != "none":
        raise ValueError(f"warps are for Gaussians; got {spec.warp}")
    if spec.kind == "student":
        return StudentCodes(spec.dim, spec.total_correlation, freedom=spec.freedom)
    if spec.kind == "vae_like":
        if spec.n_images is None or spec.information is None:
            raise ValueError("vae_like needs n_images and information")
        return MixtureCodes(vae_like(spec.n_images, spec.dim, spec.information))
    if spec.run not in CODES:
        raise ValueError("codes come from a run: minebench variance --truth codes --run ID")
    return MixtureCodes(CODES[spec.run])


class PermutedCodes:
    """A control: the codes of another distribution, their groups permuted over each sample, so that nothing is left.

    Args:
        of: Whose codes.
    """

    truth = second_route = Truth(0.0)
    population: Gaussian | None = None
    largest_eigenvalue: float | None = 1.0
    normaliser = "finite"

    def __init__(self, of: Distribution) -> None:
        self._of, self.dim, self.groups = of, of.dim, of.groups

    def sample(self, n: int, generator: Generator, n_sets: int = 1) -> Tensor:
        """Codes without dependence between groups, float32, shape (n_sets, n, D)."""
        return permute_groups(self._of.sample(n, generator, n_sets), Noise(generator), self.groups)

    def log_ratio(self, z: Tensor) -> Tensor:
        """0, float64."""
        return z.new_zeros(z.shape[:-1]).double()
