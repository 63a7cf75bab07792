import pytest

from minebench.benchmarks import registry
from minebench.benchmarks.profile import (
    complete_config,
    load_profile,
    load_train_file,
    parse_seeds,
    plan_specs,
    profile_names,
)
from minebench.benchmarks.suggestions import UsageError

THREE = {"beta_vae", "factor_vae", "beta_tcvae"}
SIX = THREE | {"annealed_vae", "dip_vae_i", "dip_vae_ii"}


@pytest.mark.parametrize(
    ("name", "models"),
    [("quick", THREE | {"mine_vae"}), ("standard", THREE), ("paper", SIX | {"vae"}), ("paper-grid", SIX)],
)
def test_the_shipped_profiles_plan_runs_of_known_models(name, models):
    specs = plan_specs(load_profile(name))
    assert {spec.model for spec in specs} == models | {"untrained"}
    assert {spec.profile for spec in specs} == {name}
    assert name in profile_names()


def test_quick_is_twelve_trainings_and_three_rows_of_no_training():
    specs = plan_specs(load_profile("quick"))
    assert len(specs) == 15
    assert {spec.train.steps for spec in specs} == {300}
    assert {spec.config["learning_rate"] for spec in specs if spec.model != "untrained"} == {1e-3}
    assert {spec.config.get("discriminator_learning_rate") for spec in specs} == {None, 1e-4}


def test_paper_has_the_settings_of_the_reference_study():
    [spec] = plan_specs(load_profile("paper"), models=["factor_vae"], seeds=[0])[:1]
    assert (spec.train.steps, spec.train.batch_size) == (300_000, 64)
    assert spec.config == {
        "latent_dim": 10, "learning_rate": 1e-4, "gamma": 10.0, "discriminator_learning_rate": 1e-4,
    }  # fmt: skip


@pytest.mark.parametrize("model", [name for name, entry in registry.MODELS.items() if entry.trained])
def test_each_model_has_a_training_file_that_writes_out_its_defaults(model, request):
    path = request.config.rootpath / "benchmarks" / "configs" / f"{model}.yaml"
    spec = load_train_file(path)
    assert spec.config == complete_config(model, {})
    assert set(path.read_text().split()) >= {f"{key}:" for key in spec.config}


def test_changes_reach_the_settings_and_the_label(mini_profile):
    changes = ["train.steps=7", "configs.beta_vae.beta=8", "defaults.latent_dim=6"]
    profile = load_profile(str(mini_profile), changes)
    spec = plan_specs(profile)[0]
    assert (spec.train.steps, spec.config["beta"], spec.config["latent_dim"]) == (7, 8.0, 6)
    assert spec.profile == "mini+configs.beta_vae.beta=8+defaults.latent_dim=6+train.steps=7"
    assert load_profile(str(mini_profile), changes[::-1]).name == profile.name
    twice = load_profile(str(mini_profile), ["train.steps=1", "train.steps=2"])
    assert (twice.name, twice.train.steps) == ("mini+train.steps=2", 2)


def test_globs_and_seeds_choose(mini_profile):
    specs = plan_specs(load_profile(str(mini_profile)), models=["beta_*"], datasets=["shapes_m*"], seeds=[3, 4])
    trained = [(model, seed) for seed in (3, 4) for model in ("beta_vae", "beta_tcvae")]
    assert [(spec.model, spec.seed) for spec in specs] == [*trained, ("untrained", 3), ("untrained", 4)]


@pytest.mark.parametrize(
    ("text", "seeds"), [("0-4", [0, 1, 2, 3, 4]), ("3", [3]), ("0,2,5-6", [0, 2, 5, 6]), ("1,1", [1])]
)
def test_seeds_are_read(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "4-2", "4-2,1", "1.5"])
def test_bad_seeds_are_refused(text):
    with pytest.raises(UsageError, match=r"seed"):
        parse_seeds(text)


def refused(text, tmp_path, sets=()):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        plan_specs(load_profile(str(path), sets))
    return str(caught.value)


GOOD = "name: n\nabout: a\nmodels: [vae]\ndatasets: [shapes_mini]\nseeds: [0]\ntrain: {steps: 1}\n"


def test_unknown_keys_and_bad_values_are_refused_with_what_was_meant(tmp_path):
    assert "unknown key 'seds'; did you mean 'seeds'?" in refused(GOOD.replace("seeds", "seds"), tmp_path)
    assert "unknown model 'vea'; did you mean 'vae'?" in refused(GOOD.replace("[vae]", "[vea]"), tmp_path)
    assert "train.steps: input should be greater than or equal to 0; got -1" in refused(
        GOOD.replace("steps: 1", "steps: -1"), tmp_path
    )
    assert "unknown key 'train.stepz'; did you mean 'train.steps'?" in refused(GOOD, tmp_path, ["train.stepz=3"])
    assert "unknown key 'latent_dims'; did you mean 'latent_dim'?" in refused(
        GOOD + "configs: {vae: {latent_dims: 3}}\n", tmp_path
    )
    assert "unknown key of defaults 'lerning_rate'; did you mean 'learning_rate'?" in refused(
        GOOD, tmp_path, ["defaults.lerning_rate=1"]
    )
    assert "seeds: tuple should have at least 1 item" in refused(GOOD.replace("[0]", "[]"), tmp_path)
    assert "'[' is no YAML value" in refused(GOOD, tmp_path, ["train.steps=["])
    assert "bad.yaml with train.steps=-1" in refused(GOOD, tmp_path, ["train.steps=-1"])
    assert "must hold a mapping" in refused("- a\n- b\n", tmp_path)
    assert "is no YAML" in refused("a: [", tmp_path)
    assert "key=value" in refused(GOOD, tmp_path, ["train.steps"])
    assert "'steps' is a value, not a level" in refused(GOOD, tmp_path, ["train.steps.more=1"])


def test_unknown_names_are_answered_with_the_nearest():
    with pytest.raises(UsageError, match="unknown profile 'quik'; did you mean 'quick'"):
        load_profile("quik")
    with pytest.raises(UsageError, match=r"no profile at nowhere\.yaml"):
        load_profile("nowhere.yaml")
    with pytest.raises(UsageError, match="unknown data set 'dsprite'; did you mean 'dsprites'"):
        plan_specs(load_profile("quick"), datasets=["dsprite"])
    with pytest.raises(UsageError, match="unknown model 'beta-vae'; did you mean 'beta_vae'"):
        complete_config("beta-vae", {})


def test_a_training_file_is_one_run(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("model: beta_vae\ndataset: shapes_mini\nseed: 2\nconfig: {beta: 2}\ntrain: {steps: 3}\n")
    spec = load_train_file(path, ["train.batch_size=8"])
    assert (spec.seed, spec.config["beta"], spec.train.batch_size) == (2, 2.0, 8)
    assert spec.profile == "train mine+train.batch_size=8"
    with pytest.raises(UsageError, match=r"no training file at .*beta_vae\.yaml"):
        load_train_file(tmp_path / "missing.yaml")
