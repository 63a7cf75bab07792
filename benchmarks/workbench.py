"""A model with its data on a device: built for a job, or rebuilt from a checkpoint."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pydantic import ValidationError

from minebench.baselines.contract import DataSpec
from minebench.benchmarks import checkpoint, devices, provenance, registry
from minebench.benchmarks.build import build
from minebench.benchmarks.job import Job
from minebench.benchmarks.spec import RunSpec
from minebench.benchmarks.suggestions import UsageError, explain
from minebench.datasets.factor_dataset import FactorDataset
from minebench.datasets.splits import Split, held_out_split


class Workbench(NamedTuple):
    """What a run works on."""

    dataset: FactorDataset
    split: Split
    model: Any  # a minebench.baselines.contract.Model that is an nn.Module
    header: checkpoint.Header
    device: torch.device


LoadDataset = Callable[[str, Path | None], FactorDataset]


def load_dataset(name: str, data_root: Path | None) -> FactorDataset:
    """The data set of a registry name, from its files below a folder or from its procedural source."""
    dataset: FactorDataset = registry.dataset(name).load(data_root)
    return dataset


def for_job(job: Job, load: LoadDataset = load_dataset) -> Workbench:
    """Load the data of a job and build its model with the weights that its seed gives.

    Args:
        job: What to run.
        load: How data is loaded; runs in company share it.
    """
    device = devices.configure(job.settings.device, job.settings.threads)
    dataset = load(job.spec.dataset, job.settings.data_root)
    split = held_out_split(dataset)
    header = checkpoint.Header(
        train_id=job.train_id,
        spec=job.spec,
        step=0,
        image_shape=dataset.image_shape,
        n_images=len(split.train),
        factor_sizes=dataset.factor_sizes,
        data_fingerprint=dataset.fingerprint(),
        versions=provenance.versions(),
    )
    return Workbench(dataset, split, build_model(header, device), header, device)


def for_checkpoint(path: Path, *, device: str = "cpu", threads: int = 1, data_root: Path | None = None) -> Workbench:
    """Rebuild the model of a checkpoint with its weights, and load the data that it was trained on.

    Args:
        path: A ``.safetensors`` file, or the folder of a finished run.
        device: Where to put the model.
        threads: CPU threads of one operation.
        data_root: Where data lies.

    Raises:
        UsageError: If the file is no checkpoint, its model is not registered, or the data differs from what the model
            was trained on.
    """
    chosen = devices.configure(device, threads)
    file = path / checkpoint.FINAL_WEIGHTS if path.is_dir() else path
    header = checkpoint.read_header(file)
    model = build_model(header, chosen)
    checkpoint.load_weights(file, model)
    model.eval()
    dataset = load_dataset(header.spec.dataset, data_root)
    if dataset.fingerprint() != header.data_fingerprint:
        raise UsageError(
            f"{file} was trained on other pixels of {header.spec.dataset} than those found here "
            f"({header.data_fingerprint[:12]} against {dataset.fingerprint()[:12]}); name its folder with --data-dir"
        )
    return Workbench(dataset, held_out_split(dataset), model, header, chosen)


def build_model(header: checkpoint.Header, device: torch.device) -> Any:
    """The model that a header describes, with the weights that its seed gives.

    Raises:
        UsageError: If the model is not registered, or its configuration has changed since.
    """
    spec: RunSpec = header.spec
    if spec.model not in registry.MODELS:
        raise UsageError(
            f"model {spec.model!r} is not registered here; if a plug-in registers it, add --plugin FILE.py"
        )
    entry = registry.model(spec.model)
    schema = entry.config_class()
    try:
        config = schema.model_validate(spec.config)
    except ValidationError as error:
        raise explain(error, schema, f"configuration that {spec.model} was trained with") from None
    data = DataSpec(header.image_shape, header.n_images, header.factor_sizes, spec.train.steps)
    return build(entry.model_class(), config, data, seed=spec.seed, device=device)
