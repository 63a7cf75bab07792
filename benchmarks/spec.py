"""What decides the outcome of a run, and nothing else: how a run is carried out stands in ``job.py``."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, NonNegativeInt, PositiveInt


class Frozen(BaseModel):
    """Immutable, unknown keys refused, numbers finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())


Precision = Literal["fp32", "bf16"]


class TrainConfig(Frozen):
    """How long and on what batches a model is trained; part of a run's identity."""

    steps: NonNegativeInt = Field(300_000, description="Steps: each is one round of the model's phases.")
    batch_size: PositiveInt = Field(64, description="Images in a batch, drawn with replacement.")
    precision: Precision = Field(
        "fp32", description="Arithmetic of the networks in training: bf16 multiplies in bfloat16; losses stay fp32."
    )


class RunSpec(Frozen):
    """One model, one data set, one seed: what decides the outcome of a run.

    ``profile`` is the label under which the board groups results, and ``setting`` tells logs and bars which point of a
    grid this is; both decide no number and are no part of the identity.
    """

    model: str
    config: dict[str, JsonValue]  # complete: defaults are written out
    dataset: str
    seed: NonNegativeInt
    train: TrainConfig
    profile: str
    setting: str = ""  # e.g. "beta=16"

    @property
    def name(self) -> str:
        """For logs and bars, e.g. ``beta_vae/dsprites/0``, or ``beta_vae(beta=16)/dsprites/0`` in a grid."""
        setting = f"({self.setting})" if self.setting else ""
        return f"{self.model}{setting}/{self.dataset}/{self.seed}"
