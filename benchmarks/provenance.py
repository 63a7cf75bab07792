"""Where and when a result was made, by what."""

import platform
import shutil
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from minebench.benchmarks import devices
from minebench.leaderboard.results import Provenance

_PACKAGES = ("minebench", "torch", "numpy", "scipy", "scikit-learn", "h5py", "safetensors")


def now() -> str:
    """The time as ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that touch the numbers."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def collect(device: str, started: str) -> Provenance:
    """The provenance of a result that is finished now.

    Args:
        device: What the run computed on.
        started: From ``now()``, when it began.
    """
    commit, dirty = git_state()
    return Provenance(
        git_commit=commit,
        git_dirty=dirty,
        versions=versions(),
        hardware=devices.hardware(device),
        started=started,
        finished=now(),
    )


@cache
def git_state() -> tuple[str | None, bool | None]:
    """Commit of the checkout that this code runs from and whether it has changes; (None, None) outside one."""
    git = shutil.which("git")
    if git is None:
        return None, None
    here = Path(__file__).resolve().parent
    if _git(git, here, "ls-files", "--error-unmatch", Path(__file__).name) is None:
        return None, None  # installed into somebody else's repository
    return _git(git, here, "rev-parse", "HEAD"), bool(_git(git, here, "status", "--porcelain", "--untracked-files=no"))


def _git(git: str, folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run([git, "-C", str(folder), *words], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603 -- fixed words
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
