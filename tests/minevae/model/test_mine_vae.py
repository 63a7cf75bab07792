"""Who moves what, when, and on what; and what a model keeps."""

import copy

import pytest
import torch

from minebench.baselines.contract import CodeBlocks, DataUse
from minebench.benchmarks.trainer import PlayerState, checked_players
from minebench.minevae.mine_vae import MINEDisentangleVAE
from minebench.minevae.mine_vae_config import MINEDisentangleVAEConfig


def names(phases):
    return [(phase.player, phase.repeats, phase.images) for phase in phases]


def test_players_cover_the_model_and_share_nothing(make_model):
    players = {player.name: player for player in checked_players(make_model())}
    assert list(players) == ["critics", "vae", "attention"]
    assert players["critics"].betas == (0.5, 0.9)
    assert [players[name].learning_rate for name in players] == [1e-3, 1e-4, 1e-3]


def test_a_round_is_fresh_batches_of_critics_and_outer_and_then_inner_updates_on_held_out_images(make_model):
    model = make_model(bi_level_outer_steps=3, bi_level_inner_steps=2)
    outer, inner = [("critics", 2, "train"), ("vae", 1, "train")], [("attention", 2, "held_out")]
    assert [names(model.phases(step)) for step in range(4)] == [outer, outer, outer + inner, outer]
    assert all(phase.labelled_batch for phase in model.phases(2))


def test_the_attention_waits_for_the_critics_to_warm_up(make_model):
    model = make_model(bi_level_outer_steps=1, warm_up=0.1)
    assert len(model.phases(99)) == 2
    assert len(model.phases(100)) == 3


def test_a_fifth_of_the_images_is_held_out_with_its_labels(make_model):
    assert make_model().data_use() == DataUse(labels=0.1, held_out=0.2)
    assert make_model(partition="fixed_hard").data_use() == DataUse(labels=0.1)


def reached(model, make_batch, player, others):
    """Whether the loss of a player has a graph to the parameters of modules."""
    parameters = tuple(p for module in others for p in module.parameters())
    gradients = torch.autograd.grad(model.loss(player, make_batch()).total, parameters, allow_unused=True)
    return any(gradient is not None for gradient in gradients)


def test_no_gradient_of_the_critics_reaches_the_encoder_and_what_is_held_fixed_has_none(make_model, make_batch):
    model = make_model()
    assert not reached(model, make_batch, "critics", [model.encoder, model.decoder, model.division])
    assert not reached(model, make_batch, "vae", [model.division])
    assert not reached(model, make_batch, "attention", [model.encoder, model.decoder])


def test_an_update_moves_the_parameters_of_its_player_alone(make_model, make_batch):
    """Critics stand still in the outer update, although its loss looks at them."""
    model = make_model()
    for player in model.players():
        before = {name: parameter.clone() for name, parameter in model.named_parameters()}
        state = PlayerState(player)
        state.update(model.loss(player.name, make_batch()).total)
        own = {id(parameter) for parameter in player.parameters}
        for name, parameter in model.named_parameters():
            assert torch.equal(parameter, before[name]) == (id(parameter) not in own), name


def test_the_strength_waits_rises_and_stays(make_model):
    model = make_model(warm_up=0.1, ramp=0.2, disentanglement_weight=3.0)  # of 1,000 steps
    found = [model.strength(torch.tensor(step)).item() for step in (0, 100, 200, 300, 900)]
    assert found == pytest.approx([0.0, 0.0, 1.5, 3.0, 3.0])


def test_shares_of_a_long_run_end_after_a_thousand_steps(make_model, data):
    long = MINEDisentangleVAE(MINEDisentangleVAEConfig(), data._replace(n_steps=300_000))
    assert (long.n_warm_up, long.n_ramp) == (1000, 1000)


def test_blocks_hold_each_latent_once_nuisance_first_and_are_named_by_labels(make_model):
    blocks = make_model().code_blocks()
    assert isinstance(blocks, CodeBlocks)
    assert sorted(column for block in blocks.columns for column in block) == list(range(8))
    assert (len(blocks.columns), blocks.named, blocks.nuisance) == (3, True, 0)
    assert not make_model(label_fraction=0).code_blocks().named


def test_more_slots_than_factors_stay_without_a_label(make_model, advance):
    model = make_model(num_factors=4)
    assert len(model.code_blocks().columns) == 5
    assert torch.isfinite(torch.tensor(advance(model, 4)["vae"][-1]["leak_less_information"]))


def test_too_few_slots_or_latents_are_refused(make_model):
    with pytest.raises(ValueError, match="2 labelled factors need a block each; got num_factors=1"):
        make_model(num_factors=1)
    with pytest.raises(ValueError, match="12 blocks need a latent each; got latent_dim=8"):
        make_model(num_factors=11)


def test_a_batch_without_labels_is_refused_by_name(make_model, make_batch):
    with pytest.raises(ValueError, match=r"needs Batch\.labelled"):
        make_model().loss("vae", make_batch()._replace(labelled=None))


def test_without_labels_nothing_asks_for_them(make_model, make_batch, advance):
    model = make_model(label_fraction=0)
    assert not any(phase.labelled_batch for phase in model.phases(1))
    assert "leak" not in model.loss("vae", make_batch()._replace(labelled=None)).terms
    assert len(advance(model, 2)["attention"]) == 3


def test_evaluation_changes_nothing(make_model, make_batch, advance):
    model = make_model()
    advance(model, 2)
    model.eval()
    before = copy.deepcopy(model.state_dict())
    batch = make_batch()
    model.decode(model.encode(batch.images).mean)
    model.code_blocks()
    for player in ("vae", "attention"):
        model.loss(player, batch)
    after = model.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_a_restored_model_goes_on_in_the_same_bits(make_model, advance):
    """All that moves is in the state dict: statistics, moving averages, counts and memories."""
    straight, first, second = make_model(num_factors=3), make_model(num_factors=3), make_model(num_factors=3)
    advance(straight, 6)
    advance(first, 3)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    advance(second, 3, first=3)
    expected = straight.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in second.state_dict().items())


def test_the_first_noise_is_that_of_every_model(make_model, make_batch):
    """So that at one seed all models reconstruct from the same draws."""
    model = make_model()
    terms, _, _ = model.elbo_terms(make_batch())
    torch.testing.assert_close(model.loss("vae", make_batch()).terms["reconstruction"], terms["reconstruction"])


@pytest.mark.parametrize("config", [{}, {"partition": "fixed_hard"}, {"queries": "dynamic"}, {"label_fraction": 0.0}])
def test_the_division_that_is_shown_is_the_one_that_is_scored(make_model, advance, config):
    """The largest weight says which block owns a latent; capacities and targets share one sum."""
    model = make_model(**config)
    advance(model, 6)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    division = model.latent_division()
    owners = [next(k for k, block in enumerate(model.code_blocks().columns) if j in block) for j in range(8)]
    assert division.weights.shape == (3, 8)
    assert division.weights.argmax(0).tolist() == owners
    torch.testing.assert_close(division.weights.sum(0), torch.ones(8))
    torch.testing.assert_close(division.capacity.sum(), division.target.sum())
    assert division.capacity.min() >= 0
    assert division.target[0] / division.target.sum() == pytest.approx(model.config.nuisance_share)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
