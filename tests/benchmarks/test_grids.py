"""Grids of a profile: one model at several settings, told apart in plans and on the board."""

import pytest

from minebench.benchmarks import boards, harness, listing
from minebench.benchmarks.cell import run_cell
from minebench.benchmarks.job import RunSettings
from minebench.benchmarks.profile import load_profile, plan_specs
from minebench.benchmarks.suggestions import UsageError

GRID = """\
name: grid
about: for tests
models: [beta_vae, vae]
datasets: [shapes_mini]
seeds: [0]
train: {steps: 1, batch_size: 4}
defaults: {latent_dim: 6}
grids: {beta_vae: {beta: [1, 4]}}
"""


@pytest.fixture
def specs_of(tmp_path):
    def read(text=GRID, sets=()):
        path = tmp_path / "grid.yaml"
        path.write_text(text)
        return plan_specs(load_profile(str(path), sets))

    return read


def test_each_value_of_a_grid_is_a_setting_on_top_of_the_profiles_others(specs_of):
    named = {spec.name: spec.config for spec in specs_of()}
    assert list(named) == [
        "beta_vae(beta=1.0)/shapes_mini/0", "beta_vae(beta=4.0)/shapes_mini/0", "vae/shapes_mini/0",
        "untrained/shapes_mini/0",
    ]  # fmt: skip
    assert named["beta_vae(beta=1.0)/shapes_mini/0"] == {"latent_dim": 6, "learning_rate": 1e-4, "beta": 1.0}


def test_keys_of_a_grid_are_crossed(specs_of):
    crossed = specs_of(sets=["grids.beta_vae.latent_dim=[2, 3]", "models=[beta_vae]"])
    points = [(spec.config["beta"], spec.config["latent_dim"]) for spec in crossed if spec.model == "beta_vae"]
    assert points == [(1.0, 2), (1.0, 3), (4.0, 2), (4.0, 3)]
    assert crossed[1].setting == "beta=1.0, latent_dim=3"


def test_grids_that_are_none_are_refused_with_what_was_meant(specs_of):
    with pytest.raises(UsageError, match=r"'beta'\] of beta_vae are in configs and in grids.* set grids.beta_vae.beta"):
        specs_of(sets=["configs.beta_vae.beta=2"])
    with pytest.raises(UsageError, match=r"grids.beta_vae holds {'beta': 4.0} twice"):
        specs_of(sets=["grids.beta_vae.beta=[4, 4.0]"])
    with pytest.raises(UsageError, match=r"grids.beta_vae.beta: tuple should have at least 1 item"):
        specs_of(sets=["grids.beta_vae.beta=[]"])
    with pytest.raises(UsageError, match="unknown model 'bta_vae'; did you mean 'beta_vae'"):
        specs_of(sets=["grids.bta_vae.beta=[1]"])
    with pytest.raises(UsageError, match="unknown key 'bta'; did you mean 'beta'"):
        specs_of(sets=["grids.beta_vae.bta=[1]"])


def test_settings_are_told_apart_in_the_plan_and_on_the_board(specs_of, store):
    settings = RunSettings()
    specs = [spec for spec in specs_of() if spec.model == "beta_vae"]
    planned = harness.plan(specs, store, settings)
    text = listing.plan_text(planned)
    assert "beta_vae(beta=4.0)/shapes_mini/0" in text
    assert "2 settings of 1 models" in text
    assert [record["setting"] for record in listing.plan_records(planned)] == ["beta=1.0", "beta=4.0"]
    list(run_cell(planned[0].job, store))
    [_, other] = harness.plan(specs, store, settings)
    assert other.why == "not run yet"  # the first is another setting, not an earlier version
    list(run_cell(planned[1].job, store))
    board = boards.rebuild_store_board(store)
    assert "β-VAE (beta=1.0)" in board
    assert "β-VAE (beta=4.0)" in board
    assert "Settings tried: 2 of β-VAE. None was selected" in " ".join(board.split())


def test_the_reference_grids_are_36_settings_on_seeds_that_nothing_is_reported_on():
    grid, paper = load_profile("paper-grid"), load_profile("paper")
    specs = [spec for spec in plan_specs(grid) if spec.model != "untrained"]
    assert len({(spec.model, spec.setting) for spec in specs}) == 36
    assert not set(grid.seeds) & set(paper.seeds)
    assert grid.train == paper.train
    published = {
        "beta_vae": ("beta", (1, 2, 4, 6, 8, 16)),
        "annealed_vae": ("max_capacity", (5, 10, 25, 50, 75, 100)),
        "factor_vae": ("gamma", (10, 20, 30, 40, 50, 100)),
        "beta_tcvae": ("beta", (1, 2, 4, 6, 8, 10)),
        "dip_vae_i": ("lambda_od", (1, 2, 5, 10, 20, 50)),
        "dip_vae_ii": ("lambda_od", (1, 2, 5, 10, 20, 50)),
    }
    assert {model: {key: values} for model, (key, values) in published.items()} == grid.grids


def test_the_boards_defaults_are_settings_of_the_grids():
    """So a row of ``paper`` can be found again among those of ``paper-grid``."""
    grid = {spec.model: [] for spec in plan_specs(load_profile("paper-grid"))}
    for spec in plan_specs(load_profile("paper-grid")):
        grid[spec.model].append(spec.config)
    for spec in plan_specs(load_profile("paper")):
        assert spec.model == "vae" or spec.config in grid[spec.model]
