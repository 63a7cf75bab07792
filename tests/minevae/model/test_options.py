"""Every key acts: a few steps with another value differ from those with the default, and are finite."""

import math

import pytest
import torch

from minebench.minevae.block_correlation import BLOCK_ESTIMATORS
from minebench.minevae.bounds import OBJECTIVES
from minebench.minevae.mine_vae_config import MINEDisentangleVAEConfig

STEPS = 6
OTHER_VALUES = {
    "latent_dim": 12,
    "num_factors": 3,
    "factor_dim": 6,
    "attention_dim": 12,
    "mine_hidden_dim": 12,
    "learning_rate": 1e-3,
    "beta": 2.0,
    "disentanglement_weight": 2.0,
    "tc_weight": 1.0,
    "information_weight": 1.0,
    "within_weight": 1.0,
    "attention_reg_weight": 1.0,
    "entropy_reg_weight": 1.0,
    "capacity_weight": 1.0,
    "adaptive_weights": True,
    "bi_level_outer_steps": 3,
    "bi_level_inner_steps": 1,
    "critic_updates": 1,
    "critic_learning_rate": 1e-2,
    "critic_weight_decay": 0.1,
    "attention_learning_rate": 1e-2,
    "warm_up": 0.002,  # of 1,000 steps
    "ramp": 0.004,
    "unroll": 1,
    "label_fraction": 0.5,
    "held_out": 0.4,
    "softmax": "rows",
    "queries": "dynamic",
    "partition": "fixed_hard",
    "nuisance_share": 0.5,
    "capacity_target": "nats",
    "sparsity": "l2",
    "decoder_input": "attended",
    "mi_estimator": "nwj",
    "tc_estimator": "gauss_mean",
    "tc_rival": None,
    "gradient": "joint",
    "moving_average": 0.5,
    "score_bound": 0.1,
    "tc_in_inner": True,
    "complexity": "fit",
    "gaussian_fit_samples": 20,
}
IN_COMPANY = {  # keys that act on another's value only
    "smile_tau": {"mi_estimator": "smile"},
    "rate_weight": {"complexity": "fit"},  # of codes that have learned nothing: 0 nats, which any rate exceeds
}
IN_COMPANY_VALUES = {"smile_tau": 0.01, "rate_weight": 5.0}


def observed(make_model, advance, **config):
    """All that the trainer meets: players, phases, data, and the terms of every update."""
    model = make_model(**config)
    players = [(player.name, player.learning_rate) for player in model.players()]
    phases = [model.phases(step) for step in range(STEPS)]
    history = advance(model, STEPS)
    values = [value for updates in history.values() for terms in updates for value in terms.values()]
    assert all(math.isfinite(value) for value in values)
    return players, phases, model.data_use(), model.code_blocks().columns, history


@pytest.fixture(scope="module")
def seen():
    """What the defaults give, made once."""
    return {}


@pytest.mark.parametrize("key", MINEDisentangleVAEConfig.model_fields)
def test_every_key_acts_and_is_described(key, make_model, advance, seen):
    company = IN_COMPANY.get(key, {})
    values = OTHER_VALUES | IN_COMPANY_VALUES
    if str(company) not in seen:
        seen[str(company)] = observed(make_model, advance, **company)
    assert observed(make_model, advance, **company, **{key: values[key]}) != seen[str(company)]
    assert MINEDisentangleVAEConfig.model_fields[key].description


@pytest.mark.parametrize("estimator", [*OBJECTIVES, "gauss_mean", "gauss_sample"])
@pytest.mark.parametrize("gradient", ["both", "joint"])
def test_every_estimator_of_information_trains(estimator, gradient, make_model, advance):
    history = advance(make_model(mi_estimator=estimator, gradient=gradient), 3)
    assert all(math.isfinite(value) for value in history["vae"][-1].values())
    assert ("information" in history["critics"][-1]) == (not estimator.startswith("gauss"))


@pytest.mark.parametrize("estimator", BLOCK_ESTIMATORS)
def test_every_estimator_of_total_correlation_trains(estimator, make_model, advance):
    history = advance(make_model(tc_estimator=estimator, tc_rival=None), 3)
    assert math.isfinite(history["vae"][-1][f"total_correlation_{estimator}"])


@pytest.mark.parametrize(
    "config",
    [
        {"partition": "fixed_soft"},
        {"partition": "fixed_hard", "decoder_input": "attended"},
        {"label_fraction": 0.0, "queries": "dynamic"},
        {"label_fraction": 0.0, "tc_rival": None},
        {"label_fraction": 0.0, "tc_in_inner": True, "softmax": "rows"},
        {"queries": "dynamic", "unroll": 1, "tc_in_inner": True},
        {"queries": "dynamic", "mi_estimator": "gauss_sample"},
        {"num_factors": 4, "complexity": "fit", "adaptive_weights": True},
    ],
    ids=str,
)
def test_options_go_together(config, make_model, advance):
    advance(make_model(**config), 3)


def test_fixed_partitions_have_no_inner_loop(make_model):
    for partition in ("fixed_soft", "fixed_hard"):
        model = make_model(partition=partition)
        assert [player.name for player in model.players()] == ["critics", "vae"]
        assert len(model.phases(1)) == 2


def test_without_labels_and_rival_there_is_nothing_for_critics_to_do(make_model):
    model = make_model(label_fraction=0.0, tc_rival=None)
    assert [player.name for player in model.players()] == ["vae", "attention"]


def test_a_bound_that_is_trained_on_ends_the_run_where_it_cannot_be_trusted(make_model, make_batch):
    """With 12 images log B - 1 is 1.5 nats: a critic scaled up to say more is refused as a term that is infinite."""
    model = make_model(tc_estimator="dv", tc_rival=None)
    assert model.loss("vae", make_batch()).terms["dv_out_of_range"].item() == 0.0
    with torch.no_grad():
        model.correlation.estimators[0].estimator.critics.weights[-1].mul_(1e3)
    assert model.loss("vae", make_batch()).terms["dv_out_of_range"].item() == math.inf


def test_a_reconstruction_that_explodes_ends_the_run(make_model, make_batch):
    model = make_model()
    for number in range(100):
        model.watch.update(model.loss("vae", make_batch(number)).terms["reconstruction"])
    assert model.loss("vae", make_batch()).terms["reconstruction_exploded"].item() == 0.0
    with torch.no_grad():
        model.decoder[0].bias.fill_(100.0)
    assert model.loss("vae", make_batch()).terms["reconstruction_exploded"].item() == math.inf


def test_the_unrolled_weights_are_those_after_one_step_of_the_inner_loop(make_model, make_batch):
    """And they hand the encoder a gradient that the weights as they are do not have."""
    model = make_model(unroll=1, attention_learning_rate=0.5)
    model.loss("vae", make_batch())  # statistics of codes
    batch = make_batch()
    seen = model._seen(batch)
    ahead = model._outer_weights(seen, make_batch(7).noise)
    weights = model._weights(seen.posterior)
    objective = model._division_terms(weights, seen, make_batch(7).noise)[0].total
    slopes = torch.autograd.grad(objective, tuple(model.division.parameters()))
    assert torch.autograd.grad(ahead.square().sum(), model.encoder[1].weight)[0].abs().max() > 0
    with torch.no_grad():
        for parameter, slope in zip(model.division.parameters(), slopes, strict=True):
            parameter -= 0.5 * slope
    torch.testing.assert_close(model.division(), ahead)
