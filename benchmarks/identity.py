"""The identity of a run: a hash of everything that decides its numbers.

Parts have names, so that two identities can be compared and the part that moved be told. The sources are those of the
model's module, of its construction, the trainer, the evaluation and the device's settings, with all that they import;
the data sets' room is left out because the pixels and the rows themselves are hashed, the leaderboard's because it
decides no number.
"""

import ast
import hashlib
import importlib.util
import json
import re
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from minebench.benchmarks import registry
from minebench.benchmarks.spec import RunSpec

_ROOTS = tuple(f"minebench.benchmarks.{name}" for name in ("build", "devices", "evaluation", "graphs", "trainer"))
_LEFT_OUT = (
    "minebench.datasets.",
    "minebench.leaderboard.",
    "minebench.benchmarks.suggestions",
)  # they decide no number
_SCORE_LIBRARIES = ("numpy", "scipy", "scikit-learn")

version = cache(metadata.version)  # each look-up reads a file: 10 ms a score without


def train_identity(spec: RunSpec, *, fingerprint: str, rows: str, device_class: str) -> dict[str, str]:
    """The named parts that decide the outcome of a run.

    Args:
        spec: Model, data set, seed and settings.
        fingerprint: What the data set says of its pixels.
        rows: Hash of the training and the scored rows.
        device_class: Devices that give the same bits.

    Returns:
        Part by name; values are short texts or hashes.
    """
    entry = registry.model(spec.model)
    parts = {f"source of {name}": digest for name, digest in _sources(registry.source_file(entry)).items()}
    return parts | {
        "model": f"{spec.model}, {entry.class_name()}{'' if entry.trained else ', not trained'}",
        "model configuration": _canonical(spec.config),
        "training configuration": _canonical(spec.train.model_dump()),
        "data": fingerprint,
        "rows": rows,
        "seed": str(spec.seed),
        "torch": version("torch"),
        "device": device_class,
    }


def train_id(spec: RunSpec, identity: dict[str, str]) -> str:
    """The name of a run: readable, and unique to its identity.

    Returns:
        E.g. ``beta_vae-dsprites-s0-5f2c1a9be07d``: it names the run's folder.
    """
    data = re.sub(r"[^A-Za-z0-9._]+", "-", spec.dataset)[:60]  # a rule for the rows has other characters
    return f"{spec.model}-{data}-s{spec.seed}-{_digest(_canonical(identity))[:12]}"


def score_id(train_id: str, metric: str, entry: registry.MetricEntry, codes: registry.Codes = "dims") -> str:
    """The name of a score: it moves with the run, the metric's version and protocol, and the numerical libraries."""
    parts = [train_id, metric, entry.version(), entry.full_protocol(), score_libraries()]
    return _digest(_canonical(parts if codes == "dims" else [*parts, codes]))[:16]


def score_libraries() -> dict[str, str]:
    """Versions of the libraries that a score depends on."""
    return {name: version(name) for name in _SCORE_LIBRARIES}


def moved_parts(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """The names of the parts in which two identities differ, sorted."""
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


@cache
def _sources(model_file: Path) -> dict[str, str]:
    """Hash of each source file that decides numbers, by module name."""
    files = {f"model {model_file.name}": model_file}
    pending = [*_ROOTS, *_imports(model_file)]
    while pending:
        module = pending.pop()
        if module in files or module.startswith(_LEFT_OUT):
            continue
        spec = importlib.util.find_spec(module)
        if spec is not None and spec.origin is not None:
            files[module] = Path(spec.origin)
            pending += _imports(files[module])
    return {name: _digest(file.read_text(encoding="utf-8")) for name, file in files.items()}


def _imports(file: Path) -> list[str]:
    """The minebench modules that a file imports (names imported from a module count as its)."""
    modules = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        modules += [name for name in names if name.startswith("minebench.") and _is_module(name)]
    return modules


def _is_module(name: str) -> bool:
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:  # a name inside a module is none
        return False
    return spec is not None and spec.origin is not None


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
