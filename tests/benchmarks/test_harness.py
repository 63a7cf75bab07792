import os
import signal

import pytest

from minebench.benchmarks import boards, harness, provenance, registry
from minebench.benchmarks.backends import local
from minebench.benchmarks.cell import run_cell
from minebench.benchmarks.job import RunSettings
from minebench.benchmarks.record import failed_result
from minebench.benchmarks.status import statuses
from minebench.leaderboard.results import Failure

SETTINGS = RunSettings(log_every=2, checkpoint_seconds=0.0)


def plan(specs, store, **options):
    return harness.plan(specs, store, SETTINGS, **options)


@pytest.fixture
def run(forks):
    def run(planned, store, **options):
        return list(harness.run(planned, store, slots=2, server=forks, **options))

    return run


def run_here(planned, store):
    """The same runs without a process of their own, whose start costs more than they do."""
    for entry in planned:
        list(run_cell(entry.job, store))


def states(planned):
    return [entry.state for entry in planned]


def fail(store, job, kind):
    """Put a failed record of a job into the store."""
    store.save(failed_result(job, Failure(kind=kind, message="m"), provenance.now()))


def test_what_is_there_is_reused_and_what_moved_is_told(run, spec, store):
    specs = [spec("beta_vae"), spec("untrained")]
    first = plan(specs, store)
    assert states(first) == ["new", "new"]
    assert first[0].why == "not run yet"
    events = run(first, store)
    assert sorted(event.job.spec.model for event in events if event.kind == "ended") == ["beta_vae", "untrained"]
    assert states(plan(specs, store)) == ["done", "done"]
    [changed] = plan([spec("beta_vae", beta=9.0)], store)
    assert (changed.state, changed.why) == ("new", "changed: model configuration")
    assert changed.seconds == pytest.approx(store.load(first[0].job.train_id).train_seconds)
    assert [entry.state for entry in statuses(store)] == ["done", "done"]


def test_a_moved_metric_is_scored_again_from_stored_codes_and_nothing_is_trained(spec, store, monkeypatch):
    [entry] = plan([spec("untrained")], store)
    run_here([entry], store)
    before = store.load(entry.job.train_id)
    monkeypatch.setattr("minebench.metrics.mig.VERSION", 2)
    planned = plan([spec("untrained")], store)
    assert (planned[0].state, planned[0].why) == ("rescore", "1 metrics moved; scored again from stored codes")
    harness.refresh(planned, store)
    after = store.load(entry.job.train_id)
    assert {score.metric: score.version for score in after.scores}["mig"] == 2
    assert [score.value for score in after.scores] == [score.value for score in before.scores]
    assert after.weights_sha256 == before.weights_sha256
    assert states(plan([spec("untrained")], store)) == ["done"]


def test_failures_stay_until_a_retry_is_asked_for_and_kills_go_on(run, spec, store):
    [entry] = plan([spec("untrained")], store)
    fail(store, entry.job, "error")
    [failed] = plan([spec("untrained")], store)
    assert (failed.state, failed.why) == ("failed", "error: m; --retry-failed runs it again")
    assert run([failed], store) == []
    assert states(plan([spec("untrained")], store, retry_failed=True)) == ["resume"]
    fail(store, entry.job, "killed")
    assert states(plan([spec("untrained")], store)) == ["resume"]


class KilledProcess:
    returncode = -signal.SIGKILL

    def wait(self):
        return self.returncode


def test_a_kill_after_the_record_was_saved_takes_no_result_away(spec, store, tmp_path):
    [entry] = plan([spec("untrained")], store)
    run_here([entry], store)
    done = store.load(entry.job.train_id)
    ended = local._Running([entry.job], KilledProcess(), tmp_path / "stderr", "", float("inf"), 0)
    assert local._settle(ended, entry.job, store)
    assert store.load(entry.job.train_id) == done
    with store.lock(entry.job.train_id):
        assert not local._settle(ended, entry.job, store)  # another harness is at it: nothing is written


def test_plans_that_overlap_each_get_their_whole_table(spec, store):
    specs = [spec("vae"), spec("untrained")]
    run_here(plan(specs, store), store)
    relabelled = [one.model_copy(update={"profile": "another"}) for one in specs]
    planned = plan(relabelled, store)
    assert states(planned) == ["done", "done"]
    harness.refresh(planned, store)
    harness.refresh(planned, store)  # twice is once
    assert store.load(planned[0].job.train_id).also_profiles == ("another",)
    text = boards.rebuild_store_board(store)
    for label in ("mini", "another"):
        table = text.split(f"Profile {label}\n")[1].split("Profile ")[0]
        assert "VAE" in table
        assert "untrained" in table


def test_a_damaged_job_of_another_run_is_in_nobodys_way(spec, store):
    folder = store.folder("cut")
    folder.mkdir(parents=True)
    (folder / "job.json").write_text("{")
    assert states(plan([spec("vae")], store)) == ["new"]
    assert [entry.state for entry in statuses(store)] == ["unreadable"]


@pytest.mark.parametrize("device", ["coda", "mps", "cuda:99", "cpu:0"])
def test_a_device_that_is_not_there_is_refused_before_anything_runs(device, spec, store):
    with pytest.raises(ValueError, match=device):
        harness.plan([spec("vae")], store, RunSettings(device=device))


def test_a_worker_that_is_killed_is_recorded_takes_no_other_along_and_goes_on_next_time(forks, spec, store):
    specs = [spec("beta_vae", steps=400), spec("untrained")]
    planned, killed = plan(specs, store), False
    for event in harness.run(planned, store, slots=2, server=forks):
        progress = event.progress
        if not killed and progress is not None and event.job is planned[0].job and progress.step >= 2:
            os.kill(progress.pid, signal.SIGKILL)
            killed = True
    record = store.load(planned[0].job.train_id)
    assert (record.failure.kind, record.failure.message) == ("killed", "the process ended by SIGKILL from outside")
    assert store.load(planned[1].job.train_id).status == "done"
    [again] = plan(specs[:1], store)
    assert again.state == "resume"
    assert "goes on from step" in again.why


def test_a_run_over_its_time_is_killed_and_recorded(run, spec, store):
    planned = plan([spec("beta_vae", steps=10**6)], store)
    run(planned, store, time_limit=1.0)
    assert store.load(planned[0].job.train_id).failure.kind == "timeout"
    assert states(plan([spec("beta_vae", steps=10**6)], store)) == ["failed"]


def test_closing_the_harness_stops_its_runs_with_a_checkpoint(forks, spec, store):
    planned = plan([spec("beta_vae", steps=10**6)], store)
    events = harness.run(planned, store, slots=1, server=forks)
    pid = next(e.progress.pid for e in events if e.progress is not None and e.progress.step > 0)
    events.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not store.exists(planned[0].job.train_id)
    [entry] = plan([spec("beta_vae", steps=10**6)], store)
    assert entry.state == "resume"
    assert entry.why.startswith("interrupted, goes on from step")


def test_a_run_held_by_another_harness_is_waited_for_not_repeated(forks, spec, store, monkeypatch):
    monkeypatch.setattr(local, "_BUSY_SECONDS", 0.1)
    planned = plan([spec("untrained")], store)
    lock = store.lock(planned[0].job.train_id)
    lock.acquire()
    kinds = []
    for event in harness.run(planned, store, slots=1, server=forks):
        kinds.append(event.kind)
        if event.kind == "busy":
            lock.release()
    assert kinds.count("busy") >= 1
    assert kinds[-1] == "ended"
    assert store.load(planned[0].job.train_id).status == "done"


def test_a_process_that_cannot_start_is_recorded_with_its_words(run, spec, store):
    [entry] = plan([spec("untrained")], store)
    settings = SETTINGS.model_copy(update={"plugins": (store.root / "no_such_plugin.py",)})
    job = entry.job.model_copy(update={"settings": settings})
    run([entry._replace(job=job)], store)
    failure = store.load(job.train_id).failure
    assert (failure.kind, failure.message) == ("error", "the process ended with status 1")
    assert "no plug-in at" in failure.traceback


def test_the_board_of_a_store_is_written_beside_its_runs(spec, store):
    planned = plan([spec("untrained"), spec("vae")], store)
    run_here(planned, store)
    text = boards.rebuild_store_board(store)
    assert "untrained" in text
    assert sorted(path.name for path in (store.root / "board").iterdir()) == ["README.md", "board.csv", "results.jsonl"]
    assert boards.stale_files(store.root / "board") == []


def test_registry_entries_resolve():
    for entry in registry.MODELS.values():
        assert entry.model_class().__doc__
        assert entry.config_class().model_fields
        assert registry.source_file(entry).is_file()
    for entry in registry.METRICS.values():
        assert entry.version() >= 1
        assert "rng" not in entry.full_protocol()
