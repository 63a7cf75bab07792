import hashlib
import json
import struct

import pytest
import safetensors.torch
import torch
from torch import nn

from minebench.benchmarks import checkpoint
from minebench.benchmarks.checkpoint import (
    DamagedError,
    Header,
    latest,
    load_weights,
    read_header,
    restore,
    save,
    weights_sha256,
)
from minebench.benchmarks.suggestions import UsageError
from minebench.benchmarks.trainer import TrainerState
from minebench.benchmarks.workbench import build_model


@pytest.fixture
def header(job):
    made = job("beta_vae")
    return Header(
        train_id=made.train_id,
        spec=made.spec,
        step=0,
        image_shape=(1, 64, 64),
        n_images=100,
        factor_sizes=(3, 4),
        data_fingerprint="f",
        versions={"torch": "2"},
    )


@pytest.fixture
def state(header):
    return TrainerState(build_model(header, torch.device("cpu")))


def moved(state, steps=1):
    """A few updates on a made-up loss, so that weights and Adam's moments are not those of the start."""
    for _ in range(steps):
        player = state.players["vae"]
        player.update(sum((parameter**2).sum() for parameter in player.parameters))
        state.step += 1
    state.seconds = 1.5
    return state


def test_a_checkpoint_comes_back_bit_for_bit(state, header, tmp_path):
    written = save(tmp_path, moved(state), header)
    fresh = TrainerState(build_model(header, torch.device("cpu")))
    assert weights_sha256(fresh.model) != weights_sha256(state.model)
    restore(written, fresh, header.train_id)
    assert (fresh.step, fresh.seconds) == (1, 1.5)
    moved(state), moved(fresh)  # the next update depends on Adam's moments
    assert weights_sha256(fresh.model) == weights_sha256(state.model)


def test_only_the_newest_checkpoint_is_kept(state, header, tmp_path):
    save(tmp_path, moved(state), header)
    save(tmp_path, moved(state), header)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000002.safetensors", "step-000000002.state.pt"]
    assert latest(tmp_path).step == 2


def test_half_a_checkpoint_does_not_count(state, header, tmp_path):
    first = save(tmp_path, moved(state), header)
    (tmp_path / "step-000000009.safetensors").write_bytes(first.weights.read_bytes())
    assert latest(tmp_path).step == 1
    (tmp_path / "step-000000008.state.pt").write_bytes(first.state.read_bytes())
    (tmp_path / ".step-000000010.safetensors.0.tmp").write_bytes(b"half")
    assert latest(tmp_path).step == 1
    assert latest(tmp_path / "nowhere") is None


def test_a_checkpoint_of_another_run_is_refused(state, header, tmp_path):
    written = save(tmp_path, moved(state), header)
    with pytest.raises(UsageError, match=f"belongs to run {header.train_id}, not another"):
        restore(written, state, "another")


def test_the_header_tells_what_the_file_is(state, header, tmp_path):
    written = save(tmp_path, moved(state), header)
    hashes = {
        "weights_sha256": weights_sha256(state.model),
        "state_sha256": hashlib.sha256(written.state.read_bytes()).hexdigest(),
    }
    assert read_header(written.weights) == header.model_copy(update={"step": 1} | hashes)


def test_files_that_are_no_checkpoints_are_refused_with_a_remedy(state, header, tmp_path):
    whole = save(tmp_path, moved(state), header).weights.read_bytes()
    cut, foreign, text = tmp_path / "cut.safetensors", tmp_path / "foreign.safetensors", tmp_path / "text.safetensors"
    cut.write_bytes(whole[: len(whole) // 2])
    description = json.dumps({}).encode()
    foreign.write_bytes(struct.pack("<Q", len(description)) + description)
    text.write_text("no weights")
    with pytest.raises(UsageError, match=r"no checkpoint at .*nothing"):
        read_header(tmp_path / "nothing.safetensors")
    for path in (cut, text):
        with pytest.raises(UsageError, match="not a complete safetensors file"):
            read_header(path)
    with pytest.raises(UsageError, match="carries no minebench description"):
        read_header(foreign)


def test_weights_that_do_not_fit_are_refused(state, header, tmp_path):
    written = save(tmp_path, moved(state), header)
    with pytest.raises(UsageError, match="does not fit the model"):
        load_weights(written.weights, nn.Linear(2, 2))


def test_the_state_file_is_never_unpickled(state, header, tmp_path):
    written = save(tmp_path, moved(state), header)
    torch.save({"step": 1, "seconds": 0.0, "optimizers": {"vae": nn.Linear(2, 2)}}, written.state)
    with pytest.raises(DamagedError, match=r"[Ww]eights[_ ]only"):
        restore(written, state, header.train_id)


def test_a_damaged_checkpoint_changes_nothing_before_it_is_refused(state, header, tmp_path):
    written = save(tmp_path, moved(state), header)
    fresh = TrainerState(build_model(header, torch.device("cpu")))
    before = weights_sha256(fresh.model)
    for file in (written.state, written.weights):
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DamagedError, match="holds a damaged checkpoint"):
            restore(written, fresh, header.train_id)
        file.write_bytes(whole)
    assert (weights_sha256(fresh.model), fresh.step) == (before, 0)


def flipped(path):
    """A file with one bit of its middle changed: tensors, in both formats."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_bit_that_changed_on_disk_is_noticed(state, header, tmp_path):
    """Neither format sees it by itself: the run would go on and end in other weights."""
    written = save(tmp_path, moved(state), header)
    before = weights_sha256(state.model)
    for file in (written.state, written.weights):
        whole = file.read_bytes()
        flipped(file)
        torch.load(written.state, weights_only=True)
        safetensors.torch.load_file(written.weights)
        with pytest.raises(DamagedError, match="has changed since it was written"):
            restore(written, state, header.train_id)
        file.write_bytes(whole)
    assert weights_sha256(state.model) == before
    flipped(written.weights)
    with pytest.raises(UsageError, match="has changed since it was written"):
        load_weights(written.weights, state.model)


def test_halves_of_two_checkpoints_are_no_checkpoint(state, header, tmp_path):
    first = save(tmp_path / "first", moved(state), header)
    second = save(tmp_path / "second", moved(state), header)
    second.state.write_bytes(first.state.read_bytes())
    with pytest.raises(DamagedError, match="has changed since it was written"):
        restore(second, state, header.train_id)


def test_a_checkpoint_without_hashes_is_taken_as_it_is(state, header, tmp_path):
    """Those of earlier versions have none."""
    written = save(tmp_path, moved(state), header)
    bare = header.model_copy(update={"step": 1}).model_dump_json(exclude={"weights_sha256", "state_sha256"})
    data = safetensors.torch.load_file(written.weights)
    written.weights.write_bytes(safetensors.torch.save(data, metadata={"minebench": bare}))
    restore(written, state, header.train_id)
    assert state.step == 1


def test_the_hash_sees_values_names_and_shapes_but_not_memory_layout():
    torch.manual_seed(0)
    model = nn.Conv2d(2, 3, 2)
    reference = weights_sha256(model)
    assert weights_sha256(model.to(memory_format=torch.channels_last)) == reference
    with torch.no_grad():
        model.bias[0] += 1e-7
    assert weights_sha256(model) != reference


def test_older_checkpoints_go_only_after_the_new_one_is_complete(state, header, tmp_path, monkeypatch):
    save(tmp_path, moved(state), header)

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "write_weights", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save(tmp_path, moved(state), header)
    assert latest(tmp_path).step == 1
