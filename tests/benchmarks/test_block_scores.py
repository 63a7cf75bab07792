"""A model whose codes come in blocks: two records a metric, two tables on the board."""

import json
from typing import NamedTuple

import numpy as np
import pytest
from typer.testing import CliRunner

import minebench
from minebench.baselines.contract import CodeBlocks
from minebench.baselines.vae import VAE, VAEConfig
from minebench.benchmarks import boards, cli, harness, registry, scoring
from minebench.benchmarks.cell import run_cell
from minebench.benchmarks.codes_file import load_codes
from minebench.benchmarks.identity import score_id
from minebench.leaderboard.results import ResultStore, RunResult
from minebench.metrics import block_information as block_information_module
from minebench.metrics.block_information import block_information

FIVE = ["z_diff", "z_min_var", "irs", "mig", "jemmig"]
ON_BLOCKS = [*FIVE, "named_gap"]


@pytest.fixture(autouse=True, scope="module")
def _short_training_and_few_votes():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block_information_module, "_UPDATES", 300)
        for name in ("z_diff", "z_min_var"):
            few = registry.metric(name).with_constants(n_train=1000, n_test=500)
            patch.setitem(registry.METRICS, name, few)
        yield


class Partitioned(VAE):
    """Three blocks, not in the order of the columns; the last one has lost its codes."""

    def code_blocks(self):
        return CodeBlocks(((7, 0, 1), (2, 3, 4, 5, 6), ()), nuisance=2)


class Collapsed(VAE):
    """A block for each of the five factors, all empty: the codes are in a sixth, which is no factor's."""

    def code_blocks(self):
        return CodeBlocks(((), (), (), (), (), tuple(range(10))), named=True)


@pytest.fixture(autouse=True)
def _registered():
    registry.register_model("partitioned", Partitioned, VAEConfig, title="Partitioned VAE")
    registry.register_model("collapsed", Collapsed, VAEConfig, title="Collapsed VAE")


class Finished(NamedTuple):
    store: ResultStore
    vae: RunResult
    partitioned: RunResult
    collapsed: RunResult


@pytest.fixture(scope="module")
def runs():
    return {}  # made once, by the first test that asks: ``spec`` is remade for each


@pytest.fixture
def finished(runs, spec, tmp_path_factory):
    """One run of each model."""
    if not runs:
        store = ResultStore(tmp_path_factory.mktemp("blocks"))
        for entry in harness.plan([spec(name, steps=1) for name in Finished._fields[1:]], store, SETTINGS):
            list(run_cell(entry.job, store))
            runs[entry.job.spec.model] = store.load(entry.job.train_id)
        runs["store"] = store
    return Finished(**runs)


SETTINGS = harness.RunSettings(log_every=2)


@pytest.fixture
def pairs():
    """Three factors, each in the two codes of its block."""
    factors = np.stack([np.random.default_rng(n).integers(n, size=800) for n in (3, 4, 5)], axis=1)
    return np.repeat(factors, 2, axis=1).astype(np.float32), factors, ((0, 1), (2, 3), (4, 5))


def of(result, codes):
    return {score.metric: score for score in result.scores if score.codes == codes}


def test_a_run_with_blocks_is_scored_twice_and_stands_in_two_tables(finished):
    assert {score.codes for score in finished.vae.scores} == {"dims"}
    assert list(of(finished.partitioned, "dims")) == FIVE
    assert list(of(finished.partitioned, "blocks")) == ON_BLOCKS
    text = boards.rebuild_store_board(finished.store)
    single, blocks = text.split(", blocks of codes")
    rows = [{line[:15].strip() for line in part.splitlines()} for part in (single, blocks)]
    assert {"VAE", "Partitioned VAE", "Collapsed VAE"} <= rows[0]
    assert {"Partitioned VAE", "Collapsed VAE"} <= rows[1]
    assert "VAE" not in rows[1]
    assert "named gap" in blocks
    assert "named gap" not in single


def test_a_result_is_complete_with_what_its_kind_of_blocks_is_scored_by(finished):
    for result, blocks, named in (
        (finished.vae, False, False),
        (finished.partitioned, True, False),
        (finished.collapsed, True, True),
    ):
        expected = scoring.expected_scores(result.train_id, blocks=blocks, named=named)
        assert {score.score_id for score in result.scores} == expected


def test_blocks_are_scored_again_from_stored_codes_where_their_metric_moved(finished, spec, monkeypatch):
    """Blocks come back sorted and with their empty ones, and score what they did."""
    store, result = finished.store, finished.partitioned
    stored = load_codes(store.folder(result.train_id) / "codes.npz")
    assert stored.blocks == ((0, 1, 7), (2, 3, 4, 5, 6), ())
    assert (stored.named, stored.nuisance) == (False, 2)
    gap = of(result, "blocks")["named_gap"]
    assert (gap.details["named"], gap.details["nuisance"]) == (False, 2)
    again = scoring.score_run(result.train_id, stored, 0)
    assert [(s.score_id, s.value, s.details) for s in again] == [
        (s.score_id, s.value, s.details) for s in result.scores
    ]
    specs = [spec("partitioned", steps=1), spec("collapsed", steps=1)]
    assert [entry.state for entry in harness.plan(specs, store, SETTINGS)] == ["done", "done"]
    monkeypatch.setattr("minebench.metrics.block_irs.VERSION", 99)
    for entry in harness.plan(specs, store, SETTINGS):
        assert (entry.state, entry.why) == ("rescore", "1 metrics moved; scored again from stored codes")


def test_a_collapsed_model_with_names_gets_the_gap_of_its_names_not_the_best_that_a_matching_finds(finished):
    """No own block knows anything: each gap is minus what the sixth knows, of which a matching would spare one."""
    score = of(finished.collapsed, "blocks")["named_gap"]
    known = score.details["confusion"][5]
    assert max(known) > 0.3
    assert score.details["block_of_factor"] == [0, 1, 2, 3, 4]
    assert score.details["gap"] == pytest.approx([-share for share in known])
    assert score.value == pytest.approx(-np.mean(known))
    stored = load_codes(finished.store.folder(finished.collapsed.train_id) / "codes.npz")
    matched = minebench.score(stored.codes, stored.factors, blocks=stored.blocks, metrics="named_gap")["named_gap"]
    assert matched.value == pytest.approx(score.value + 2 * max(known) / 5)


def test_evaluate_finds_the_named_gap_of_the_run_and_tells_its_blocks(finished):
    folder = finished.store.folder(finished.collapsed.train_id)
    done = CliRunner().invoke(cli.app, ["evaluate", str(folder), "--json"], catch_exceptions=False)
    found = json.loads(done.stdout)
    assert found["blocks"] == {"columns": [[], [], [], [], [], list(range(10))], "named": True, "nuisance": None}
    assert found["scores"] == {registry.label(s.metric, s.codes): s.value for s in finished.collapsed.scores}
    assert found["scores"]["named_gap on blocks"] < -0.05


def test_records_tell_whether_blocks_had_names(finished):
    """Gaps of named and of matched blocks are different columns of a board; which block is the nuisance splits none."""
    protocols = [of(result, "blocks")["named_gap"].protocol for result in (finished.partitioned, finished.collapsed)]
    assert [protocol["named"] for protocol in protocols] == [False, True]
    assert all("nuisance" not in protocol for protocol in protocols)


def test_names_of_scores_differ_between_dims_and_blocks_and_those_of_dims_have_not_moved():
    entry = registry.metric("irs")
    assert score_id("run", "irs", entry) == score_id("run", "irs", entry, "dims")
    assert score_id("run", "irs", entry.on_blocks(), "blocks") != score_id("run", "irs", entry)
    assert len(scoring.expected_scores("run", blocks=True)) == len(FIVE) + len(ON_BLOCKS)
    assert len(scoring.expected_scores("run")) == len(FIVE)


def test_anyones_blocks_are_scored(pairs):
    codes, factors, blocks = pairs
    results = minebench.score(codes, factors, blocks=blocks)
    assert list(results) == ON_BLOCKS
    for name in ("z_diff", "irs", "mig", "named_gap"):
        assert results[name].value > 0.97
    assert results["z_min_var"].value == 0
    assert minebench.score(codes, factors, metrics=["mig"])["mig"].value == pytest.approx(0, abs=1e-9)


def test_the_classifiers_learn_once_for_all_metrics_that_read_them(pairs, monkeypatch):
    calls = []
    monkeypatch.setattr(scoring, "block_information", lambda *a, **k: calls.append(k) or block_information(*a, **k))
    minebench.score(*pairs[:2], blocks=pairs[2], metrics=["mig", "jemmig", "named_gap", "irs"])
    assert len(calls) == 1


def test_scores_that_need_no_factors_get_none(pairs):
    results = minebench.score(*pairs[:2], metrics=["gaussian_total_correlation", "mean_code_mutual_information"])
    assert results["gaussian_total_correlation"].details["linear_dependences"] == 3
    assert results["mean_code_mutual_information"].value > 0


@pytest.mark.parametrize("name", ON_BLOCKS)
def test_the_entry_of_a_score_of_blocks_is_complete(name):
    entry = registry.metric(name)
    on_blocks = entry.on_blocks()
    assert on_blocks.version() >= 1
    assert not {"rng", "information"} & on_blocks.full_protocol().keys()
    assert (on_blocks.direction, on_blocks.title) == (entry.direction, entry.title)
