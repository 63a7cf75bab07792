"""What the reading commands tell of metrics: everything for each, and where a score is that has no entry of its own."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import minebench
from minebench.benchmarks import cli, listing, registry
from minebench.metrics.udr import udr

ALL = [*registry.METRICS, *registry.OF_SEVERAL_MODELS]
PARTS = [(metric, part) for metric, entry in registry.METRICS.items() for part in entry.parts]
LIMITS = {"-1": -1.0, "0": 0.0, "1": 1.0}


def info(name):
    done = CliRunner().invoke(cli.app, ["metrics", "info", name, "--json"], catch_exceptions=False)
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", ALL)
def test_the_info_of_a_metric_is_complete(name):
    told = info(name)
    keys = [
        "name",
        "title",
        "definition",
        "better",
        "range",
        "chance",
        "scores",
        "in runs",
        "protocol",
        "cost",
        "paper",
    ]
    assert list(told)[:13] == [*keys, "version", "function"]
    assert all(told.values())
    assert "constant codes" in told["chance"]
    assert "noise" in told["chance"]


@pytest.mark.parametrize("name", ALL)
def test_the_range_in_words_is_that_of_the_entry(name):
    entry = registry.METRICS.get(name) or registry.OF_SEVERAL_MODELS[name]
    if entry.upper is None:
        assert entry.reads_as.startswith(("0 or more", "[0, log bins]"))
        assert entry.lower == 0
    else:
        low, high = entry.reads_as[1:].split("]")[0].split(", ")
        assert (LIMITS[low], LIMITS[high]) == (entry.lower, entry.upper)
    assert ("lower is better" in entry.reads_as) == (entry.direction == "down")


def test_the_info_says_which_codes_are_scored_and_in_which_runs():
    told = {name: (info(name)["scores"], info(name)["in runs"]) for name in ("mig", "sap", "named_gap")}
    assert told == {
        "mig": ("single codes, and blocks of them", "yes"),
        "sap": ("single codes", "no, on request only"),
        "named_gap": ("blocks of codes", "of models with blocks of codes"),
    }
    assert info("jemmig")["on blocks"]["function"] == "minebench.metrics.block_gaps:jemmig_blocks_result"
    assert "on blocks" not in info("sap")


@pytest.mark.parametrize(("metric", "part"), PARTS)
def test_a_part_is_in_the_details_of_its_metric_and_its_info_says_so(metric, part):
    factors = np.random.default_rng(0).integers(2, size=(40, 2))
    assert part in minebench.score(factors.astype(float), factors, metrics=metric)[metric].details
    told = info(part)
    assert told["name"] == part
    assert told["definition"] == registry.metric(metric).parts[part] == info(metric)["details"][part]
    assert f"metrics score CODES.npz -m {metric} --json" in told["found in"]


def test_parts_that_papers_print_are_known():
    assert {("z_min_var", "factor_vae_score"), ("jemmig", "jemmig_joint")} <= set(PARTS)
    assert not {part for _, part in PARTS} & set(ALL)


def test_udr_is_told_with_its_function_and_its_chance_is_what_it_gives():
    told = info("udr")
    assert "the codes of several models at once, in Python: minebench.metrics.udr.udr(" in told["scores"]
    rng = np.random.default_rng(0)
    for codes in ([rng.normal(size=(300, 3)) for _ in range(3)], [np.zeros((300, 3))] * 2):
        np.testing.assert_allclose(udr(codes), 0, atol=0.05)


def test_an_unknown_name_is_compared_with_all_that_have_an_answer():
    for wrong, near in (("migg", "mig"), ("factorvae_score", "factor_vae_score"), ("udrr", "udr")):
        with pytest.raises(ValueError, match=f"unknown metric '{wrong}'; did you mean '{near}'"):
            info(wrong)


def test_what_json_has_no_number_for_is_null():
    found = {"kl": float("inf"), "steps": 3, "parts": (0.5, [float("nan")], {"a": -float("inf")}), "name": "inf"}
    expected = {"kl": None, "steps": 3, "parts": [0.5, [None], {"a": None}], "name": "inf"}
    assert json.loads(listing.json_text(found)) == expected


@pytest.mark.parametrize(
    "words",
    ["models list", "models info beta_vae", "datasets list", "metrics list", "metrics info mig", "status", "plan"],
)
def test_reading_commands_print_json_alone(words, store, mini_profile):
    more = {"status": ["--store", str(store.root)]}.get(words, [])
    more = ["--store", str(store.root), "--profile", str(mini_profile)] if words == "plan" else more
    done = CliRunner().invoke(cli.app, [*words.split(), *more, "--json"], catch_exceptions=False)
    assert done.exit_code == 0
    json.loads(done.stdout)
