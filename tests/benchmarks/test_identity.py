from importlib.metadata import version

import pytest

from minebench.benchmarks import identity, registry
from minebench.benchmarks.identity import moved_parts, score_id, train_id, train_identity


@pytest.fixture
def identify():
    def make(spec, **changes):
        return train_identity(spec, **({"fingerprint": "f", "rows": "r", "device_class": "cpu"} | changes))

    return make


def test_the_sources_are_those_that_decide_numbers(spec, identify):
    sources = {part for part in identify(spec("beta_tcvae")) if part.startswith("source of ")}
    assert sources == {
        "source of model beta_tcvae.py",
        "source of minebench.baselines.contract",
        "source of minebench.baselines.networks",
        "source of minebench.baselines.total_correlation",
        "source of minebench.baselines.vae",
        "source of minebench.benchmarks.batches",
        "source of minebench.benchmarks.build",
        "source of minebench.benchmarks.devices",
        "source of minebench.benchmarks.evaluation",
        "source of minebench.benchmarks.graphs",
        "source of minebench.benchmarks.pools",
        "source of minebench.benchmarks.representation",
        "source of minebench.benchmarks.residency",
        "source of minebench.benchmarks.spec",
        "source of minebench.benchmarks.static_step",
        "source of minebench.benchmarks.streams",
        "source of minebench.benchmarks.term_log",
        "source of minebench.benchmarks.trainer",
    }


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"seed": 1}, "seed"),
        ({"steps": 5}, "training configuration"),
        ({"beta": 5.0}, "model configuration"),
    ],
)
def test_a_setting_that_decides_the_outcome_moves_its_part_alone(change, part, spec, identify):
    old, new = identify(spec("beta_vae")), identify(spec("beta_vae", **change))
    assert moved_parts(old, new) == [part]
    assert train_id(spec("beta_vae"), old) != train_id(spec("beta_vae"), new)


@pytest.mark.parametrize(
    ("change", "part"),
    [({"fingerprint": "g"}, "data"), ({"rows": "s"}, "rows"), ({"device_class": "gpu"}, "device")],
)
def test_so_do_data_rows_and_device(change, part, spec, identify):
    assert moved_parts(identify(spec()), identify(spec(), **change)) == [part]


def test_two_models_of_one_class_and_two_classes_of_one_file_are_told_apart(spec, identify):
    trained, untrained = spec("vae"), spec("untrained")
    assert trained.config == untrained.config
    assert moved_parts(identify(trained), identify(untrained)) == ["model"]
    assert identify(untrained)["model"] == "untrained, VAE, not trained"


def test_labels_and_settings_of_display_do_not(spec, identify):
    one = spec()
    other = one.model_copy(update={"profile": "another label"})
    assert identify(one) == identify(other)


def test_a_changed_source_moves_the_identity_of_the_models_that_import_it(spec, identify, tmp_path, monkeypatch):
    file = tmp_path / "beta_vae.py"
    file.write_text(registry.source_file(registry.model("beta_vae")).read_text() + "\nCHANGED = 1\n")
    before = identify(spec("beta_vae"))
    monkeypatch.setattr(registry, "source_file", lambda _: file)
    assert moved_parts(before, identify(spec("beta_vae"))) == ["source of model beta_vae.py"]


def test_the_torch_version_is_part_of_it(spec, identify):
    assert identify(spec())["torch"] == version("torch")


def test_names_of_runs_are_readable_folders(spec, identify):
    name = train_id(spec("factor_vae", seed=3), identify(spec("factor_vae", seed=3)))
    assert name.startswith("factor_vae-shapes_mini-s3-")
    assert len(name.rsplit("-", 1)[1]) == 12


def test_a_score_moves_with_the_metrics_version_protocol_and_the_libraries(monkeypatch):
    entry = registry.metric("mig")
    reference = score_id("run", "mig", entry)
    assert score_id("run", "mig", entry) == reference
    assert score_id("other", "mig", entry) != reference
    monkeypatch.setitem(entry.protocol, "n_bins", 40)
    assert score_id("run", "mig", entry) != reference
    monkeypatch.undo()
    monkeypatch.setattr("minebench.metrics.mig.VERSION", 99)
    assert score_id("run", "mig", entry) != reference
    monkeypatch.undo()
    monkeypatch.setattr(identity, "version", lambda package: "0.0" if package == "scikit-learn" else version(package))
    assert score_id("run", "mig", entry) != reference
