"""Processes of runs: forked where they can be, started afresh where they cannot; the same runs either way."""

import json
import os
import signal
import subprocess
import time

import pytest

from minebench.benchmarks import harness
from minebench.benchmarks.backends.starts import ForkServer
from minebench.benchmarks.cell import run_cell
from minebench.benchmarks.exit_status import EXIT_BUSY, EXIT_DONE
from minebench.benchmarks.job import RunSettings

SETTINGS = RunSettings(log_every=2, checkpoint_seconds=0.0)


def server_of(pid):
    """The parent of a process, by /proc: the server that forked it."""
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rsplit(")", 1)[1].split()[1])


def test_when_the_server_is_killed_its_runs_go_on_afresh_to_the_same_bits(spec, store, tmp_path):
    planned = harness.plan([spec("beta_vae", steps=20)], store, SETTINGS)
    job, killed, kinds = planned[0].job, 0, []
    with ForkServer() as server:
        for event in harness.run(planned, store, slots=1, server=server):
            kinds.append(event.kind)
            if not killed and event.progress is not None and event.progress.step > 0:
                killed = server_of(event.progress.pid)
                os.kill(killed, signal.SIGKILL)
        assert not server.serves("cpu", 1)
    assert kinds.count("started") == 2
    assert kinds[-1] == "ended"
    lines = [json.loads(line) for line in (store.folder(job.train_id) / "log.jsonl").read_text().splitlines()]
    [resume] = [line for line in lines if line.get("event") == "resume"]
    assert resume["step"] > 0
    after = store.load(job.train_id)
    store.root = tmp_path / "straight"
    list(run_cell(job, store))
    assert store.load(job.train_id).weights_sha256 == after.weights_sha256
    assert store.load(job.train_id).codes_sha256 == after.codes_sha256


def test_a_fork_has_the_folder_and_the_environment_of_its_parent_and_its_words_in_its_own_file(
    forks, job, store, tmp_path, monkeypatch
):
    seen = tmp_path / "seen.py"
    seen.write_text("import os\nprint(os.getcwd(), os.environ['SEEN'], os.getpgid(0) == os.getpid(), flush=True)\n")
    made = job("untrained", settings=RunSettings(plugins=(seen,)))
    folder = store.folder(made.train_id)
    made.write(folder)
    words = tmp_path / "words"
    words.touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEEN", "now")
    assert forks.start([folder], words).wait(timeout=60) == EXIT_DONE
    assert words.read_text() == f"{tmp_path} now True\n"


def test_what_cannot_be_forked_is_started_afresh(forks):
    assert forks.serves("cpu", 1)
    assert not forks.serves("cpu", 2)  # libraries were told their threads as they loaded
    assert not forks.serves("cuda", 1)  # CUDA in use cannot be forked
    assert not ForkServer.suits("cuda:1")


def test_a_server_that_cannot_start_gives_its_runs_back(store, monkeypatch):
    monkeypatch.setattr("sys.executable", "/bin/false")
    with ForkServer() as server:
        run = server.start([store.folder("a")], store.root / "words")
        assert run.wait(timeout=10) == EXIT_BUSY  # i.e. to be started again
        run.kill()  # and to whom it may concern no more
        assert not server.serves("cpu", 1)


def test_a_run_that_hangs_when_its_server_is_gone_can_still_be_ended(job, store, tmp_path):
    hang = tmp_path / "hang.py"
    hang.write_text("import time\nprint('hangs', flush=True)\ntime.sleep(1e5)\n")
    made = job("untrained", settings=RunSettings(plugins=(hang,)))
    folder, words = store.folder(made.train_id), tmp_path / "words"
    made.write(folder)
    with ForkServer() as server:
        run = server.start([folder], words)
        while not (words.exists() and "hangs" in words.read_text()):
            time.sleep(0.05)
        assert run.poll() is None
        server.end()
        assert run.poll() is None  # it goes on, and nobody may start it again
        run.kill()
        assert run.wait(timeout=10) == EXIT_BUSY
    assert run.poll() == EXIT_BUSY


def test_a_run_that_was_not_forked_yet_is_ended_with_the_server(job, store, tmp_path):
    made = job("untrained")
    made.write(store.folder(made.train_id))
    with ForkServer() as server:
        run = server.start([store.folder(made.train_id)], tmp_path / "words")
        run.kill()  # in the middle of the server's imports
        assert run.wait(timeout=1) == EXIT_BUSY
        assert not server.serves("cpu", 1)


def test_a_run_is_ended_at_once_on_request(forks, spec, store):
    [entry] = harness.plan([spec("beta_vae", steps=10**6)], store, SETTINGS)
    folder = store.folder(entry.job.train_id)
    entry.job.write(folder)
    (folder / "words").touch()
    run = forks.start([folder], folder / "words")
    with pytest.raises(subprocess.TimeoutExpired):
        run.wait(timeout=0.1)
    assert run.poll() is None
    run.kill()
    assert run.wait(timeout=10) == run.returncode == -signal.SIGKILL
    run.kill()  # its number may be another's by now: nothing is done
    assert forks.serves("cpu", 1)
