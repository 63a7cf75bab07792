import pytest

from minebench.benchmarks.study.cells import Cell, CriticSpec, DistributionSpec
from minebench.benchmarks.study.grid import expand, grid_names, load_grid
from minebench.benchmarks.suggestions import UsageError


@pytest.mark.parametrize("name", grid_names())
def test_the_grids_that_come_along_can_be_read(name):
    grid = load_grid(name)
    assert grid.name == name
    assert len({cell.cell_id for cell in grid.cells}) == len(grid.cells)


def test_lists_multiply_and_estimators_stay_together():
    entry = {"a": [1, 2], "b": {"c": [3, 4]}, "estimators": ["x", "y"]}
    assert list(expand(entry)) == [{"a": a, "b": {"c": c}, "estimators": ["x", "y"]} for a in (1, 2) for c in (3, 4)]
    assert list(expand({"a": [{"b": [1, 2]}, {"b": 3}]})) == [{"a": {"b": b}} for b in (1, 2, 3)]


def grid_file(path, cells):
    path.write_text(f"name: mine\nabout: a test\ncells:\n{cells}")
    return str(path)


def test_a_cell_that_is_written_twice_is_run_once(tmp_path):
    one = "  - {distribution: {kind: pairs, total_correlation: [1, 2]}, estimators: [constant]}\n"
    assert len(load_grid(grid_file(tmp_path / "grid.yaml", one + one)).cells) == 2


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("{distribution: {kind: pairs}, estimators: [msss]}", "unknown estimators ['msss']; known: mws"),
        ("{distribution: {kind: pairs, total_correlation: 1}, estimators: [mss]}", "['mss'] need posteriors"),
        ("{distribution: {kind: pairs}}", "needs estimators or critics"),
        ("{distribution: {kind: pairs}, estimators: [ksg]}", "ksg serves up to 5 codes; pairs d10 tc0 has 10"),
        ("{distribution: {kind: pairs}, estimators: [gauss_sample], batch_size: 10}", "batches of more than 10 codes"),
        ("{distribution: {kind: pairs}, estimators: [constant], n_gradients: 5}", "unwarped Gaussians"),
        ("{distribution: {kind: pairs}, critics: {objective: js, condition: offline}}", "offline needs it"),
        (
            "{distribution: {kind: pairs}, critics: {objective: js, width: 3}}",
            "critics.width: extra inputs are not permitted",
        ),
        ("{distribution: {kind: star}, estimators: [constant]}", "distribution.kind"),
    ],
)
def test_cells_that_cannot_be_run_are_refused_before_anything_is(tmp_path, cell, message):
    with pytest.raises(UsageError) as error:
        load_grid(grid_file(tmp_path / "grid.yaml", f"  - {cell}\n"))
    assert message in str(error.value)
    assert "grid.yaml" in str(error.value)


def test_unknown_grids_and_files_are_named(tmp_path):
    with pytest.raises(UsageError, match="unknown grid 'smok'; did you mean 'smoke'"):
        load_grid("smok")
    with pytest.raises(UsageError, match="no grid at"):
        load_grid(str(tmp_path / "none.yaml"))
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(UsageError, match="a mapping with name, about and a list of cells"):
        load_grid(str(tmp_path / "list.yaml"))


def test_an_id_moves_with_what_decides_the_numbers_and_reads_well():
    distribution = DistributionSpec(kind="pairs", total_correlation=0.5)
    cells = [
        Cell(distribution=distribution, critics=CriticSpec(objective="js")),
        Cell(distribution=distribution, critics=CriticSpec(objective="js", hidden_dim=8)),
        Cell(distribution=distribution, critics=CriticSpec(objective="js"), seed=1),
        Cell(distribution=distribution, critics=CriticSpec(objective="js"), batch_size=64),
    ]
    assert len({cell.cell_id for cell in cells}) == 4
    assert cells[0].cell_id.startswith("pairs-d10-tc0.5-m256-js-converged-w128-")


def test_settings_that_came_later_leave_old_ids_and_tell_new_cells_apart():
    distribution = DistributionSpec(kind="equicorrelated", total_correlation=2, n_images=50_000)

    def cell(**settings):
        critics = CriticSpec(objective="mine", n_critics=10, **settings)
        return Cell(distribution=distribution, critics=critics, n_gradients=30)

    assert cell().cell_id == "equicorrelated-d10-tc2-m256-mine-converged-w128-01cf36cd01"  # of the first records
    later = [{"learning_rate": 5e-4}, {"betas": (0.9, 0.999)}, {"score_bound": 10.0}]
    assert len({cell(**settings).cell_id for settings in [{}, *later]}) == 4
    assert CriticSpec(objective="mine", **later[0], **later[1], **later[2]).label == (
        "converged w128 lr0.0005 betas0.9,0.999 bound10"
    )
