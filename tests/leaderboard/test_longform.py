import io

import pandas as pd
import pytest

from minebench.leaderboard.board import build
from minebench.leaderboard.render import render_csv


def frame(runs):
    return pd.read_csv(io.StringIO(render_csv(build(runs))), keep_default_na=False)


def test_one_line_for_each_model_data_set_and_metric(make_run):
    table = frame([make_run(m, s, {"mig": 0.1 + s / 10, "irs": 0.5}) for m in ("a", "b") for s in range(2)])
    assert list(zip(table.model, table.metric, strict=True)) == [("a", "irs"), ("a", "mig"), ("b", "irs"), ("b", "mig")]
    line = table[(table.model == "a") & (table.metric == "mig")].iloc[0]
    assert (float(line["mean"]), line.n, line.seeds, line["values"]) == (0.15, 2, "0 1", "0.1 0.2")
    assert (line.direction, line.version, line.protocol) == ("up", 1, '{"n_bins": 20}')
    assert (line.dataset, line.rows, line.split, line.fingerprint) == ("dsprites", 10_000, "held_out", "abc")


def test_low_and_high_are_those_of_the_board(make_run):
    runs = [make_run(seed=s, scores={"mig": v}) for s, v in enumerate([0.2, 0.4])]
    estimate = build(runs).tables[0].rows[0].cells[0].estimate
    line = frame(runs).iloc[0]
    assert (line.low, line.high) == pytest.approx((estimate.low, estimate.high), rel=1e-5)
    assert line.method == "logit t"


def test_one_seed_has_empty_ends_and_no_rank(make_run):
    line = frame([make_run(scores={"mig": 0.2})]).iloc[0]
    assert (line.low, line.high, line["rank"], line.method, line.n) == ("", "", "", "one seed", 1)


def test_a_failed_model_has_lines_without_values(make_run, diverged):
    table = frame([make_run("a", 0, {"mig": 0.2}), make_run("b", 1, failure=diverged)])
    line = table[table.model == "b"].iloc[0]
    assert (line.metric, line["mean"], line.n, line.failed, line.failures) == ("mig", "", 0, 1, "dsprites/1:diverged")
    only = frame([make_run("b", 1, failure=diverged)])
    assert (len(only), only.iloc[0].metric, only.iloc[0].failed) == (1, "", 1)


def test_the_mean_over_data_sets_is_a_data_set_called_overall(make_run):
    runs = [
        make_run("a", s, {"mig": v + s / 10}, dataset=d, data_fingerprint=d)
        for d, v in [("x", 0.1), ("y", 0.3)]
        for s in (0, 1)
    ]
    line = frame(runs).iloc[0]
    assert (line.dataset, float(line["mean"]), line.n) == ("overall", 0.25, 4)


@pytest.mark.parametrize("title", ["=cmd()", "+1", "-1", "@x"])
def test_no_name_becomes_a_formula(make_run, title):
    assert frame([make_run(model_title=title, scores={"mig": 0.2})]).iloc[0].model_title == f"'{title}"


@pytest.mark.parametrize("title", ['a "quoted", name', "日本 | x", "semi;colon"])
def test_names_survive_the_file(make_run, title):
    assert frame([make_run(model_title=title, scores={"mig": 0.2})]).iloc[0].model_title == title


def test_negative_numbers_are_no_text(make_run):
    line = frame([make_run(scores={"irs": -0.25})]).iloc[0]
    assert line["mean"] == -0.25
    assert float(line["values"]) == -0.25
