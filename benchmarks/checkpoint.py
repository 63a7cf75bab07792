"""Checkpoints: weights that describe themselves, and the optimiser's state beside them.

A checkpoint is two files, ``step-N.state.pt`` and ``step-N.safetensors``, written in this order, each to a temporary
name, flushed and renamed. It counts only when both are there, so a kill at any moment leaves the one before it intact.
Random state needs no place in it: streams are functions of the step (``streams.py``). The weights' header holds the
hashes of both, because neither format notices a byte that has changed: a resumed run would end in other weights.
"""

import hashlib
import io
import pickle
import re
from pathlib import Path
from typing import Any, NamedTuple

import safetensors
import safetensors.torch
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from minebench.benchmarks.spec import Frozen, RunSpec
from minebench.benchmarks.suggestions import UsageError
from minebench.benchmarks.trainer import TrainerState
from minebench.leaderboard.results import write_atomically

FINAL_WEIGHTS = "model.safetensors"
_HEADER_KEY = "minebench"
_WEIGHTS = re.compile(r"step-(\d{9})\.safetensors")


class DamagedError(RuntimeError):
    """A checkpoint that cannot be read; its run starts anew."""


class Header(Frozen):
    """What a checkpoint says of itself: enough to rebuild the model and to know what it was trained on."""

    train_id: str
    spec: RunSpec
    step: int
    image_shape: tuple[int, int, int]
    n_images: int
    factor_sizes: tuple[int, ...]
    data_fingerprint: str
    versions: dict[str, str]
    weights_sha256: str = ""  # as the function of that name gives it; "" in files of earlier versions
    state_sha256: str = ""  # of the second file, where there is one


class Checkpoint(NamedTuple):
    """A complete checkpoint on disk."""

    step: int
    weights: Path
    state: Path


def save(folder: Path, state: TrainerState, header: Header) -> Checkpoint:
    """Write a checkpoint and remove older ones.

    Args:
        folder: The run's checkpoint folder; made if it is missing.
        state: What is trained.
        header: Description; its step is taken from ``state``.

    Returns:
        The checkpoint.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"step-{state.step:09d}"
    checkpoint = Checkpoint(state.step, folder / f"{stem}.safetensors", folder / f"{stem}.state.pt")
    buffer = io.BytesIO()
    optimizers = {name: player.optimizer.state_dict() for name, player in state.players.items()}
    torch.save({"step": state.step, "seconds": state.seconds, "optimizers": optimizers}, buffer)
    write_atomically(checkpoint.state, buffer.getvalue())
    state_sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()
    described = header.model_copy(update={"step": state.step, "state_sha256": state_sha256})
    write_weights(checkpoint.weights, state.model, described)
    for old in folder.iterdir():
        if old not in (checkpoint.weights, checkpoint.state):
            old.unlink()
    return checkpoint


def write_weights(path: Path, model: Any, header: Header) -> None:
    """Write a model's weights with their description and hash, atomically."""
    tensors = _tensors(model)
    described = header.model_copy(update={"weights_sha256": _sha256(tensors)})
    write_atomically(path, safetensors.torch.save(tensors, metadata={_HEADER_KEY: described.model_dump_json()}))


def latest(folder: Path) -> Checkpoint | None:
    """The newest complete checkpoint in a folder, or None."""
    names = sorted((path.name for path in folder.glob("step-*.safetensors")), reverse=True)
    for name in names:
        if match := _WEIGHTS.fullmatch(name):
            state = folder / f"step-{match[1]}.state.pt"
            if state.is_file():
                return Checkpoint(int(match[1]), folder / name, state)
    return None


def restore(checkpoint: Checkpoint, state: TrainerState, train_id: str) -> None:
    """Put a checkpoint back into a state that was built in the same way; nothing is changed before all of it is read.

    Raises:
        DamagedError: If a file of it cannot be read, or is not as it was written.
        UsageError: If the checkpoint is of another run.
    """
    try:
        header = read_header(checkpoint.weights)
        weights = _load_weights(checkpoint.weights, header)
        saved = _load_state(checkpoint.state, header)
        optimizers = {name: saved["optimizers"][name] for name in state.players}
        step, seconds = int(saved["step"]), float(saved["seconds"])
    except (OSError, EOFError, ValueError, KeyError, TypeError, RuntimeError, pickle.UnpicklingError) as error:
        raise DamagedError(f"{checkpoint.state.parent} holds a damaged checkpoint: {error}") from error
    if header.train_id != train_id:
        raise UsageError(
            f"{checkpoint.weights} belongs to run {header.train_id}, not {train_id}; "
            "its settings differ: move it away to start anew"
        )
    model: Any = state.model
    model.load_state_dict(weights)
    for name, player in state.players.items():
        player.optimizer.load_state_dict(optimizers[name])
    state.step, state.seconds = step, seconds


def read_header(path: Path) -> Header:
    """The description in a weights file; nothing in it is executed.

    Raises:
        UsageError: If the file is missing, damaged or not written by minebench.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        return Header.model_validate_json(metadata[_HEADER_KEY])
    except FileNotFoundError:
        raise UsageError(f"no checkpoint at {path}; give the path of a .safetensors file") from None
    except (safetensors.SafetensorError, OSError) as error:
        raise UsageError(
            f"{path} is not a complete safetensors file ({error}); train again or copy it again"
        ) from error
    except (KeyError, ValidationError) as error:
        raise UsageError(
            f"{path} carries no minebench description; it cannot be evaluated by its path alone"
        ) from error


def load_weights(path: Path, model: Any) -> None:
    """Copy the weights of a file into a model of the same shape.

    Raises:
        UsageError: If names or shapes differ, or the weights are not those that were written.
    """
    weights = _load_weights(path, read_header(path))
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise UsageError(f"{path} does not fit the model that its description builds: {error}") from error


def weights_sha256(model: nn.Module) -> str:
    """SHA-256 over all weights: name, dtype, shape and little-endian bytes, in order of names.

    Returns:
        64 hexadecimal digits; equal for two models exactly if their weights are bit-identical.
    """
    return _sha256(_tensors(model))


def _load_state(path: Path, header: Header) -> dict[str, Any]:
    data = path.read_bytes()
    saved: dict[str, Any] = torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
    if header.state_sha256 not in ("", hashlib.sha256(data).hexdigest()):
        raise UsageError(f"{path} has changed since it was written: its hash is not that beside the weights")
    return saved


def _load_weights(path: Path, header: Header) -> dict[str, Tensor]:
    weights = safetensors.torch.load_file(path)
    if header.weights_sha256 not in ("", _sha256(weights)):
        raise UsageError(f"{path} has changed since it was written: its weights have another hash; copy it again")
    return weights


def _sha256(tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    return {
        name: tensor.detach().cpu().contiguous(memory_format=torch.contiguous_format)
        for name, tensor in model.state_dict().items()
    }
