import numpy as np

from minebench.datasets.shapes_mini import load_shapes_mini


def test_all_frames_differ(shapes_mini):
    assert len(np.unique(shapes_mini.pixels.words, axis=0)) == len(shapes_mini) == 4608


def test_the_source_is_procedural_and_the_root_is_left_alone(tmp_path):
    assert load_shapes_mini(tmp_path / "root").source == "procedural"
    assert not (tmp_path / "root").exists()


def test_its_frames_are_those_of_dsprites_where_the_grids_meet(shapes_mini, dsprites):
    """Scales .5 and 1 are 0 and 5 of dSprites' six, the end places 0 and 31 of 32, both angles 0."""
    corners = [(s, k, 0, x, y) for s in range(3) for k in (0, 2) for x in (0, 7) for y in (0, 7)]
    twins = [(s, {0: 0, 2: 5}[k], 0, {0: 0, 7: 31}[x], {0: 0, 7: 31}[y]) for s, k, _, x, y in corners]
    assert np.array_equal(
        shapes_mini.pixels.words[shapes_mini.index(corners)], dsprites.pixels.words[dsprites.index(twins)]
    )
