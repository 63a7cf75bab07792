"""A model whose codes come in blocks: two records a metric, two tables on the board."""

import numpy as np
import pytest

import minebench
from minebench.baselines.contract import CodeBlocks
from minebench.baselines.vae import VAE, VAEConfig
from minebench.benchmarks import boards, harness, registry, scoring
from minebench.benchmarks.cell import run_cell
from minebench.benchmarks.identity import score_id
from minebench.benchmarks.representation import Representation
from minebench.metrics import block_information as block_information_module
from minebench.metrics.block_information import block_information

FIVE = ["z_diff", "z_min_var", "irs", "mig", "jemmig"]
ON_BLOCKS = [*FIVE, "named_gap"]


@pytest.fixture(autouse=True)
def _short_training(monkeypatch):
    monkeypatch.setattr(block_information_module, "_UPDATES", 300)


class Partitioned(VAE):
    """Three blocks, not in the order of the columns; the last one has lost its codes."""

    def code_blocks(self):
        return CodeBlocks(((7, 0, 1), (2, 3, 4, 5, 6), ()), nuisance=2)


@pytest.fixture
def partitioned():
    registry.register_model("partitioned", Partitioned, VAEConfig, title="Partitioned VAE")


@pytest.fixture
def pairs():
    """Three factors, each in the two codes of its block."""
    factors = np.stack([np.random.default_rng(n).integers(n, size=800) for n in (3, 4, 5)], axis=1)
    return np.repeat(factors, 2, axis=1).astype(np.float32), factors, ((0, 1), (2, 3), (4, 5))


def finish(job, store):
    list(run_cell(job, store))
    return store.load(job.train_id)


def test_a_run_with_blocks_is_scored_twice_and_stands_in_two_tables(partitioned, job, store):
    plain, made = job("vae", steps=1), job("partitioned", steps=1)
    assert {score.codes for score in finish(plain, store).scores} == {"dims"}
    result = finish(made, store)
    assert [score.metric for score in result.scores if score.codes == "dims"] == FIVE
    assert [score.metric for score in result.scores if score.codes == "blocks"] == ON_BLOCKS
    assert {score.score_id for score in result.scores} == scoring.expected_scores(made.train_id, blocks=True)
    text = boards.rebuild_store_board(store)
    single, blocks = text.split(", blocks of codes")
    rows = [{line[:15].strip() for line in part.splitlines()} for part in (single, blocks)]
    assert {"VAE", "Partitioned VAE"} <= rows[0]
    assert "Partitioned VAE" in rows[1]
    assert "VAE" not in rows[1]
    assert "named gap" in blocks
    assert "named gap" not in single


def test_blocks_are_scored_again_from_stored_codes_where_their_metric_moved(partitioned, spec, job, store, monkeypatch):
    """Blocks come back sorted and with their empty ones, and score what they did."""
    made = job("partitioned", steps=1)
    result = finish(made, store)
    stored = Representation.load(store.folder(made.train_id) / "codes.npz")
    assert stored.blocks == ((0, 1, 7), (2, 3, 4, 5, 6), ())
    assert (stored.named, stored.nuisance) == (False, 2)
    [gap] = [score for score in result.scores if score.metric == "named_gap"]
    assert (gap.details["named"], gap.details["nuisance"]) == (False, 2)
    again = scoring.score_run(made.train_id, stored, 0)
    assert [(s.score_id, s.value, s.details) for s in again] == [
        (s.score_id, s.value, s.details) for s in result.scores
    ]
    settings = harness.RunSettings(log_every=2)
    [entry] = harness.plan([spec("partitioned", steps=1)], store, settings)
    assert entry.state == "done"
    monkeypatch.setattr("minebench.metrics.block_irs.VERSION", 99)
    [entry] = harness.plan([spec("partitioned", steps=1)], store, settings)
    assert (entry.state, entry.why) == ("rescore", "1 metrics moved; scored again from stored codes")


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


def test_metrics_that_do_not_apply_are_refused_and_left_out(pairs):
    codes, factors, blocks = pairs
    with pytest.raises(ValueError, match="named_gap scores blocks of codes; pass blocks="):
        minebench.score(codes, factors, metrics=["named_gap"])
    with pytest.raises(ValueError, match="sap scores single codes only; blocks are scored by z_diff, z_min_var, irs"):
        minebench.score(codes, factors, blocks=blocks, metrics=["sap"])
    assert "named_gap" not in scoring._metrics_of("dims")


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
