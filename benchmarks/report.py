"""What a checkpoint is worth: its scores and measures on the held-out rows, or on all of them."""

from pathlib import Path
from typing import Any, Literal

import numpy as np

from minebench.benchmarks import registry, rows
from minebench.benchmarks.checkpoint import weights_sha256
from minebench.benchmarks.evaluation import evaluate
from minebench.benchmarks.job import RunSettings
from minebench.benchmarks.scoring import score_run
from minebench.benchmarks.workbench import for_checkpoint


def report(path: Path, settings: RunSettings, *, chosen: Literal["scored", "all"] = "scored") -> dict[str, Any]:
    """Score a checkpoint; the file says which model it is and what it was trained on.

    Args:
        path: A ``.safetensors`` file, or the folder of a finished run.
        settings: Device and data folder.
        chosen: ``"scored"`` takes the 10,000 held-out rows of the benchmark; ``"all"`` every row, those that the model
            learned from included: of a data set that is a whole grid, votes are then drawn from the grid.

    Returns:
        Plain data: what it is, its scores by metric, its blocks of codes if it has some, and reconstruction, KL (nats
        per image) and active codes.

    Raises:
        UsageError: If it is no checkpoint, or its data is not here.
    """
    bench = for_checkpoint(path, device=settings.device, threads=settings.threads, data_root=settings.data_root)
    spec = bench.header.spec
    scored = rows.scored_rows(bench.dataset) if chosen == "scored" else np.arange(len(bench.dataset))
    evaluation = evaluate(bench.model, bench.dataset, scored, seed=spec.seed, device=bench.device)
    _, _, blocks, named, nuisance = evaluation.representation
    scores = score_run(bench.header.train_id, evaluation.representation, spec.seed)
    return {
        "run": bench.header.train_id,
        "model": spec.model,
        "data": f"{spec.dataset} ({bench.dataset.source})",
        "seed": spec.seed,
        "steps": bench.header.step,
        "rows": rows.describe(scored, "held_out" if chosen == "scored" else "all").model_dump(),
        "scores": {registry.label(score.metric, score.codes): score.value for score in scores},
        **({"blocks": {"columns": blocks, "named": named, "nuisance": nuisance}} if blocks is not None else {}),
        "drawn_from": {s.metric: s.details["drawn_from"] for s in scores if "drawn_from" in s.details},
        "measures": {
            "reconstruction": evaluation.reconstruction,
            "kl": evaluation.kl,
            "active_codes": evaluation.active_codes,
        },
        "weights": weights_sha256(bench.model),
    }
