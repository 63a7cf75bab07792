"""What the study may be asked: one cell is a distribution, a batch size, and estimators that meet the same batches."""

import hashlib
import json
from typing import Literal, get_args

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from minebench.benchmarks.spec import Frozen
from minebench.benchmarks.study.gaussians import Structure, Warp
from minebench.minevae.nearest_neighbours import MAX_CODES

VERSION = 1  # raised by every change that moves the numbers of a cell

Kind = Structure | Literal["student", "vae_like", "codes"]
Training = Literal["mine", "dv", "nwj", "js", "infonce"]

ORACLES = ("oracle_mean", "oracle_dv", "oracle_nwj", "oracle_smile_5", "oracle_infonce")
FREE = (
    "mws",
    "mss",
    "mss_loo",
    "mss_faulty",
    "full_mc",
    "part_mc",
    "gauss_mean",
    "gauss_sample",
    "gauss_sample_debiased",
    "gauss_sample_shrunk",
    "ksg",
    "constant",
)
OF_POSTERIORS = ("mws", "mss", "mss_loo", "mss_faulty", "full_mc", "part_mc", "gauss_mean")
READINGS: dict[Training, tuple[str, ...]] = {  # what is read off critics that were trained so
    "mine": ("mine",),
    "dv": ("dv",),
    "nwj": ("nwj",),
    "js": ("js", "smile_1", "smile_5", "smile_10"),
    "infonce": ("infonce",),
}


class DistributionSpec(Frozen):
    """A distribution of codes."""

    kind: Kind = Field(description="See gaussians, student and mixtures; codes: of a trained run.")
    dim: PositiveInt = Field(10, description="Width of the codes.")
    total_correlation: float = Field(0.0, ge=0, description="Nats; of the Gaussians and the Student-t copula.")
    warp: Warp = Field("none", description="Monotone function of each code.")
    n_images: PositiveInt | None = Field(None, description="Posteriors of the population, for Monte Carlo.")
    information: PositiveFloat | None = Field(None, description="I(x; z) in nats, of vae_like.")
    freedom: PositiveFloat = Field(4.0, description="Degrees of freedom of the Student-t copula.")
    permuted: bool = Field(False, description="A control: columns permuted, so that the truth is 0.")
    run: str | None = Field(None, description="Identity of the trained run that codes are of.")

    @property
    def has_posteriors(self) -> bool:
        """Whether codes are samples of known posteriors."""
        made = self.kind == "codes" or (self.n_images is not None and self.kind != "student")
        return made and self.warp == "none" and not self.permuted

    @property
    def label(self) -> str:
        """For tables and file names, e.g. ``equicorrelated d10 tc2``."""
        parts = [self.kind, f"d{self.dim}"]
        if self.kind == "vae_like":
            parts += [f"N{self.n_images}", f"I{self.information:g}"]
        elif self.kind == "codes":
            parts += [str(self.run)]
        elif self.kind != "independent":
            parts += [f"tc{self.total_correlation:g}"]
        parts += [self.warp] if self.warp != "none" else []
        return " ".join(parts + (["permuted"] if self.permuted else []))


class CriticSpec(Frozen):
    """How critics are trained before they are read."""

    objective: Training = Field(description="mine is dv with the moving average.")
    condition: Literal["converged", "offline", "tracking"] = Field(
        "converged", description="On fresh codes; on a split of n_train codes, with early stopping; on a moving target."
    )
    structure: Literal["whole", "line", "tree", "copula"] = Field(
        "whole", description="One critic; one for each split; one that corrects a fitted Gaussian copula."
    )
    n_critics: PositiveInt = Field(10, description="S: critics trained independently.")
    hidden_dim: PositiveInt = Field(128, description="Width of the two hidden layers.")
    n_steps: PositiveInt = Field(2000, description="Updates; the most, offline; before the target moves, tracking.")
    n_train: PositiveInt | None = Field(None, description="Codes that exist, offline.")
    steps_per_move: PositiveInt = Field(2, description="k: updates after each of the encoder's 200 moves, tracking.")
    learning_rate: PositiveFloat = Field(1e-3, description="Adam's.")
    betas: tuple[float, float] = Field((0.5, 0.9), description="Adam's.")
    score_bound: PositiveFloat | None = Field(None, description="Of the critics' scores, as tanh keeps it.")

    @model_validator(mode="after")
    def _offline_has_a_size(self) -> "CriticSpec":
        if (self.condition == "offline") != (self.n_train is not None):
            raise ValueError("n_train belongs to the condition offline, and offline needs it")
        if self.structure == "copula" and self.condition != "converged":
            raise ValueError("a copula is fitted to fresh codes, so its critics are of the condition converged")
        return self

    @property
    def label(self) -> str:
        """For tables and file names, e.g. ``tree converged w128``."""
        condition = {"converged": "converged", "offline": f"offline{self.n_train}", "tracking": "tracking"}
        parts = [*([] if self.structure == "whole" else [self.structure]), condition[self.condition]]
        parts += [f"k{self.steps_per_move}"] if self.condition == "tracking" else []
        parts += [f"w{self.hidden_dim}"]
        parts += [f"lr{self.learning_rate:g}"] if self.learning_rate != 1e-3 else []
        parts += [f"betas{self.betas[0]:g},{self.betas[1]:g}"] if self.betas != (0.5, 0.9) else []
        return " ".join([*parts, *([f"bound{self.score_bound:g}"] if self.score_bound is not None else [])])


class Cell(Frozen):
    """Estimators on the same batches of one distribution."""

    distribution: DistributionSpec
    batch_size: PositiveInt = Field(256, description="M.")
    estimators: tuple[str, ...] = Field((), description="Those without critics, and those with the exact one.")
    critics: CriticSpec | None = None
    n_replicates: PositiveInt = Field(100, description="R: batches.")
    n_gradients: NonNegativeInt = Field(0, description="Batches for the gradient, of unwarped Gaussians only.")
    seed: NonNegativeInt = 0

    @model_validator(mode="after")
    def _can_be_run(self) -> "Cell":
        if unknown := sorted(set(self.estimators) - {*FREE, *ORACLES}):
            raise ValueError(f"unknown estimators {unknown}; known: {', '.join((*FREE, *ORACLES))}")
        if not self.estimators and self.critics is None:
            raise ValueError("a cell needs estimators or critics")
        spec = self.distribution
        if "ksg" in self.estimators and spec.dim > MAX_CODES:
            raise ValueError(f"ksg serves up to {MAX_CODES} codes; {spec.label} has {spec.dim}")
        needing = sorted(set(self.estimators) & set(OF_POSTERIORS))
        if needing and not spec.has_posteriors:
            raise ValueError(f"{needing} need posteriors; give {spec.label} n_images, and no warp")
        fits = sorted(set(self.estimators) & {"gauss_mean", "gauss_sample", "gauss_sample_debiased"})
        if fits and self.batch_size <= spec.dim:
            raise ValueError(f"{fits} need batches of more than {spec.dim} codes; got {self.batch_size}")
        if self.n_gradients and not (spec.has_posteriors and spec.kind in get_args(Structure)):
            raise ValueError(f"gradients are measured on unwarped Gaussians with n_images, not on {spec.label}")
        if 0 < self.n_gradients < 3 or self.n_replicates < 3:
            raise ValueError("an interval needs three batches at least")
        return self

    @property
    def cell_id(self) -> str:
        """Readable, and unique to what decides the numbers."""
        decides = self.model_dump(mode="json")
        if self.critics is not None:  # settings that came later leave the ids of what was run before as they were
            for later in ("learning_rate", "betas", "score_bound"):
                if getattr(self.critics, later) == CriticSpec.model_fields[later].default:
                    del decides["critics"][later]
        text = json.dumps([VERSION, decides], sort_keys=True)
        what = "free" if self.critics is None else f"{self.critics.objective} {self.critics.label}"
        name = f"{self.distribution.label} m{self.batch_size} {what}".replace(" ", "-")
        return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"
