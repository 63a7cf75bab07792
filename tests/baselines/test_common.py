"""What every model of the registry owes."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from minebench.baselines.contract import DataUse, Model
from minebench.benchmarks import registry
from minebench.benchmarks.build import build

TRAINED = [name for name, entry in registry.MODELS.items() if entry.trained]
CPU = torch.device("cpu")
OTHER_VALUES = {
    "annealing_steps": 7, "between": "blocks", "estimator": "mss_loo", "head_input": "sample", "latents_per_factor": 2,
}  # fmt: skip


def make(name, data, **config):
    entry = registry.model(name)
    return build(entry.model_class(), entry.config_class()(**config), data, seed=0, device=CPU)


def full_step(model):
    """A step in which every player moves."""
    everyone = {player.name for player in model.players()}
    return next(step for step in range(5, 2000) if {phase.player for phase in model.phases(step)} == everyone)


def losses(model, make_batch):
    step = full_step(model)
    return {phase.player: model.loss(phase.player, make_batch(step)) for phase in model.phases(step)}


@pytest.mark.parametrize("name", TRAINED)
def test_a_model_has_the_contracts_parts_and_its_loss_is_the_weighted_sum_of_its_terms(name, data, make_batch):
    model = make(name, data)
    assert isinstance(model, Model)
    for terms in losses(model, make_batch).values():
        expected = sum(float(terms.weights.get(key, 1.0)) * value.item() for key, value in terms.terms.items())
        assert terms.total.item() == pytest.approx(expected, rel=1e-5)
        assert all(value.shape == () and value.isfinite() for value in terms.terms.values())


@pytest.mark.parametrize("name", TRAINED)
def test_players_share_no_parameter_leave_none_out_and_are_moved_by_their_losses(name, data, make_batch):
    model = make(name, data)
    owned = [parameter for player in model.players() for parameter in player.parameters]
    assert len({id(parameter) for parameter in owned}) == len(owned) == len(list(model.parameters()))
    found = losses(model, make_batch)
    for player in model.players():
        gradients = torch.autograd.grad(found[player.name].total, player.parameters)
        assert all(gradient.abs().max() > 0 for gradient in gradients)


@pytest.mark.parametrize("name", TRAINED)
def test_at_one_seed_all_models_start_from_the_same_encoder_and_decoder(name, data):
    model = make(name, data)
    plain, made = make("vae", data, latent_dim=model.config.latent_dim).state_dict(), model.state_dict()
    assert all(torch.equal(value, made[key]) for key, value in plain.items())


class NoWaiting(TorchDispatchMode):
    """Refuses what waits for a device: values that are read, masks as index, and what is made of a list on the host."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket._qualified_op_name.removeprefix("aten::")
        masks = name in ("index", "index_put_") and any(x is not None and x.dtype == torch.bool for x in args[1])
        if masks or name in ("_local_scalar_dense", "nonzero", "lift_fresh"):  # the last: of a list or a number
            raise AssertionError(f"{name} breaks a CUDA graph")
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(("name", "config"), [*((name, {}) for name in TRAINED), ("semi_tcvae", {"between": "blocks"})])
def test_a_step_can_be_captured_as_a_graph_for_its_losses_wait_for_nothing(name, config, data, make_batch):
    model, batch = make(name, data, **config), make_batch(5)
    with NoWaiting():
        for phase in model.phases(full_step(model)):
            model.loss(phase.player, batch)


def test_what_waits_for_the_device_is_noticed():
    x = torch.arange(3.0)
    for wait in (lambda: int(x[0]), lambda: x[x > 1], lambda: x[[0, 2]], lambda: torch.tensor([1.0]) + x):
        with pytest.raises(AssertionError, match="breaks a CUDA graph"), NoWaiting():
            wait()


@pytest.mark.parametrize("name", TRAINED)
def test_a_loss_leaves_no_trace_in_the_model(name, data, make_batch):
    """In evaluation a call counts for nothing: validation may call it, and a checkpoint holds all there is."""
    model = make(name, data).eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    attributes = {key: repr(value) for key, value in vars(model).items() if not key.startswith("_")}
    first, second = losses(model, make_batch), losses(model, make_batch)
    assert [terms.total.item() for terms in first.values()] == [terms.total.item() for terms in second.values()]
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert attributes == {key: repr(value) for key, value in vars(model).items() if not key.startswith("_")}


def observed(name, data, make_batch, **config):
    """All that a setting can act on: losses, players, use of data, blocks, size."""
    model = make(name, data, **config)
    with torch.no_grad():
        model.encoder[-1].weight.mul_(20)  # codes that are not all alike
    return (
        [terms.total.item() for terms in losses(model, make_batch).values()],
        [(player.name, player.learning_rate, player.betas) for player in model.players()],
        model.data_use(),
        model.code_blocks(),
        sum(parameter.numel() for parameter in model.parameters()),
    )


ACT_OVER_STEPS = ("mine_vae",)  # on phases and memories, too: tests/minevae/model/test_options.py
KEYS = [
    (name, key)
    for name in TRAINED
    if name not in ACT_OVER_STEPS
    for key in registry.model(name).config_class().model_fields
]


@pytest.mark.parametrize(("name", "key"), KEYS)
def test_every_key_of_a_configuration_acts_and_is_described(name, key, data, make_batch):
    field = registry.model(name).config_class().model_fields[key]
    other = OTHER_VALUES[key] if key in OTHER_VALUES else field.default * 2
    assert observed(name, data, make_batch, **{key: other}) != observed(name, data, make_batch)
    assert field.description


@pytest.mark.parametrize("name", registry.MODELS)
def test_the_supervision_that_a_run_tells_is_the_one_that_its_model_asks_for(name, data):
    entry = registry.model(name)
    schema = entry.config_class()
    assert entry.supervision_of(schema().model_dump()) == entry.supervision
    for share in (0.001, 0.1, 1.0) if entry.label_share else (None,):
        config = schema() if share is None else schema(**{entry.label_share: share})
        use = entry.model_class()(config, data).data_use()
        told = entry.supervision_of(config.model_dump())
        assert (told == "none") == (use == DataUse())
        if share is not None:
            assert (told, use.labels) == (f"{100 * share:g} % labels", share)
