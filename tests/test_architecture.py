"""The house: which room may import which, and that installing it takes nothing away from anybody."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("benchmarks", "baselines", "minevae", "metrics", "datasets", "leaderboard")
MAY_IMPORT = {
    "datasets": set(),
    "metrics": set(),
    "leaderboard": set(),
    "baselines": set(),
    "minevae": {"baselines"},
    "benchmarks": set(ROOMS) - {"benchmarks"},
}
NO_TORCH = ("datasets", "metrics", "leaderboard")


def imported_modules(source: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide which room is meant"
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imported_rooms(source: str) -> set[str]:
    parts = (name.split(".") for name in imported_modules(source))
    return {name[1] for name in parts if name[0] == "minebench" and len(name) > 1 and name[1] in ROOMS}


def files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def test_the_reader_of_imports_sees_every_form():
    source = "import minebench.metrics.mig\nfrom minebench.datasets import dsprites\nfrom minebench import baselines\n"
    assert imported_rooms(source) == {"metrics", "datasets", "baselines"}


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_only_what_they_may(room):
    for file in files(room):
        beyond = imported_rooms(file.read_text(encoding="utf-8")) - {room} - MAY_IMPORT[room]
        assert not beyond, f"{file.relative_to(ROOT)} imports {beyond}; {room} may import {MAY_IMPORT[room] or 'none'}"


@pytest.mark.parametrize("room", NO_TORCH)
def test_data_metrics_and_leaderboard_know_no_torch(room):
    for file in files(room):
        torch = {name for name in imported_modules(file.read_text(encoding="utf-8")) if name.split(".")[0] == "torch"}
        assert not torch, f"{file.relative_to(ROOT)} imports torch"


def test_rooms_are_no_packages_of_their_own():
    """With an ``__init__.py`` the bare folder would shadow another package of its name from the repository's root."""
    assert not [path for room in ROOMS for path in (ROOT / room).rglob("__init__.py")]


@pytest.mark.parametrize("room", ROOMS)
def test_links_lead_to_rooms(room):
    link = ROOT / "src" / "minebench" / room
    assert link.is_dir(), f"{link} is no directory: git config core.symlinks true, then check the links out again"
    assert link.resolve() == ROOT / room


def test_the_name_datasets_is_left_to_others():
    code = "from importlib.util import find_spec; print(find_spec('datasets'))"
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd="/", capture_output=True, text=True, check=True)
    assert str(ROOT) not in done.stdout


WITHOUT_TORCH = (
    "minebench.leaderboard.render",
    "minebench.leaderboard.board",
    "minebench.benchmarks.boards",
    "minebench.benchmarks.scoring",
    "minebench.benchmarks.status",
    "minebench.metrics.mig",
    "minebench.datasets.dsprites",
)


def test_reading_and_scoring_import_no_torch():
    code = "import sys\nfrom importlib import import_module\n"
    code += f"for name in {WITHOUT_TORCH}:\n    import_module(name)\n    assert 'torch' not in sys.modules, name\n"
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
