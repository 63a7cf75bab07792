"""Results as records: what they share whether a run finished or failed."""

from typing import Any

from minebench.benchmarks import provenance, registry
from minebench.benchmarks.job import Job
from minebench.leaderboard.results import Failure, RunResult


def job_fields(job: Job) -> dict[str, Any]:
    """The fields of a result that its job decides."""
    spec = job.spec
    model, dataset = registry.model(spec.model), registry.dataset(spec.dataset)
    return {
        "train_id": job.train_id,
        "model": spec.model,
        "model_title": model.title,
        "dataset": spec.dataset,
        "dataset_title": dataset.title,
        "seed": spec.seed,
        "profile": spec.profile,
        "source": job.source,
        "pixel_exact": dataset.pixel_exact,
        "supervision": model.supervision_of(spec.config),
        "precision": spec.train.precision,
        "trained": model.trained,
        "model_config_values": spec.config,
        "train_config": spec.train.model_dump() if model.trained else {},
        "data_fingerprint": job.identity["data"],
        "device": job.identity["device"],
    }


def failed_result(job: Job, failure: Failure, started: str) -> RunResult:
    """The record of a run that gave no scores."""
    return RunResult(
        **job_fields(job),
        status="failed",
        failure=failure,
        steps=failure.step or 0,
        provenance=provenance.collect(job.settings.device, started),
    )
