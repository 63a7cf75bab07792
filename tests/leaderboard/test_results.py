import json
import os
import signal
import subprocess
import sys
import time

import pytest
from pydantic import ValidationError

from minebench.leaderboard.results import (
    Failure,
    ResultError,
    ResultStore,
    RunResult,
    merge,
    read_jsonl,
    write_jsonl,
)

# --- the record


@pytest.mark.parametrize(
    "changes",
    [
        {"reconstruction": float("nan")},
        {"kl": float("inf")},
        {"model_config_values": {"a": [{"b": float("nan")}]}},
        {"train_config": {"learning_rate": float("-inf")}},
    ],
)
def test_a_number_that_is_not_finite_never_enters_a_record(make_run, changes):
    with pytest.raises(ValidationError, match="finite"):
        make_run(**changes)


def test_a_metric_that_is_not_finite_never_enters_a_record(make_score):
    with pytest.raises(ValidationError, match="finite"):
        make_score("mig", float("nan"))


def test_a_file_with_nan_in_it_is_damaged(make_run, tmp_path):
    path = ResultStore(tmp_path).save(make_run(kl=123.5))
    path.write_text(path.read_text().replace("123.5", "NaN"))
    with pytest.raises(ResultError, match="kl"):
        list(ResultStore(tmp_path).iterate())


def test_unknown_keys_and_changes_are_refused(make_run):
    with pytest.raises(ValidationError, match="extra"):
        make_run(colour="red")
    with pytest.raises(ValidationError, match="frozen"):
        make_run().seed = 3


def test_status_failure_and_scores_agree(make_run, make_score, diverged):
    with pytest.raises(ValidationError, match="a failed run has a failure"):
        make_run(status="failed")
    with pytest.raises(ValidationError, match="a failed run has a failure"):
        make_run(failure=diverged, status="done")
    with pytest.raises(ValidationError, match="no scores"):
        make_run(failure=diverged, scores=(make_score("mig", 0.1),))


def test_one_score_is_not_recorded_twice(make_run, make_score):
    with pytest.raises(ValidationError, match="score_id"):
        make_run(scores=(make_score("mig", 0.1), make_score("mig", 0.2)))
    make_run(scores=(make_score("mig", 0.1), make_score("mig", 0.2, codes="blocks")))


def test_the_value_is_the_mean_of_its_repeats(make_score):
    make_score("z_diff", 0.5, repeats=(0.4, 0.6))
    with pytest.raises(ValidationError, match="mean of its repeats"):
        make_score("z_diff", 0.4, repeats=(0.4, 0.6))


def test_an_empty_range_is_refused(make_score):
    with pytest.raises(ValidationError, match="lower must be below upper"):
        make_score("mig", 0.5, lower=1.0, upper=1.0)


@pytest.mark.parametrize("train_id", ["", "../x", "a/b", ".hidden", "a b", "x" * 129])
def test_a_train_id_is_a_plain_file_name(make_run, tmp_path, train_id):
    with pytest.raises(ValidationError, match="train_id"):
        make_run(train_id=train_id)
    with pytest.raises(ValueError, match="it names a folder"):
        ResultStore(tmp_path).folder(train_id)


# --- the store


def test_what_is_saved_is_loaded(make_run, diverged, tmp_path):
    store = ResultStore(tmp_path / "new" / "store")
    done, failed = make_run(scores={"mig": 0.1, "irs": 1 / 3}), make_run(seed=1, failure=diverged)
    assert list(store.iterate()) == []
    assert not store.exists(done.train_id)
    for result in (done, failed):
        path = store.save(result)
        assert path == store.folder(result.train_id) / "result.json"
        assert store.load(result.train_id) == result
        assert store.exists(result.train_id)
    assert list(store.iterate()) == sorted([done, failed], key=lambda result: result.train_id)


def test_saving_again_replaces_the_record(make_run, diverged, tmp_path):
    store = ResultStore(tmp_path)
    store.save(make_run(train_id="a1", failure=diverged))
    retried = make_run(train_id="a1", scores={"mig": 0.1})
    store.save(retried)
    assert list(store.iterate()) == [retried]


def test_runs_under_way_and_stray_files_are_passed_over(make_run, tmp_path):
    store = ResultStore(tmp_path)
    store.save(make_run())
    store.folder("running").mkdir()
    (store.folder("running") / "checkpoint.safetensors").touch()
    (tmp_path / "runs" / "notes.txt").touch()
    assert list(store.iterate()) == [make_run()]


@pytest.mark.parametrize("damage", [lambda text: text[: len(text) // 2], lambda text: "", lambda text: "[1, 2]"])
def test_a_damaged_record_is_an_error_that_names_the_file(make_run, tmp_path, damage):
    store = ResultStore(tmp_path)
    path = store.save(make_run())
    path.write_text(damage(path.read_text()))
    with pytest.raises(ResultError, match=str(path)):
        list(store.iterate())


def test_another_schema_is_refused_by_name(make_run, tmp_path):
    path = ResultStore(tmp_path).save(make_run())
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 2'))
    with pytest.raises(ResultError, match="schema_version"):
        ResultStore(tmp_path).load(make_run().train_id)


def test_a_record_in_the_folder_of_another_run_is_an_error(make_run, tmp_path):
    store = ResultStore(tmp_path)
    store.save(make_run()).parent.rename(store.folder("other"))
    with pytest.raises(ResultError, match=make_run().train_id):
        store.load("other")


def test_a_run_without_record_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError):
        ResultStore(tmp_path).load("a1")


def test_a_failed_write_leaves_neither_record_nor_rubbish(make_run, tmp_path, monkeypatch):
    def full(_):
        raise OSError("no space left on device")

    store = ResultStore(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        store.save(make_run())
    assert not store.exists(make_run().train_id)
    assert list(store.folder(make_run().train_id).iterdir()) == []


SAVE_AND_HANG = """
import os, sys, time
from pathlib import Path
from minebench.leaderboard.results import ResultStore, RunResult
def hang(_):
    print("written", flush=True)
    time.sleep(60)
os.fsync = hang
ResultStore(Path(sys.argv[1])).save(RunResult.model_validate_json(sys.argv[2]))
"""


def test_a_kill_during_save_leaves_no_result(make_run, tmp_path):
    """The child is killed when all bytes are written and only the rename is missing."""
    result = make_run()
    arguments = [sys.executable, "-P", "-c", SAVE_AND_HANG, str(tmp_path), result.model_dump_json()]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "written\n"
        child.send_signal(signal.SIGKILL)
    store = ResultStore(tmp_path)
    assert len(list(store.folder(result.train_id).iterdir())) == 1  # the temporary file
    assert not store.exists(result.train_id)
    assert list(store.iterate()) == []


HOLD_LOCK = """
import sys, time
from pathlib import Path
from minebench.leaderboard.results import ResultStore
lock = ResultStore(Path(sys.argv[1])).lock("a1")  # a lock that nobody refers to is freed
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_the_lock_of_a_dead_process_is_free(tmp_path):
    lock = ResultStore(tmp_path).lock("a1")
    with subprocess.Popen([sys.executable, "-P", "-c", HOLD_LOCK, str(tmp_path)], stdout=subprocess.PIPE) as child:
        try:
            child.stdout.readline()
            with pytest.raises(TimeoutError):
                lock.acquire(timeout=0)
        finally:
            child.send_signal(signal.SIGKILL)
    with lock.acquire(timeout=0):
        assert lock.is_locked


@pytest.mark.slow
def test_ten_thousand_results_are_scanned_within_three_seconds(make_run, tmp_path):
    store = ResultStore(tmp_path)
    for seed in range(10_000):
        result = make_run(seed=seed, scores={"z_diff": 0.5, "z_min_var": 0.5, "irs": 0.5, "mig": 0.5, "jemmig": 0.5})
        store.folder(result.train_id).mkdir(parents=True)
        (store.folder(result.train_id) / "result.json").write_text(result.model_dump_json())
    start = time.perf_counter()
    assert sum(1 for _ in store.iterate()) == 10_000
    assert time.perf_counter() - start < 3


# --- the published file


def test_the_file_is_the_same_whatever_the_order(make_run, tmp_path):
    runs = [make_run(model, seed, {"mig": seed / 7}) for model in ("beta_vae", "factor_vae") for seed in range(3)]
    write_jsonl(runs, tmp_path / "a")
    write_jsonl(reversed([*runs, *runs]), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert list(read_jsonl(tmp_path / "a")) == runs
    write_jsonl(read_jsonl(tmp_path / "a"), tmp_path / "c")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "c").read_bytes()


def test_lines_are_sorted_json_with_sorted_keys(make_run, tmp_path):
    write_jsonl([make_run("b"), make_run("a", 1), make_run("a", 0)], tmp_path / "r.jsonl")
    lines = (tmp_path / "r.jsonl").read_text().splitlines()
    assert [(json.loads(line)["model"], json.loads(line)["seed"]) for line in lines] == [("a", 0), ("a", 1), ("b", 0)]
    assert all(list(json.loads(line)) == sorted(json.loads(line)) for line in lines)


@pytest.mark.parametrize("title", ["a\u2028b", "a\nb", "日本 | <b>", '"\\'])
def test_any_name_survives_the_file(make_run, tmp_path, title):
    write_jsonl([make_run(model_title=title)], tmp_path / "r.jsonl")
    assert [result.model_title for result in read_jsonl(tmp_path / "r.jsonl")] == [title]


@pytest.mark.parametrize(
    ("text", "published"),
    [
        ("cannot open /home/ada/runs/x.npz: no such file", "cannot open x.npz: no such file"),
        ('File "/home/ada lovelace/trainer.py", line 3', 'File "trainer.py", line 3'),
        (r"cannot open C:\Users\ada\x.npz", "cannot open x.npz"),
        ("see ~/.cache/minebench/d.h5, file:///tmp/ada/e.h5", "see d.h5, e.h5"),
        (
            "https://example.org/a/b, 3 images/s, and/or 1/2, a / b",
            "https://example.org/a/b, 3 images/s, and/or 1/2, a / b",
        ),
    ],
)
def test_a_published_line_holds_no_machine_paths(make_run, tmp_path, text, published):
    failure = Failure(kind="error", message=text, traceback=text, log="/home/ada/runs/a1/log.txt")
    write_jsonl([make_run(failure=failure)], tmp_path / "r.jsonl")
    [result] = read_jsonl(tmp_path / "r.jsonl")
    assert result.failure == Failure(kind="error", message=published, traceback=published)


def test_the_place_of_the_log_is_not_published(make_run, tmp_path):
    write_jsonl([make_run(failure=Failure(kind="oom", message="m", log="log.txt"))], tmp_path / "r.jsonl")
    assert read_jsonl(tmp_path / "r.jsonl")[0].failure == Failure(kind="oom", message="m")


def test_a_damaged_line_is_named(make_run, tmp_path):
    path = tmp_path / "r.jsonl"
    write_jsonl([make_run(), make_run(seed=1)], path)
    path.write_text(path.read_text().replace('"seed":1', '"seed":"one"'))
    with pytest.raises(ResultError, match=r"r\.jsonl, line 2.*seed"):
        read_jsonl(path)


def test_merge_joins_and_sorts(make_run):
    a, b, c = make_run("a"), make_run("b"), make_run("c")
    assert merge([c, a], [b, a]) == (a, b, c)


def test_merge_refuses_two_results_for_one_run(make_run, tmp_path):
    one, other = (make_run(train_id="a1", scores={"mig": value}) for value in (0.1, 0.2))
    with pytest.raises(ResultError, match=r"a1 \(beta_vae, dsprites, seed 0\).*differ in scores"):
        merge([one], [other])
    with pytest.raises(ResultError, match="a1"):
        write_jsonl([one, other], tmp_path / "r.jsonl")
    assert not (tmp_path / "r.jsonl").exists()


def test_a_published_record_and_its_original_are_one_result(make_run, tmp_path):
    original = make_run(failure=Failure(kind="oom", message="at /home/ada/x", log="/home/ada/log.txt"))
    write_jsonl([original], tmp_path / "r.jsonl")
    assert len(merge([original], read_jsonl(tmp_path / "r.jsonl"))) == 1


def test_a_retried_run_takes_the_place_of_its_failure(make_run, diverged):
    failed, done = make_run(train_id="a1", failure=diverged), make_run(train_id="a1")
    assert merge([failed], [done]) == merge([done], [failed]) == (done,)


def test_records_round_trip_through_json(make_run):
    run = make_run(scores={"mig": 0.1 + 0.2}, kl=1e-300)
    assert RunResult.model_validate_json(run.model_dump_json()) == run
