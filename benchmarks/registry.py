"""The table of contents: every model, data set and metric, and the one place to add another.

Entries name their parts as ``"module:Name"`` and import them on use, so that listing, scoring and the leaderboard need
no torch. A model outside the repository is registered with ``register_model`` from a file given by ``--plugin``, or
through the entry point group ``minebench.models``.
"""

import importlib
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal, TypeVar

from minebench.benchmarks.suggestions import UsageError, unknown_name
from minebench.datasets.files import Report, find_data_file, unheard
from minebench.datasets.published import Card
from minebench.datasets.subsets import Rule, TrainingSubset, parse_rule

_Entry = TypeVar("_Entry")
Codes = Literal["dims", "blocks"]  # whether single codes are scored, or blocks of them
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class ModelEntry:
    """A model: where it is defined, how it is configured, who proposed it."""

    title: str
    target: str | type  # "module:Class", or the class itself
    config: str | type
    paper: str = ""
    supervision: str = "none"  # what labels it sees, by its defaults
    label_share: str = ""  # the configuration's key for the share of labelled images; "" if there is none
    trained: bool = True  # False: scored as initialised

    def model_class(self) -> Any:
        """The ``nn.Module``; imports torch."""
        return _resolve(self.target)

    def class_name(self) -> str:
        """The name of the class inside its file; imports nothing."""
        return _origin(self.target).split(":")[1]

    def config_class(self) -> Any:
        """The pydantic model of its hyperparameters."""
        return _resolve(self.config)

    def supervision_of(self, config: Mapping[str, Any]) -> str:
        """What labels a run of a complete configuration sees, e.g. ``10 % labels``; the board never mixes them."""
        if not self.label_share:
            return self.supervision
        share = config[self.label_share]
        return f"{100 * share:g} % labels" if share else "none"


@dataclass(frozen=True)
class DatasetEntry:
    """A data set: its loader takes a root folder, or None for the default, and returns a ``FactorDataset``."""

    title: str
    loader: str | Callable[..., Any]  # "module:function", or the function itself
    description: str
    files: str = ""  # "module:NAMES" of the real files that the loader looks for; "" if there are none
    card: str = ""  # "module:CARD" of what can be said without opening it; "" if there are no real files
    embedded: str = ""  # the data set taken where the real files are missing, if it has a name of its own
    pixel_exact: bool = False  # whether the procedural source equals the real files in every pixel
    paper: str = ""
    rule: Rule | None = None  # which rows may be trained on, where not all are

    def load(self, root: Path | None = None, report: Report = unheard) -> Any:
        """The data set, from its real files below ``root`` or from its procedural source.

        Raises:
            UsageError: If a rule does not fit it.
        """
        data = _resolve(self.loader)(root, **({} if report is unheard else {"report": report}))
        if self.rule is None:
            return data
        subset = TrainingSubset(data, self.rule)
        try:
            subset.own_split()
        except ValueError as error:
            raise UsageError(str(error)) from error
        return subset

    def find(self, root: Path) -> Path | None:
        """The first of the real files below ``root``; None if there is none."""
        return find_data_file(root, _resolve(self.files)) if self.files else None

    def source(self, root: Path) -> Literal["real", "procedural"]:
        """Where ``load`` would take the images from; loads nothing."""
        return "real" if self.find(root) else "procedural"

    def about(self) -> Card:
        """What can be said without opening it; only with ``card``."""
        card: Card = _resolve(self.card)
        return card


@dataclass(frozen=True)
class MetricEntry:
    """A metric: a function of codes and factors that returns a ``MetricResult``."""

    title: str
    target: str  # "module:function"
    direction: Literal["up", "down"]
    lower: float | None
    upper: float | None
    definition: str
    reads_as: str  # its range, and what it sees or misses
    chance: str  # what codes of noise and constant codes score
    cost: str  # how it grows
    paper: str = ""
    protocol: dict[str, Any] = field(default_factory=dict)  # departures of the benchmark from the function's defaults
    in_runs: bool = False  # whether every run is scored with it; the others are there on request
    from_information: str = ""  # "module:function" of a JointInformation; then the protocol is joint_information's
    # "module:function" of (codes, factors, blocks, ...); equal to ``target`` for a metric that scores nothing else
    blocks: str = ""
    parts: dict[str, str] = field(default_factory=dict)  # scores of other names in its details: what they are

    def function(self) -> Callable[..., Any]:
        """The function of (codes, factors, ...), or of (codes, ...) for a metric that needs no factors."""
        function: Callable[..., Any] = _resolve(self.target)
        return function

    def reader(self) -> Callable[[Any], Any]:
        """The function of the joint counts that metrics of one protocol share; only with ``from_information``."""
        function: Callable[[Any], Any] = _resolve(self.from_information)
        return function

    def version(self) -> int:
        """The metric's version: it moves when its numbers do."""
        return int(importlib.import_module(self.target.split(":")[0]).VERSION)

    def is_random(self) -> bool:
        """Whether the metric draws samples, i.e. takes ``rng``."""
        return "rng" in inspect.signature(self.function()).parameters

    def full_protocol(self) -> dict[str, Any]:
        """Every protocol constant: the function's defaults, with the benchmark's departures."""
        return _defaults(self.target) | self.protocol

    def scores(self, codes: Codes) -> bool:
        """Whether it scores single codes, or blocks of them."""
        return self.target != self.blocks if codes == "dims" else bool(self.blocks)

    def on_blocks(self) -> "MetricEntry":
        """The same metric as a score of blocks of codes: ``function`` takes (codes, factors, blocks, ...)."""
        departures = {name: value for name, value in self.protocol.items() if name in _defaults(self.blocks)}
        return replace(self, target=self.blocks, from_information="", protocol=departures)

    def with_constants(self, **constants: Any) -> "MetricEntry":
        """The same metric with other protocol constants; those that it does not have are left out."""
        known = self.full_protocol()
        changed = {name: value for name, value in constants.items() if name in known}
        return replace(self, protocol=self.protocol | changed)


_NOT_PROTOCOL = ("rng", "information", "nuisance")  # what is handed in, and a number that only names a block

MODELS: dict[str, ModelEntry] = {
    "untrained": ModelEntry(
        title="untrained",
        target="minebench.baselines.vae:VAE",
        config="minebench.baselines.vae:VAEConfig",
        paper="the VAE as initialised: what a metric gives for no learning at all",
        trained=False,
    ),
    "vae": ModelEntry(
        title="VAE",
        target="minebench.baselines.vae:VAE",
        config="minebench.baselines.vae:VAEConfig",
        paper="Kingma and Welling 2014, arXiv:1312.6114",
    ),
    "beta_vae": ModelEntry(
        title="β-VAE",
        target="minebench.baselines.beta_vae:BetaVAE",
        config="minebench.baselines.beta_vae:BetaVAEConfig",
        paper="Higgins et al. 2017, ICLR",
    ),
    "annealed_vae": ModelEntry(
        title="AnnealedVAE",
        target="minebench.baselines.annealed_vae:AnnealedVAE",
        config="minebench.baselines.annealed_vae:AnnealedVAEConfig",
        paper="Burgess et al. 2018, arXiv:1804.03599",
    ),
    "factor_vae": ModelEntry(
        title="FactorVAE",
        target="minebench.baselines.factor_vae:FactorVAE",
        config="minebench.baselines.factor_vae:FactorVAEConfig",
        paper="Kim and Mnih 2018, arXiv:1802.05983",
    ),
    "beta_tcvae": ModelEntry(
        title="β-TCVAE",
        target="minebench.baselines.beta_tcvae:BetaTCVAE",
        config="minebench.baselines.beta_tcvae:BetaTCVAEConfig",
        paper="Chen et al. 2018, arXiv:1802.04942",
    ),
    "dip_vae_i": ModelEntry(
        title="DIP-VAE-I",
        target="minebench.baselines.dip_vae:DIPVAEI",
        config="minebench.baselines.dip_vae:DIPVAEIConfig",
        paper="Kumar et al. 2018, arXiv:1711.00848",
    ),
    "dip_vae_ii": ModelEntry(
        title="DIP-VAE-II",
        target="minebench.baselines.dip_vae:DIPVAEII",
        config="minebench.baselines.dip_vae:DIPVAEIIConfig",
        paper="Kumar et al. 2018, arXiv:1711.00848",
    ),
    "semi_tcvae": ModelEntry(
        title="semi-β-TCVAE",
        target="minebench.baselines.semi_tcvae:SemiTCVAE",
        config="minebench.baselines.semi_tcvae:SemiTCVAEConfig",
        paper="β-TCVAE with heads on designated latents, after Locatello et al. 2020, arXiv:1905.01258",
        supervision="10 % labels",
        label_share="label_fraction",
    ),
    "mine_vae": ModelEntry(
        title="MINE-VAE",
        target="minebench.minevae.mine_vae:MINEDisentangleVAE",
        config="minebench.minevae.mine_vae:MINEDisentangleVAEConfig",
        paper="this project; MINE: Belghazi et al. 2018, arXiv:1801.04062",
        supervision="10 % labels",
        label_share="label_fraction",
    ),
}

DATASETS: dict[str, DatasetEntry] = {
    "dsprites": DatasetEntry(
        title="dSprites",
        loader="minebench.datasets.dsprites:load_dsprites",
        description="737,280 binary 64x64 images of a sprite: shape 3, scale 6, orientation 40, x 32, y 32",
        files="minebench.datasets.dsprites:FILE_NAMES",
        card="minebench.datasets.dsprites:CARD",
        pixel_exact=True,
        paper="Matthey et al. 2017, github.com/google-deepmind/dsprites-dataset",
    ),
    "shapes3d": DatasetEntry(
        title="3D Shapes",
        loader="minebench.datasets.shapes3d:load_shapes3d",
        description="480,000 renderings of a room, RGB 64x64: hues 10, 10, 10, scale 8, shape 4, orientation 15",
        files="minebench.datasets.shapes3d_files:FILE_NAMES",
        card="minebench.datasets.shapes3d_files:CARD",
        embedded="shapes3d_like",
        paper="Burgess and Kim 2018, github.com/google-deepmind/3d-shapes",
    ),
    "mpi3d_toy": DatasetEntry(
        title="MPI3D-toy",
        loader="minebench.datasets.mpi3d:load_mpi3d_toy",
        description="1,036,800 simplistic renderings of an object on an arm, RGB 64x64, seven factors",
        files="minebench.datasets.mpi3d_files:TOY_NAMES",
        card="minebench.datasets.mpi3d_files:TOY_CARD",
        embedded="mpi3d_like",
        paper="Gondal et al. 2019, arXiv:1906.03292",
    ),
    "mpi3d_realistic": DatasetEntry(
        title="MPI3D-realistic",
        loader="minebench.datasets.mpi3d:load_mpi3d_realistic",
        description="1,036,800 realistic renderings of an object on an arm, RGB 64x64, seven factors",
        files="minebench.datasets.mpi3d_files:REALISTIC_NAMES",
        card="minebench.datasets.mpi3d_files:REALISTIC_CARD",
        embedded="mpi3d_like",
        paper="Gondal et al. 2019, arXiv:1906.03292",
    ),
    "mpi3d_real": DatasetEntry(
        title="MPI3D-real",
        loader="minebench.datasets.mpi3d:load_mpi3d_real",
        description="1,036,800 photographs of an object on a robot's arm, RGB 64x64, seven factors",
        files="minebench.datasets.mpi3d_files:REAL_NAMES",
        card="minebench.datasets.mpi3d_files:REAL_CARD",
        embedded="mpi3d_like",
        paper="Gondal et al. 2019, arXiv:1906.03292",
    ),
    "mpi3d_real_complex": DatasetEntry(
        title="MPI3D-real-complex",
        loader="minebench.datasets.mpi3d:load_mpi3d_real_complex",
        description="460,800 photographs of objects of daily life on a robot's arm, RGB 64x64, seven factors",
        files="minebench.datasets.mpi3d_files:REAL_COMPLEX_NAMES",
        card="minebench.datasets.mpi3d_files:REAL_COMPLEX_CARD",
        embedded="mpi3d_like",
        paper="Gondal et al. 2019, arXiv:1906.03292",
    ),
    "celeba": DatasetEntry(
        title="CelebA",
        loader="minebench.datasets.celeba:load_celeba",
        description="202,599 photographs of faces, cropped to RGB 64x64, with 40 correlated attributes; no grid",
        files="minebench.datasets.celeba_files:FILE_NAMES",
        card="minebench.datasets.celeba_files:CARD",
        embedded="celeba_like",
        paper="Liu et al. 2015, arXiv:1411.7766",
    ),
    "shapes3d_like": DatasetEntry(
        title="3D-Shapes-like",
        loader="minebench.datasets.shapes3d_like:load_shapes3d_like",
        description="480,000 ray-cast images over the factors of 3D Shapes; not the published pictures",
        paper="rendered by minebench",
    ),
    "mpi3d_like": DatasetEntry(
        title="MPI3D-like",
        loader="minebench.datasets.mpi3d_like:load_mpi3d_like",
        description="1,036,800 drawn images over the factors of MPI3D, for all its variants; not the published ones",
        paper="rendered by minebench",
    ),
    "celeba_like": DatasetEntry(
        title="CelebA-like",
        loader="minebench.datasets.celeba_like:load_celeba_like",
        description="drawn faces with correlated attributes, split as CelebA is; no photographs",
        paper="rendered by minebench",
    ),
    "shapes_mini": DatasetEntry(
        title="shapes-mini",
        loader="minebench.datasets.shapes_mini:load_shapes_mini",
        description="a few thousand sprites on a coarse grid, for tests and laptops",
        paper="rendered by minebench",
    ),
}

METRICS: dict[str, MetricEntry] = {
    "z_diff": MetricEntry(
        title="Z-diff",
        target="minebench.metrics.z_diff:z_diff_result",
        blocks="minebench.metrics.block_votes:z_diff_blocks_result",
        direction="up",
        lower=0.0,
        upper=1.0,
        definition="accuracy of a linear classifier that tells, from mean |z1 - z2| over pairs of images that share a "
        "factor's value, which factor they share",
        reads_as="[0, 1]; saturates: 1 is reached with K - 1 of K factors coded",
        chance="noise about 1/K, constant codes 1/K, with K factors",
        cost="votes x pairs x codes, and a logistic regression on votes x codes",
        paper="Higgins et al. 2017, beta-VAE, section 3 (the beta-VAE score)",
        in_runs=True,
    ),
    "z_min_var": MetricEntry(
        title="Z-min Var",
        target="minebench.metrics.z_min_var:z_min_var_result",
        blocks="minebench.metrics.block_votes:z_min_var_blocks_result",
        direction="down",
        lower=0.0,
        upper=1.0,
        definition="error rate of a majority vote that guesses the fixed factor from the code with the smallest "
        "normalised variance",
        reads_as="[0, 1]; lower is better; blind to factors coded twice and to codes that are parts of one factor",
        chance="noise about 1 - 1/K, constant codes 1 - 1/K, with K factors",
        cost="votes x rows of a vote x codes",
        paper="Kim and Mnih 2018, arXiv:1802.05983, section 4",
        in_runs=True,
        parts={"factor_vae_score": "1 - error, higher is better: the FactorVAE score as most papers print it"},
    ),
    "irs": MetricEntry(
        title="IRS",
        target="minebench.metrics.irs:irs_result",
        blocks="minebench.metrics.block_irs:irs_blocks_result",
        direction="up",
        lower=-1.0,  # small or skewed groups go below 0, and are not clipped
        upper=1.0,
        definition="how little each code moves when nuisance factors are intervened on while its own factor is kept",
        reads_as="(-1, 1]; compare it at one number of rows only; blind to duplicated codes",
        chance="constant codes 0; noise has a floor that depends on n and the factor sizes, at n = 10,000 about 0.16 "
        "with those of 3D Shapes and 0.25 with those of dSprites, more on fewer rows, 1 with one row a value",
        cost="n x codes x factors",
        paper="Suter et al. 2019, arXiv:1811.00007, section 4",
        in_runs=True,
    ),
    "mig": MetricEntry(
        title="MIG",
        target="minebench.metrics.mig:mig_result",
        blocks="minebench.metrics.block_gaps:mig_blocks_result",
        from_information="minebench.metrics.mig:mig_from_information",
        direction="up",
        lower=0.0,
        upper=1.0,
        definition="gap between the largest and the second largest mutual information of a factor with a code, over "
        "the factor's entropy, averaged over factors",
        reads_as="[0, 1]; 0 if each factor has two equally good codes",
        chance="noise near 0, constant codes 0",
        cost="n x codes x factors, one pass of joint counts",
        paper="Chen et al. 2018, arXiv:1802.04942, section 4",
        in_runs=True,
    ),
    "jemmig": MetricEntry(
        title="JEMMIG",
        target="minebench.metrics.jemmig:jemmig_result",
        blocks="minebench.metrics.block_gaps:jemmig_blocks_result",
        from_information="minebench.metrics.jemmig:jemmig_from_information",
        direction="up",
        lower=0.0,
        upper=1.0,
        definition="1 - (H(z*, v) - I(z*; v) + I(z2; v)) / (H(v) + log bins), averaged over factors",
        reads_as="[0, 1]; rewards collapse on factors of few values: read it beside jemmig_joint and the active codes",
        chance="constant codes 1 - H(v) / (H(v) + log bins), which is 0.81 for two equally frequent values; noise of a "
        "normal distribution about 0.1",
        cost="n x codes x factors, the joint counts of MIG",
        paper="Do and Tran 2020, arXiv:1908.09961, section 4",
        in_runs=True,
        parts={
            "jemmig_joint": "(2 I(z*; v) - I(z2; v)) / (H(z*) + H(v)), averaged over factors: [0, 1], higher is "
            "better, 0 for constant codes"
        },
    ),
    "mig_sup": MetricEntry(
        title="MIG-sup",
        target="minebench.metrics.mig_sup:mig_sup_result",
        from_information="minebench.metrics.mig_sup:mig_sup_from_information",
        direction="up",
        lower=0.0,
        upper=1.0,
        definition="gap between the largest and the second largest share of a factor's entropy that a code tells, "
        "averaged over the active codes",
        reads_as="[0, 1]; sees codes that mix factors; blind to factors coded twice or not at all",
        chance="noise near 0, constant codes 0",
        cost="n x codes x factors, the joint counts of MIG",
        paper="Li et al. 2020, arXiv:2002.10549, section 4",
    ),
    "dcimig": MetricEntry(
        title="DCIMIG",
        target="minebench.metrics.dcimig:dcimig_result",
        from_information="minebench.metrics.dcimig:dcimig_from_information",
        direction="up",
        lower=0.0,
        upper=1.0,
        definition="per code, the gap in nats between the two factors it knows most; per factor, the best gap of its "
        "codes; their sum over the sum of the factors' entropies",
        reads_as="[0, 1]; blind to factors coded twice and to codes of noise beside good ones",
        chance="noise near 0, constant codes 0",
        cost="n x codes x factors, the joint counts of MIG",
        paper="Sepliarskaia et al. 2019, arXiv:1910.05587, section 5 (3CharM)",
    ),
    "modularity": MetricEntry(
        title="modularity",
        target="minebench.metrics.modularity:modularity_result",
        from_information="minebench.metrics.modularity:modularity_from_information",
        direction="up",
        lower=0.0,
        upper=1.0,
        definition="1 - squared mutual information of a code with all but its best factor, over that with the best one "
        "times (factors - 1), averaged over the codes that vary",
        reads_as="[0, 1]; says how pure the information is, not how much there is",
        chance="constant codes 0, but noise far above 0: about 0.7",
        cost="n x codes x factors, the joint counts of MIG",
        paper="Ridgeway and Mozer 2018, arXiv:1802.05312, section 3",
    ),
    "explicitness": MetricEntry(
        title="explicitness",
        target="minebench.metrics.explicitness:explicitness_result",
        direction="up",
        lower=0.0,
        upper=1.0,
        definition="area under the ROC curve of a logistic regression from all codes for each value of a factor, on "
        "held-out rows, averaged over values and factors",
        reads_as="[0, 1]; one perfect code per factor stays below 1 (0.83 with four values); blind to how the codes "
        "share the information",
        chance="noise about 0.5, constant codes 0.5",
        cost="values of all factors x n x codes^2",
        paper="Ridgeway and Mozer 2018, arXiv:1802.05312, section 3",
    ),
    "sap": MetricEntry(
        title="SAP",
        target="minebench.metrics.sap:sap_result",
        direction="up",
        lower=0.0,
        upper=1.0,
        definition="gap between the best and the second best code in telling the values of a factor by thresholds "
        "(balanced accuracy), averaged over factors",
        reads_as="[0, 1]; perfect codes reach the mean of 1 - 1/values at most, because another code that varies tells "
        "1/values or more (1 only where all others are constant); 0 if each factor has two equally good codes",
        chance="noise near 0, constant codes 0",
        cost="n x codes x values of all factors",
        paper="Kumar et al. 2018, arXiv:1711.00848, section 3",
    ),
    "dci": MetricEntry(
        title="DCI",
        target="minebench.metrics.dci:dci_result",
        direction="up",
        lower=0.0,
        upper=1.0,
        definition="disentanglement: how far each code is important for one factor only, by the entropy of its "
        "importances in gradient boosted trees",
        reads_as="[0, 1]; blind to factors coded twice, which completeness sees",
        chance="noise near 0, constant codes 0",
        cost="2,000 rows x codes x 20 trees for each value of each factor: half a minute for dSprites",
        paper="Eastwood and Williams 2018, ICLR, section 3",
        parts={
            "completeness": "how far each factor is told by one code only, by the same importances: [0, 1], higher is "
            "better",
            "informativeness": "accuracy of the trees on held-out rows, averaged over factors: [0, 1], higher is "
            "better",
        },
    ),
    "downstream_accuracy": MetricEntry(
        title="downstream accuracy",
        target="minebench.metrics.downstream_accuracy:downstream_accuracy_result",
        direction="up",
        lower=0.0,
        upper=1.0,
        definition="accuracy of a logistic regression from all codes to each factor, on held-out rows, averaged over "
        "factors; the curve over 10, 100, 1,000 and more labels is in the details",
        reads_as="[0, 1]; blind to how the codes share the information",
        chance="noise and constant codes about the share of the commonest value",
        cost="n x codes x values of all factors, some fifty times over",
        paper="Locatello et al. 2019, arXiv:1811.12359, section 5.5",
        parts={"sample_efficiency": "accuracy with each number of labels, over that with the most; 1 is best"},
    ),
    "named_gap": MetricEntry(
        title="named gap",
        target="minebench.metrics.block_gaps:named_gap_result",
        blocks="minebench.metrics.block_gaps:named_gap_result",
        direction="up",
        lower=-1.0,
        upper=1.0,
        definition="a held-out lower bound of the information of a factor's own block of codes, minus that of the best "
        "other block, over the factor's entropy, averaged over factors; blocks without names are matched to factors so "
        "that the matched information is largest",
        reads_as="[-1, 1]; below 0 where another block knows a factor better than its own does",
        chance="noise and random blocks near 0, constant codes 0; perfect codes of all K factors in one block, which "
        "MIG on blocks rewards, (2 - K) / K, or -1 if that block is no factor's own",
        cost="3,000 updates of a small network for each block and factor at most: 5 s for 128 codes in 11 blocks",
        paper="minebench; matching: Kuhn 1955",
    ),
    "gaussian_total_correlation": MetricEntry(
        title="Gaussian TC",
        target="minebench.metrics.gaussian_total_correlation:gaussian_total_correlation_result",
        direction="down",
        lower=0.0,
        upper=None,
        definition="total correlation in nats of a Gaussian with the covariance of the codes; needs no factors",
        reads_as="0 or more; lower is better; blind to dependence without correlation and to what the codes know",
        chance="constant codes 0, the best there is; independent noise near 0, on few rows chance_nats of the details",
        cost="n x codes^2",
        paper="Locatello et al. 2019, arXiv:1811.12359, section 5.2",
    ),
    "mean_code_mutual_information": MetricEntry(
        title="mean code MI",
        target="minebench.metrics.mean_code_mutual_information:mean_code_mutual_information_result",
        direction="down",
        lower=0.0,
        upper=None,
        definition="mutual information of the bins of two codes, in nats, averaged over all pairs; needs no factors",
        reads_as="[0, log bins]; lower is better; blind to what only three codes share and to what the codes know",
        chance="constant codes 0, the best there is; independent noise near 0 on many rows, 0.14 on 1,000",
        cost="n x codes^2, one pass of joint counts",
        paper="Locatello et al. 2019, arXiv:1811.12359, section 5.2",
    ),
}


# functions of the codes of several models, which neither runs nor single files have
OF_SEVERAL_MODELS: dict[str, MetricEntry] = {
    "udr": MetricEntry(
        title="UDR",
        target="minebench.metrics.udr:udr",
        direction="up",
        lower=0.0,
        upper=None,
        definition="for each model, how well the other models found the same codes: the median over pairs of how near "
        "the similarity of their informative codes comes to one match a code; needs no factors",
        reads_as="0 or more, with similarity 'spearman' [0, 1]; blind to factors that no model found",
        chance="noise near 0, constant codes 0",
        cost="pairs of models x a lasso from the codes of one to each code of the other",
        paper="Duan et al. 2020, arXiv:1905.12614, section 4",
    ),
}


def register_model(
    name: str,
    model: type,
    config: type,
    *,
    paper: str = "",
    title: str | None = None,
    supervision: str = "none",
    label_share: str = "",
) -> None:
    """Put a model of your own on the bench.

    Args:
        name: Its key, snake_case; it names runs and rows.
        model: A class with the contract of ``minebench.baselines.contract.Model``, built as ``model(config, data)``;
            in practice a child of ``minebench.baselines.vae.VAE``.
        config: The pydantic class of its hyperparameters, in practice a child of ``VAEConfig``.
        paper: Where it is described.
        title: How the board prints it; the key if left out.
        supervision: What labels it sees; ``none`` if it sees none. Rows of different supervision are never ranked
            together.
        label_share: The configuration's key for the share of the training images whose labels it sees, if there is one;
            then each run's ``supervision`` is told by it.

    Raises:
        UsageError: If the name is taken by another class, or is no snake_case word.
    """
    if not _KEY.fullmatch(name):
        raise UsageError(f"a model's name is snake_case, up to 40 characters (it names folders and rows); got {name!r}")
    entry = ModelEntry(title or name, model, config, paper, supervision, label_share)
    taken = MODELS.get(name)
    if taken is not None and _origin(taken.target) != _origin(model):
        raise UsageError(f"a model named {name!r} exists already ({_origin(taken.target)}); choose another name")
    MODELS[name] = entry


def model(name: str) -> ModelEntry:
    """The entry of a model.

    Raises:
        UsageError: If there is none, with the nearest name.
    """
    return _look_up("model", MODELS, name)


def dataset(name: str) -> DatasetEntry:
    """The entry of a data set.

    Args:
        name: A key of ``DATASETS``, which a rule for the rows to train on may follow after a colon, e.g.
            ``dsprites:correlated=orientation,posX,0.2`` (see ``minebench.datasets.subsets``).

    Raises:
        UsageError: If there is none, with the nearest name, or the rule is none.
    """
    key, colon, text = name.partition(":")
    entry = _look_up("data set", DATASETS, key)
    if not colon:
        return entry
    try:
        rule = parse_rule(text)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return replace(entry, title=f"{entry.title} {rule.title}", rule=rule)


def metric(name: str) -> MetricEntry:
    """The entry of a metric of one model's codes.

    Raises:
        UsageError: If there is none, with the nearest name, or with where a score of that name is.
    """
    if name in METRICS:
        return METRICS[name]
    if owner := metric_of_part(name):
        raise UsageError(f"{name} stands in the details of {owner}: score {owner}")
    if name in OF_SEVERAL_MODELS:
        raise UsageError(f"{name} takes the codes of several models: call {OF_SEVERAL_MODELS[name].target}, in Python")
    parts = [part for entry in METRICS.values() for part in entry.parts]
    raise unknown_name("metric", name, [*METRICS, *parts, *OF_SEVERAL_MODELS])


def metric_of_part(name: str) -> str | None:
    """The metric in whose details a score of this name stands; None if there is none."""
    return next((metric for metric, entry in METRICS.items() if name in entry.parts), None)


def label(metric: str, codes: Codes) -> str:
    """How a score is called beside those of the other kind of codes."""
    return metric if codes == "dims" else f"{metric} on blocks"


def load_installed() -> None:
    """Load the models of installed packages (entry points ``minebench.models``).

    Raises:
        UsageError: If one of them cannot be imported.
    """
    for point in entry_points(group="minebench.models"):
        try:
            point.load()
        except Exception as error:
            raise UsageError(f"models of {point.value}: {_told(error)}; repair or uninstall that package") from error


def load_plugins(paths: tuple[Path, ...] = ()) -> list[str]:
    """Run plug-in files, which call ``register_model``.

    Args:
        paths: Python files.

    Returns:
        The names of the models that they registered.

    Raises:
        UsageError: If a file does not exist or cannot be run.
    """
    modules = set()
    for path in paths:
        file = path.resolve()
        if not file.is_file():
            raise UsageError(f"no plug-in at {path}; --plugin takes a Python file that calls register_model")
        name = f"minebench_plugin_{re.sub(r'[^0-9A-Za-z]', '_', str(file))}"
        modules.add(name)
        if name not in sys.modules:
            _execute(name, file)
    return [name for name, entry in MODELS.items() if getattr(entry.target, "__module__", None) in modules]


def source_file(entry: ModelEntry) -> Path:
    """The file that defines a model; nothing is imported for one that is given by name."""
    if isinstance(entry.target, str):
        spec = importlib.util.find_spec(entry.target.split(":")[0])
        if spec is None or spec.origin is None:
            raise UsageError(f"the module of {entry.target} cannot be found")
        return Path(spec.origin)
    return Path(inspect.getfile(entry.target))


@cache
def _defaults(target: str) -> dict[str, Any]:
    """The protocol constants of a metric's function."""
    parameters = inspect.signature(_resolve(target)).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in _NOT_PROTOCOL}


def _execute(name: str, file: Path) -> None:
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{file} is no Python file; --plugin takes one that calls register_model")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except UsageError:
        del sys.modules[name]
        raise
    except Exception as error:
        del sys.modules[name]
        raise UsageError(f"plug-in {file} cannot be run: {_told(error)}") from error


def _told(error: Exception) -> str:
    """An error with the line that it comes from."""
    frames = traceback.extract_tb(error.__traceback__)
    line = error.lineno if isinstance(error, SyntaxError) else frames[-1].lineno if frames else None
    return f"line {line}: {type(error).__name__}: {error}"


def _look_up(kind: str, table: dict[str, _Entry], name: str) -> _Entry:
    if name not in table:
        raise unknown_name(kind, name, table)
    return table[name]


def _resolve(target: str | Callable[..., Any]) -> Any:
    if not isinstance(target, str):
        return target
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def _origin(target: str | type) -> str:
    return target if isinstance(target, str) else f"{target.__module__}:{target.__qualname__}"
