"""What is drawn of a checkpoint: which rows, with what labels, pixel for pixel, and nothing replaced unasked."""

import io
from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from minebench.baselines.contract import CodeBlocks, Gaussian
from minebench.baselines.latent_division import LatentDivision
from minebench.baselines.vae import VAE, VAEConfig
from minebench.benchmarks import checkpoint, division_figures, registry, tiles, traversal, workbench
from minebench.benchmarks.job import RunSettings
from minebench.benchmarks.traversal_rows import block_rows, block_titles, code_rows, principal

NAMES = ("shape", "hue")
SHAPE, HUE = np.repeat(np.arange(4), 100), np.tile(np.arange(2), 200)
FACTORS = np.stack([SHAPE, HUE], 1)
BLOCKS = CodeBlocks(((4,), (1, 2), (0, 3), ()), named=False, nuisance=0)


class Blocked(VAE):
    """Two blocks of codes, and nothing to tell of how they came about."""

    def code_blocks(self):
        return CodeBlocks(((0, 1, 2), (3, 4, 5, 6, 7, 8, 9), ()), nuisance=1)


class Divided(Blocked):
    """One that tells; it is no MINE VAE."""

    def latent_division(self):
        return LatentDivision(torch.eye(3, 10), torch.tensor([1.0, 2.0, 0.0]))


@pytest.fixture
def saved(job, tmp_path):
    """A checkpoint of an untrained model on shapes_mini."""
    registry.register_model("blocked", Blocked, VAEConfig)
    registry.register_model("divided", Divided, VAEConfig)

    def save(model, **config):
        bench = workbench.for_job(job(model, **config))
        checkpoint.write_weights(tmp_path / f"{model}.safetensors", bench.model, bench.header)
        return tmp_path / f"{model}.safetensors"

    return save


def posterior():
    """Code 0 is the hue and code 1 the shape; 2 to 4 are noise. KL rises from code 0 to code 4."""
    rng = np.random.default_rng(0)
    means = rng.normal(size=(400, 5))
    means[:, 0], means[:, 1] = HUE * 0.1, SHAPE * 0.1
    return Gaussian(torch.from_numpy(means).float(), torch.linspace(-1, -5, 5).expand(400, 5))


def test_codes_stand_by_kl_with_the_factor_they_tell_most_of_and_its_nats():
    rows = code_rows(posterior(), FACTORS, NAMES)
    assert [row.title for row in rows] == ["code 4", "code 3", "code 2", "code 1", "code 0"]
    shape, hue = rows[3], rows[4]
    assert (shape.factor, hue.factor) == ("shape", "hue")
    assert shape.nats == pytest.approx(np.log(4))
    assert hue.nats == pytest.approx(np.log(2))
    assert rows[0].nats < 0.2
    # KL of N(m, s^2) to N(0, 1): (m^2 + s^2 - 1 - log s^2) / 2, with m^2 of 0 or 0.01 on half of the images each
    assert hue.kl == pytest.approx(0.5 * (0.005 + np.exp(-1) - 1 + 1), rel=1e-5)


def test_a_code_moves_from_minus_to_plus_two_and_the_others_stay():
    row = code_rows(posterior(), FACTORS, NAMES)[3]
    origin = torch.arange(5.0)
    path = row.path(origin, torch.tensor([-2.0, 0.0, 2.0]))
    assert path[:, 1].tolist() == [-2.0, 0.0, 2.0]
    assert torch.equal(path[:, [0, 2, 3, 4]], origin[[0, 2, 3, 4]].expand(3, 4))


def test_blocks_stand_in_the_models_order_without_empty_ones():
    rows = block_rows(posterior(), FACTORS, NAMES, BLOCKS, seed=0)
    assert [(row.title, row.n_codes) for row in rows] == [("nuisance block", 1), ("block 1", 2), ("block 2", 2)]
    assert [row.factor for row in rows[1:]] == ["shape", "hue"]
    assert 0.5 < rows[2].nats < np.log(2) + 0.01
    assert rows[1].kl == pytest.approx(sum(row.kl for row in code_rows(posterior(), FACTORS, NAMES)[2:4]), rel=1e-5)


def test_a_block_moves_along_its_principal_component_in_standard_deviations_of_its_means():
    """Codes 1 and 2 lie on a line of slope 2 around (5, 1): the component is (1, 2) / sqrt 5, of deviation sqrt 5 s."""
    s = np.random.default_rng(1).normal(size=1000)
    means = np.zeros((1000, 4))
    means[:, 1], means[:, 2] = 5 + s, 1 + 2 * s
    direction, middle, spread = principal(means, [1, 2])
    assert direction == pytest.approx(np.array([0, 1, 2, 0]) / np.sqrt(5))
    assert middle == pytest.approx((5 + s.mean() + 2 * (1 + 2 * s.mean())) / np.sqrt(5))
    assert spread == pytest.approx(np.sqrt(5) * s.std())
    assert principal(means, [0])[2] == 0.0


def test_a_blocks_path_keeps_what_is_not_its_own():
    row = block_rows(posterior(), FACTORS, NAMES, BLOCKS, seed=0)[1]
    origin = torch.arange(5.0)
    path = row.path(origin, torch.tensor([-2.0, 2.0]))
    assert torch.equal(path[:, [0, 3, 4]], origin[[0, 3, 4]].expand(2, 3))
    assert (path @ row.direction).tolist() == pytest.approx([row.middle - 2 * row.spread, row.middle + 2 * row.spread])


@pytest.mark.parametrize("nuisance", [0, 2, None])
def test_named_blocks_bear_the_names_of_their_factors_wherever_nuisance_is(nuisance):
    titles = block_titles(CodeBlocks(((0,), (1,), (2,), (3,)), named=True, nuisance=nuisance), NAMES)
    factors = [title for title in titles if title != "nuisance block"]
    assert factors[:2] == ["shape block", "hue block"]
    assert factors[2:] == (["block 3"] if nuisance is not None else ["block 3", "block 4"])
    assert nuisance is None or titles[nuisance] == "nuisance block"
    assert block_titles(BLOCKS, NAMES) == ["nuisance block", "block 1", "block 2", "block 3"]


def checks(n_rows, n_columns):
    return np.random.default_rng(0).integers(0, 256, (n_rows, n_columns, 64, 64, 3), dtype=np.uint8)


def test_a_grid_holds_its_images_pixel_for_pixel_and_cuts_no_label():
    images = checks(2, 3)
    label = "wearing necktie and very much else 0.69 nats; KL 12.00"
    sheet = np.asarray(Image.open(io.BytesIO(tiles.grid_png(images, [(label, "b"), ("c", label)], "xyz", title="t"))))
    views = np.lib.stride_tricks.sliding_window_view(sheet, (64, 64, 3))[..., 0, :, :, :]
    for image in images.reshape(-1, 64, 64, 3):
        near = np.argwhere(
            (views[..., 0, 0, :] == image[0, 0]).all(-1) & (views[..., 63, 63, :] == image[63, 63]).all(-1)
        )
        assert sum(np.array_equal(views[y, x], image) for y, x in near) == 1
    for edge in (sheet[:, 0], sheet[:, -1], sheet[0], sheet[-1]):
        assert (edge == 255).all()
    assert (sheet[:, 8:200] < 100).any()  # the label is there


def test_a_gif_moves_there_and_back_and_keeps_its_greys():
    levels = np.linspace(0, 255, 17).astype(np.uint8)
    frames = np.broadcast_to(levels[None, :, None, None, None], (2, 17, 64, 64, 3))
    gif = Image.open(io.BytesIO(tiles.moving_gif(frames, [("a", "b"), ("c", "d")], title="t")))
    assert gif.info["loop"] == 0
    shown = [np.asarray(frame.convert("RGB")).astype(int) for frame in ImageSequence.Iterator(gif)]
    assert len(shown) == 2 * 16
    middle = [int(np.median(frame[70:90, 30:50])) for frame in shown]
    assert middle[:17] == pytest.approx(levels.tolist(), abs=6)
    assert middle[17:] == middle[15:0:-1]


def test_images_of_one_channel_become_grey_and_out_of_range_is_cut():
    found = tiles.as_tiles(np.array([[[[-1.0, 0.5], [1.0, 2.0]]]]))
    assert found.shape == (1, 2, 2, 3)
    assert found[0, ..., 0].tolist() == found[0, ..., 2].tolist() == [[0, 128], [255, 255]]
    colour = np.zeros((3, 2, 2))
    colour[0] = 1
    assert tiles.as_tiles(colour)[0, 0].tolist() == [255, 0, 0]


def test_a_map_sorts_latents_by_owner_and_then_by_weight(monkeypatch):
    """Latent 1 is of block 0; 2 and 0 of block 1, the heavier first; nobody owns latent 3."""
    weights, shown = np.array([[0.1, 0.9, 0.2, 0.5], [0.7, 0.1, 0.8, 0.5]]), []
    monkeypatch.setattr(division_figures, "_png", lambda figure: shown.append(figure.axes[0]) or b"")
    division_figures.attention_map(weights, np.array([1, 0, 1, -1]), ["a", "b"], "t")
    assert [text.get_text() for text in shown[0].get_xticklabels()] == ["1", "2", "0", "3"]
    assert shown[0].images[0].get_array().tolist() == weights[:, [1, 2, 0, 3]].tolist()


def test_bars_are_as_long_as_the_capacities_and_marks_stand_at_the_targets(monkeypatch):
    shown = []
    monkeypatch.setattr(division_figures, "_png", lambda figure: shown.append(figure.axes[0]) or b"")
    division_figures.capacity_bars(np.array([3.0, 1.0]), np.array([2.0, 2.5]), [5, 0], ["a", "b"], "t")
    division_figures.capacity_bars(np.array([3.0, 1.0]), None, [5, 0], ["a", "b"], "t")
    assert [bar.get_width() for bar in shown[0].patches] == [3.0, 1.0]
    assert shown[0].lines[0].get_xdata().tolist() == [2.0, 2.5]
    assert [text.get_text() for text in shown[0].get_yticklabels()] == ["a (5)", "b (0)"]
    assert not shown[1].lines


class Case(NamedTuple):
    model: str
    config: dict
    ends: list


ALL = [".png", ".gif", "-reconstructions.png", "-attention.png", "-capacity.png"]
CASES = [
    Case("vae", {}, ALL[:3]),
    Case("blocked", {}, ALL[:3]),
    Case("divided", {}, ALL),
    Case("mine_vae", {"latent_dim": 12, "num_factors": None, "mine_hidden_dim": 8}, ALL),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.model)
def test_the_same_checkpoint_gives_the_same_bytes_and_only_pictures_of_what_it_has(case, saved, tmp_path):
    file = saved(case.model, **case.config)
    found = [traversal.draw(file, tmp_path / f"{name}.png", RunSettings()) for name in "ab"]
    assert [path.name for path in found[0].files] == [f"a{end}" for end in case.ends]
    assert sorted(path.name for path in tmp_path.glob("a*.[pg]*")) == sorted(f"a{end}" for end in case.ends)
    for one, other in zip(found[0].files, found[1].files, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_what_is_not_drawn_is_named(saved, tmp_path):
    few = traversal.draw(saved("vae"), tmp_path / "a.png", RunSettings(), most=3)
    assert len(few.rows) == 3
    assert len(few.left_out) == 7
    kls = [row.kl for row in few.rows]
    assert kls == sorted(kls, reverse=True)
    assert traversal.draw(saved("blocked"), tmp_path / "b.png", RunSettings()).left_out == ("block 2, empty",)


def test_no_picture_is_replaced_unasked_not_even_a_second_one(saved, tmp_path):
    file = saved("vae")
    (tmp_path / "a.gif").write_text("mine")
    with pytest.raises(ValueError, match=r"a\.gif exists; --force replaces it"):
        traversal.draw(file, tmp_path / "a.png", RunSettings())
    assert not (tmp_path / "a.png").exists()
    assert (tmp_path / "a.gif").read_text() == "mine"
    traversal.draw(file, tmp_path / "a.png", RunSettings(), force=True)
    assert (tmp_path / "a.gif").read_bytes().startswith(b"GIF89a")
