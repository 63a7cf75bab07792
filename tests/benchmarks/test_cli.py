"""Options, output and exit status; what the commands do is tested where it is done."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

import minebench
from minebench.benchmarks import cli, registry
from minebench.benchmarks.progress import read_progress
from minebench.datasets.shapes_mini import load_shapes_mini
from minebench.datasets.splits import rows_hash

MINEBENCH = Path(sys.executable).with_name("minebench")


def perform(*words, code=0):
    """A command in this process; errors of users are raised, as ``main`` sees them."""
    result = CliRunner().invoke(cli.app, list(map(str, words)), catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def invoke(*words, code=0):
    return perform(*words, code=code).stdout


def command(*words, **environment):
    """A command in a process of its own, as a user starts it."""
    return subprocess.run(
        [MINEBENCH, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
        env=os.environ | {"NO_COLOR": "1"} | environment,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A store with two runs, made by the commands a user gives; and what they printed."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "mini.yaml").write_text(
        "name: mini\nabout: a\nmodels: [beta_vae]\ndatasets: [shapes_mini]\nseeds: [0]\n"
        "train: {steps: 3, batch_size: 4}\n"
    )
    words = ["run", "--profile", folder / "mini.yaml", "--store", folder / "runs"]
    return folder, words, command(*words)


def checkpoint(folder):
    return next((folder / "runs" / "runs").glob("beta_vae-*")) / "model.safetensors"


def test_a_run_prints_its_board_and_counts_on_stdout_and_its_progress_on_stderr(finished):
    folder, _, done = finished
    assert done.returncode == 0, done.stderr
    assert "ran 2, reused 0, failed 0; board in" in done.stdout
    assert "β-VAE" in done.stdout
    assert "untrained" in done.stdout
    assert "[2/2]" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert {path.name for path in (folder / "runs" / "board").iterdir()} >= {"README.md", "board.csv", "results.jsonl"}


def test_run_again_it_reuses_everything_and_prints_the_same_board(finished):
    _, words, first = finished
    again = invoke(*words)
    assert "ran 0, reused 2, failed 0" in again
    assert again.split("ran 0")[0] == first.stdout.split("ran 2")[0]


def test_plan_tells_what_would_run_and_runs_nothing(finished):
    folder, words, _ = finished
    text = invoke("plan", *words[1:], "-s", "0-1")
    assert "2 of 4 to run" in text
    assert "of training by this store's history" in text
    records = json.loads(invoke("plan", *words[1:], "--set", "configs.beta_vae.beta=9", "--json"))
    assert [(r["model"], r["state"]) for r in records] == [("beta_vae", "new"), ("untrained", "done")]
    assert "2 of 4 to run" in invoke(*words, "-s", "0-1", "--dry-run")
    assert len(list((folder / "runs" / "runs").iterdir())) == 2


def test_status_reads_a_store_from_another_shell(finished):
    folder, _, _ = finished
    assert "2 done" in invoke("status", "--store", folder / "runs")
    assert [r["state"] for r in json.loads(invoke("status", "--store", folder / "runs", "--json"))] == ["done", "done"]
    assert "no runs in" in invoke("status", "--store", folder / "nowhere")


def test_ctrl_c_stops_the_runs_with_a_checkpoint_and_says_how_to_go_on(tmp_path):
    words = ["run", "-m", "vae", "-d", "shapes_mini", "-s", "0", "--set", "train.steps=100000"]
    running = subprocess.Popen(
        [MINEBENCH, *words, "-j", "1", "--store", tmp_path],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )
    for _ in range(600):
        time.sleep(0.1)
        if any((progress := read_progress(folder)) and progress.step for folder in (tmp_path / "runs").glob("vae-*")):
            break
    running.send_signal(signal.SIGINT)
    _, error = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "interrupted; the same command goes on" in error
    assert "goes on from step" in invoke("plan", *words[1:], "--store", tmp_path)


def test_evaluate_needs_the_path_alone_and_finds_the_runs_own_scores(finished, tmp_path, monkeypatch):
    folder, _, _ = finished
    monkeypatch.chdir(tmp_path)
    found = json.loads(invoke("evaluate", checkpoint(folder), "--json"))
    result = json.loads((checkpoint(folder).parent / "result.json").read_text())
    assert found["scores"] == {score["metric"]: score["value"] for score in result["scores"]}
    assert found["measures"]["reconstruction"] == result["reconstruction"]
    assert found["weights"] == result["weights_sha256"]
    assert "mig" in invoke("evaluate", checkpoint(folder).parent)


def test_evaluate_scores_the_whole_grid_on_request_and_says_which_rows(finished):
    """shapes_mini is a grid of 4,608 rows; a sample has none of the grid's certainty, and says so, too."""
    folder, _, _ = finished
    data = load_shapes_mini()
    found = json.loads(invoke("evaluate", checkpoint(folder), "--rows", "all", "--json"))
    assert found["rows"] == {"n": len(data), "split": "all", "hash": rows_hash(np.arange(len(data)))}
    assert set(found["drawn_from"].values()) == {"grid"}
    text = invoke("evaluate", checkpoint(folder))
    assert text.split("rows:")[1].split()[:4] == ["n", str(len(data) // 10), "split", "held_out"]
    assert text.split("drawn_from:")[1].split()[:2] == ["z_diff", "sample"]


def test_traverse_draws_a_picture_and_replaces_none_unasked(finished, tmp_path):
    folder, _, _ = finished
    out = tmp_path / "t.png"
    assert "10 codes by 9 values" in invoke("traverse", checkpoint(folder), "--out", out)
    assert out.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="exists; --force replaces it"):
        invoke("traverse", checkpoint(folder), "--out", out)
    invoke("traverse", checkpoint(folder), "--out", out, "--force", "--row", 3)
    with pytest.raises(ValueError, match="--row lies in 0 to 459; got 460"):
        invoke("traverse", checkpoint(folder), "--out", out, "--force", "--row", 460)
    found = json.loads(invoke("traverse", checkpoint(folder), "--out", out, "--force", "--top", 2, "--json"))
    assert [len(found[key]) for key in ("files", "rows", "left_out")] == [3, 2, 8]


def test_a_published_board_is_rebuilt_byte_for_byte_and_checked(finished, tmp_path):
    folder, _, _ = finished
    board = tmp_path / "leaderboard"
    invoke("leaderboard", "--publish", "--store", folder / "runs", "--folder", board)
    assert invoke("leaderboard", "--check", "--folder", board) == ""
    before = {path.name: path.read_bytes() for path in board.iterdir()}
    invoke("leaderboard", "--folder", board)
    assert {path.name: path.read_bytes() for path in board.iterdir()} == before
    (board / "README.md").write_text("edited")
    invoke("leaderboard", "--check", "--folder", board, code=3)
    with pytest.raises(ValueError, match="no results in"):
        invoke("leaderboard", "--publish", "--store", tmp_path / "empty", "--folder", board)


def test_a_failed_run_is_shown_and_ends_in_status_1(finished, tmp_path):
    folder, _, _ = finished
    shutil.copytree(folder / "runs", tmp_path / "runs")  # its untrained row is done
    plugin = tmp_path / "broken.py"
    plugin.write_text(
        "from minebench import register_model\nfrom minebench.baselines.vae import VAE, VAEConfig\n"
        "class Broken(VAE):\n    def loss(self, player, batch):\n        raise RuntimeError('broken as planned')\n"
        "register_model('broken', Broken, VAEConfig)\n"
    )
    words = ["run", "--profile", folder / "mini.yaml", "--plugin", plugin, "-m", "broken", "--store", tmp_path / "runs"]
    done = perform(*words, code=1)
    assert "failed 1" in done.stdout
    assert "broken as planned" in done.stderr
    assert "RuntimeError: broken as planned" in done.stdout.split("ran 1, reused 1")[0]  # on the board, too
    assert "1 failed" in invoke("status", "--store", tmp_path / "runs")


def test_train_makes_one_run_from_a_file_and_goes_on_with_the_same_command(tmp_path):
    file = tmp_path / "one.yaml"
    file.write_text("model: vae\ndataset: shapes_mini\ntrain: {steps: 2, batch_size: 4}\n")
    words = ["train", file, "--store", tmp_path / "runs"]
    first = perform(*words)
    assert "MIG" in first.stdout
    assert "checkpoint: " in first.stdout
    again = perform(*words)
    assert again.stdout == first.stdout
    assert "reused" in again.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "-m", "beta_vea"], "unknown model 'beta_vea'; did you mean 'beta_vae'?"),
        (["run", "--profile", "quik"], "did you mean 'quick'?"),
        (["plan", "--set", "train.stepz=1"], "did you mean 'train.steps'?"),
        (["metrics", "info", "migg"], "did you mean 'mig'?"),
        (["evaluate", "nothing.safetensors"], "no checkpoint at nothing.safetensors"),
        (["run", "--plugin", "nothing.py"], "nothing.py; --plugin takes a Python file"),
        (["plan", "-s", "a"], "seeds are written as 0-4"),
        (["plan", "--device", "coda"], "unknown device 'coda'; give cpu, cuda or cuda:N"),
        (["plan", "--set", "train.steps=["], "is no YAML value"),
        (["status", "--store", __file__], "--store is a folder"),
        (["run", "--store", "/proc/nowhere", "-d", "shapes_mini", "-m", "vae"], "/proc/nowhere"),
        (["traverse", "any.safetensors", "--out", "/nowhere/picture.png"], "a PNG in a folder that exists"),
    ],
)
def test_mistakes_of_users_are_answered_in_one_line_with_status_2(words, message, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["minebench", *words])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("source", "message"),
    [("x = (\n", "line 1: SyntaxError"), ("\nimport no_such_package\n", "line 2: ModuleNotFoundError")],
)
def test_a_plug_in_that_cannot_be_run_is_named_with_its_line(source, message, tmp_path):
    (tmp_path / "bad.py").write_text(source)
    with pytest.raises(ValueError, match=rf"bad\.py cannot be run: {message}"):
        invoke("models", "list", "--plugin", tmp_path / "bad.py")


def test_a_checkpoint_of_a_plug_ins_model_asks_for_the_plug_in(finished):
    folder, _, _ = finished
    registry.MODELS.pop("beta_vae")
    with pytest.raises(ValueError, match=r"'beta_vae' is not registered here; if a plug-in registers it, add --plugin"):
        invoke("evaluate", checkpoint(folder))


def test_installed_models_are_known_and_run_only_when_they_are_asked_for(monkeypatch, mini_profile, store):
    def load():
        registry.register_model("installed", registry.model("vae").model_class(), registry.model("vae").config_class())

    monkeypatch.setattr(registry, "entry_points", lambda group: [SimpleNamespace(load=load, value="package.models")])
    assert "installed" in invoke("models", "list")
    words = ["plan", "--profile", mini_profile, "--store", store.root, "--json"]
    assert "installed" not in {run["model"] for run in json.loads(invoke(*words))}
    assert "installed" in {run["model"] for run in json.loads(invoke(*words, "-m", "installed"))}
    broken = SimpleNamespace(load=lambda: 1 / 0, value="package.models")
    monkeypatch.setattr(registry, "entry_points", lambda group: [broken])
    with pytest.raises(ValueError, match=r"models of package\.models: line \d+: ZeroDivisionError"):
        invoke("models", "list")


def test_listings_cover_the_registry():
    assert all(name in invoke("models", "list") for name in registry.MODELS)
    assert all(name in invoke("datasets", "list") for name in registry.DATASETS)
    assert set(json.loads(invoke("metrics", "list", "--json"))) == set(registry.METRICS)
    assert "latent_dim" in invoke("models", "info", "beta_vae")


def test_metric_info_prints_definition_direction_range_protocol_cost_and_reference():
    text = invoke("metrics", "info", "z_min_var")
    for word in ("error rate", "lower", "[0, 1]", "n_train", "10000", "cost:", "Kim and Mnih 2018", "min_std"):
        assert word in text


def test_help_listings_and_scores_load_no_torch(tmp_path):
    np.savez(tmp_path / "a.npz", codes=np.eye(4), factors=np.eye(4))
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom minebench.benchmarks.cli import app\n"
        "for words in ('--help', 'metrics list', 'models list', 'datasets list', 'metrics info mig', 'status',\n"
        "              'metrics score a.npz -m mig'):\n"
        "    assert CliRunner().invoke(app, words.split()).exit_code == 0\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False, cwd=tmp_path).returncode == 0


def code_blocks(text, language):
    return [part.split("```")[0] for part in text.split(f"```{language}\n")[1:]]


def test_the_page_on_adding_a_model_can_be_followed_to_the_letter(tmp_path, request, monkeypatch):
    page = (request.config.rootpath / "docs" / "add-a-model.md").read_text()
    [file] = code_blocks(page, "python")
    (tmp_path / "mmd_vae.py").write_text(file)
    first, second = (block.split() for block in code_blocks(page, "sh"))
    assert first[:2] == second[:2] == ["minebench", "run"]
    monkeypatch.chdir(tmp_path)
    assert "MMD-VAE" in invoke(*first[1:])
    runs = json.loads(invoke("plan", *second[2:], "--json"))
    assert {run["model"] for run in runs} == {
        "beta_vae",
        "factor_vae",
        "beta_tcvae",
        "mine_vae",
        "mmd_vae",
        "untrained",
    }
    log = next((tmp_path / "runs" / "runs").glob("mmd_vae-*/log.jsonl")).read_text().splitlines()
    assert set(json.loads(log[-1])) >= {"vae/reconstruction", "vae/kl", "vae/mmd"}


def test_a_taken_name_or_a_bad_one_is_refused():
    with pytest.raises(ValueError, match="a model named 'vae' exists already"):
        minebench.register_model("vae", int, int)
    with pytest.raises(ValueError, match="snake_case"):
        minebench.register_model("<script>", int, int)


def test_quick_is_the_default_profile_of_the_command_line():
    quick = yaml.safe_load((Path(cli.__file__).parent / "profiles" / "quick.yaml").read_text())
    records = json.loads(invoke("plan", "-d", "shapes_mini", "--json"))
    assert {record["seed"] for record in records} == set(quick["seeds"])
