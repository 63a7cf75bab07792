"""The board as Markdown, text and CSV, and the files that are committed.

No clock, no random numbers: the same results give the same bytes.
"""

from collections.abc import Iterable
from pathlib import Path

from minebench.leaderboard.board import Board, build
from minebench.leaderboard.layout import sections
from minebench.leaderboard.longform import long_form
from minebench.leaderboard.results import RunResult, read_jsonl, write_atomically
from minebench.leaderboard.styles import Markdown, Plain

README = "README.md"
CSV = "board.csv"


def render_markdown(board: Board) -> str:
    """The board for GitHub, readable unrendered in 120 columns.

    Args:
        board: From ``build``.

    Returns:
        Markdown, ending in a line break.
    """
    intro = (
        "Rendered from `results.jsonl` by `minebench leaderboard`; what is edited here is lost.\n"
        f"Every figure, with its seeds, stands in [`{CSV}`]({CSV})."
    )
    return "\n\n".join(["# Leaderboard", intro, *sections(board, Markdown())]) + "\n"


def render_text(board: Board) -> str:
    """The board for a terminal of 120 columns, without colour and without the pairs.

    Args:
        board: From ``build``.

    Returns:
        Text, ending in a line break.
    """
    return "\n\n".join(sections(board, Plain())) + "\n"


def render_csv(board: Board) -> str:
    """The board in long form, see ``long_form``.

    Args:
        board: From ``build``.

    Returns:
        Comma-separated text with a header line; lines end in a line feed.
    """
    return long_form(board).to_csv(index=False, lineterminator="\n")


def write_board(results: Iterable[RunResult], folder: Path) -> None:
    """Write ``README.md`` and ``board.csv``, each whole or not at all.

    Args:
        results: As in ``build``.
        folder: An existing folder.
    """
    for name, text in _files(results).items():
        write_atomically(Path(folder) / name, text)


def check_board(results_jsonl: Path, folder: Path) -> list[str]:
    """Which files in a folder are not what the published results give.

    Args:
        results_jsonl: The published results.
        folder: Where the board was written.

    Returns:
        Names of files that are missing or differ; empty if all is well.

    Raises:
        ResultError: If the results are damaged.
    """
    expected = _files(read_jsonl(results_jsonl))
    return [name for name, text in expected.items() if not _holds(Path(folder) / name, text)]


def _files(results: Iterable[RunResult]) -> dict[str, str]:
    board = build(results)
    return {README: render_markdown(board), CSV: render_csv(board)}


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()
