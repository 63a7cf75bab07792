"""The command line. Each command turns options into specs, calls one function and prints what it returned.

Results go to stdout, progress and messages to stderr. Exit status: 0 ok, 1 some runs failed (or figures of the selftest
moved), 2 usage or configuration, 3 stale leaderboard, 130 interrupted. Imports stand inside the commands so that
``--help`` answers at once and reading commands load no torch.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from minebench.benchmarks import data_cli

if TYPE_CHECKING:
    from minebench.benchmarks.harness import Planned
    from minebench.benchmarks.job import RunSettings
    from minebench.leaderboard.results import ResultStore

app = typer.Typer(
    help="An honest benchmark of disentangled VAEs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
models_app = typer.Typer(help="The models that are registered.", no_args_is_help=True)
metrics_app = typer.Typer(help="The metrics.", no_args_is_help=True)
app.add_typer(models_app, name="models")
app.add_typer(data_cli.app, name="datasets")
app.add_typer(metrics_app, name="metrics")

Models = Annotated[list[str] | None, typer.Option("-m", "--model", help="Model, or a glob; repeat for more.")]
Datasets = Annotated[list[str] | None, typer.Option("-d", "--dataset", help="Data set, or a glob; repeat for more.")]
Seeds = Annotated[str | None, typer.Option("-s", "--seeds", help="Seeds, as 0-4 or 0,2,5.")]
ProfileName = Annotated[str, typer.Option("--profile", help="quick, standard, paper, or a YAML file.")]
Sets = Annotated[list[str] | None, typer.Option("--set", help="Change a setting: train.steps=500; repeat for more.")]
Store = Annotated[Path, typer.Option("--store", envvar="MINEBENCH_STORE", help="Where runs and their board are kept.")]
DataDir = Annotated[Path | None, typer.Option("--data-dir", envvar="MINEBENCH_DATA", help="Where data lies.")]
Plugins = Annotated[list[Path] | None, typer.Option("--plugin", help="Python file that registers models.")]
Device = Annotated[str, typer.Option("--device", envvar="MINEBENCH_DEVICE", help="cpu, cuda or cuda:N.")]
Execution = Annotated[
    Literal["graph", "eager"], typer.Option("--execution", envvar="MINEBENCH_EXECUTION", help="Of steps on a GPU.")
]
PerProcess = Annotated[
    int | None, typer.Option("--seeds-per-process", min=1, max=16, help="Of one model; 8 on a GPU, 1 on a CPU.")
]
AuditEvery = Annotated[
    int, typer.Option("--audit-every", min=0, help="Steps between audits of models that have one; 0: none.")
]
TensorBoard = Annotated[bool, typer.Option("--tensorboard", help="Draw all loss terms for TensorBoard, too.")]
Jobs = Annotated[int | None, typer.Option("-j", "--jobs", min=1, help="Processes at a time: one a core, or a GPU.")]
TimeLimit = Annotated[float | None, typer.Option("--time-limit", min=0.01, max=1e6, help="Minutes a run may take.")]
Retry = Annotated[bool, typer.Option("--retry-failed", help="Run again what failed.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Checkpoint = Annotated[Path, typer.Argument(help="A .safetensors file, or the folder of a finished run.")]

DEFAULT_STORE = Path("runs")
EXIT_INTERRUPTED = 130


def _print_version(asked: bool) -> None:
    if asked:
        import minebench

        typer.echo(f"minebench {minebench.__version__}")
        raise typer.Exit


@app.callback()
def _main(
    _: Annotated[bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print it.")] = False,
) -> None:
    """An honest benchmark of disentangled VAEs."""


@app.command()
def run(
    model: Models = None,
    dataset: Datasets = None,
    seeds: Seeds = None,
    profile: ProfileName = "quick",
    sets: Sets = None,
    store: Store = DEFAULT_STORE,
    data_dir: DataDir = None,
    plugin: Plugins = None,
    device: Device = "cpu",
    execution: Execution = "graph",
    seeds_per_process: PerProcess = None,
    tensorboard: TensorBoard = False,
    audit_every: AuditEvery = 0,
    jobs: Jobs = None,
    time_limit: TimeLimit = None,
    retry_failed: Retry = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")] = False,
) -> None:
    """Run what is missing of a profile, then rebuild the board of the store and print it."""
    from minebench.benchmarks import bars, boards, harness, listing

    settings = _settings(data_dir, plugin, device, execution, seeds_per_process, tensorboard, audit_every)
    planned, results = _plan(model, dataset, seeds, profile, sets, store, settings, retry_failed)
    if dry_run:
        typer.echo(listing.plan_text(planned))
        return
    counts = harness.count_states(planned)
    harness.refresh(planned, results)
    n_runs = sum(counts[state] for state in harness.TO_RUN)
    limit = time_limit * 60 if time_limit else None
    bars.watch_runs(harness.run(planned, results, slots=_slots(jobs, device), time_limit=limit), n_runs, results)
    failed = [entry.job for entry in planned if results.load(entry.job.train_id).status == "failed"]
    typer.echo(boards.rebuild_store_board(results))
    reused = counts["done"] + counts["rescore"]
    typer.echo(f"ran {n_runs}, reused {reused}, failed {len(failed)}; board in {results.root / 'board'}")
    for job in failed:
        failure = results.load(job.train_id).failure
        typer.echo(f"failed: {job.spec.name}: {failure.message if failure else ''} ({job.train_id})", err=True)
    raise typer.Exit(1 if failed else 0)


@app.command()
def plan(
    model: Models = None,
    dataset: Datasets = None,
    seeds: Seeds = None,
    profile: ProfileName = "quick",
    sets: Sets = None,
    store: Store = DEFAULT_STORE,
    data_dir: DataDir = None,
    plugin: Plugins = None,
    device: Device = "cpu",
    execution: Execution = "graph",
    retry_failed: Retry = False,
    as_json: AsJson = False,
) -> None:
    """Print what `run` would do, why, and what it costs by the store's history."""
    from minebench.benchmarks import listing

    settings = _settings(data_dir, plugin, device, execution)
    planned, _ = _plan(model, dataset, seeds, profile, sets, store, settings, retry_failed)
    typer.echo(listing.json_text(listing.plan_records(planned)) if as_json else listing.plan_text(planned))


@app.command()
def train(
    config: Annotated[Path, typer.Argument(help="A training file; see benchmarks/configs.")],
    sets: Sets = None,
    store: Store = DEFAULT_STORE,
    data_dir: DataDir = None,
    plugin: Plugins = None,
    device: Device = "cpu",
    execution: Execution = "graph",
    tensorboard: TensorBoard = False,
    audit_every: AuditEvery = 0,
    retry_failed: Retry = False,
) -> None:
    """Train and score one model from a YAML file; the same command goes on where it was interrupted."""
    from minebench.benchmarks import bars, harness, listing
    from minebench.benchmarks.profile import load_train_file

    settings = _settings(data_dir, plugin, device, execution, tensorboard=tensorboard, audit_every=audit_every)
    results = _store(store)
    [entry] = harness.plan([load_train_file(config, sets or ())], results, settings, retry_failed=retry_failed)
    typer.echo(f"{entry.job.train_id}: {entry.why}", err=True)
    harness.refresh([entry], results)
    if entry.state in harness.TO_RUN:
        bars.watch_runs(harness.run([entry], results, slots=1), 1, results)
    result = results.load(entry.job.train_id)
    if result.failure:
        typer.echo(f"failed: {result.failure.kind}: {result.failure.message}; log: {result.failure.log}", err=True)
        raise typer.Exit(1)
    typer.echo(listing.numbers_text({score.title: score.value for score in result.scores}))
    typer.echo(f"checkpoint: {results.folder(result.train_id) / 'model.safetensors'}")


@app.command()
def evaluate(
    checkpoint: Checkpoint,
    rows: Annotated[
        Literal["scored", "all"], typer.Option("--rows", help="The 10,000 held-out rows, or the whole data set.")
    ] = "scored",
    data_dir: DataDir = None,
    plugin: Plugins = None,
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Score a checkpoint on the held-out rows, or on all with --rows all; the path alone says what it is."""
    from minebench.benchmarks import listing
    from minebench.benchmarks.report import report

    found = report(checkpoint, _settings(data_dir, plugin, device), chosen=rows)
    typer.echo(listing.json_text(found) if as_json else listing.info_text(found))


@app.command()
def traverse(
    checkpoint: Checkpoint,
    out: Annotated[Path, typer.Option("--out", help="The PNG to write; other pictures' names begin as its.")] = Path(
        "traversal.png"
    ),
    row: Annotated[int, typer.Option("--row", help="Which of the scored images to start from.")] = 0,
    top: Annotated[
        int, typer.Option("--top", min=1, help="Codes to draw, those of most KL; blocks are all drawn.")
    ] = 20,
    data_dir: DataDir = None,
    plugin: Plugins = None,
    device: Device = "cpu",
    force: Annotated[bool, typer.Option("--force", help="Replace existing pictures.")] = False,
    as_json: AsJson = False,
) -> None:
    """Draw what each code or block of a checkpoint does: grid, GIF, reconstructions, and attention if it has any."""
    from minebench.benchmarks import listing
    from minebench.benchmarks.traversal import draw

    found = draw(checkpoint, out, _settings(data_dir, plugin, device), row=row, most=top, force=force)
    typer.echo(listing.json_text(listing.traversal_record(found)) if as_json else listing.traversal_text(found))


@app.command()
def ablate(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="A YAML file, or mine_vae: see benchmarks/ablations.")],
    arm: Annotated[list[str] | None, typer.Option("-a", "--arm", help="Arm, or a glob; repeat for more.")] = None,
    seeds: Seeds = None,
    sets: Sets = None,
    store: Store = DEFAULT_STORE,
    data_dir: DataDir = None,
    plugin: Plugins = None,
    device: Device = "cpu",
    execution: Execution = "graph",
    seeds_per_process: PerProcess = None,
    jobs: Jobs = None,
    time_limit: TimeLimit = None,
    retry_failed: Retry = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run what is missing of an ablation, then write and print what each arm changes, paired by seed."""
    from minebench.benchmarks import bars, harness, listing
    from minebench.benchmarks.ablation import command, longform, page
    from minebench.benchmarks.profile import parse_seeds
    from minebench.leaderboard.styles import Plain

    settings, results = _settings(data_dir, plugin, device, execution, seeds_per_process), _store(store)
    chosen = parse_seeds(seeds) if seeds is not None else ()
    study = command.prepare(
        spec, results, settings, sets=sets or (), arms=arm or (), seeds=chosen, retry_failed=retry_failed
    )
    if dry_run:
        records = listing.plan_records(study.planned)
        typer.echo(listing.json_text(records) if as_json else listing.plan_text(study.planned))
        return
    n_runs = sum(entry.state in harness.TO_RUN for entry in study.planned)
    events = command.run(study, results, slots=_slots(jobs, device), time_limit=time_limit * 60 if time_limit else None)
    bars.watch_runs(events, n_runs, results)
    found = command.outcome(study, results)
    folder = command.write(study, found, results)
    summary = longform.summary(study.ablation, found)
    typer.echo(listing.json_text(summary) if as_json else page.page(study.ablation, found, Plain()))
    failed = sum(len(runs.failed) for runs in found.values())
    reused = sum(entry.state in ("done", "rescore") for entry in study.planned)
    typer.echo(f"ran {n_runs}, reused {reused}, failed {failed}; tables in {folder}", err=as_json)
    raise typer.Exit(1 if failed else 0)


@app.command()
def status(store: Store = DEFAULT_STORE, as_json: AsJson = False) -> None:
    """Print what the runs of a store are doing."""
    from minebench.benchmarks import listing
    from minebench.benchmarks.status import statuses

    found = list(statuses(_store(store)))
    records = [listing.status_record(entry) for entry in found]
    typer.echo(listing.json_text(records) if as_json else listing.status_text(found, store))


@app.command()
def leaderboard(
    store: Store = DEFAULT_STORE,
    publish: Annotated[bool, typer.Option("--publish", help="Write the store's results to the folder.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit with 3 if the folder's tables are stale.")] = False,
    folder: Annotated[Path, typer.Option("--folder", help="The committed leaderboard.")] = Path("leaderboard"),
) -> None:
    """Rebuild the committed leaderboard from its results; --publish takes the store's results into it first."""
    from minebench.benchmarks import boards

    if check:
        stale = boards.stale_files(folder)
        for name in stale:
            typer.echo(f"{folder / name} is stale; minebench leaderboard rebuilds it", err=True)
        raise typer.Exit(3 if stale else 0)
    if publish:
        boards.publish(_store(store), folder)
    typer.echo(boards.rebuild(folder))


@app.command()
def variance(
    grid: Annotated[
        str, typer.Option("--grid", help="smoke, reduced, standard, full, a YAML file, or a packed one.")
    ] = "smoke",
    store: Store = DEFAULT_STORE,
    truth: Annotated[
        Literal["known", "codes"], typer.Option("--truth", help="Known distributions, or the codes of --run.")
    ] = "known",
    run_id: Annotated[
        list[str] | None, typer.Option("--run", help="A finished run of the store, for --truth codes; repeatable.")
    ] = None,
    n_images: Annotated[int | None, typer.Option("--images", min=100, help="Most images of a run.")] = None,
    figures: Annotated[Path | None, typer.Option("--figures", help="Folder to draw pictures in.")] = None,
    pack: Annotated[Path | None, typer.Option("--pack", help="Write grid and finished cells to this file.")] = None,
    finished: Annotated[bool, typer.Option("--finished", help="Run nothing; tables of what is finished.")] = False,
    data_dir: DataDir = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the cells and stop.")] = False,
) -> None:
    """Run what is missing of the estimator study, then print its tables; the same command goes on after a break."""
    from minebench.benchmarks.study import archive, command

    settings, root = _settings(data_dir, None, "cpu"), _store(store)
    study = command.prepare(grid, root, settings, codes=truth == "codes", run_ids=run_id or (), n_images=n_images)
    if dry_run:
        typer.echo(command.plan_text(study))
        return
    for line in () if finished else command.run(study):
        typer.echo(line, err=True)
    if pack is not None:
        archive.pack(study.grid, study.records, pack)
    typer.echo(command.report(study, figures))


@app.command()
def throughput(
    model: Models = None,
    dataset: Annotated[str, typer.Option("-d", "--dataset", help="What to train on.")] = "dsprites",
    device: Device = "cpu",
    seconds: Annotated[float, typer.Option("--seconds", min=0.001, help="How long each setting is timed.")] = 20.0,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Images in a batch.")] = 64,
    precision: Annotated[Literal["fp32", "bf16"], typer.Option("--precision", help="Of the networks.")] = "fp32",
    data_dir: DataDir = None,
) -> None:
    """Time training steps on a device: one by one, as graphs, several seeds at once; prints a Markdown table."""
    from minebench.benchmarks import throughput as timing

    found = []
    for setting in timing.settings(model or ("beta_vae", "factor_vae"), device):
        typer.echo(f"timing {setting.model}, {setting.mode}, {setting.seeds} at once", err=True)
        found.append(
            timing.measure(
                setting,
                dataset,
                device=device,
                seconds=seconds,
                batch_size=batch_size,
                precision=precision,
                data_root=data_dir,
            )
        )
    about = timing.conditions(dataset, device=device, batch_size=batch_size, precision=precision)
    typer.echo(timing.table(found, about))


@models_app.command("list")
def models_list(plugin: Plugins = None, as_json: AsJson = False) -> None:
    """List the models."""
    from minebench.benchmarks import listing, registry

    registry.load_installed()
    registry.load_plugins(tuple(plugin or ()))
    _print_table(listing.models(), as_json)


@models_app.command("info")
def models_info(name: str, plugin: Plugins = None, as_json: AsJson = False) -> None:
    """Print a model's hyperparameters with their defaults."""
    from minebench.benchmarks import listing, registry

    registry.load_installed()
    registry.load_plugins(tuple(plugin or ()))
    _print_info(listing.model_info(name), as_json)


@metrics_app.command("list")
def metrics_list(as_json: AsJson = False) -> None:
    """List the metrics."""
    from minebench.benchmarks import listing

    _print_table(listing.metrics(), as_json)


@metrics_app.command("info")
def metrics_info(name: str, as_json: AsJson = False) -> None:
    """Print a metric's definition, direction, range, chance, protocol, cost and reference, or where it is found."""
    from minebench.benchmarks import listing

    _print_info(listing.metric_info(name), as_json)


@metrics_app.command("score")
def metrics_score(
    file: Annotated[Path, typer.Argument(metavar="CODES.npz", help="Arrays codes and factors, a row a sample.")],
    metric: Annotated[list[str] | None, typer.Option("-m", "--metric", help="Metric; repeat for more.")] = None,
    n_factor_bins: Annotated[
        int | None, typer.Option("--n-factor-bins", min=2, help="Bins for factors of more values, such as continuous.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the metrics that draw samples.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Score the codes of any model with every metric that applies.

    For codes that come in blocks, which are scored beside the single codes, the file also holds block_of_code, the
    number of each code's block from 0, -1 for none; and if need be n_blocks, where the last ones are empty, named,
    whether block k belongs to factor k, and nuisance, the number of the block that is to hold the rest.
    """
    from minebench.benchmarks import bars, foreign, listing
    from minebench.benchmarks.codes_file import load_codes
    from minebench.benchmarks.suggestions import UsageError

    representation = load_codes(file)
    kinds: tuple[Literal["dims", "blocks"], ...] = ("dims", "blocks") if representation.blocks else ("dims",)
    try:
        scores = foreign.score_kinds(representation, kinds, n_factor_bins=n_factor_bins, seed=seed, metrics=metric)
        found = bars.watch_scores(scores)
    except ValueError as error:
        raise UsageError(f"{file}: {error}") from error
    typer.echo(listing.json_text(listing.score_records(found)) if as_json else listing.scores_text(found))


@metrics_app.command("selftest")
def metrics_selftest(
    check: Annotated[
        Path | None, typer.Option("--check", help="Exit with 1 if a figure of this committed page has moved.")
    ] = None,
    figure: Annotated[Path | None, typer.Option("--figure", help="Draw the panel to this SVG or PNG instead.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print what every metric says of codes whose quality is known, as a page."""
    from minebench.benchmarks import listing, selftest

    committed = selftest.read_page(check) if check else None
    found = selftest.panel()
    if committed is not None:
        lines = selftest.moved(found, committed)
        for line in lines:
            typer.echo(line, err=True)
        raise typer.Exit(1 if lines else 0)
    if figure is not None:
        from minebench.benchmarks.selftest_figure import draw

        typer.echo(draw(found, figure))
        return
    typer.echo(listing.json_text(found) if as_json else selftest.page(found))


@metrics_app.command("noise")
def metrics_noise(store: Store = DEFAULT_STORE, as_json: AsJson = False) -> None:
    """Print how much of the spread between seeds is noise of the metrics, and how many rows would still it."""
    from minebench.benchmarks import listing, noise

    found = noise.measure(_store(store))
    typer.echo(listing.json_text(noise.records(found)) if as_json else noise.text(found))


def main() -> None:
    """The console script ``minebench``."""
    try:
        app()
    except SystemExit as left:
        if left.code == EXIT_INTERRUPTED:  # typer's answer to Ctrl-C
            typer.echo("minebench: interrupted; the same command goes on from the last checkpoints", err=True)
        raise
    except Exception as error:
        if not _is_of_the_user(error):
            raise
        typer.echo(f"minebench: {error}", err=True)
        sys.exit(2)


def _is_of_the_user(error: Exception) -> bool:
    """Whether an error tells the user what to do, so that a traceback would only hide it."""
    from minebench.benchmarks.suggestions import UsageError
    from minebench.datasets.files import DataFileError
    from minebench.leaderboard.results import ResultError

    return isinstance(error, UsageError | DataFileError | ResultError | OSError)


def _plan(
    models: list[str] | None,
    datasets: list[str] | None,
    seeds: str | None,
    profile: str,
    sets: list[str] | None,
    store: Path,
    settings: "RunSettings",
    retry_failed: bool,
) -> "tuple[list[Planned], ResultStore]":
    from minebench.benchmarks import harness, registry
    from minebench.benchmarks import profile as profiles

    results = _store(store)
    added = registry.load_plugins(settings.plugins)
    specs = profiles.plan_specs(
        profiles.load_profile(profile, sets or ()),
        models=models or (),
        datasets=datasets or (),
        seeds=profiles.parse_seeds(seeds) if seeds is not None else (),
        added=added,
    )
    return harness.plan(specs, results, settings, retry_failed=retry_failed), results


def _settings(
    data_dir: Path | None,
    plugins: list[Path] | None,
    device: str,
    execution: Literal["graph", "eager"] = "graph",
    seeds_per_process: int | None = None,
    tensorboard: bool = False,
    audit_every: int = 0,
) -> "RunSettings":
    from minebench.benchmarks import curves, registry
    from minebench.benchmarks.job import RunSettings

    if tensorboard:
        curves.require_tensorboard()
    paths = tuple(path.resolve() for path in plugins or ())
    registry.load_installed()
    registry.load_plugins(paths)
    return RunSettings(
        device=device,
        execution=execution,
        data_root=data_dir.resolve() if data_dir else None,
        plugins=paths,
        seeds_per_process=seeds_per_process,
        tensorboard=tensorboard,
        audit_every=audit_every,
    )


def _store(path: Path) -> "ResultStore":
    from minebench.benchmarks.suggestions import UsageError
    from minebench.leaderboard.results import ResultStore

    if path.exists() and not path.is_dir():
        raise UsageError(f"--store is a folder; {path} is none")
    return ResultStore(path)


def _print_table(records: dict[str, dict[str, Any]], as_json: bool) -> None:
    from minebench.benchmarks import listing

    typer.echo(listing.json_text(records) if as_json else listing.table_text(records))


def _print_info(record: dict[str, Any], as_json: bool) -> None:
    from minebench.benchmarks import listing

    typer.echo(listing.json_text(record) if as_json else listing.info_text(record))


def _slots(jobs: int | None, device: str) -> int:
    """Processes at a time."""
    return jobs or (1 if device.startswith("cuda") else _cores())


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
