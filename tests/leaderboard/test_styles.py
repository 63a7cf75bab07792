import re

import pytest

from minebench.leaderboard.styles import Markdown, Plain, one_line


def unescaped(text):
    """What a Markdown reader shows: backslash escapes and entities undone."""
    text = re.sub(r"\\([!-/:-@[-`{-~])", r"\1", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "a | b || c",
        "**bold** _it_ `code` ~~gone~~",
        "[link](https://example.org) ![image](x)",
        "back\\slash \\| pipe",
        "&lt;b&gt; & $x^2$ # heading",
        "www.example.org",
        "- item 1. item + item",
    ],
)
def test_a_hostile_name_is_shown_as_it_is_and_does_nothing(name):
    escaped = Markdown().name(name)
    assert unescaped(escaped) == name
    assert "<" not in escaped
    assert not re.search(r"(?<!\\)(?:\\\\)*\|", escaped)  # a pipe would end the cell
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*\[\]~$]", escaped)
    assert not re.search(r"(?<!\\)://|www\.", escaped)  # a bare address would become a link


@pytest.mark.parametrize("name", ["β-TCVAE", "n_test 5000", "VAE (beta=0.5, lr=1e-3)", "日本", "held_out"])
def test_a_harmless_name_stays_readable_unrendered(name):
    assert Markdown().name(name) == name


@pytest.mark.parametrize("style", [Markdown(), Plain()])
def test_names_are_one_line_without_control_characters(style):
    assert style.name("a\nb\tc\r\n\u2028d") == "a b c d"
    assert style.name("\x1b[31mred\u202egnp") == style.name("[31mred gnp")
    assert one_line("  a  b ") == "a b"


def test_a_grid_has_one_line_for_each_row_whatever_is_in_it():
    grid = Markdown().grid(["Model", "x"], [[Markdown().name("a | b\nc"), "0.100"], ["", ""]])
    assert grid.splitlines() == [
        "| Model    |     x |",
        "|:---------|------:|",
        r"| a \| b c | 0.100 |",
        "|          |       |",
    ]


def test_numbers_keep_their_digits():
    assert "0.100" in Plain().grid(["Model", "x"], [["1e5", "0.100"]])
    assert "1e5" in Plain().grid(["Model", "x"], [["1e5", "0.100"]])


def test_lists_are_wrapped_at_120_columns():
    text = Markdown().bullets(["word " * 60, "short"])
    assert max(map(len, text.splitlines())) <= 120
    assert [line[:2] for line in text.splitlines()] == ["* ", "  ", "  ", "* "]
