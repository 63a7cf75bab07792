"""The commands ``minebench datasets``; what they do stands in ``data_sets.py``. Imports stand inside, as in cli.py."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from minebench.datasets.files import Report

app = typer.Typer(help="The data sets and their real files.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A data set of `minebench datasets list`.")]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", envvar="MINEBENCH_DATA", file_okay=False, help="Where data lies.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_all(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the data sets, and whether the real files are there."""
    from minebench.benchmarks import listing

    records = listing.datasets(data_dir)
    typer.echo(listing.json_text(records) if as_json else listing.table_text(records))


@app.command()
def info(name: Name, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Print a data set's factors, sizes, files with their checksums, and licence."""
    from minebench.benchmarks import data_sets, listing

    found = data_sets.info(name, data_dir)
    typer.echo(listing.json_text(found) if as_json else listing.info_text(found))


@app.command()
def verify(name: Name, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Compare the real files with what was published; those of dsprites also with the drawing, pixel by pixel."""
    from minebench.benchmarks import data_sets, listing

    with _bars() as report:
        found = data_sets.verify(name, data_dir, report)
    typer.echo(listing.json_text(found) if as_json else listing.info_text(found))


@app.command("import")
def import_files(name: Name, data_dir: DataDir = None) -> None:
    """Read the real files once, so that runs start at once; the first run does so by itself."""
    from minebench.benchmarks import data_sets

    with _bars() as report:
        found = data_sets.import_files(name, data_dir, report)
    typer.echo(found)


@app.command()
def download(name: Name, data_dir: DataDir = None) -> None:
    """Get the real files that programs may get; of the others, say how a person gets them."""
    from minebench.benchmarks import data_sets

    with _bars() as report:
        files = data_sets.download(name, data_dir, report)
    for file in files:
        typer.echo(file)


@contextmanager
def _bars() -> "Iterator[Report]":
    """A bar on stderr for each stage that is reported, where stderr is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:<36}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bars:
        tasks = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield report
