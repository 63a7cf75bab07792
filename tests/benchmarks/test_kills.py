"""``kill -9`` at any moment: the same plan goes on from the last checkpoint and ends in the same bits.

``pytest tests/benchmarks/test_kills.py -m slow -s`` tells where each kill fell. The moments are drawn from a seed, over
the whole life of a run's process: loading, steps, checkpoints being written, evaluation.
"""

import os
import shutil
import signal
import threading
import time
from contextlib import suppress

import pytest
import torch

from minebench.benchmarks import cell, harness
from minebench.benchmarks.cell import run_cell
from minebench.benchmarks.checkpoint import latest
from minebench.benchmarks.job import RunSettings
from minebench.benchmarks.streams import numpy_stream
from minebench.benchmarks.training import CHECKPOINTS, LOG_FILE
from minebench.leaderboard.results import ResultStore

pytestmark = pytest.mark.slow
STEPS, KILLS = 60, 5  # kills of each of two runs of each model
EVERY = RunSettings(checkpoint_seconds=0.0)  # a checkpoint a step: most kills fall into the writing of one
SOME = RunSettings(checkpoint_seconds=0.1)


@pytest.fixture(autouse=True)
def _no_scores(monkeypatch):
    monkeypatch.setattr(cell, "score_run", lambda *_: ())  # what is asked for are the weights


def kill(progress, checkpoints, step, delay):
    """Kill a run's process so many seconds after it has left a checkpoint of a step, or a later one."""
    with suppress(ProcessLookupError):
        while step and ((left := latest(checkpoints)) is None or left.step < step):
            os.kill(progress.pid, 0)  # whether it is still there
            time.sleep(0.002)
        time.sleep(delay)
        os.kill(progress.pid, signal.SIGKILL)


def die(planned, store, step, delay, forks):
    """Start a run whose process is killed at a moment before its end; the checkpoint that it leaves."""
    killer, checkpoints = None, store.folder(planned.job.train_id) / CHECKPOINTS
    for event in harness.run([planned], store, slots=1, server=forks):
        if killer is None and event.progress is not None:
            killer = threading.Thread(target=kill, args=(event.progress, checkpoints, step, delay))
            killer.start()
    killer.join()
    failure = store.load(planned.job.train_id).failure
    assert (failure.kind, failure.message) == ("killed", "the process ended by SIGKILL from outside")
    return latest(checkpoints)


def finish(job, store):
    """Carry out what is left of a run in this process; the SHA-256 of its weights."""
    list(run_cell(job, store))
    return store.load(job.train_id).weights_sha256


def finish_without_moments(job, store, folder, monkeypatch):
    """The same on a copy, but Adam begins anew after the interruption."""
    shutil.copytree(store.root, folder)
    with monkeypatch.context() as patched:
        patched.setattr(torch.optim.Adam, "load_state_dict", lambda *_: None)
        return finish(job, ResultStore(folder))


@pytest.mark.parametrize("model", ["beta_vae", "mine_vae"])
@pytest.mark.parametrize("settings", [EVERY, SOME], ids=["checkpoint a step", "checkpoint now and then"])
def test_a_run_killed_five_times_at_random_moments_ends_in_the_same_bits(
    model, settings, spec, tmp_path, monkeypatch, forks
):
    moments, made = numpy_stream(0, "kills", model, settings.model_dump_json()), spec(model, steps=STEPS)
    straight, store = ResultStore(tmp_path / "straight"), ResultStore(tmp_path / "killed")
    [entry] = harness.plan([made], straight, settings)
    expected, left, forgetful = finish(entry.job, straight), None, None
    [entry] = harness.plan([made], store, settings)
    for step in sorted(moments.integers(STEPS, size=KILLS).tolist()):
        before, delay = left, float(moments.uniform(0.0, 0.1))
        left = die(entry, store, step, delay, forks)
        print(f"{model}: killed {1e3 * delay:.0f} ms after step {step}; left that of step {left.step if left else 0}")
        assert before is None or left.step >= before.step  # nothing that was safe is lost
        [entry] = harness.plan([made], store, settings)  # the same command again
        if left is not None and forgetful is None:
            forgetful = finish_without_moments(entry.job, store, tmp_path / "forgetful", monkeypatch)
    assert entry.state == "resume"
    assert finish(entry.job, store) == expected
    assert f'{{"event": "resume", "step": {left.step}}}' in (store.folder(entry.job.train_id) / LOG_FILE).read_text()
    assert forgetful not in (None, expected)  # the comparison can fail
