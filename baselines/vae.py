"""The variational autoencoder, and the parent of every model here.

Kingma and Welling (2014), Auto-Encoding Variational Bayes, arXiv:1312.6114. Losses are per image: a sum over pixels
and over latents, a mean over the batch, in nats. The likelihood is Bernoulli with logits, also for colour images, as
in Locatello et al. (2019).
"""

import torch.nn.functional as F
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor, nn

from minebench.baselines.contract import Batch, CodeBlocks, Config, DataSpec, DataUse, Gaussian, Phase, Player, Terms
from minebench.baselines.networks import IMAGE_SIZE, conv_decoder, conv_encoder


class VAEConfig(Config):
    """Kingma and Welling (2014); settings of Locatello et al. (2019), table 1."""

    latent_dim: PositiveInt = Field(10, description="Width of the code.")
    learning_rate: PositiveFloat = Field(1e-4, description="Adam's learning rate.")


class VAE(nn.Module):
    """An encoder and a decoder that share one objective; children change the objective.

    Args:
        config: Hyperparameters.
        data: Shape and size of the data.

    Raises:
        ValueError: If the images are not 64 x 64.
    """

    def __init__(self, config: VAEConfig, data: DataSpec) -> None:
        super().__init__()
        channels, height, width = data.image_shape
        if (height, width) != (IMAGE_SIZE, IMAGE_SIZE):
            raise ValueError(f"the shared network takes 64 x 64 images; got {height} x {width}: resize them first")
        self.config = config
        self.data = data
        self.encoder = conv_encoder(channels, 2 * config.latent_dim)
        self.decoder = conv_decoder(channels, config.latent_dim)

    def players(self) -> tuple[Player, ...]:
        """One player, ``vae``, that owns the encoder and the decoder."""
        parameters = (*self.encoder.parameters(), *self.decoder.parameters())
        return (Player("vae", parameters, self.config.learning_rate),)

    def phases(self, step: int) -> tuple[Phase, ...]:  # noqa: ARG002 -- children schedule by it
        """One update of ``vae`` a step."""
        return (Phase("vae"),)

    def loss(self, player: str, batch: Batch) -> Terms:  # noqa: ARG002 -- a single player
        """The negative evidence lower bound."""
        terms, _, _ = self.elbo_terms(batch)
        return Terms(terms)

    def encode(self, images: Tensor) -> Gaussian:
        """Posteriors q(z|x) of images (batch, channels, 64, 64) in [0, 1]; float32 whatever the network computes in."""
        mean, logvar = self.encoder(images).float().chunk(2, dim=1)
        return Gaussian(mean, logvar)

    def decode(self, z: Tensor) -> Tensor:
        """Bernoulli logits (batch, channels, 64, 64) of codes (batch, latent_dim); float32, as ``encode``."""
        logits: Tensor = self.decoder(z)
        return logits.float()

    def data_use(self) -> DataUse:
        """No labels, and nothing held out."""
        return DataUse()

    def code_blocks(self) -> CodeBlocks | None:
        """None: every code stands alone."""
        return None

    def elbo_terms(self, batch: Batch) -> tuple[dict[str, Tensor], Gaussian, Tensor]:
        """Reconstruction and KL of a batch, with what they were computed from.

        Returns:
            The terms ``reconstruction`` and ``kl`` (nats per image), the posteriors, and one sample z of each.
        """
        posterior = self.encode(batch.images)
        z = posterior.sample(batch.noise)
        reconstruction = bernoulli_nll(self.decode(z), batch.images).mean()
        return {"reconstruction": reconstruction, "kl": posterior.kl().mean()}, posterior, z


def bernoulli_nll(logits: Tensor, images: Tensor) -> Tensor:
    """Negative log-likelihood of images under independent Bernoulli pixels.

    Args:
        logits: Shape (batch, channels, height, width).
        images: The same shape, in [0, 1]; grey values enter as probabilities, as in the reference study.

    Returns:
        Nats per image, summed over pixels, shape (batch,).
    """
    return F.binary_cross_entropy_with_logits(logits, images, reduction="none").flatten(1).sum(1)
