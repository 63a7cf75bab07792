"""The hyperparameters of the MINE Disentangle VAE."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from minebench.baselines.vae import VAEConfig
from minebench.minevae.attention import Softmax, Sparsity
from minebench.minevae.block_correlation import BlockEstimator
from minebench.minevae.bounds import Objective
from minebench.minevae.factor_encoder import Queries
from minebench.minevae.mutual_information import Branches

Partition = Literal["learned", "fixed_soft", "fixed_hard"]
DecoderInput = Literal["z", "attended"]
Complexity = Literal["labels", "fit"]
Target = Literal["shares", "nats"]


class MINEDisentangleVAEConfig(VAEConfig):
    """Settings of minebench: no published study has used this model."""

    latent_dim: PositiveInt = Field(128, description="Width of the code.")
    num_factors: PositiveInt | None = Field(
        10,
        description="Blocks beside the nuisance block; those beyond the data's factors have no label. null: as many.",
    )
    factor_dim: PositiveInt = Field(32, description="Width of a factor's query.")
    attention_dim: PositiveInt = Field(128, description="Width of the attention; a multiple of 4.")
    mine_hidden_dim: PositiveInt = Field(128, description="Width of the critics' two hidden layers.")

    beta: NonNegativeFloat = Field(1.0, description="Weight of the KL term.")
    disentanglement_weight: NonNegativeFloat = Field(1.0, description="Weight of the three disentanglement terms.")
    tc_weight: NonNegativeFloat = Field(4.0, description="Weight of total correlation among those.")
    information_weight: NonNegativeFloat = Field(10.0, description="Weight of leaks less information among those.")
    rate_weight: NonNegativeFloat = Field(0.0, description="Weight of the rate of labelled blocks beyond complexity.")
    within_weight: NonNegativeFloat = Field(5.0, description="Weight of their rate within the values of their labels.")
    attention_reg_weight: NonNegativeFloat = Field(0.1, description="Weight of the sparsity of the attention.")
    entropy_reg_weight: NonNegativeFloat = Field(0.05, description="Weight of the entropy of the attention.")
    capacity_weight: NonNegativeFloat = Field(10.0, description="Weight of the distance to the target capacities.")
    adaptive_weights: bool = Field(False, description="Weigh the information of a factor by its complexity.")

    bi_level_outer_steps: PositiveInt = Field(5, description="Outer updates in a round, each with its critics.")
    bi_level_inner_steps: PositiveInt = Field(3, description="Updates of the attention in a round.")
    critic_updates: PositiveInt = Field(2, description="Updates of the critics before each outer one.")
    critic_learning_rate: PositiveFloat = Field(1e-3, description="Adam's learning rate of the critics.")
    critic_weight_decay: NonNegativeFloat = Field(1e-3, description="Half the weight of the critics' squared weights.")
    attention_learning_rate: PositiveFloat = Field(1e-3, description="Adam's learning rate of the attention.")
    warm_up: float = Field(0.1, ge=0, lt=1, description="Share of the run before disentanglement; 1,000 steps at most.")
    ramp: float = Field(0.2, ge=0, le=1, description="Share of the run in which its weight rises; 1,000 steps at most.")
    unroll: Literal[0, 1] = Field(0, description="Attention updates that the outer loss looks ahead.")

    label_fraction: float = Field(0.1, ge=0, le=1, description="Share of labelled images; 0: unsupervised.")
    held_out: float = Field(0.2, gt=0, lt=1, description="Share of the images that the attention learns from.")

    softmax: Softmax = Field("columns", description="Over the blocks of a latent, or the latents of a block (rows).")
    queries: Queries = Field("static", description="The same for all images, or moved by their features (dynamic).")
    partition: Partition = Field("learned", description="Whether attention moves; fixed_hard: equal blocks.")
    nuisance_share: float = Field(0.25, gt=0, lt=1, description="Share of the nuisance block: at first, and aimed at.")
    capacity_target: Target = Field("shares", description="By complexity: shares of all capacity, or nats of it each.")
    sparsity: Sparsity = Field("overlap", description="overlap of the blocks, or l2 of the weights.")
    decoder_input: DecoderInput = Field("z", description="z, or z with what it attends to among the queries.")

    mi_estimator: Objective | Literal["gauss_mean", "gauss_sample"] = Field(
        "dv", description="Of information on labels: dv is MINE; gauss: a fit to means or samples."
    )
    tc_estimator: BlockEstimator = Field("mss_loo", description="Of total correlation between the blocks.")
    tc_rival: Objective | None = Field("dv", description="Trained critic logged beside it; null for none.")
    gradient: Branches = Field("both", description="Through both samples of a critic's bound, or the joint ones.")
    smile_tau: PositiveFloat = Field(5.0, description="Where smile clips.")
    moving_average: float = Field(0.99, ge=0, lt=1, description="Decay of the average in the gradient of dv.")
    score_bound: PositiveFloat = Field(10.0, description="Largest score of the critic of dv on total correlation.")
    tc_in_inner: bool = Field(False, description="Let the attention, too, lower total correlation: it then collapses.")
    complexity: Complexity = Field("labels", description="A label's entropy, or what a Gaussian fit tells of it (fit).")
    gaussian_fit_samples: int = Field(1000, ge=2, description="Codes that the Gaussian fit remembers.")
