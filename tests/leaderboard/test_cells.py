import math

import pytest

from minebench.leaderboard.cells import cell_of, columns_of, judge
from minebench.leaderboard.comparison import Rank


def columns(runs, codes="dims"):
    return columns_of(runs, codes)


def only_cell(*runs, codes="dims"):
    [column] = columns(runs, codes)
    return cell_of(column, codes, [runs])


# --- columns


def test_the_five_come_in_their_order_and_then_the_others_by_key(make_run):
    run = make_run(scores=dict.fromkeys(["sap", "mig", "dci", "jemmig", "irs", "z_min_var", "z_diff"], 0.5))
    assert [c.metric for c in columns([run])] == ["z_diff", "z_min_var", "irs", "mig", "jemmig", "dci", "sap"]


@pytest.mark.parametrize(
    "change", [{"version": 2}, {"protocol": {"n_bins": 30}}, {"direction": "down"}, {"upper": 2.0}, {"lower": None}]
)
def test_versions_protocols_directions_and_ranges_do_not_share_a_column(make_run, make_score, change):
    runs = [make_run(seed=0, scores={"mig": 0.1}), make_run(seed=1, scores=(make_score("mig", 0.9, **change),))]
    first, second = columns(runs)
    for column in (first, second):
        assert len(cell_of(column, "dims", [runs]).values[0]) == 1


def test_single_codes_and_blocks_do_not_share_a_column(make_run, make_score):
    run = make_run(scores=(make_score("mig", 0.1), make_score("mig", 0.9, codes="blocks")))
    assert only_cell(run).estimate.mean == 0.1
    assert only_cell(run, codes="blocks").estimate.mean == 0.9


def test_direction_range_and_title_come_from_the_records(make_run, make_score):
    score = make_score("mig", 0.1, title="My Gap", direction="down", lower=-2.0, upper=3.0)
    [column] = columns([make_run(scores=(score,))])
    assert (column.title, column.direction, column.lower, column.upper) == ("My Gap", "down", -2.0, 3.0)


def test_a_new_title_renames_the_column_and_does_not_split_it(make_run, make_score):
    older, newer = (make_run(seed=s, scores=(make_score("mig", 0.1, title=t),)) for s, t in enumerate(["Mig", "MIG"]))
    assert [c.title for c in columns([older, newer])] == ["MIG"]
    assert only_cell(older, newer).estimate.n == 2


# --- cells


def test_a_cell_holds_the_seeds_of_its_row(make_run):
    cell = only_cell(*(make_run(seed=s, scores={"mig": v}) for s, v in [(3, 0.2), (7, 0.4)]))
    assert cell.values == (((3, 0.2), (7, 0.4)),)
    assert cell.estimate.mean == pytest.approx(0.3)
    assert cell.estimate.method == "logit t"


def test_a_row_without_the_metric_has_no_cell(make_run):
    [column] = columns([make_run(scores={"mig": 0.1})])
    assert cell_of(column, "dims", [[make_run("other", scores={"irs": 0.1})]]) is None
    assert cell_of(column, "dims", [[]]) is None


def test_a_missing_data_set_leaves_no_overall_value(make_run):
    run = make_run(scores={"mig": 0.1})
    [column] = columns([run])
    cell = cell_of(column, "dims", [[run], [], [run]])
    assert cell.estimate is None
    assert cell.present == 2


def test_two_scores_under_other_library_versions_are_one_seed(make_run, make_score):
    """The last one counts: a release that moves a metric must not double the seeds."""
    run = make_run(scores=(make_score("mig", 0.1, score_id="a"), make_score("mig", 0.2, score_id="b")))
    assert only_cell(run).values == (((0, 0.2),),)


def test_noise_is_within_seeds_and_absent_without_repeats(make_run, make_score):
    scores = [make_score("z_diff", 0.2, repeats=(0.1, 0.3)), make_score("z_diff", 0.8, repeats=(0.8, 0.8))]
    assert only_cell(*(make_run(seed=s, scores=(x,)) for s, x in enumerate(scores))).noise == pytest.approx(0.1)
    assert only_cell(make_run(scores={"z_diff": 0.2})).noise is None


def test_the_collapse_safe_form_stands_beside_jemmig_where_all_records_have_it(make_run, make_score):
    with_it = [make_score("jemmig", 0.5, details={"jemmig_joint": value}) for value in (0.1, 0.3)]
    runs = [make_run(seed=s, scores=(x,)) for s, x in enumerate(with_it)]
    assert only_cell(*runs).joint == pytest.approx(0.2)
    assert only_cell(*runs, make_run(seed=2, scores={"jemmig": 0.5})).joint is None


# --- flags


def jemmig_flags(make_run, make_score, details, **run):
    return only_cell(make_run(scores=(make_score("jemmig", 0.8, details=details),), **run)).flags


def test_jemmig_of_collapsed_codes_is_flagged(make_run, make_score):
    nine_dead, eight_dead = ({"n_codes": 10, "dead_codes": list(range(n))} for n in (9, 8))
    assert jemmig_flags(make_run, make_score, nine_dead) == ("collapsed",)
    assert jemmig_flags(make_run, make_score, eight_dead) == ()
    assert jemmig_flags(make_run, make_score, {}, active_codes=1) == ("collapsed",)
    assert jemmig_flags(make_run, make_score, {}, active_codes=2) == ()
    assert jemmig_flags(make_run, make_score, {}) == ()


def test_only_jemmig_is_flagged_and_an_untrained_encoder_has_not_collapsed(make_run, make_score):
    assert only_cell(make_run(scores={"mig": 0.0}, active_codes=0)).flags == ()
    assert jemmig_flags(make_run, make_score, {}, active_codes=0, trained=False) == ()


def test_a_mean_outside_a_closed_range_is_marked(make_run, make_score):
    def flags(low, values):
        return only_cell(
            *(make_run(seed=s, scores=(make_score("irs", v, lower=low),)) for s, v in enumerate(values))
        ).flags

    assert flags(0.0, [-0.3, 0.1]) == ("plain t",)
    assert flags(-1.0, [-0.3, 0.1]) == ()
    assert flags(None, [-0.3, 0.1]) == ()  # plain t there is the rule


def test_seeds_in_two_camps_are_flagged(make_run):
    values = [0.1, 0.11, 0.12, 0.13, 0.8, 0.81, 0.82, 0.83]
    assert only_cell(*(make_run(seed=s, scores={"mig": v}) for s, v in enumerate(values))).flags == ("seeds disagree",)


def test_an_overall_value_with_a_constant_part_is_flagged(make_run):
    equal, spread = ([make_run(seed=s, scores={"mig": v}) for s, v in enumerate(x)] for x in ([0.5, 0.5], [0.1, 0.2]))
    [column] = columns(spread)
    assert cell_of(column, "dims", [spread, equal]).flags == ("partly constant",)
    assert cell_of(column, "dims", [equal, equal]).flags == ("partly constant",)
    assert cell_of(column, "dims", [spread, spread]).flags == ()
    assert cell_of(column, "dims", [equal]).flags == ()  # the cell itself says "no spread"


# --- judgement


@pytest.fixture
def judged(make_run):
    def judged(values, untrained=(), metric="mig"):
        runs = {m: [make_run(m, s, {metric: v}) for s, v in enumerate(seeds)] for m, seeds in values.items()}
        [column] = columns([run for part in runs.values() for run in part])
        cells = {m: cell_of(column, "dims", [part]) for m, part in runs.items()}
        return judge(column, cells, trained=set(values) - set(untrained))

    return judged


def test_untrained_is_not_ranked_and_adds_no_tests(judged):
    cells, judgement = judged({"a": [0.1, 0.12], "b": [0.5, 0.52], "untrained": [0.01, 0.02]}, untrained=["untrained"])
    assert len(judgement.pairs) == 1
    assert cells["untrained"].rank is None
    assert not judgement.untrained_ahead


@pytest.mark.parametrize(("metric", "untrained"), [("mig", [0.6, 0.7]), ("z_min_var", [0.1, 0.2])])
def test_it_is_said_when_no_learning_is_better_than_all(judged, metric, untrained):
    _, judgement = judged({"a": [0.4, 0.41], "u": untrained}, untrained=["u"], metric=metric)
    assert judgement.untrained_ahead


def test_one_seed_takes_no_rank_and_leaves_the_others_theirs(judged):
    cells, judgement = judged({"a": [0.10, 0.11, 0.12], "b": [0.50, 0.51, 0.52], "c": [0.9]})
    assert (cells["b"].rank, cells["a"].rank, cells["c"].rank) == (Rank(1), Rank(2), None)
    assert len(judgement.pairs) == 1


def test_a_model_alone_has_no_rank(judged):
    cells, judgement = judged({"a": [0.1, 0.2]})
    assert (cells["a"].rank, judgement.pairs, judgement.resolvable) == (None, (), None)


def test_a_metric_of_lower_is_better_ranks_the_lowest_first(judged):
    cells, _ = judged({"a": [0.10, 0.11, 0.12], "b": [0.50, 0.51, 0.52]}, metric="z_min_var")
    assert (cells["a"].rank, cells["b"].rank) == (Rank(1), Rank(2))


def test_columns_do_not_lend_each_other_tests(make_run):
    """The family is one metric: a second metric must not change the corrected p of the first."""
    runs = {
        m: [make_run(m, s, {"mig": v, "irs": v / 2}) for s, v in enumerate(x)]
        for m, x in {"a": [0.1, 0.12], "b": [0.3, 0.33], "c": [0.5, 0.56]}.items()
    }
    for column in columns([run for part in runs.values() for run in part]):
        _, judgement = judge(column, {m: cell_of(column, "dims", [x]) for m, x in runs.items()}, trained=set(runs))
        smallest = min(pair.p for pair in judgement.pairs)
        assert min(pair.holm for pair in judgement.pairs) == pytest.approx(math.comb(3, 2) * smallest)
