"""TensorBoard is an extra: what is asked of it is seen through a stand-in, and once for real where it is installed."""

import sys
from types import ModuleType

import pytest

from minebench.benchmarks import cell, cli, curves
from minebench.benchmarks.cell import run_cell
from minebench.benchmarks.job import RunSettings
from minebench.benchmarks.suggestions import UsageError

SETTINGS = RunSettings(log_every=2, tensorboard=True)


@pytest.fixture
def writers(monkeypatch):
    """The writers that are opened: (folder, purge_step, points, closed)."""
    opened = []

    class SummaryWriter:
        def __init__(self, folder, purge_step):
            self.folder, self.purge_step, self.points, self.closed = folder, purge_step, [], False
            opened.append(self)

        def add_scalar(self, name, value, step):
            self.points.append((name, step))

        def close(self):
            self.closed = True

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    monkeypatch.setattr(curves, "require_tensorboard", lambda: None)
    monkeypatch.setattr(cell, "score_run", lambda *_: ())
    return opened


def test_every_reading_of_the_log_becomes_a_point_of_every_term(job, store, writers):
    made = job("beta_vae", steps=4, settings=SETTINGS)
    list(run_cell(made, store))
    [writer] = writers
    assert writer.folder == str(store.folder(made.train_id) / "tensorboard")
    names = {f"vae/{term}" for term in ("reconstruction", "kl", "loss", "gradient_norm")}
    assert set(writer.points) == {(name, step) for name in names for step in (2, 4)}
    assert (writer.purge_step, writer.closed) == (1, True)


def test_what_was_drawn_after_the_last_checkpoint_is_dropped_on_the_way_on(tmp_path, writers):
    with curves.curves(tmp_path, 120, asked=True) as draw:
        draw(150, {"vae/kl": 1.0})
    assert (writers[0].purge_step, writers[0].points, writers[0].closed) == (121, [("vae/kl", 150)], True)


def test_unasked_nothing_is_loaded_and_nothing_changes(job, store, writers, tmp_path):
    drawn, plain = job("beta_vae", steps=2, settings=SETTINGS), job("beta_vae", steps=2)
    assert drawn.train_id == plain.train_id
    list(run_cell(drawn, store))
    with_curves = store.load(drawn.train_id).weights_sha256
    store.root = tmp_path / "plain"
    list(run_cell(plain, store))
    assert len(writers) == 1
    assert store.load(plain.train_id).weights_sha256 == with_curves


def test_where_it_is_not_installed_the_command_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(curves.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'minebench\[tensorboard\]'"):
        curves.require_tensorboard()
    monkeypatch.setattr(sys, "argv", ["minebench", "run", "--tensorboard", "--dry-run"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 2
    assert "--tensorboard needs the package tensorboard" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_real_curves_can_be_read_back(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for first, last in ((0, 6), (4, 8)):  # interrupted after 6, gone on from 4
        with curves.curves(tmp_path, first, asked=True) as draw:
            for step in range(first + 2, last + 1, 2):
                draw(step, {"vae/kl": step + first / 10})
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(point.step, round(point.value, 1)) for point in events.Scalars("vae/kl")] == [
        (2, 2.0), (4, 4.0), (6, 6.4), (8, 8.4),
    ]  # fmt: skip
