"""bfloat16 stays inside the networks: what they return, every loss and every evaluation is float32."""

import numpy as np
import pytest
import torch
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode

from minebench.baselines.contract import DataSpec
from minebench.baselines.factor_vae import FactorVAE, FactorVAEConfig
from minebench.baselines.vae import VAE, VAEConfig
from minebench.benchmarks import registry
from minebench.benchmarks.batches import Batches
from minebench.benchmarks.build import build
from minebench.benchmarks.cell import run_cell
from minebench.benchmarks.checkpoint import weights_sha256
from minebench.benchmarks.identity import moved_parts, train_identity
from minebench.benchmarks.spec import TrainConfig
from minebench.benchmarks.trainer import TrainerState, loss, train
from minebench.benchmarks.workbench import for_checkpoint
from minebench.datasets.shapes_mini import load_shapes_mini

CPU = torch.device("cpu")
TRAINED = [name for name, entry in registry.MODELS.items() if entry.trained]


@pytest.fixture(scope="module")
def dataset():
    return load_shapes_mini()


def made(model_class, config, dataset):
    data = DataSpec(dataset.image_shape, len(dataset), dataset.factor_sizes)
    model = build(model_class, config, data, seed=0, device=CPU)
    return model, Batches(dataset, np.arange(len(dataset)), seed=0, batch_size=4, device=CPU, use=model.data_use())


class OutsideNetworks(TorchDispatchMode):
    """Notes the operations that give bfloat16 while no network is at work."""

    def __init__(self):
        super().__init__()
        self.found, self._depth = set(), 0

    def __enter__(self):
        self._hooks = [
            register_module_forward_pre_hook(lambda *_: self._move(1)),
            register_module_forward_hook(lambda *_: self._move(-1)),
        ]
        return super().__enter__()

    def __exit__(self, *error):
        for hook in self._hooks:
            hook.remove()
        return super().__exit__(*error)

    def _move(self, by):
        self._depth += by

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        outs = out if isinstance(out, tuple | list) else (out,)
        if not self._depth and any(isinstance(o, torch.Tensor) and o.dtype is torch.bfloat16 for o in outs):
            self.found.add(str(function))
        return out


def terms_and_strays(model, batches, phase, precision):
    with OutsideNetworks() as strays:
        terms = loss(model, phase.player, batches.draw(0, phase, 0), precision)
    return terms.terms, strays.found


@pytest.mark.parametrize("name", TRAINED)
def test_every_models_losses_are_float32_and_near_those_of_float32_networks(name, dataset):
    """bfloat16 has 8 bits: a sum over 4,096 pixels moves by far less than 1 %."""
    entry = registry.model(name)
    model, batches = made(entry.model_class(), entry.config_class()(), dataset)
    for phase in model.phases(0):
        single, _ = terms_and_strays(model, batches, phase, "fp32")
        terms, strays = terms_and_strays(model, batches, phase, "bf16")
        assert not strays, f"{name} computes {strays} in bfloat16 in its loss; lift what networks return with .float()"
        assert {value.dtype for value in terms.values()} == {torch.float32}
        assert terms.keys() == single.keys()
        assert any(terms[key] != single[key] for key in terms)
        for key, value in terms.items():
            torch.testing.assert_close(value, single[key], rtol=0.01, atol=0.05)


def test_the_law_catches_a_model_whose_loss_multiplies_in_bfloat16(dataset):
    class Careless(VAE):
        def loss(self, player, batch):
            terms, posterior, _ = self.elbo_terms(batch)
            covariance = posterior.mean.T @ posterior.mean
            return type(super().loss(player, batch))(terms | {"covariance": covariance.float().square().sum()})

    model, batches = made(Careless, VAEConfig(), dataset)
    _, strays = terms_and_strays(model, batches, model.phases(0)[0], "bf16")
    assert "aten.mm.default" in strays


def test_parameters_gradients_and_moments_stay_float32(dataset):
    model, batches = made(VAE, VAEConfig(), dataset)
    state = TrainerState(model)
    list(train(state, batches, TrainConfig(steps=2, precision="bf16"), log_every=1))
    moments = [value for entry in state.players["vae"].optimizer.state.values() for value in entry.values()]
    assert {tensor.dtype for tensor in (*model.parameters(), *moments)} == {torch.float32}


def test_a_weight_that_is_first_used_without_gradient_gets_one_all_the_same(dataset):
    """Older torch keeps casts of weights inside one autocast; one made under no_grad carries no gradient."""

    class Twice(VAE):
        def loss(self, player, batch):
            with torch.no_grad():
                self.encode(batch.images)
            return super().loss(player, batch)

    model, batches = made(Twice, VAEConfig(), dataset)
    total = loss(model, "vae", batches.draw(0, model.phases(0)[0], 0), "bf16").total
    assert all(gradient.abs().sum() > 0 for gradient in torch.autograd.grad(total, list(model.encoder.parameters())))


def test_precision_is_part_of_the_identity(spec):
    def identity(precision):
        return train_identity(spec(precision=precision), fingerprint="", rows="", device_class="")

    assert moved_parts(identity("fp32"), identity("bf16")) == ["training configuration"]


def test_a_run_in_bf16_resumes_in_the_same_bits(dataset):
    def trained(steps):
        model, batches = made(FactorVAE, FactorVAEConfig(), dataset)
        state = TrainerState(model)
        list(train(state, batches, TrainConfig(steps=steps, precision="bf16"), log_every=1))
        return state, batches

    straight, _ = trained(4)
    (half, _), (resumed, batches) = trained(2), trained(0)
    resumed.model.load_state_dict(half.model.state_dict())
    for name, player in resumed.players.items():
        player.optimizer.load_state_dict(half.players[name].optimizer.state_dict())
    resumed.step = 2
    list(train(resumed, batches, TrainConfig(steps=4, precision="bf16"), log_every=1))
    assert weights_sha256(resumed.model) == weights_sha256(straight.model)


def test_a_run_in_bf16_is_evaluated_in_fp32(job, store):
    bf16 = job("beta_vae", steps=1, precision="bf16")
    list(run_cell(bf16, store))
    folder = store.folder(bf16.train_id)
    assert store.load(bf16.train_id).precision == "bf16"
    bench = for_checkpoint(folder)
    images = torch.from_numpy(bench.dataset.images(bench.split.held_out[:50]) / np.float32(255))
    with torch.no_grad():
        single = bench.model.encode(images).mean.numpy()
        with torch.autocast("cpu", torch.bfloat16):
            half = bench.model.encode(images).mean.numpy()
    codes = np.load(folder / "codes.npz")["codes"][:50]
    np.testing.assert_allclose(codes, single, atol=1e-6)
    assert np.abs(codes - half).max() > 1e-5
