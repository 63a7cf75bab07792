"""Ctrl-C in `minebench train`: once asks for a checkpoint, twice is at once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minebench.benchmarks.checkpoint import latest
from minebench.benchmarks.progress import read_progress

pytestmark = pytest.mark.slow
MINEBENCH = Path(sys.executable).with_name("minebench")
SLOW = """\
import time
from minebench import register_model
from minebench.baselines.vae import VAE, VAEConfig

class Sleeping(VAE):
    def loss(self, player, batch):
        time.sleep(600)
        return super().loss(player, batch)

register_model("sleeping", Sleeping, VAEConfig)
"""


def training(folder, model, *words):
    """`minebench train` of a model, and its run's folder and progress once it trains."""
    config = folder / "train.yaml"
    config.write_text(f"model: {model}\ndataset: shapes_mini\ntrain: {{steps: 100000, batch_size: 4}}\n")
    running = subprocess.Popen(
        [MINEBENCH, "train", config, "--store", folder / "runs", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(1200):
        for run in (folder / "runs" / "runs").glob(f"{model}-*"):
            if (progress := read_progress(run)) and progress.stage == "train":
                return running, run, progress
        time.sleep(0.1)
    running.kill()
    pytest.fail(f"no progress in two minutes: {running.communicate()[1]}")


def test_ctrl_c_once_leaves_a_checkpoint(tmp_path):
    running, run, _ = training(tmp_path, "vae")
    running.send_signal(signal.SIGINT)
    _, error = running.communicate(timeout=100)
    assert running.returncode == 130
    assert "the same command goes on from the last checkpoints" in error
    assert latest(run / "checkpoints").step > 0
    assert not (run / "result.json").exists()


def test_ctrl_c_twice_is_at_once(tmp_path):
    (tmp_path / "sleeping.py").write_text(SLOW)
    running, run, progress = training(tmp_path, "sleeping", "--plugin", tmp_path / "sleeping.py")
    running.send_signal(signal.SIGINT)
    time.sleep(2)
    assert running.poll() is None  # it waits for the checkpoint of a step that takes ten minutes
    start = time.monotonic()
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=30)
    assert time.monotonic() - start < 15
    assert running.returncode == 130
    with pytest.raises(ProcessLookupError):
        os.kill(progress.pid, 0)
    assert latest(run / "checkpoints") is None
