"""What 5,000 steps on dSprites must have taught: half an hour on two cores."""

import pytest
import torch

from minebench.baselines.contract import Gaussian, Noise
from minebench.baselines.total_correlation import full_total_correlation
from minebench.benchmarks import harness, profile
from minebench.benchmarks.batches import to_images
from minebench.benchmarks.job import RunSettings
from minebench.benchmarks.workbench import for_checkpoint
from minebench.leaderboard.results import ResultStore

pytestmark = pytest.mark.slow

MODELS = ["vae", "beta_vae", "factor_vae", "beta_tcvae"]
SAMPLES = 500


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """One run of each model and the untrained one: 5,000 steps of 64 images at learning rate 1e-3, seed 0."""
    store = ResultStore(tmp_path_factory.mktemp("learning"))
    quick = profile.load_profile("quick", ["train.steps=5000"])
    planned = harness.plan(profile.plan_specs(quick, models=MODELS, seeds=[0]), store, RunSettings())
    for _ in harness.run(planned, store, slots=2):
        pass
    return {
        entry.job.spec.model: (store.load(entry.job.train_id), store.folder(entry.job.train_id)) for entry in planned
    }


@torch.inference_mode()
def exact_total_correlation(folder):
    """TC of the mixture of the posteriors of all training images, from 500 samples of it; and its standard error."""
    bench = for_checkpoint(folder, threads=2)
    rows = bench.split.train
    parts = [
        bench.model.encode(to_images(bench.dataset.images(part), bench.device))
        for part in torch.from_numpy(rows).split(1000)
    ]
    posterior = Gaussian(torch.cat([part.mean for part in parts]), torch.cat([part.logvar for part in parts]))
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randint(len(rows), (SAMPLES,), generator=generator)
    z = Gaussian(posterior.mean[drawn], posterior.logvar[drawn]).sample(Noise(generator))
    value, error = full_total_correlation(z, posterior)
    return value.item(), error.item()


def test_a_penalty_on_total_correlation_lowers_it(trained):
    """Each of FactorVAE and beta-TCVAE below the plain VAE by more than three standard errors of the difference."""
    vae, vae_error = exact_total_correlation(trained["vae"][1])
    for model in ("factor_vae", "beta_tcvae"):
        value, error = exact_total_correlation(trained[model][1])
        print(f"TC of {model} {value:.3f} +- {error:.3f}, of vae {vae:.3f} +- {vae_error:.3f}")
        assert value < vae - 3 * (error**2 + vae_error**2) ** 0.5


def scores_of(model, trained):
    return {score.metric: score.value for score in trained[model][0].scores}


@pytest.mark.parametrize("model", MODELS)
def test_every_trained_model_beats_no_training(model, trained):
    """In reconstruction, and in the FactorVAE score by more than chance gives: 0.05 of error.

    A single training cannot be asked more: on another processor the same seed ended 0.13 of error away.
    """
    scores, chance = scores_of(model, trained), scores_of("untrained", trained)
    print(model, trained[model][0].reconstruction, scores, "untrained", chance)
    assert trained[model][0].reconstruction < trained["untrained"][0].reconstruction / 2
    assert scores["z_min_var"] < chance["z_min_var"] - 0.05


@pytest.mark.parametrize(("metric", "sign"), [("z_diff", 1), ("z_min_var", -1), ("mig", 1), ("jemmig", 1)])
def test_training_beats_no_training_in_the_mean_of_four_models(metric, sign, trained):
    """IRS is not asked: its floor lies above 0 and is another for other codes."""
    mean = sum(scores_of(model, trained)[metric] for model in MODELS) / len(MODELS)
    chance = scores_of("untrained", trained)[metric]
    print(metric, mean, "untrained", chance)
    assert sign * (mean - chance) > 0
