"""Which rows a run trains on and is scored on: the same for all models and seeds."""

import numpy as np

from minebench.datasets.factor_dataset import FactorDataset
from minebench.datasets.splits import held_out_split, rows_hash
from minebench.leaderboard.results import Rows

N_SCORED = 10_000


def training_rows(dataset: FactorDataset) -> np.ndarray:
    """The rows that models learn from, int64: nine tenths, or what the data set itself says."""
    return held_out_split(dataset).train


def scored_rows(dataset: FactorDataset) -> np.ndarray:
    """The 10,000 held-out rows that scores are computed on (all held-out rows of a smaller data set), int64."""
    return held_out_split(dataset).held_out[:N_SCORED]


def describe(rows: np.ndarray, split: str = "held_out") -> Rows:
    """Scored rows as a result tells them."""
    return Rows(n=len(rows), split=split, hash=rows_hash(rows))


def rows_identity(dataset: FactorDataset) -> str:
    """Hash of the rows that are trained on and scored: part of a run's identity."""
    split = held_out_split(dataset)
    return f"{rows_hash(split.train)[:16]} {rows_hash(split.held_out[:N_SCORED])[:16]}"
