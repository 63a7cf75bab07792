import pytest

from minebench.leaderboard.results import Failure
from minebench.leaderboard.rows import costs_of, failed_runs, row_key, variants


def test_a_row_is_a_model_its_configuration_and_its_training(make_run):
    key = row_key(make_run())
    assert key == row_key(make_run(seed=5, kl=1.0, device="cuda"))
    assert key != row_key(make_run("factor_vae"))
    assert key != row_key(make_run(model_config_values={"latent_dim": 11}))
    assert key != row_key(make_run(train_config={"steps": 300}))
    assert key != row_key(make_run(trained=False))


def test_only_what_differs_among_a_models_own_rows_is_named(make_run):
    runs = [
        make_run(model_config_values={"beta": 4.0, "latent_dim": 10, "encoder": {"width": 32}}),
        make_run(model_config_values={"beta": 16.0, "latent_dim": 10, "encoder": {"width": 32}}),
        make_run(model_config_values={"beta": 4.0, "latent_dim": 10, "encoder": {"width": 64}}),
        make_run("factor_vae", model_config_values={"gamma": 10.0}),
    ]
    assert variants(runs) == [
        ("beta=4.0", "encoder.width=32"),
        ("beta=16.0", "encoder.width=32"),
        ("beta=4.0", "encoder.width=64"),
        (),
    ]


def test_a_key_that_a_row_lacks_is_none(make_run):
    runs = [make_run(model_config_values=config) for config in ({"beta": 4.0}, {"beta": 4.0, "warm_up": "linear"})]
    assert variants(runs) == [("warm_up=none",), ("warm_up=linear",)]


def test_models_that_were_trained_differently_say_so(make_run):
    runs = [
        make_run("beta_vae", train_config={"steps": 300, "batch_size": 64}),
        make_run("factor_vae", train_config={"steps": 600, "batch_size": 64}),
        make_run("untrained", trained=False, train_config={}),
    ]
    assert variants(runs) == [("steps=300",), ("steps=600",), ()]


def test_costs_are_means_over_seeds_and_the_most_memory(make_run):
    runs = [
        make_run(seed=0, reconstruction=90.0, active_codes=4, train_seconds=10.0, peak_memory_bytes=100, n_codes=10),
        make_run(seed=1, reconstruction=92.0, active_codes=5, train_seconds=30.0, peak_memory_bytes=300, n_codes=10),
    ]
    costs = costs_of([runs])
    assert costs.reconstruction.mean == 91
    assert costs.reconstruction.method == "t"
    assert (costs.active_codes, costs.train_seconds, costs.peak_memory_bytes, costs.n_codes) == (4.5, 20, 300, 10)
    assert (costs.kl, costs.parameters) == (None, None)


def test_costs_over_data_sets_weigh_each_the_same_and_need_all(make_run):
    one, two = [make_run(kl=1.0), make_run(seed=1, kl=2.0)], [make_run(seed=2, kl=10.0)]
    assert costs_of([one, two]).kl.mean == pytest.approx((1.5 + 10) / 2)
    assert costs_of([one, [make_run()]]).kl is None
    assert costs_of([[]]).kl is None


def test_failures_are_listed_by_data_set_and_seed(make_run):
    failure = Failure(kind="oom", message="out of memory")
    runs = [make_run(seed=s, dataset=d, failure=failure) for d, s in [("b", 1), ("a", 2), ("a", 0)]]
    assert [(run.dataset, run.seed) for run in failed_runs([*runs, make_run()])] == [("a", 0), ("a", 2), ("b", 1)]
