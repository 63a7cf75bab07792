"""Each model's training file at the command line: trained on dSprites, then evaluated by its path from elsewhere.

``pytest tests/benchmarks/test_training_files.py -m slow -s`` prints what every model scores after 200 steps.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from minebench.benchmarks import registry
from minebench.leaderboard.results import ResultStore

pytestmark = pytest.mark.slow
MINEBENCH = Path(sys.executable).with_name("minebench")
TRAINED = [name for name, entry in registry.MODELS.items() if entry.trained]


def minebench(folder, *words):
    done = subprocess.run([MINEBENCH, *map(str, words)], cwd=folder, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("model", TRAINED)
def test_a_checkpoint_scores_from_another_folder_what_its_training_printed(model, request, tmp_path):
    configs, there, elsewhere = request.config.rootpath / "benchmarks" / "configs", tmp_path / "a", tmp_path / "b"
    there.mkdir(), elsewhere.mkdir()
    printed = minebench(there, "train", configs / f"{model}.yaml", "--set", "train.steps=200")
    [checkpoint] = re.findall(r"checkpoint: (.+\.safetensors)", printed)
    [result] = ResultStore(there / "runs").iterate()
    found = json.loads(minebench(elsewhere, "evaluate", there / checkpoint, "--json"))
    assert (found["model"], found["steps"], found["weights"]) == (model, 200, result.weights_sha256)
    assert found["scores"] == {registry.label(score.metric, score.codes): score.value for score in result.scores}
    assert found["measures"] == {
        "reconstruction": result.reconstruction, "kl": result.kl, "active_codes": result.active_codes
    }  # fmt: skip
    scores = ", ".join(f"{name} {value:.3f}" for name, value in found["scores"].items())
    print(f"\n{model}: {scores}; reconstruction {result.reconstruction:.1f}, {result.train_seconds:.0f} s of training")
    assert not list(elsewhere.iterdir())
