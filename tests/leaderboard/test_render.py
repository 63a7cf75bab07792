import re

import numpy as np
import pytest

from minebench.leaderboard.board import build
from minebench.leaderboard.render import check_board, render_csv, render_markdown, render_text, write_board
from minebench.leaderboard.results import Failure, ResultError, write_jsonl

FIVE = ("z_diff", "z_min_var", "irs", "mig", "jemmig")


@pytest.fixture
def runs(make_run):
    """Three models apart by 0.2 on every metric, three seeds, one more that diverged, and an untrained row."""
    done = [
        make_run(
            model,
            seed,
            {m: (1 - value if m == "z_min_var" else value) + seed / 100 for m in FIVE},
            profile="quick",
            reconstruction=90.0 + seed,
            kl=18.0 + seed,
            active_codes=5,
            n_codes=10,
            parameters=1_234_567,
            train_seconds=100.0,
            peak_memory_bytes=700 * 2**20,
            trained=model != "untrained",
        )
        for model, value in {"beta_vae": 0.3, "factor_vae": 0.5, "beta_tcvae": 0.7, "untrained": 0.1}.items()
        for seed in range(3)
    ]
    failure = Failure(kind="diverged", message="kl is not finite", step=412, term="kl")
    return [*done, make_run("beta_vae", 3, failure=failure, profile="quick")]


def plain(text):
    return " ".join(text.replace("\u00a0", " ").split())


def cells(text, first):
    """The cells of the first line of a pipe table that starts so."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {first}"))
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_the_main_table_by_hand(runs):
    """Seeds 0.70, 0.71, 0.72 (and 0.30, 0.31, 0.32 of Z-min Var): interval logit(0.71) -+ 4.303 x 0.005774 / 0.2059."""
    text = render_markdown(build(runs))
    assert cells(text, "Model") == ["Model", "Z-diff ↑", "Z-min Var ↓", "IRS ↑", "MIG ↑", "JEMMIG ↑"]
    assert cells(text, "β-TCVAE")[1:] == [
        "**0.710** (1)",
        "**0.310** (1)",
        "**0.710** (1)",
        "**0.710** (1)",
        "**0.710** (1)",
    ]
    assert cells(text, "3 seeds")[1] == "[0.685, 0.734]"
    assert cells(text, "FactorVAE")[1] == "0.510 (2)"
    assert cells(text, "β-VAE")[1] == "0.310 (3)"
    assert cells(text, "untrained")[1] == "0.110"


def test_failed_runs_are_counted_and_listed_with_their_reason(runs):
    text = render_markdown(build(runs))
    assert "| 3 of 4 seeds, 1 diverged |" in text
    assert "Failed runs:\n\n* β-VAE, seed 3: diverged at step 412: kl is not finite" in text


def test_several_kinds_of_failure_are_counted_together(make_run):
    kinds = ["oom", "timeout", "killed", "error"]
    failed = [make_run(seed=s, failure=Failure(kind=kind, message="m")) for s, kind in enumerate(kinds)]
    text = render_markdown(build([*failed, make_run(seed=9, scores={"mig": 0.1})]))
    assert "1 of 5 seeds, 4 failed" in text
    for reason in ("out of memory: m", "timed out: m", "killed: m", "failed: m"):
        assert reason in text


def test_under_the_table_stand_method_n_unit_family_version_and_coverage(runs):
    for text in map(plain, (render_markdown(build(runs)), render_text(build(runs)))):
        assert "the unit is the seed (n = 3)" in text
        assert "Student's t, on the logit of the mean (95 % at n = 3)" in text
        assert "Holm's correction within each metric (3 pairs of trained models, 5 %)" in text
        assert "its least p is 0.1, not below 0.05 / 3" in text
        assert "Z-diff v1" in text
        assert "MIG v1 (n_bins 20)" in text


def test_the_quick_profile_says_that_it_is_not_comparable(runs, make_run):
    for text in (render_markdown(build(runs)), render_text(build(runs))):
        assert "not comparable with the paper table" in plain(text)
    assert "not comparable" not in render_markdown(build([make_run(scores={"mig": 0.1})]))


def test_a_tie_at_the_top_is_shown_as_a_tie(make_run):
    runs = [make_run(m, s, {"mig": 0.2 + s / 10}) for m in ("beta_vae", "factor_vae") for s in range(3)]
    text = render_markdown(build(runs))
    assert cells(text, "β-VAE")[1] == cells(text, "FactorVAE")[1] == "**0.300** (1=)"


def test_one_seed_has_neither_interval_nor_rank_nor_bold(make_run):
    text = render_markdown(build([make_run(m, 0, {"mig": v}) for m, v in [("beta_vae", 0.2), ("factor_vae", 0.9)]]))
    assert cells(text, "FactorVAE") == ["FactorVAE", "0.900"]
    assert cells(text, "1 seed") == ["1 seed", "one seed"]
    assert "No ranks" in text
    assert "95" not in plain(text)


def test_equal_seeds_are_said_to_have_no_spread_and_do_not_lead_alone(make_run):
    values = {"beta_vae": [1.0] * 3, "factor_vae": [0.5, 0.51, 0.52]}
    text = render_markdown(build([make_run(m, s, {"mig": v}) for m, x in values.items() for s, v in enumerate(x)]))
    assert cells(text, "β-VAE")[1] == "**1.000** (1=)"
    assert cells(text, "3 seeds")[1] == "no spread (3)"
    assert cells(text, "FactorVAE")[1] == "**0.510** (1=)"


def test_a_mean_outside_the_range_is_marked_and_explained(make_run, make_score):
    runs = [make_run(seed=s, scores=(make_score("irs", v, lower=0.0),)) for s, v in enumerate([-0.3, 0.1])]
    text = render_markdown(build(runs))
    assert cells(text, "β-VAE")[1] == "-0.100‡"
    assert "* ‡ The mean is outside the metric's range" in text


def test_collapsed_codes_are_marked_at_jemmig(make_run):
    text = render_markdown(build([make_run(seed=s, scores={"jemmig": 0.8 + s / 10}, active_codes=0) for s in range(2)]))
    assert cells(text, "β-VAE")[1] == "0.850§"
    assert "* § Fewer than two codes are active" in text
    assert "§" not in render_markdown(build([make_run(scores={"jemmig": 0.8}, active_codes=5)]))


def test_disagreeing_seeds_are_marked_with_the_rate_of_false_alarms(make_run):
    """Eight and nine seeds: the rate is that of eight, the worse."""
    values = {"beta_vae": [0.1, 0.11, 0.12, 0.13, 0.8, 0.81, 0.82, 0.83, 0.84], "factor_vae": [0.1] * 4 + [0.8] * 4}
    text = render_markdown(build([make_run(m, s, {"mig": v}) for m, x in values.items() for s, v in enumerate(x)]))
    assert "¶" in cells(text, "β-VAE")[1]
    assert "¶" in cells(text, "FactorVAE")[1]
    assert "by chance in 22 %" in plain(text)


def test_missing_cells_are_dashes(make_run):
    runs = [make_run("beta_vae", s, {"mig": 0.1 + s / 10}) for s in range(2)]
    runs += [make_run("factor_vae", s, {"irs": 0.1 + s / 10}) for s in range(2)]
    text = render_markdown(build(runs))
    assert cells(text, "β-VAE") == ["β-VAE", "–", "0.150"]
    assert cells(text, "FactorVAE") == ["FactorVAE", "0.150", "–"]


def test_a_cell_with_fewer_seeds_than_its_row_says_so(make_run):
    runs = [make_run(seed=s, scores={"mig": 0.1 + s / 10} | ({"irs": 0.5 + s / 10} if s else {})) for s in range(3)]
    assert cells(render_markdown(build(runs)), "3 seeds")[1].endswith("] n=2")


def test_over_data_sets_a_missing_one_and_a_constant_one_are_shown(make_run):
    def on(dataset, model, values):
        return [make_run(model, s, {"mig": v}, dataset=dataset, data_fingerprint=dataset) for s, v in enumerate(values)]

    runs = on("x", "full", [0.1, 0.2]) + on("y", "full", [0.5, 0.5]) + on("x", "half", [0.1, 0.2])
    text = render_markdown(build(runs))
    assert "### Mean over 2 data sets" in text
    assert cells(text, "full")[1] == "0.325†"
    assert cells(text, "half")[1] == "–"
    assert "1/2 data sets" in text
    assert "* † Contains a data set on which all seeds are equal" in text


def test_untrained_ahead_is_said(make_run):
    runs = [make_run("beta_vae", 0, {"mig": 0.1}), make_run("untrained", 0, {"mig": 0.2}, trained=False)]
    assert "No learning at all has a better mean than every trained model on MIG." in render_markdown(build(runs))


def test_noise_is_a_column_only_where_a_metric_was_repeated(make_run, make_score, runs):
    assert "noise" not in render_markdown(build(runs)).lower()
    text = render_markdown(build([make_run(scores=(make_score("z_diff", 0.5, repeats=(0.4, 0.6)),))]))
    assert "| Z-diff noise |" in text
    assert "0.141" in text  # the standard deviation of 0.4 and 0.6


def test_beside_the_scores_stand_the_costs(runs):
    text = render_markdown(build(runs))
    assert "| Reconstruction |" in text
    costs = text[text.index("| Reconstruction") - 30 :]
    assert cells(costs, "β-TCVAE")[1:] == ["91.0", "19.0", "5.0 of 10", "1,234,567", "100 s", "700 MiB"]


def test_procedural_stand_ins_are_called_so(make_run):
    text = render_markdown(build([make_run(scores={"mig": 0.1}, pixel_exact=False)]))
    assert "Procedural images, not the real data set" in text
    assert "equal to the real ones in every pixel" in render_markdown(build([make_run(scores={"mig": 0.1})]))


def test_exact_p_values_are_printed_where_they_can_reject(make_run):
    """Five against five seeds, two models: least p 2 / 252, below 0.05."""
    runs = [make_run(m, s, {"mig": v + s / 100}) for m, v in [("beta_vae", 0.2), ("factor_vae", 0.5)] for s in range(5)]
    text = render_markdown(build(runs))
    assert "its least p is 0.0079" in plain(text)
    assert cells(text, "FactorVAE / β-VAE")[1] == "<0.001 (0.008)"


def test_it_is_said_when_permutations_are_too_many_to_count(make_run):
    """Eleven against eleven seeds: C(22, 11) = 705,432 arrangements, least p 2 / 705,432."""
    runs = [
        make_run(m, s, {"mig": v + s / 100}) for m, v in [("beta_vae", 0.2), ("factor_vae", 0.5)] for s in range(11)
    ]
    text = render_markdown(build(runs))
    assert "too many arrangements to count (its least p is 2.8e-06)" in plain(text)
    assert cells(text, "FactorVAE / β-VAE")[1] == "<0.001"


def test_what_no_metric_of_this_range_can_show_is_not_resolvable(make_run):
    runs = [make_run(m, s, {"mig": 0.1 + 0.7 * s}) for m in ("beta_vae", "factor_vae") for s in range(2)]
    assert cells(render_markdown(build(runs)), "resolvable")[1] == "none"


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "a | b", "a\nb", "`x` **y**", "\x1b[31m", "[x](http://e.org)"]
)
def test_hostile_names_break_nothing(make_run, name):
    runs = [make_run("m", s, {"mig": 0.1 + s / 10}, model_title=name, dataset_title=name) for s in range(2)]
    failure = Failure(kind="error", message=name, term=name)
    text = render_markdown(build([*runs, make_run("m", 2, failure=failure, model_title=name, dataset_title=name)]))
    assert "<script" not in text
    assert "http://" not in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in rows}
    assert widths == {3}  # two columns: model and MIG
    assert "\x1b" not in render_text(build(runs))


def test_both_formats_fit_into_120_columns(runs):
    for text in (render_markdown(build(runs)), render_text(build(runs))):
        assert max(map(len, text.splitlines())) <= 120


def test_text_has_no_markup_and_no_colour(runs):
    text = render_text(build(runs))
    assert not re.search(r"\*\*|<details>|\x1b|\|", text)


def test_further_metrics_follow_in_a_table_of_their_own(make_run):
    text = render_markdown(build([make_run(scores=dict.fromkeys([*FIVE, "dci", "sap"], 0.5))]))
    assert "Further metrics:" in text
    assert cells(text[text.index("Further") :], "Model") == ["Model", "dci ↑", "sap ↑"]


def test_origin_names_libraries_devices_commits_and_protocols(make_run, make_score):
    score = make_score("mig", 0.5, protocol={"n_bins": 20, "binning": "width", "n_factor_bins": None})
    dirty = make_run().provenance.model_copy(update={"git_commit": "f" * 40, "git_dirty": True})
    runs = [make_run(scores=(score,)), make_run(seed=1, scores=(score,), device="H100", provenance=dirty)]
    text = plain(render_markdown(build(runs)))
    assert "Metrics: MIG v1 (binning width, n_bins 20)." in text
    assert "torch 2.9.0, numpy 2.3.0, H100, cpu, commits 0000000000 and ffffffffff+ (+: with uncommitted" in text


def test_the_gap_of_named_blocks_and_that_of_matched_ones_stand_apart_and_are_explained(make_run, make_score):
    def run(model, seed, named):
        values = {"codes": "blocks", "title": "named gap", "protocol": {"named": named}, "lower": -1.0, "upper": 1.0}
        scores = (make_score("mig", 0.1), make_score("named_gap", -0.2 + seed / 100, **values))
        return make_run(model, seed, scores=scores)

    runs = [run("beta_vae", seed, False) for seed in (0, 1)] + [run("factor_vae", seed, True) for seed in (0, 1)]
    text = plain(render_markdown(build(runs)))
    assert "named gap (1): what the block that is matched to a factor tells of it, minus what the best other" in text
    assert "These models do not name blocks: the matching is the one that has the most information." in text
    assert "named gap (2): what a factor's own block, by name, tells of it, minus" in text
    assert "No ranks" in text
    assert text.count("These models do not name blocks") == 1
    assert "matched" not in plain(render_markdown(build(runs[2:])))


def test_no_results_say_so():
    assert render_text(build([])) == "No results yet.\n"
    assert "No results yet." in render_markdown(build([]))


# --- files


def test_the_same_results_give_the_same_bytes_in_any_order(runs, tmp_path):
    write_board(runs, tmp_path)
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(first) == {"README.md", "board.csv"}
    for seed in range(3):
        write_board([runs[i] for i in np.random.default_rng(seed).permutation(len(runs))], tmp_path)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first


def test_files_hold_what_the_functions_return(runs, tmp_path):
    write_board(runs, tmp_path)
    assert (tmp_path / "README.md").read_text() == render_markdown(build(runs))
    assert (tmp_path / "board.csv").read_text() == render_csv(build(runs))


def test_check_finds_nothing_after_a_write_and_names_what_is_stale(runs, make_run, tmp_path):
    published = tmp_path / "results.jsonl"
    write_jsonl(runs, published)
    assert check_board(published, tmp_path) == ["README.md", "board.csv"]  # missing
    write_board(runs, tmp_path)
    assert check_board(published, tmp_path) == []
    (tmp_path / "README.md").write_text((tmp_path / "README.md").read_text() + " ")
    assert check_board(published, tmp_path) == ["README.md"]
    write_board(runs, tmp_path)
    write_jsonl([*runs, make_run("beta_vae", 9, {"mig": 0.9}, profile="quick")], published)
    assert check_board(published, tmp_path) == ["README.md", "board.csv"]


def test_a_board_from_the_published_file_equals_the_one_from_the_store(runs, tmp_path):
    """Publishing cuts paths and logs; nothing of them may reach the board."""
    runs = [
        *runs,
        runs[-1].model_copy(
            update={
                "seed": 4,
                "train_id": "b",
                "failure": Failure(kind="error", message="no file /data/x.npz", log="/runs/b/log.txt", traceback="..."),
            }
        ),
    ]
    write_jsonl(runs, tmp_path / "results.jsonl")
    write_board(runs, tmp_path)
    assert check_board(tmp_path / "results.jsonl", tmp_path) == []


def test_check_refuses_damaged_results(tmp_path):
    (tmp_path / "results.jsonl").write_text("{}\n")
    with pytest.raises(ResultError, match="line 1"):
        check_board(tmp_path / "results.jsonl", tmp_path)
