"""The estimators of mutual information and total correlation by name, and what a caller needs of them.

``total_correlation_estimator("mss_loo", dim)`` and its like serve a model in training, behind the interface of
``TotalCorrelationEstimator``; ``mutual_information(x, y)`` and ``total_correlation(codes)`` serve arrays, with an
interval. See ``bounds`` for the objectives of the trained ones.
"""

import torch

from minebench.minevae.bounds import OBJECTIVES, Objective, Scores, bound, critic_loss
from minebench.minevae.code_batch import CodeBatch, TotalCorrelationEstimator
from minebench.minevae.critic_correlation import (
    CriticTotalCorrelation,
    SplitTotalCorrelation,
    line_splits,
    tree_splits,
)
from minebench.minevae.estimates import (
    ARRAY_METHODS,
    CriticSettings,
    InformationEstimate,
    mutual_information,
    total_correlation,
)
from minebench.minevae.gaussian_fit import GaussianFitEstimator, GaussianTotalCorrelation
from minebench.minevae.groups import Groups, permute_groups
from minebench.minevae.monte_carlo import MinibatchTotalCorrelation, MixtureTotalCorrelation
from minebench.minevae.mutual_information import Branches, MutualInformationEstimator
from minebench.minevae.nearest_neighbours import NearestNeighbourTotalCorrelation

__all__ = [
    "ARRAY_METHODS",
    "CRITIC_FREE",
    "OBJECTIVES",
    "WITH_CRITICS",
    "CodeBatch",
    "CriticSettings",
    "GaussianFitEstimator",
    "InformationEstimate",
    "MutualInformationEstimator",
    "Objective",
    "Scores",
    "TotalCorrelationEstimator",
    "bound",
    "critic_loss",
    "mutual_information",
    "permute_groups",
    "total_correlation",
    "total_correlation_estimator",
]

CRITIC_FREE = (
    "mws",
    "mss",
    "mss_loo",
    "full_mc",
    "part_mc",
    "gauss_mean",
    "gauss_sample",
    "gauss_sample_debiased",
    "gauss_sample_shrunk",
    "ksg",
)
WITH_CRITICS = tuple(f"{structure}{objective}" for structure in ("", "line_", "tree_") for objective in OBJECTIVES)


def total_correlation_estimator(
    name: str,
    dim: int,
    *,
    groups: Groups | None = None,
    hidden_dim: int = 128,
    tau: float = 5.0,
    decay: float = 0.99,
    branches: Branches = "both",
    generator: torch.Generator | None = None,
) -> TotalCorrelationEstimator:
    """An estimator of the total correlation of ``dim`` codes.

    Args:
        name: One of ``CRITIC_FREE`` (``part_mc`` takes a tenth of the components) or ``WITH_CRITICS``: an objective
            alone compares the joint distribution with the product in one; after ``line_`` or ``tree_`` it estimates
            the mutual informations that the total correlation is a sum of. Those are ``nn.Module``s, and their
            parameters minimise ``critic_loss``.
        dim: Width D of the codes.
        groups: Between which the correlation is measured; default: each code on its own.
        hidden_dim: Width of the critics' hidden layers.
        tau: Where ``smile`` clips.
        decay: Of the moving average of ``dv``; 0 for none.
        branches: Of the gradient through critics.
        generator: Source of the critics' initial weights.

    Raises:
        ValueError: If the name is unknown, or the groups do not hold each code once.
    """
    match name:
        case "mws" | "mss" | "mss_loo":
            return MinibatchTotalCorrelation(name, groups)
        case "full_mc":
            return MixtureTotalCorrelation(groups)
        case "part_mc":
            return MixtureTotalCorrelation(groups, share=0.1)
        case "gauss_mean":
            return GaussianTotalCorrelation("mean", groups=groups)
        case "gauss_sample":
            return GaussianTotalCorrelation("sample", groups=groups)
        case "gauss_sample_debiased":
            return GaussianTotalCorrelation("sample", "debiased", groups)
        case "gauss_sample_shrunk":
            return GaussianTotalCorrelation("sample", "shrunk", groups)
        case "ksg":
            return NearestNeighbourTotalCorrelation(groups=groups)
    structure, _, rest = name.rpartition("_")
    objective = next((known for known in OBJECTIVES if known == rest), None)
    if objective is None or structure not in ("", "line", "tree"):
        known = ", ".join((*CRITIC_FREE, *WITH_CRITICS))
        raise ValueError(f"unknown estimator of total correlation {name!r}; known: {known}")
    splits = {"line": line_splits, "tree": tree_splits}[structure](dim, groups) if structure else []
    information = MutualInformationEstimator(
        dim,
        n_pairs=max(1, len(splits)),
        hidden_dim=hidden_dim,
        objective=objective,
        tau=tau,
        decay=decay,
        generator=generator,
    )
    if splits:
        return SplitTotalCorrelation(information, splits, branches)
    return CriticTotalCorrelation(information, branches)
