import numpy as np
import pytest
import torch

from minebench.baselines.contract import DataUse, Phase
from minebench.benchmarks.batches import Batches, seed_global, to_images
from minebench.benchmarks.build import initialisation
from minebench.benchmarks.streams import numpy_stream, stream_key
from minebench.datasets.shapes_mini import load_shapes_mini

CPU = torch.device("cpu")
ROWS = np.arange(0, 400, 2)


@pytest.fixture(scope="module")
def dataset():
    return load_shapes_mini()


def batches(dataset, seed=0, **use):
    return Batches(dataset, ROWS, seed=seed, batch_size=16, device=CPU, use=DataUse(**use))


def pictures(images):
    return {image.tobytes() for image in (images * 255).to(torch.uint8).contiguous().numpy()}


def test_keys_are_the_same_on_every_machine():
    """BLAKE2b of 0, batch and 5 with zero bytes between, eight bytes little-endian, halved (b2sum -l 64).

    A change here moves every published number.
    """
    assert stream_key(0, "batch", 5) == 1705518524276556169


def test_keys_of_different_purposes_differ():
    keys = [
        stream_key(*words)
        for words in [(0, "a"), (1, "a"), (0, "b"), (0, "a", 0), (0, "a", 1), (0, "a", 11), (0, "a", 1, 1)]
    ]
    assert len(set(keys)) == len(keys)


def test_numpy_streams_start_anew():
    assert (numpy_stream(3, "x").random(5) == numpy_stream(3, "x").random(5)).all()


def test_a_batch_is_a_function_of_seed_step_and_repeat(dataset):
    one, two = batches(dataset), batches(dataset)
    one.draw(0, Phase("vae"), 0)  # what was drawn before makes no difference
    torch.testing.assert_close(one.draw(7, Phase("vae"), 0).images, two.draw(7, Phase("vae"), 0).images, rtol=0, atol=0)
    for step, repeat, seed in ((8, 0, 0), (7, 1, 0), (7, 0, 1)):
        other = batches(dataset, seed).draw(step, Phase("vae"), repeat)
        assert not torch.equal(other.images, two.draw(7, Phase("vae"), 0).images)


def test_at_one_seed_all_models_meet_the_same_images_and_the_same_noise(dataset):
    """FactorVAE has a second phase and a second batch; its first phase is that of beta-VAE all the same."""
    alone = batches(dataset).draw(3, Phase("vae"), 0)
    batches(dataset).draw(3, Phase("discriminator", second_batch=True), 0)
    in_company = batches(dataset).draw(3, Phase("vae"), 0)
    assert torch.equal(alone.images, in_company.images)
    assert torch.equal(alone.noise.normal((4, 2)), in_company.noise.normal((4, 2)))


def test_players_have_noise_of_their_own_and_the_second_batch_is_another(dataset):
    vae = batches(dataset).draw(3, Phase("vae"), 0)
    discriminator = batches(dataset).draw(3, Phase("discriminator", second_batch=True), 0)
    assert torch.equal(vae.images, discriminator.images)
    assert vae.second_images is None
    assert not torch.equal(discriminator.images, discriminator.second_images)
    assert not torch.equal(vae.noise.normal((4,)), discriminator.noise.normal((4,)))


def test_images_come_from_the_training_rows_in_the_unit_interval(dataset):
    known = {image.tobytes() for image in dataset.images(ROWS)}
    drawn = (batches(dataset).draw(0, Phase("vae"), 0).images * 255).to(torch.uint8).contiguous().numpy()
    assert all(image.tobytes() in known for image in drawn)
    assert set(np.unique(drawn)) == {0, 255}


def test_labels_belong_to_their_images_and_those_that_are_not_known_are_hidden(dataset):
    drawn = batches(dataset, labels=0.5).draw(0, Phase("vae", labelled_batch=True), 0)
    known = drawn.labels[:, 0] >= 0
    assert 0 < known.sum() < 16
    assert (drawn.labels[~known] == -1).all()
    for images, labels in ((drawn.images[known], drawn.labels[known]), drawn.labelled):
        expected = dataset.images(dataset.index(labels.numpy()))
        assert torch.equal(images, to_images(expected, CPU))
    assert drawn.labelled.images.shape == drawn.images.shape
    assert not torch.equal(drawn.labelled.images, drawn.images)


def test_labels_change_no_images_and_a_model_without_labels_gets_none(dataset):
    with_labels = batches(dataset, labels=0.1).draw(3, Phase("vae", labelled_batch=True), 0)
    without = batches(dataset).draw(3, Phase("vae"), 0)
    assert torch.equal(with_labels.images, without.images)
    assert without.labels is None
    assert without.labelled is None


def test_held_out_images_are_seen_by_the_phases_that_ask_for_them_only(dataset):
    source = batches(dataset, labels=0.5, held_out=0.3)
    seen = {"train": set(), "held_out": set()}
    for step in range(40):
        for images, pool in seen.items():
            drawn = source.draw(step, Phase("vae", second_batch=True, labelled_batch=True, images=images), 0)
            pool |= pictures(drawn.images) | pictures(drawn.second_images) | pictures(drawn.labelled.images)
    twins = {picture for picture in seen["train"] if picture in seen["held_out"]}
    every = [image.tobytes() for image in dataset.images(ROWS)]
    assert all(every.count(picture) > 1 for picture in twins)  # pictures that two rows share may lie on both sides
    assert len(seen["train"]) > 100
    assert len(seen["held_out"]) > 40


def test_a_phase_that_asks_for_images_that_no_one_set_aside_is_told(dataset):
    with pytest.raises(ValueError, match=r"asks for a labelled batch, but the model's data_use\(\) leaves no images"):
        batches(dataset).draw(0, Phase("vae", labelled_batch=True), 0)
    with pytest.raises(ValueError, match="asks for a held-out batch"):
        batches(dataset).draw(0, Phase("vae", images="held_out"), 0)


def test_pixels_become_floats():
    pixels = np.array([0, 51, 255], np.uint8).reshape(1, 1, 1, 3)
    assert to_images(pixels, CPU).flatten().tolist() == pytest.approx([0.0, 0.2, 1.0])


def test_initial_weights_come_from_the_seed_and_the_global_generator_is_left_alone():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    with initialisation(5):
        first = torch.nn.Linear(3, 3).weight
    assert torch.equal(torch.rand(3), expected)
    with initialisation(5):
        assert torch.equal(torch.nn.Linear(3, 3).weight, first)
    with initialisation(6):
        assert not torch.equal(torch.nn.Linear(3, 3).weight, first)


def test_torchs_own_generator_is_seeded_as_torch_does_it():
    torch.manual_seed(2**62 + 5)
    expected = torch.rand(3)
    seed_global(2**62 + 5, torch.device("cpu"))
    assert torch.equal(torch.rand(3), expected)
