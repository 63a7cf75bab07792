"""The encoder, decoder, discriminator and classification heads that all models share.

The convolutional pair is that of Locatello et al. (2019), Challenging Common Assumptions in the Unsupervised
Learning of Disentangled Representations, table 1 (appendix); the discriminator is that of Kim and Mnih (2018),
Disentangling by Factorising, appendix. Weights start Glorot uniform and biases at zero, as in the reference study.
"""

from torch import Tensor, nn

IMAGE_SIZE = 64


def conv_encoder(channels: int, n_outputs: int) -> nn.Sequential:
    """An image encoder with a linear head.

    Args:
        channels: Channels of the 64 x 64 images.
        n_outputs: Width of the head, e.g. twice the latent dimension for means and log variances.

    Returns:
        A module from (batch, channels, 64, 64) to (batch, n_outputs).
    """
    return _glorot(
        nn.Sequential(
            nn.Conv2d(channels, 32, 4, stride=2, padding=1), nn.ReLU(inplace=True),  # 32 x 32
            nn.Conv2d(32, 32, 4, stride=2, padding=1), nn.ReLU(inplace=True),  # 16 x 16
            nn.Conv2d(32, 64, 2, stride=2), nn.ReLU(inplace=True),  # 8 x 8
            nn.Conv2d(64, 64, 2, stride=2), nn.ReLU(inplace=True),  # 4 x 4
            nn.Flatten(),
            nn.Linear(1024, 256), nn.ReLU(inplace=True),
            nn.Linear(256, n_outputs),
        )
    )  # fmt: skip


def conv_decoder(channels: int, latent_dim: int) -> nn.Sequential:
    """An image decoder to Bernoulli logits.

    Args:
        channels: Channels of the 64 x 64 images.
        latent_dim: Width of the code.

    Returns:
        A module from (batch, latent_dim) to logits (batch, channels, 64, 64).
    """
    return _glorot(
        nn.Sequential(
            nn.Linear(latent_dim, 256), nn.ReLU(inplace=True),
            nn.Linear(256, 1024), nn.ReLU(inplace=True),
            nn.Unflatten(1, (64, 4, 4)),
            nn.ConvTranspose2d(64, 64, 4, stride=2, padding=1), nn.ReLU(inplace=True),  # 8 x 8
            nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1), nn.ReLU(inplace=True),  # 16 x 16
            nn.ConvTranspose2d(32, 32, 4, stride=2, padding=1), nn.ReLU(inplace=True),  # 32 x 32
            nn.ConvTranspose2d(32, channels, 4, stride=2, padding=1),  # 64 x 64
        )
    )  # fmt: skip


def discriminator(latent_dim: int) -> nn.Sequential:
    """The density-ratio classifier of FactorVAE: six hidden layers of 1,000, LeakyReLU 0.2, two logits.

    Args:
        latent_dim: Width of the code.

    Returns:
        A module from (batch, latent_dim) to logits (batch, 2): column 0 "joint", column 1 "permuted".
    """
    layers: list[nn.Module] = []
    width = latent_dim
    for _ in range(6):
        layers += [nn.Linear(width, 1000), nn.LeakyReLU(0.2, inplace=True)]
        width = 1000
    return _glorot(nn.Sequential(*layers, nn.Linear(width, 2)))


def classification_head(n_inputs: int, n_values: int) -> nn.Sequential:
    """A classifier of one factor: a hidden layer of 128, ReLU.

    Args:
        n_inputs: Width of its input.
        n_values: Values of the factor.

    Returns:
        A module from (batch, n_inputs) to logits (batch, n_values).
    """
    return _glorot(nn.Sequential(nn.Linear(n_inputs, 128), nn.ReLU(inplace=True), nn.Linear(128, n_values)))


def _glorot(network: nn.Sequential) -> nn.Sequential:
    for module in network:
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(module.weight)
            if isinstance(module.bias, Tensor):
                nn.init.zeros_(module.bias)
    return network
