import numpy as np
import pytest

from minebench.leaderboard.board import build
from minebench.leaderboard.results import Rows

VALUES = {"beta_vae": 0.1, "factor_vae": 0.3, "beta_tcvae": 0.5}


@pytest.fixture
def models(make_run):
    """Three models, three seeds each, well apart in MIG."""

    def models(**changes):
        return [
            make_run(model, seed, {"mig": value + seed / 100}, **changes)
            for model, value in VALUES.items()
            for seed in range(3)
        ]

    return models


def means(table):
    """{model: mean} of a table's first column."""
    return {row.model: row.cells[0].estimate.mean for row in table.rows if row.cells[0] and row.cells[0].estimate}


def test_one_setting_is_one_table_with_the_best_first(models):
    [table] = build(models()).tables
    assert [row.model for row in table.rows] == ["beta_tcvae", "factor_vae", "beta_vae"]
    assert means(table) == pytest.approx({"beta_tcvae": 0.51, "factor_vae": 0.31, "beta_vae": 0.11})
    assert [str(row.cells[0].rank) for row in table.rows] == ["1", "2", "3"]
    assert not table.overall


@pytest.mark.parametrize(
    "change",
    [
        {"profile": "quick"},
        {"pixel_exact": False},  # then the procedural source is not the real one
        {"supervision": "semi 1 %"},
        {"precision": "bf16"},
        {"data_fingerprint": "other pixels"},
        {"rows": Rows(n=10_000, split="held_out", hash="others")},
        {"rows": Rows(n=737_280, split="all", hash="0123456789abcdef")},
    ],
)
def test_what_may_not_be_compared_never_shares_a_table(models, make_run, change):
    """The intruder scores 0.9: were it mixed in, a mean would move."""
    intruders = [make_run("beta_vae", seed, {"mig": 0.9}, **change) for seed in (10, 11)]
    tables = build(models() + intruders).tables
    assert sorted(means(table)["beta_vae"] for table in tables) == pytest.approx([0.11, 0.9])
    assert sorted(len(table.rows) for table in tables) == [1, 3]


def test_real_and_pixel_exact_images_share_a_table(make_run):
    runs = [
        make_run(seed=0, scores={"mig": 0.1}, source="real", pixel_exact=True),
        make_run(seed=1, scores={"mig": 0.2}, source="procedural", pixel_exact=True),
    ]
    [table] = build(runs).tables
    assert table.setting.images == "real"
    assert table.origin.sources == ("procedural", "real")
    assert means(table) == pytest.approx({"beta_vae": 0.15})


def test_metric_versions_get_columns_of_their_own(models, make_run, make_score):
    runs = [*models(), make_run("beta_vae", 10, (make_score("mig", 0.9, version=2),))]
    [table] = build(runs).tables
    assert [column.version for column in table.columns] == [1, 2]
    row = next(row for row in table.rows if row.model == "beta_vae")
    assert [cell.estimate.mean for cell in row.cells] == pytest.approx([0.11, 0.9])


def test_configurations_of_a_model_are_rows_of_their_own(make_run):
    runs = [
        make_run(seed=s, scores={"mig": beta / 100}, model_config_values={"beta": beta, "latent_dim": 10})
        for beta in (4.0, 16.0)
        for s in range(2)
    ]
    [table] = build(runs).tables
    assert [(row.variant, len(row.seeds)) for row in table.rows] == [(("beta=16.0",), 2), (("beta=4.0",), 2)]


def test_codes_and_blocks_are_tables_of_their_own(make_run, make_score):
    blocks = make_run("mine_vae", 0, (make_score("mig", 0.1), make_score("mig", 0.8, codes="blocks")))
    dims, grouped = build([blocks, make_run("beta_vae", 0, {"mig": 0.3})]).tables
    assert (dims.codes, means(dims)) == ("dims", {"mine_vae": 0.1, "beta_vae": 0.3})
    assert (grouped.codes, means(grouped)) == ("blocks", {"mine_vae": 0.8})


def test_the_newest_run_of_a_seed_counts(make_run):
    def at(minute, value, **changes):
        provenance = make_run().provenance.model_copy(update={"finished": f"2026-01-01T00:0{minute}:00Z"})
        return make_run(train_id=f"run{9 - minute}", scores={"mig": value}, provenance=provenance, **changes)

    board = build([at(2, 0.2), at(3, 0.3), at(1, 0.1)])
    assert means(board.tables[0]) == {"beta_vae": 0.3}
    assert board.tables[0].rows[0].seeds == (0,)
    assert board.superseded == 2


def test_a_newer_failure_replaces_an_older_result(make_run, diverged):
    newer = make_run().provenance.model_copy(update={"finished": "2026-01-02T00:00:00Z"})
    board = build([make_run(scores={"mig": 0.1}), make_run(train_id="b", failure=diverged, provenance=newer)])
    assert board.tables[0].rows[0].seeds == ()
    assert len(board.tables[0].rows[0].failed) == 1


def test_the_same_result_twice_is_one(models):
    assert build(models() * 2) == build(models())


# --- rows


def test_untrained_is_last_even_when_it_is_best(models, make_run):
    untrained = [make_run("untrained", s, {"mig": 0.9 + s / 100}, trained=False) for s in range(3)]
    [table] = build(models() + untrained).tables
    assert table.rows[-1].model == "untrained"
    assert table.rows[-1].cells[0].rank is None
    assert table.judgements[0].untrained_ahead


def test_failed_runs_stand_in_their_row_and_count_as_no_seed(models, make_run, diverged):
    [table] = build([*models(), make_run("beta_vae", 3, failure=diverged)]).tables
    row = next(row for row in table.rows if row.model == "beta_vae")
    assert row.seeds == (0, 1, 2)
    assert [(run.seed, run.failure) for run in row.failed] == [(3, diverged)]
    assert row.cells[0].estimate.n == 3


def test_a_model_with_failures_only_stands_after_the_scored_and_before_untrained(models, make_run, diverged):
    failed = [make_run("a_vae", s, failure=diverged) for s in range(3)]
    untrained = [make_run("untrained", 0, {"mig": 0.01}, trained=False)]
    [table] = build(untrained + failed + models()).tables
    assert [row.model for row in table.rows] == ["beta_tcvae", "factor_vae", "beta_vae", "a_vae", "untrained"]
    assert table.rows[3].cells == (None,)


def test_failures_alone_make_a_board(make_run, diverged):
    [table] = build([make_run(failure=diverged)]).tables
    assert (table.columns, table.scored) == ((), (None,))
    assert len(table.rows[0].failed) == 1


def test_a_failed_run_of_another_profile_stays_there(models, make_run, diverged):
    standard, quick = build([*models(), make_run("beta_vae", 3, failure=diverged, profile="quick")]).tables
    assert (standard.setting.profile, quick.setting.profile) == ("standard", "quick")
    assert not any(row.failed for row in standard.rows)


def test_order_is_by_ranks_first_and_by_means_among_ties(make_run):
    """Nothing is separable at two noisy seeds: means decide, over all main metrics, each in its direction."""
    values = {"a": (0.5, 0.2), "b": (0.6, 0.3), "c": (0.7, 0.1)}  # c best in both, a and b one each
    runs = [
        make_run(m, s, {"mig": x + s * 0.3, "z_min_var": y + s * 0.3, "sap": 9.0 if m == "a" else 1.0})
        for m, (x, y) in values.items()
        for s in range(2)
    ]
    assert [row.model for row in build(runs).tables[0].rows] == ["c", "a", "b"]


def test_a_tie_with_the_first_stands_before_a_better_mean_that_is_separable(make_run):
    """c is too noisy to be told from a; b is not, though its mean is above that of c."""
    values = {"a": [0.50, 0.51, 0.52], "b": [0.40, 0.41, 0.42], "c": [0.1, 0.3, 0.6]}
    [table] = build([make_run(m, s, {"mig": v}) for m, x in values.items() for s, v in enumerate(x)]).tables
    assert [(row.model, str(row.cells[0].rank)) for row in table.rows] == [("a", "1="), ("c", "1="), ("b", "3")]


def test_a_model_that_misses_a_metric_keeps_its_other_cells(models, make_run):
    runs = [*models(), *(make_run("irs_only", s, {"irs": 0.5 + s / 10}) for s in range(3))]
    [table] = build(runs).tables
    row = next(row for row in table.rows if row.model == "irs_only")
    assert [cell is None for cell in row.cells] == [False, True]
    assert [column.metric for column in table.columns] == ["irs", "mig"]


# --- several data sets


@pytest.fixture
def two_data_sets(models):
    return models() + models(dataset="shapes3d", dataset_title="3D Shapes", data_fingerprint="def")


def test_several_data_sets_get_a_table_over_all_of_them(two_data_sets):
    overall, *parts = build(two_data_sets).tables
    assert overall.overall
    assert overall.datasets == ("dsprites", "shapes3d")
    assert [table.datasets for table in parts] == [("dsprites",), ("shapes3d",)]
    assert means(overall) == pytest.approx({"beta_tcvae": 0.51, "factor_vae": 0.31, "beta_vae": 0.11})
    assert overall.rows[0].cells[0].estimate.n == 6


def test_a_model_that_misses_a_data_set_has_no_overall_value(two_data_sets, make_run):
    alone = [make_run("alone", s, {"mig": 0.9 + s / 100}) for s in range(3)]
    overall = build(two_data_sets + alone).tables[0]
    row = next(row for row in overall.rows if row.model == "alone")
    assert row.cells[0].estimate is None
    assert row.cells[0].rank is None
    assert row.cells[0].present == 1
    assert len(overall.judgements[0].pairs) == 3  # not in the family either


def test_two_versions_of_one_data_set_are_not_averaged(models):
    tables = build(models() + models(data_fingerprint="other pixels")).tables
    assert [table.overall for table in tables] == [False, False]


def test_real_and_procedural_data_sets_have_no_common_mean(models):
    like = models(dataset="shapes3d_like", data_fingerprint="def", pixel_exact=False)
    assert [table.overall for table in build(models() + like).tables] == [False, False]


# --- determinism


@pytest.mark.parametrize("seed", range(5))
def test_the_board_does_not_depend_on_the_order_of_results(models, make_run, diverged, seed):
    runs = [
        *models(),
        *models(dataset="shapes3d", data_fingerprint="def"),
        *models(profile="quick"),
        make_run("beta_vae", 3, failure=diverged),
        make_run("twin_a", 0, {"mig": 0.2}),
        make_run("twin_b", 0, {"mig": 0.2}),
    ]
    shuffled = [runs[i] for i in np.random.default_rng(seed).permutation(len(runs))]
    assert build(shuffled) == build(runs)


def test_profiles_come_in_their_order(models):
    names = ["another", "quick", "paper", "standard"]
    tables = build([run for name in names for run in models(profile=name)]).tables
    assert [table.setting.profile for table in tables] == ["paper", "standard", "quick", "another"]


def test_no_results_make_an_empty_board():
    assert build([]).tables == ()
