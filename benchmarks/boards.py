"""Boards: that of a store, and the committed one. No torch."""

from pathlib import Path

from minebench.benchmarks.suggestions import UsageError
from minebench.leaderboard.board import build
from minebench.leaderboard.render import check_board, render_text, write_board
from minebench.leaderboard.results import ResultStore, RunResult, read_jsonl, write_jsonl

RESULTS_FILE = "results.jsonl"


def rebuild_store_board(store: ResultStore) -> str:
    """Write the board of a store to its folder ``board``.

    Returns:
        The board as text for a terminal.
    """
    folder = store.root / "board"
    folder.mkdir(parents=True, exist_ok=True)
    results = tuple(store.iterate())
    write_jsonl(results, folder / RESULTS_FILE)
    write_board(results, folder)
    return render_text(build(results))


def publish(store: ResultStore, folder: Path) -> None:
    """Replace the committed results by those of a store.

    Raises:
        UsageError: If the store holds none.
    """
    results = tuple(store.iterate())
    if not results:
        raise UsageError(f"no results in {store.root}; minebench run makes some")
    folder.mkdir(parents=True, exist_ok=True)
    write_jsonl(results, folder / RESULTS_FILE)


def rebuild(folder: Path) -> str:
    """Render the committed tables from the committed results.

    Returns:
        The board as text for a terminal.
    """
    results = _committed(folder)
    write_board(results, folder)
    return render_text(build(results))


def stale_files(folder: Path) -> list[str]:
    """The committed tables that differ from what the committed results give."""
    _committed(folder)
    return check_board(folder / RESULTS_FILE, folder)


def _committed(folder: Path) -> tuple[RunResult, ...]:
    path = folder / RESULTS_FILE
    if not path.is_file():
        raise UsageError(f"no {path}; minebench leaderboard --publish writes it from a store")
    return read_jsonl(path)
