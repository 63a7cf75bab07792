"""The README shows what the committed results give, and names commands and files that exist."""

import re
from pathlib import Path

import pytest

from minebench.benchmarks import cli
from minebench.leaderboard.board import build
from minebench.leaderboard.render import check_board, render_text
from minebench.leaderboard.results import read_jsonl

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LEADERBOARD = ROOT / "leaderboard"


def test_the_board_in_the_readme_is_that_of_the_committed_results():
    text = render_text(build(read_jsonl(LEADERBOARD / "results.jsonl")))
    blocks = [part for part in (ROOT / "README.md").read_text().split("```\n")[1::2] if "Z-diff ↑" in part]
    assert [("untrained" in block, "MINE-VAE" in block) for block in blocks] == [(True, False), (False, True)]
    for block in blocks:
        assert block in text
    [gap] = re.findall(r"\(named gap (\S+)\)", (ROOT / "README.md").read_text())
    assert re.search(rf"named gap ↑\n.*\n(MINE-VAE) +{gap}\n", text)


def test_the_committed_tables_are_those_of_the_committed_results():
    assert check_board(LEADERBOARD / "results.jsonl", LEADERBOARD) == []


def test_nothing_committed_was_made_from_changed_sources():
    assert [run.train_id for run in read_jsonl(LEADERBOARD / "results.jsonl") if run.provenance.git_dirty] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_are_named_exist(page):
    known = {command.name or command.callback.__name__ for command in cli.app.registered_commands}
    known |= {group.name for group in cli.app.registered_groups}
    named = set(re.findall(r"(?:^|`|bin/)minebench ([a-z]+)\b", page.read_text(), re.MULTILINE))
    assert named <= known
