"""Scores of one representation: each metric gets what it would get alone, and joint counts are made once."""

import numpy as np
import pytest

import minebench
from minebench.benchmarks import registry, scoring
from minebench.benchmarks.representation import Representation
from minebench.benchmarks.streams import numpy_stream

READERS = [name for name, entry in registry.METRICS.items() if entry.from_information]
RUN_METRICS = [name for name, entry in registry.METRICS.items() if entry.in_runs]


@pytest.fixture(scope="module")
def representation():
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(size, size=500) for size in (3, 4)], axis=1)
    return Representation((factors @ rng.normal(size=(2, 5)) + rng.normal(size=(500, 5))).astype(np.float32), factors)


@pytest.fixture
def counts(monkeypatch):
    """The protocols under which joint counts were made."""
    made = []

    def count(codes, factors, **protocol):
        made.append(protocol)
        return joint_information(codes, factors, **protocol)

    joint_information = scoring.joint_information
    monkeypatch.setattr(scoring, "joint_information", count)
    return made


def test_mig_and_jemmig_are_read_off_joint_counts():
    assert {"mig", "jemmig"} <= set(READERS)


def test_the_metrics_of_one_protocol_share_one_pass_of_joint_counts(representation, counts):
    scoring.score_run("run", representation, 0)
    assert len(counts) == 1
    minebench.score(*representation[:2], metrics=["mig", "jemmig", "irs"])
    assert len(counts) == 2


def test_another_number_of_bins_is_counted_apart(representation, counts, monkeypatch):
    entry = registry.METRICS["mig"]
    monkeypatch.setitem(registry.METRICS, "mig", type(entry)(**vars(entry) | {"protocol": {"n_bins": 10}}))
    results = minebench.score(*representation[:2], metrics=["mig", "jemmig"])
    assert [protocol["n_bins"] for protocol in counts] == [10, 20]
    assert results["mig"] == entry.function()(*representation[:2], n_bins=10)


@pytest.fixture(scope="module")
def together(representation):
    return minebench.score(*representation[:2], seed=3, metrics=[*RUN_METRICS, *READERS])


@pytest.fixture(scope="module")
def records(representation):
    return {score.metric: score for score in scoring.score_run("run", representation, 3)}


@pytest.mark.parametrize("name", RUN_METRICS + [name for name in READERS if name not in RUN_METRICS])
def test_what_is_shared_changes_no_bit_of_a_result(name, representation, together, records):
    entry = registry.METRICS[name]
    stream = {"rng": numpy_stream(3, "metric", name)} if entry.is_random() else {}
    alone = entry.function()(*representation[:2], **entry.protocol, **stream)
    assert together[name] == alone
    assert (name in records) == entry.in_runs
    if entry.in_runs:
        assert (records[name].value, records[name].details) == (alone.value, alone.details)
