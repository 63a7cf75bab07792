"""Made-up runs: short to write, complete records."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from minebench.leaderboard.results import Failure, Provenance, Rows, RunResult, Score

METRICS = {  # title, direction, lower, upper
    "z_diff": ("Z-diff", "up", 0.0, 1.0),
    "z_min_var": ("Z-min Var", "down", 0.0, 1.0),
    "irs": ("IRS", "up", -1.0, 1.0),
    "mig": ("MIG", "up", 0.0, 1.0),
    "jemmig": ("JEMMIG", "up", 0.0, 1.0),
}

PROVENANCE = Provenance(
    git_commit="0" * 40,
    git_dirty=False,
    versions={"torch": "2.9.0", "numpy": "2.3.0"},
    hardware={"cpu": "a processor", "threads": 2},
    started="2026-01-01T00:00:00Z",
    finished="2026-01-01T00:01:00Z",
)


def _score(metric: str, value: float, **changes: Any) -> Score:
    title, direction, lower, upper = METRICS.get(metric, (metric, "up", None, None))
    fields = {
        "score_id": f"{metric}-{changes.get('version', 1)}-{changes.get('protocol')}",
        "metric": metric,
        "title": title,
        "version": 1,
        "direction": direction,
        "lower": lower,
        "upper": upper,
        "value": value,
        "protocol": {"n_bins": 20} if metric in ("mig", "jemmig") else {},
        "seconds": 0.1,
    }
    return Score(**{**fields, **changes})


def _run(
    model: str = "beta_vae", seed: int = 0, scores: dict[str, float] | tuple[Score, ...] = (), **changes: Any
) -> RunResult:
    failed = "failure" in changes
    fields = {
        "model": model,
        "model_title": {"beta_vae": "β-VAE", "factor_vae": "FactorVAE", "beta_tcvae": "β-TCVAE"}.get(model, model),
        "dataset": "dsprites",
        "dataset_title": "dSprites",
        "seed": seed,
        "profile": "standard",
        "source": "procedural",
        "pixel_exact": True,
        "status": "failed" if failed else "done",
        "model_config_values": {"latent_dim": 10},
        "train_config": {"steps": 20_000, "batch_size": 64, "learning_rate": 1e-4},
        "data_fingerprint": "abc",
        "steps": 20_000,
        "scores": tuple(_score(*item) for item in scores.items()) if isinstance(scores, dict) else scores,
        "rows": None if failed else Rows(n=10_000, split="held_out", hash="0123456789abcdef"),
        "device": "cpu",
        "provenance": PROVENANCE,
        **changes,
    }
    identity = json.dumps({key: str(value) for key, value in fields.items() if key != "scores"}, sort_keys=True)
    return RunResult(**{"train_id": hashlib.sha256(identity.encode()).hexdigest()[:16], **fields})


@pytest.fixture
def make_score() -> Callable[..., Score]:
    """A score of ``metric`` at ``value``; keywords change any field."""
    return _score


@pytest.fixture
def make_run() -> Callable[..., RunResult]:
    """A run of ``model`` from ``seed`` with ``scores`` {metric: value}; keywords change any field."""
    return _run


@pytest.fixture
def diverged() -> Failure:
    return Failure(kind="diverged", message="total_correlation is not finite", step=412, term="total_correlation")
