import math

import pytest
import torch
from torch import nn

from minebench.baselines.contract import DataSpec
from minebench.baselines.networks import conv_decoder, conv_encoder, discriminator
from minebench.baselines.vae import VAE, VAEConfig


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_pair_has_the_parameters_of_the_reference_study():
    """Encoder and decoder of Locatello et al. (2019), one channel, ten codes, counted layer by layer.

    Encoder 16*32+32, 16*32*32+32, 4*32*64+64, 4*64*64+64, 1024*256+256, 256*20+20; decoder 10*256+256, 256*1024+1024,
    16*64*64+64, 16*64*32+32, 16*32*32+32, 16*32+1.
    """
    encoder = 544 + 16416 + 8256 + 16448 + 262400 + 5140
    decoder = 2816 + 263168 + 65600 + 32800 + 16416 + 513
    assert (count(conv_encoder(1, 20)), count(conv_decoder(1, 10))) == (encoder, decoder)
    assert encoder + decoder == 690_517


def test_the_discriminator_has_the_parameters_of_its_paper():
    assert count(discriminator(10)) == (10 * 1000 + 1000) + 5 * (1000 * 1000 + 1000) + (1000 * 2 + 2) == 5_018_002


@pytest.mark.parametrize("channels", [1, 3])
def test_shapes(channels):
    assert conv_encoder(channels, 20)(torch.zeros(2, channels, 64, 64)).shape == (2, 20)
    assert conv_decoder(channels, 10)(torch.zeros(2, 10)).shape == (2, channels, 64, 64)


def test_weights_start_glorot_uniform_and_biases_at_zero():
    linear = conv_encoder(1, 20)[9]  # 1024 -> 256
    bound = math.sqrt(6 / (1024 + 256))
    assert linear.weight.abs().max() <= bound
    assert linear.weight.abs().max() > 0.99 * bound
    assert linear.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.01)
    assert all((m.bias == 0).all() for m in conv_decoder(1, 10) if hasattr(m, "bias"))


def test_images_of_another_size_are_refused():
    with pytest.raises(ValueError, match="takes 64 x 64 images; got 32 x 64"):
        VAE(VAEConfig(), DataSpec((1, 32, 64), 10, (2,)))
