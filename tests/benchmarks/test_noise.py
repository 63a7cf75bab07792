"""Noise of metrics against the spread between seeds: pooling, and what would be needed."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from minebench.benchmarks import cli, noise, registry

FIVE = [name for name, entry in registry.METRICS.items() if entry.in_runs]


@pytest.fixture(autouse=True)
def _few_votes(monkeypatch):
    for name in ("z_diff", "z_min_var"):
        monkeypatch.setitem(registry.METRICS, name, registry.metric(name).with_constants(n_train=200, n_test=100))


class Store:
    """Runs with the given MIG by model and seed; all other scores are 0.5."""

    def __init__(self, root, migs, n_rows=400):
        self.root, self.runs = root, []
        for (model, seed), value in migs.items():
            train_id = f"{model}-{seed}"
            (root / train_id).mkdir(parents=True)
            rng = np.random.default_rng(seed)
            factors = rng.integers(3, size=(n_rows, 2))
            np.savez(root / train_id / "codes.npz", codes=factors + rng.normal(size=factors.shape), factors=factors)
            scores = [SimpleNamespace(metric=n, codes="dims", value=value if n == "mig" else 0.5) for n in FIVE]
            scores.insert(0, SimpleNamespace(metric="mig", codes="blocks", value=99.0))
            self.runs.append(
                SimpleNamespace(
                    train_id=train_id, model=model, dataset="d", profile="p", seed=seed, status="done", trained=True,
                    model_config_values={}, scores=scores,
                )
            )  # fmt: skip

    def iterate(self):
        return iter(self.runs)

    def folder(self, train_id):
        return self.root / train_id


def test_the_spread_is_that_of_seeds_within_models(tmp_path):
    """Model a: variance of (0.1, 0.3) is 0.02 with 1 degree; b: of (0.5, 0.6, 0.7) 0.01 with 2: (0.02 + 0.02) / 3."""
    store = Store(tmp_path, {("a", 0): 0.1, ("a", 1): 0.3, ("b", 0): 0.5, ("b", 1): 0.6, ("b", 2): 0.7, ("c", 0): 9.0})
    found = noise.measure(store, n_splits=1)
    assert found["mig"].seeds == pytest.approx(np.sqrt(0.04 / 3))
    assert (found["mig"].n_runs, found["mig"].n_rows) == (5, 400)  # c has one seed
    assert found["irs"].seeds == 0
    assert (found["irs"].rows_needed, found["z_min_var"].draws_needed) == (None, None)
    assert "5 runs of 400 rows" in noise.text(found)
    assert noise.records(found)["mig"]["n_rows"] == 400


def test_rows_needed_by_hand():
    """Seeds 0.2, a tenth 0.02; noise 0.03 at 1,000 rows: (0.03 / 0.02)^2 = 2.25 times the rows."""
    found = noise._needed("mig", 3, 1000, 0.04, 0.0009, 0.0)
    assert (found.rows_needed, found.draws_needed) == (2250, None)


def test_rows_and_votes_share_the_tenth_by_hand():
    """Of 0.02^2, half each, 0.0002: the rows' 0.0004 asks for twice the rows, the votes' 0.0001 for half the votes."""
    found = noise._needed("z_diff", 3, 1000, 0.04, 0.0004, 0.0001)
    assert (found.rows_needed, found.draws_needed) == (2000, pytest.approx(0.5))
    assert found.seeds == pytest.approx(0.2)


def test_more_rows_do_not_help_irs():
    assert noise._needed("irs", 3, 1000, 0.04, 0.0009, 0.0).rows_needed is None


def test_more_rows_help_irs_at_a_smaller_quantile(monkeypatch):
    """Which maxima do not average is known to ``rate_of`` alone."""
    monkeypatch.setitem(registry.METRICS, "irs", replace(registry.METRICS["irs"], protocol={"diff_quantile": 0.99}))
    assert noise._needed("irs", 3, 1000, 0.04, 0.0009, 0.0).rows_needed == 2250


def test_stores_without_repeated_seeds_or_of_mixed_sizes_are_refused(tmp_path):
    store = Store(tmp_path / "one", {("a", 0): 0.1})
    with pytest.raises(ValueError, match=r"no model with two seeds in .*one; minebench run"):
        noise.measure(store)
    mixed = Store(tmp_path / "two", {("a", 0): 0.1, ("a", 1): 0.2}, n_rows=40)
    mixed.runs[1] = Store(tmp_path / "three", {("a", 1): 0.2}).runs[0]
    (tmp_path / "two" / "a-1" / "codes.npz").write_bytes((tmp_path / "three" / "a-1" / "codes.npz").read_bytes())
    with pytest.raises(ValueError, match=r"scored on \[40, 400\] rows"):
        noise.measure(mixed, n_splits=1)


def test_the_command_refuses_an_empty_store(tmp_path):
    with pytest.raises(ValueError, match="no model with two seeds"):
        CliRunner().invoke(cli.app, ["metrics", "noise", "--store", str(tmp_path)], catch_exceptions=False)
