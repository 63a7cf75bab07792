"""What becomes of a data set's name, rows and rule on the way from the command line to the board."""

from dataclasses import replace

import numpy as np
import pytest

from minebench.benchmarks import boards, harness, registry
from minebench.benchmarks.cell import run_cell
from minebench.benchmarks.job import RunSettings
from minebench.benchmarks.profile import load_profile, plan_specs
from minebench.benchmarks.registry import DatasetEntry
from minebench.datasets.attribute_table import AttributeTable
from minebench.datasets.cache import Stored
from minebench.datasets.image_table import ImageTable
from minebench.datasets.pixels import BytePixels
from minebench.datasets.shapes_mini import load_shapes_mini
from minebench.datasets.splits import held_out_split, rows_hash

RULE = "shapes_mini:without=shape:2,posX:4-7"


@pytest.fixture(autouse=True)
def _data_sets_are_restored():
    before = dict(registry.DATASETS)
    yield
    registry.DATASETS.clear()
    registry.DATASETS.update(before)


def run(planned, store):
    for entry in planned:
        list(run_cell(entry.job, store))
    return [store.load(entry.job.train_id) for entry in planned]


def test_variants_that_share_a_procedural_source_are_run_once_under_its_name(spec, store):
    drawn = replace(load_shapes_mini(), name="toy_like")
    for name in ("toy_a", "toy_b", "toy_like"):
        registry.DATASETS[name] = DatasetEntry(title=f"Toy {name[4:]}", loader=lambda root: drawn, description="")
    specs = [spec("vae").model_copy(update={"dataset": name}) for name in ("toy_a", "toy_b", "toy_like")]
    [entry] = harness.plan(specs, store, RunSettings())
    assert entry.job.spec.dataset == "toy_like"
    assert entry.job.train_id.startswith("vae-toy_like-s0-")
    [result] = run([entry], store)
    assert (result.dataset, result.dataset_title) == ("toy_like", "Toy like")


def test_a_rule_behind_the_name_leaves_rows_out_of_training_and_stands_on_the_board(spec, store):
    with_rule = spec("untrained").model_copy(update={"dataset": RULE})
    planned = harness.plan([spec("untrained"), with_rule], store, RunSettings())
    whole, subset = (entry.job for entry in planned)
    assert subset.train_id.startswith("untrained-shapes_mini-without-shape-2-posX-4-7-s0-")
    assert subset.identity["data"] != whole.identity["data"]
    assert subset.identity["rows"] != whole.identity["rows"]
    first, second = run(planned, store)
    assert first.rows == second.rows  # scored on the same rows, so the two can be compared
    assert second.dataset == RULE
    board = boards.rebuild_store_board(store)
    assert "shapes-mini\n-----------\n" in board
    assert "shapes-mini trained without shape 2 and posX 4-7\n---" in board


def test_the_rule_decides_which_rows_a_model_meets():
    data = registry.dataset(RULE).load()
    factors = data.factors(held_out_split(data).train)
    assert not ((factors[:, 0] == 2) & (factors[:, 3] >= 4)).any()
    assert len(factors) > 3000


def test_a_rule_applies_to_every_data_set_that_a_glob_matches(mini_profile):
    specs = plan_specs(load_profile(str(mini_profile)), datasets=["shapes_m*:correlated=posX,posY,.20", "shapes_mini"])
    assert {spec.dataset for spec in specs} == {"shapes_mini:correlated=posX,posY,.20", "shapes_mini"}


def test_a_rule_is_run_under_the_one_way_to_write_it(spec, store):
    specs = [
        spec("untrained").model_copy(update={"dataset": f"shapes_mini:correlated=posX,posY,{width}"})
        for width in (".2", "0.20")
    ]
    [entry] = harness.plan(specs, store, RunSettings())
    assert entry.job.spec.dataset == "shapes_mini:correlated=posX,posY,0.2"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shapes_mini:corelated=posX,posY,1", "chosen by correlated=FACTOR,FACTOR,WIDTH or without="),
        ("shapes_mini:without=shap:1", "did you mean 'shape'"),
        ("shapes_mini:without=shape:0-2", "leaves none of 4148 rows of shapes_mini to train on"),
        ("shapes_min:without=shape:0", "unknown data set 'shapes_min'; did you mean 'shapes_mini'"),
    ],
)
def test_a_rule_that_does_not_fit_is_a_mistake_of_the_user(name, message):
    with pytest.raises(registry.UsageError, match=message):
        registry.dataset(name).load()


def test_a_data_set_with_a_partition_is_trained_on_its_first_part_and_scored_on_its_last(spec, store):
    rng = np.random.default_rng(0)
    parts = np.repeat(np.array([0, 1, 2], np.uint8), 40)
    table = AttributeTable(("smiling", "male"), (2, 2), rng.integers(0, 2, (120, 2)).astype(np.uint8))
    pixels = BytePixels(Stored.of(rng.integers(0, 256, (120, 64, 64, 3), np.uint8)))
    faces = ImageTable("faces", "procedural", pixels, table, parts)
    registry.DATASETS["faces"] = DatasetEntry(title="Faces", loader=lambda root: faces, description="")
    planned = harness.plan([spec("vae").model_copy(update={"dataset": "faces"})], store, RunSettings())
    [result] = run(planned, store)
    assert result.failure is None, result.failure.traceback
    assert result.rows.n == 40
    assert result.rows.hash == rows_hash(held_out_split(faces).held_out)
    assert set(held_out_split(faces).held_out.tolist()) == set(range(80, 120))
