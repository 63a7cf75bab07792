"""Two ways to write the same board: GitHub's Markdown, and plain text for a terminal."""

import re
import textwrap
from collections.abc import Sequence
from typing import Protocol

import tabulate

tabulate.WIDE_CHARS_MODE = False  # else the bytes would depend on whether wcwidth is installed
tabulate.MIN_PADDING = 0  # a heading needs no more room than a cell

WIDTH = 120  # columns of the terminal in which both are readable
_MARKUP = re.compile(r"([\\`*\[\]~|$#]|(?<!\w)_|_(?!\w))")  # an underscore within a word is only itself
_MARKER = re.compile(r"(?<!\S)(\d*)([-+.)])(?!\S)")  # a list's, if wrapping puts it first on a line


class Style(Protocol):
    """What a layout asks of a format; texts are one line, already in the format unless they are names."""

    compact: bool  # whether to leave out what unfolds

    def name(self, text: str) -> str:
        """A name from a result, which may hold anything, as harmless text."""
        ...

    def strong(self, text: str) -> str:
        """The best of a column."""
        ...

    def heading(self, level: int, text: str) -> str:
        """A heading; 1 is the title."""
        ...

    def grid(self, headers: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
        """A table; the first column to the left, the others to the right."""
        ...

    def bullets(self, sentences: Sequence[str]) -> str:
        """A list."""
        ...

    def paragraph(self, text: str) -> str:
        """Prose."""
        ...

    def fold(self, summary: str, body: str, /) -> str:
        """Something that is opened on demand."""
        ...


def one_line(text: str) -> str:
    """Text without line breaks, control characters and invisible ones (escape sequences, reversed direction)."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


class Markdown:
    """GitHub's Markdown, padded so that it can be read unrendered."""

    compact = False

    def name(self, text: str) -> str:
        """The text with all that Markdown or HTML would act on escaped; bare addresses do not become links."""
        text = _MARKUP.sub(r"\\\1", one_line(text).replace("&", "&amp;"))
        text = text.replace("<", "&lt;").replace(">", "&gt;")
        text = _MARKER.sub(r"\1\\\2", text)
        return re.sub(r"(?i)(www)\.", r"\1\\.", text.replace("://", r"\://"))

    def strong(self, text: str) -> str:
        """Bold."""
        return f"**{text}**"

    def heading(self, level: int, text: str) -> str:
        """As many hashes as the level."""
        return f"{'#' * level} {text}"

    def grid(self, headers: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
        """A pipe table."""
        return _grid(headers, lines, "pipe")

    def bullets(self, sentences: Sequence[str]) -> str:
        """Items of one paragraph each, wrapped."""
        return "\n".join(_wrapped(sentence, "* ") for sentence in sentences)

    def paragraph(self, text: str) -> str:
        """Wrapped."""
        return _wrapped(text, "")

    def fold(self, summary: str, body: str, /) -> str:
        """An HTML ``details`` element."""
        return f"<details>\n<summary>{summary}</summary>\n\n{body}\n\n</details>"


class Plain:
    """Text without colour or markup."""

    compact = True

    def name(self, text: str) -> str:
        """The text on one line."""
        return one_line(text)

    def strong(self, text: str) -> str:
        """As it is: the rank says it."""
        return text

    def heading(self, level: int, text: str) -> str:
        """Underlined."""
        return f"{text}\n{('=' if level < 3 else '-') * len(text)}"

    def grid(self, headers: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
        """Columns under a rule."""
        return _grid(headers, lines, "simple")

    def bullets(self, sentences: Sequence[str]) -> str:
        """Wrapped items."""
        return "\n".join(_wrapped(sentence, "- ") for sentence in sentences)

    def paragraph(self, text: str) -> str:
        """Wrapped."""
        return _wrapped(text, "")

    def fold(self, _summary: str, body: str, /) -> str:
        """The body alone."""
        return body


def _grid(headers: Sequence[str], lines: Sequence[Sequence[str]], tablefmt: str) -> str:
    alignment = ("left", *["right"] * (len(headers) - 1))
    return tabulate.tabulate(lines, headers, tablefmt=tablefmt, disable_numparse=True, colalign=alignment)


def _wrapped(sentence: str, bullet: str) -> str:
    return textwrap.fill(
        sentence,
        WIDTH,
        initial_indent=bullet,
        subsequent_indent=" " * len(bullet),
        break_long_words=False,
        break_on_hyphens=False,
    )
