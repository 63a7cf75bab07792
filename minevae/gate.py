"""The gate through which a block sees the latents: what attention does not give, noise takes the place of.

A latent multiplied by a weight tells as much as before. Mixed with independent noise,
c_kj = a_kj z_j + sqrt(1 - a_kj^2) xi_kj with a = 0.999 sqrt(A), it tells less the smaller the weight is: of a
standardised Gaussian z_j that holds a share r_j of variance from the image, -1/2 log(1 - a_kj^2 r_j) nats.
"""

import torch
from torch import Tensor, nn

from minebench.baselines.contract import Gaussian, Noise

MAX_GAIN = 0.999  # below 1 by a factor: a clamp would take the gradient from the owners


class CodeStatistics(nn.Module):
    """Running moments of the codes, through which no gradient flows.

    Args:
        latent_dim: D.
        memory: The newest batch weighs 1 / memory, and more while fewer batches were seen.
    """

    mean: Tensor
    mean_variance: Tensor
    noise_variance: Tensor
    n_batches: Tensor

    def __init__(self, latent_dim: int, memory: int = 100) -> None:
        super().__init__()
        self.memory = memory
        self.register_buffer("mean", torch.zeros(latent_dim))
        self.register_buffer("mean_variance", torch.zeros(latent_dim))  # Var mu_j
        self.register_buffer("noise_variance", torch.ones(latent_dim))  # E s_j^2
        self.register_buffer("n_batches", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def update(self, posterior: Gaussian) -> None:
        """Take the posteriors of a batch into account; what is not finite is passed over."""
        self.n_batches += 1
        share = 1 / self.n_batches.clamp(max=self.memory)
        mean_variance, mean = torch.var_mean(posterior.mean, 0)
        new = (mean, mean_variance, posterior.logvar.exp().mean(0))
        for old, value in zip((self.mean, self.mean_variance, self.noise_variance), new, strict=True):
            old.copy_(torch.where(value.isfinite(), torch.lerp(old, value, share), old))

    def variance(self) -> Tensor:
        """Of samples over images and posterior noise, above 0, shape (D,)."""
        return self.mean_variance + self.noise_variance

    def standardise(self, z: Tensor) -> Tensor:
        """Samples (..., D) with mean 0 and variance 1 over images and posterior noise."""
        return (z - self.mean) / self.variance().sqrt()

    def image_share(self) -> Tensor:
        """r_j: the share of a code's variance that images make and not posterior noise, in [0, 1], shape (D,)."""
        return self.mean_variance / self.variance()


def gains(weights: Tensor) -> Tensor:
    """The gains a = 0.999 sqrt(A) of weights in [0, 1]; their gradient is finite at 0."""
    return MAX_GAIN * weights.clamp(min=1e-12).sqrt()


def gated(z: Tensor, gain: Tensor, noise: Noise) -> Tensor:
    """What each block sees of standardised codes.

    Args:
        z: Shape (M, D).
        gain: Shape (K + 1, D), or (M, K + 1, D) where each image has its own.
        noise: Source of xi, independent for each block.

    Returns:
        c, shape (K + 1, M, D).
    """
    gain = gain[:, None] if gain.dim() == 2 else gain.movedim(1, 0)  # (K + 1, 1 or M, D)
    drawn = noise.normal((len(gain), *z.shape))
    return gain * z + (1 - gain.square()).sqrt() * drawn


def capacity(gain: Tensor, image_share: Tensor) -> Tensor:
    """Nats that the gate lets through to each block, as far as codes are independent Gaussians: a dead latent has none.

    Args:
        gain: Shape (..., K + 1, D).
        image_share: r_j in [0, 1], shape (D,).

    Returns:
        Cap_k = -1/2 sum_j log(1 - a_kj^2 r_j), at least 0, shape (K + 1,): the mean over what stands in front.
    """
    nats = -0.5 * torch.log1p(-gain.square() * image_share).sum(-1)
    return nats.reshape(-1, nats.shape[-1]).mean(0)
