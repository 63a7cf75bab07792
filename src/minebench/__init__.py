"""minebench: a benchmark of disentangled VAEs.

The public names below are loaded on first use, so that ``import minebench`` stays light.
"""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "register_model": "minebench.benchmarks.registry",
    "score": "minebench.benchmarks.foreign",
    "encode": "minebench.benchmarks.foreign",
}

__all__ = ["__version__", "encode", "register_model", "score"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("minebench")
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)
