"""Ablations: what a spec asks for, what is reused, and what the tables say of runs whose scores are known."""

import csv
import io
import json

import pytest
import yaml
from typer.testing import CliRunner

from minebench.benchmarks import cli, harness, provenance, registry
from minebench.benchmarks.ablation import command
from minebench.benchmarks.ablation.arms import ablation_names, arm_specs, folder_name, load_ablation
from minebench.benchmarks.ablation.longform import COLUMNS, csv_text, records, summary
from minebench.benchmarks.ablation.outcome import ArmRuns, tables
from minebench.benchmarks.ablation.page import page
from minebench.benchmarks.ablation.published import agreements
from minebench.benchmarks.cell import run_cell
from minebench.benchmarks.job import RunSettings
from minebench.benchmarks.record import failed_result
from minebench.benchmarks.suggestions import UsageError
from minebench.leaderboard.results import Failure, Score
from minebench.leaderboard.styles import Markdown

MINI = {
    "name": "mini",
    "about": "for tests",
    "model": "beta_vae",
    "datasets": ["shapes_mini"],
    "seeds": [0],
    "train": {"steps": 2, "batch_size": 4},
    "config": {"latent_dim": 5},
    "reference": "full",
    "arms": {
        "full": {"title": "full"},
        "beta": {"title": "beta 1", "set": {"beta": 1.0}},
        "semi": {"title": "with heads", "model": "semi_tcvae", "set": {"latent_dim": 12}},
    },
}


@pytest.fixture
def write(tmp_path):
    def write(**changes):
        path = tmp_path / "mini.yaml"
        path.write_text(yaml.safe_dump(MINI | changes, sort_keys=False))
        return str(path)

    return write


# what a spec asks for


def test_the_shipped_specs_are_valid_in_every_arm():
    assert "mine_vae" in ablation_names()
    for name in ablation_names():
        found = load_ablation(name)
        assert found.name == name
        assert all(len(some) == len(found.seeds) * len(found.datasets) for some in arm_specs(found).values())


def test_each_shipped_arm_changes_the_keys_beside_it_and_no_other():
    """And the keys are the model's own, so that an arm cannot be a wish."""
    found = load_ablation("mine_vae")
    full = found.config_of("full")
    for arm in found.arms:
        if found.model_of(arm) == "mine_vae":
            config = found.config_of(arm)
            assert {key for key in config if config[key] != full[key]} == set(found.arms[arm].set), arm


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("entropy_reg_weight", [0.0]),
        ("attention_reg_weight", [0.0]),
        ("sparsity", ["l2"]),
        ("partition", ["fixed_hard", "fixed_soft"]),
        ("mi_estimator", ["gauss_mean", "gauss_sample", "js", "smile"]),
        ("tc_estimator", ["js", "dv", "full_mc"]),
        ("tc_in_inner", [True]),
        ("queries", ["dynamic"]),
        ("softmax", ["rows"]),
        ("gradient", ["joint"]),
        ("adaptive_weights", [True]),
        ("complexity", ["fit"]),
        ("label_fraction", [0.001, 0.01, 1.0, 0.0]),
    ],
)
def test_the_shipped_spec_holds_the_arms_that_were_asked_for_each_alone(key, values):
    arms = load_ablation("mine_vae").arms.values()
    assert [arm.set[key] for arm in arms if list(arm.set) == [key] and not arm.model] == values


def test_shared_keys_reach_the_models_that_have_them_and_an_arm_goes_first(write):
    found = load_ablation(write(config={"latent_dim": 5, "beta": 3.0}))
    assert found.config_of("full")["latent_dim"] == 5
    assert found.config_of("beta")["beta"] == 1.0
    assert found.config_of("semi") == {**found.config_of("semi"), "latent_dim": 12, "beta": 3.0}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reference": "ful"}, "unknown reference arm 'ful'; did you mean 'full'"),
        ({"config": {"latent": 3}}, "arm full: .*unknown key 'latent'; did you mean 'latent_dim'"),
        ({"arms": MINI["arms"] | {"two": {"title": "t", "set": {"betta": 2}}}}, "arm two: .*did you mean 'beta'"),
        ({"arms": MINI["arms"] | {"two": {"title": "t", "set": {"beta": 4}}}}, "arms full and two .* the same run"),
        ({"arms": MINI["arms"] | {"two": {"title": "t", "model": "semi_vae"}}}, "did you mean 'semi_tcvae'"),
        ({"arms": {"full": {"title": "t"}}}, "arms: dictionary should have at least 2 items"),
        ({"datasets": ["shape_mini"]}, "did you mean 'shapes_mini'"),
        ({"train": {"step": 1}}, "did you mean 'train.steps'"),
        ({"reported": {"source": "s", "metrics": ["mig"], "arms": {"full": [1], "x": [2]}}}, "arm of reported 'x'"),
        (
            {"reported": {"source": "s", "metrics": ["mig"], "arms": {"full": [1], "beta": []}}},
            "as many figures an arm",
        ),
        ({"reported": {"source": "s", "metrics": ["migg"], "arms": {"full": [1], "beta": [1]}}}, "did you mean 'mig'"),
        ({"name": "../up"}, "name: string should match pattern"),
    ],
)
def test_specs_that_are_none_are_refused_with_what_was_meant(write, changes, message):
    with pytest.raises(UsageError, match=message):
        load_ablation(write(**changes))


def test_arms_are_chosen_by_glob_and_the_reference_comes_along(write):
    assert list(load_ablation(write(), arms=["s*"]).arms) == ["full", "semi"]
    with pytest.raises(UsageError, match="unknown arm 'sem'; did you mean 'semi'"):
        load_ablation(write(), arms=["sem"])
    with pytest.raises(UsageError, match="did you mean 'mine_vae'"):
        load_ablation("mine_va")


def test_what_was_changed_on_the_command_line_is_in_the_label_and_in_the_folders_name(write):
    found = load_ablation(write(), ["train.steps=9", "datasets=[shapes_mini]"])
    assert found.train.steps == 9
    assert arm_specs(found)["beta"][0].profile == "ablation mini+datasets=[shapes_mini]+train.steps=9"
    assert folder_name(found) == "mini+datasets=-shapes_mini-+train.steps=9"


# what is reused


def test_a_run_of_a_board_is_an_arms_run_and_counts_for_both(write, spec, store):
    board = spec("beta_vae", steps=2, latent_dim=5)
    [entry] = harness.plan([board], store, RunSettings())
    list(run_cell(entry.job, store))
    study = command.prepare(write(), store, RunSettings(), arms=["beta"])
    assert [one.state for one in study.planned] == ["done", "new"]
    for _ in command.run(study._replace(planned=study.planned[:1]), store, slots=1):
        raise AssertionError("nothing is to be run")
    result = store.load(entry.job.train_id)
    assert (result.profile, result.also_profiles) == ("mini", ("ablation mini",))
    found = command.outcome(study, store)
    assert [len(found[arm].done) for arm in ("full", "beta")] == [1, 0]
    assert [found[arm].n_wanted for arm in ("full", "beta")] == [1, 1]


def test_the_command_runs_writes_and_says_where_and_again_reuses(write, store):
    words = ["ablate", write(), "--store", str(store.root), "-a", "beta", "-j", "1"]
    first = CliRunner().invoke(cli.app, words, catch_exceptions=False)
    assert first.exit_code == 0, first.output
    assert "ran 2, reused 0, failed 0; tables in" in first.stdout
    folder = store.root / "ablation" / "mini"
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(written) == {"README.md", "ablation.csv"}
    plan = CliRunner().invoke(cli.app, [*words, "--dry-run", "-s", "0-1"], catch_exceptions=False)
    assert "2 of 4 to run" in plan.stdout
    assert "beta_vae(beta)/shapes_mini/1" in plan.stdout
    again = CliRunner().invoke(cli.app, [*words, "--json"], catch_exceptions=False)
    assert {record["arm"] for record in json.loads(again.stdout)["records"]} == {"full", "beta"}
    assert "ran 0, reused 2, failed 0" in again.stderr
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == written


def test_a_failed_arm_is_on_the_page_in_the_file_and_in_the_exit_status(write, store):
    study = command.prepare(write(), store, RunSettings())
    failure = Failure(kind="diverged", message="kl is not finite", step=7, term="kl")
    for some in study.jobs.values():
        store.save(failed_result(some[0], failure, provenance.now()))
    done = CliRunner().invoke(cli.app, ["ablate", write(), "--store", str(store.root)], catch_exceptions=False)
    assert done.exit_code == 1
    assert "ran 0, reused 0, failed 3" in done.stdout
    assert "with heads, shapes_mini, seed 0: diverged at step 7: kl is not finite" in done.stdout
    text = (store.root / "ablation" / "mini" / "ablation.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["arm"], row["failures"]) for row in rows] == [
        (arm, "shapes_mini/0:diverged") for arm in ("full", "beta", "semi")
    ]


# what the tables say


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A record to copy: its scores are replaced."""
    from minebench.benchmarks.profile import complete_config
    from minebench.benchmarks.spec import RunSpec, TrainConfig
    from minebench.leaderboard.results import ResultStore

    store = ResultStore(tmp_path_factory.mktemp("template"))
    spec = RunSpec(
        model="untrained", config=complete_config("untrained", {}), dataset="shapes_mini", seed=0,
        train=TrainConfig(steps=0, batch_size=4), profile="mini",
    )  # fmt: skip
    [entry] = harness.plan([spec], store, RunSettings())
    list(run_cell(entry.job, store))
    return store.load(entry.job.train_id)


@pytest.fixture
def made_up(template, write):
    """Arms with known scores: {arm: {metric: {seed: value}}}, and further data sets after the first."""

    def score(metric, value, codes):
        entry = registry.metric(metric)
        return Score(
            score_id=f"{metric} {codes}", metric=metric, title=entry.title, version=1, direction=entry.direction,
            lower=entry.lower, upper=entry.upper, codes=codes, value=value, protocol={}, seconds=0.0,
        )  # fmt: skip

    def runs(values, dataset, codes):
        seeds = sorted({seed for by_seed in values.values() for seed in by_seed})
        return tuple(
            template.model_copy(
                update={
                    "seed": seed,
                    "dataset": dataset,
                    "scores": tuple(score(m, v[seed], codes) for m, v in values.items() if seed in v),
                }
            )
            for seed in seeds
        )

    def make(*datasets, supervision=None, codes="dims", **changes):
        arms = {arm: {"title": f"the {arm}", "set": {"beta": 5.0 + i}} for i, arm in enumerate(datasets[0])}
        reference = changes.pop("reference", next(iter(arms)))
        names = ["shapes_mini", "dsprites"][: len(datasets)]
        ablation = load_ablation(write(arms=arms, reference=reference, datasets=names, **changes))
        parts = {arm: tuple(runs(d[arm], n, codes) for d, n in zip(datasets, names, strict=True)) for arm in arms}
        return ablation, {
            arm: ArmRuns(arm, f"the {arm}", (supervision or {}).get(arm, "none"), some, 3)
            for arm, some in parts.items()
        }

    return make


BASE = {0: 0.50, 1: 0.70, 2: 0.30, 3: 0.90}
SMALL = {seed: value - 0.02 - 0.001 * seed for seed, value in BASE.items()}  # always a little below
NOISY = {0: 0.9, 1: 0.2, 2: 0.6, 3: 0.5}


def test_arms_are_paired_by_seed_and_corrected_over_the_column(made_up):
    ablation, arms = made_up({"a": {"mig": BASE}, "b": {"mig": SMALL}, "c": {"mig": NOISY}})
    [table] = tables(ablation, arms)
    reference, small, noisy = (line.differences[0] for line in table.lines)
    assert reference is None
    assert small.estimate.mean == pytest.approx(-0.0215)
    assert small.separable
    assert small.holm == pytest.approx(2 * small.p)
    assert not noisy.separable
    text = page(ablation, arms, Markdown())
    assert "**-0.022 [-0.024, -0.019] p <0.001 worse**" in text
    assert "(2 tests)" in text


def test_where_lower_is_better_less_is_called_better(made_up):
    ablation, arms = made_up({"a": {"z_min_var": BASE}, "b": {"z_min_var": SMALL}})
    assert "p <0.001 better**" in page(ablation, arms, Markdown())


def test_arms_that_see_other_labels_stand_apart_but_are_compared_with_the_same_reference(made_up):
    ablation, arms = made_up(
        {"a": {"mig": BASE}, "b": {"mig": SMALL}, "c": {"mig": SMALL}}, supervision={"c": "100 % labels"}
    )
    own, other = tables(ablation, arms)
    assert [[line.arm.arm for line in table.lines] for table in (own, other)] == [["a", "b"], ["c"]]
    assert other.lines[0].differences[0].estimate == own.lines[1].differences[0].estimate
    assert (own.n_tests, other.n_tests) == ((1,), (1,))


def test_over_data_sets_the_mean_has_a_table_of_its_own_and_an_arm_that_misses_one_no_mean(made_up):
    first = {"a": {"mig": BASE}, "b": {"mig": SMALL}, "c": {"mig": NOISY}}
    second = {"a": {"mig": BASE}, "b": {"mig": BASE}, "c": {}}
    ablation, arms = made_up(first, second)
    found = tables(ablation, arms)
    assert [table.datasets for table in found] == [("shapes_mini",), ("dsprites",), ("shapes_mini", "dsprites")]
    lines = found[2].lines
    assert lines[1].differences[0].estimate.mean == pytest.approx(-0.0215 / 2)
    assert lines[2].cells[0].estimate is None
    assert lines[2].differences[0] is None


def test_blocks_and_single_codes_are_never_in_one_table(made_up):
    ablation, arms = made_up({"a": {"mig": BASE}, "b": {"mig": SMALL}}, codes="blocks")
    _, single = made_up({"a": {"mig": NOISY}, "b": {"mig": NOISY}})
    both = {
        arm: ArmRuns(arm, runs.title, "none", (runs.datasets[0] + single[arm].datasets[0],), 4)
        for arm, runs in arms.items()
    }
    found = tables(ablation, both)
    assert [table.codes for table in found] == ["blocks", "dims"]
    assert [table.lines[1].differences[0].estimate.mean for table in found] == [pytest.approx(-0.0215), 0.0]


REPORTED = {
    "source": "them",
    "metrics": ["mig", "z_min_var"],
    "arms": {"a": [0.3, 0.1], "b": [0.2, 0.2], "c": [0.1, 0.2]},
}


def test_a_published_order_is_tested_pair_by_pair_in_the_metrics_own_direction(made_up):
    """Here a is above b, always: MIG's order holds, that of Z-min Var, where lower is better, is reversed."""
    scores = {arm: {"mig": v, "z_min_var": v} for arm, v in (("a", BASE), ("b", SMALL), ("c", NOISY))}
    ablation, arms = made_up(scores, reported=REPORTED)
    mig, z_min_var = agreements(ablation.reported, arms, "dims")
    assert mig.confirmed == (("a", "b"),)
    assert mig.undecided == (("a", "c"), ("b", "c"))
    assert z_min_var.contradicted == (("a", "b"),)
    assert z_min_var.undecided == (("a", "c"),)  # b and c were published as equal
    # means a .6 > b .5785 > c .55: MIG agrees in all three pairs; of Z-min Var both ordered pairs disagree
    assert mig.tau == pytest.approx(1.0)
    assert z_min_var.tau == pytest.approx(-2 / (3 * 2) ** 0.5)
    text = page(ablation, arms, Markdown())
    assert "Reported elsewhere" in text
    assert "Z-min Var, single codes, reversed: the b before the a" in text
    agreement = summary(ablation, arms)["reported"]["agreement"]
    assert [one["reversed"] for one in agreement] == [(), (("a", "b"),)]


def test_the_page_says_what_arms_set_and_that_survivors_are_compared(made_up):
    ablation, arms = made_up({"a": {"mig": BASE}, "b": {"mig": SMALL}})
    text = page(ablation, arms, Markdown())
    assert "* b (the b): beta 6" in text
    assert "survivors" not in text
    broken = (
        arms["a"]
        .runs[0]
        .model_copy(
            update={
                "seed": 9,
                "status": "failed",
                "scores": (),
                "failure": Failure(kind="oom", message="out of memory"),
            }
        )
    )
    runs = arms["b"].runs[:3]
    text = page(ablation, arms | {"b": ArmRuns("b", "the b", "none", ((*runs, broken),), 4)}, Markdown())
    assert "3 of 4, 1 failed" in text
    assert "survivors" in text
    assert "the b, shapes\\_mini, seed 9: oom: out of memory" in text.replace("shapes_mini", "shapes\\_mini")


def test_an_order_whose_arms_have_not_run_is_said_to_be_unknown(made_up):
    ablation, arms = made_up({"a": {"mig": BASE}, "b": {}, "c": {}}, reported=REPORTED)
    assert agreements(ablation.reported, arms, "dims") == ()
    assert "not known: fewer than two of its arms have runs" in page(ablation, arms, Markdown())


def test_the_file_holds_every_figure_of_the_tables(made_up):
    ablation, arms = made_up({"a": {"mig": BASE}, "b": {"mig": SMALL}, "c": {}})
    full, small, missing = list(csv.DictReader(io.StringIO(csv_text(ablation, arms))))
    assert tuple(full) == COLUMNS
    assert (full["values"], full["difference"]) == ("0.5 0.7 0.3 0.9", "")
    assert (small["arm"], small["pairs"], small["separable"]) == ("b", "4", "True")
    assert float(small["difference"]) == pytest.approx(-0.0215)
    assert float(small["holm"]) == pytest.approx(records(ablation, arms)[1]["p"], rel=1e-5)
    assert [missing[key] for key in ("arm", "metric", "n", "mean", "runs", "wanted")] == ["c", "mig", "0", "", "0", "3"]
