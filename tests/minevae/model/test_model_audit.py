"""The model's side of an audit: its own estimators, asked in evaluation, with nothing moved."""

import math

import pytest
import torch

from minebench.baselines.audited import Audited, AuditView, Encoded
from minebench.baselines.contract import Noise


@pytest.fixture
def view(make_batch):
    """Of a given model: 240 images, of which 24 are drawn, and 24 others."""

    def make(model):
        def encoded(n, number):
            labelled = make_batch(number, n=n).labelled
            with torch.no_grad():
                return Encoded(model.encode(labelled.images), labelled.labels)

        return AuditView(encoded(240, 0), encoded(24, 0), encoded(24, 1), 12, Noise(torch.Generator().manual_seed(5)))

    return make


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"queries": "dynamic"},
        {"mi_estimator": "gauss_sample"},
        {"label_fraction": 0.0},
        {"tc_estimator": "full_mc"},
    ],
    ids=str,
)
def test_every_variant_can_be_audited_and_stays_as_it_was(config, make_model, advance, view):
    model = make_model(**config)
    advance(model, 3)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.eval()
    found = model.audit(view(model))
    assert isinstance(model, Audited)
    assert all(isinstance(value, int | float) and math.isfinite(value) for value in found.values())
    assert f"total_correlation_{model.config.tc_estimator}" in found
    assert ("information_estimated" in found) == (model.labels is not None)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_the_estimates_are_those_of_the_models_own_critics(make_model, advance, view):
    """A critic scaled up says more than log 12 - 1 = 1.5 nats of itself, and the audit flags it."""
    model = make_model()
    advance(model, 3)
    model.eval()
    shown = view(model)
    assert model.audit(shown)["out_of_range"] == 0
    with torch.no_grad():
        model.correlation.estimators[1].estimator.critics.weights[-1].mul_(1e4)
    found = model.audit(shown)
    assert abs(found["total_correlation_dv"]) > 1.5
    assert found["out_of_range"] == 1
