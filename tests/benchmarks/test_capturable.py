"""No model's loss makes the host and a GPU wait for each other, so its step can be captured in a graph.

Seen without a GPU: torch's fake tensors carry shapes and devices, but no numbers. An operation whose outcome the host
must know (``item``, a boolean mask as index) has none and raises; a copy from the host (``torch.tensor``, a list as
index) is seen by its devices.
"""

import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from minebench.baselines.contract import Batch, DataSpec, Labelled
from minebench.baselines.vae import VAE, VAEConfig
from minebench.benchmarks import registry
from minebench.benchmarks.spec import TrainConfig
from minebench.benchmarks.term_log import TermLog
from minebench.benchmarks.trainer import loss

GPU = torch.device("cuda:0")
DATA = DataSpec((1, 64, 64), 1000, (3, 4))
TRAINED = [name for name, entry in registry.MODELS.items() if entry.trained]


class FakeNoise:
    """Numbers on a device that is not there; a generator of it cannot be made."""

    def normal(self, shape):
        return torch.randn(tuple(shape), device=GPU)

    def uniform(self, shape):
        return torch.rand(tuple(shape), device=GPU)


class Copies(TorchDispatchMode):
    """Notes operations that bring something from the host to the GPU or back."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        devices = {value.device.type for value in (*args, out) if isinstance(value, torch.Tensor) and value.ndim}
        moved = function is torch.ops.aten._to_copy.default and args[0].device != out.device
        if moved or len(devices) > 1:
            self.found.append(str(function))
        return out


def images():
    return torch.rand((8, *DATA.image_shape), device=GPU)


def labels(n=8):
    return torch.zeros((n, len(DATA.factor_sizes)), dtype=torch.int64, device=GPU)


def copies_of_a_step(model_class, config, at=0):
    with FakeTensorMode():
        with torch.device(GPU):
            model = model_class(config, DATA)
        log, step = TermLog(), torch.zeros((), dtype=torch.int64, device=GPU)
        with Copies() as copies:
            for phase in model.phases(at):
                use = model.data_use()
                batch = Batch(
                    images(), FakeNoise(), step,
                    images() if phase.second_batch else None,
                    labels() if use.labels else None,
                    Labelled(images(), labels()) if phase.labelled_batch else None,
                )  # fmt: skip
                terms = loss(model, phase.player, batch, "fp32")
                assert terms.total.device == GPU
                log.add(phase.player, terms, terms.total, terms.total, step)
    return copies.found


@pytest.mark.parametrize("name", TRAINED)
def test_no_loss_waits_or_copies(name):
    entry = registry.model(name)
    for at in (0, TrainConfig().steps):
        try:
            found = copies_of_a_step(entry.model_class(), entry.config_class()(), at)
        except (DataDependentOutputException, DynamicOutputShapeException) as error:
            pytest.fail(f"{name} makes the host wait for the GPU: {error}; keep to operations of fixed shapes")
        assert not found, (
            f"{name} copies between host and GPU ({found}); build constants with torch.full or torch.arange on the "
            "images' device, and take columns by slices or buffers, not by lists"
        )


class Waiting(VAE):
    def loss(self, player, batch):
        terms, _, _ = self.elbo_terms(batch)
        terms["kl"] = terms["kl"] * terms["kl"].item()
        return type(super().loss(player, batch))(terms)


class Masking(Waiting):
    def loss(self, player, batch):
        terms, posterior, _ = self.elbo_terms(batch)
        terms["kl"] = posterior.kl()[posterior.kl() > 0].mean()
        return type(super(Waiting, self).loss(player, batch))(terms)


class Copying(VAE):
    def loss(self, player, batch):
        terms, posterior, _ = self.elbo_terms(batch)
        terms["few"] = posterior.mean[:, [0, 2]].sum()
        terms["kl"] = terms["kl"] * torch.tensor(2.0, device=GPU)
        return type(super().loss(player, batch))(terms)


def test_the_law_catches_what_waits_and_what_copies():
    with pytest.raises(DataDependentOutputException):
        copies_of_a_step(Waiting, VAEConfig())
    with pytest.raises(DynamicOutputShapeException):
        copies_of_a_step(Masking, VAEConfig())
    assert copies_of_a_step(Copying, VAEConfig()) == ["aten._to_copy.default"] * 2
