"""Comparisons at equal samples and at equal cost, of values and of gradients, and known values found again."""

import math

import numpy as np
import pytest

from minebench.benchmarks.study import known
from minebench.benchmarks.study.cells import Cell, CriticSpec, DistributionSpec
from minebench.benchmarks.study.gradient_verdicts import error, gradient_cost, gradient_duels
from minebench.benchmarks.study.grid import Primary
from minebench.benchmarks.study.records import CellRecord, CostRecord, GradientRecord, Records, TruthRecord
from minebench.benchmarks.study.verdicts import duels

SPEC = DistributionSpec(kind="equicorrelated", total_correlation=2, n_images=400)
TRUTH = TruthRecord(
    value=2.0, error=0, second=2.0, second_error=0, aggregated=None, aggregated_error=None, largest_eigenvalue=4.0,
    normaliser="infinite",
)  # fmt: skip


def record(costs, gradients=None, **cell):
    made = {"bias_error": 0.0, "noise_error": 0.01, "cosine": 1.0, "cosine_error": 0.0, "n": 9}
    return CellRecord(
        cell=Cell(distribution=SPEC, **cell),
        truth=TRUTH,
        costs=costs,
        gradients={n: GradientRecord(bias=b, noise=s, **made) for n, (b, s) in (gradients or {}).items()},
        torch="",
        processor="",
        seconds=0.0,
    )


FREE = record({"mss_loo": CostRecord(flops=10, seconds=1)}, {"mss_loo": (0.0, 0.4)}, estimators=("mss_loo",))
MINE = record(
    {"mine": CostRecord(flops=10, seconds=1, update_flops=65)},
    {"mine": (0.3, 0.4), "mine/joint": (0.0, 0.1)},
    critics=CriticSpec(objective="mine", learning_rate=5e-4),
)


def test_equal_samples_and_equal_cost_are_told_apart(tmp_path):
    """MINE: no bias, deviation 1, cost 10 + 2 x 65. Monte Carlo: bias 0.3, deviation 2, cost 10, so 14 batches."""
    records = Records(tmp_path)
    draws = np.random.default_rng(0).normal(size=(1, 100))
    steady = (draws - draws.mean()) / draws.std(ddof=1)
    records.save(MINE, {"mine": 2 + steady})
    records.save(FREE, {"mss_loo": 2.3 + 2 * steady[:, ::-1]})
    (duel,) = duels([FREE, MINE], records, Primary())
    assert (duel.neural, duel.rival) == ("mine", "mss_loo")
    assert duel.averaged == pytest.approx(14)
    assert duel.same.ratio.value == pytest.approx(1 / math.sqrt(0.09 + 4))
    assert duel.rmse.ratio.value == pytest.approx(1 / math.sqrt(0.09 + 4 / 14))


def test_pairs_that_do_not_meet_are_no_duel(tmp_path):
    records = Records(tmp_path)
    for each, reading in ((MINE, "mine"), (FREE, "mss_loo")):
        records.save(each, {reading: np.random.default_rng(0).normal(size=(1, 20))})
    assert duels([FREE, MINE], records, Primary(), [("mine", "part_mc"), ("js", "mss_loo")]) == []
    assert len(duels([FREE, MINE], records, Primary(), [("mine", "mss_loo")] * 2)) == 2
    assert duels([FREE], records, Primary()) == []


def test_gradients_compared_by_hand():
    """Error 0.5 of bias 0.3 and noise 0.4 against 0.4; costs 3 x 10 + 2 x 65 = 160 against 30."""
    both, joint = gradient_duels([FREE, MINE], Primary(), [("mine", "mss_loo"), ("mine/joint", "mss_loo")])
    assert both.averaged == pytest.approx(160 / 30)
    assert both.noise.value == pytest.approx(1.0)
    assert both.same.value == pytest.approx(0.5 / 0.4)
    assert both.equal_cost.value == pytest.approx(0.5 / (0.4 / math.sqrt(160 / 30)))
    assert joint.same.value == pytest.approx(0.25)
    assert joint.same.low < 0.25 < joint.same.high < 0.35


def test_the_error_of_a_gradient_and_its_own_error():
    """sqrt(0.09 + 0.16 / 4); moved by (0.3 x 0.1) and (0.4 / 4 x 0.2)."""
    gradient = GradientRecord(
        bias=0.3, bias_error=0.1, noise=0.4, noise_error=0.2, cosine=1, cosine_error=0, n=5
    )  # fmt: skip
    size, moved = error(gradient, 4.0)
    assert size == pytest.approx(math.sqrt(0.13))
    assert moved == pytest.approx(math.hypot(0.03, 0.02) / size)
    assert gradient_cost(CostRecord(flops=5, seconds=0, update_flops=7), Primary(critic_steps=3)) == 36


def test_a_known_value_is_met_or_missed(tmp_path):
    """mss_loo at 2 nats: -0.37, deviation 0.20; the nearest miss is more than four errors of two means and 0.01 off."""
    records = Records(tmp_path)
    values = 2 - 0.37 + 0.2 * np.random.default_rng(0).normal(size=(1, 100))
    for shift, scale, agrees in ((0.0, 1.0, True), (0.2, 1.0, False), (0.0, 3.0, False), (-0.2, 1.0, False)):
        records.save(FREE, {"mss_loo": (values - values.mean()) * scale + values.mean() + shift})
        value, gradient = known.known_values([FREE], records)
        assert value.agrees == agrees
        assert (gradient.reading, gradient.sigma, gradient.agrees) == ("gradient mss_loo", 0.13, False)  # 0.4 was found


@pytest.mark.parametrize(("values", "agrees"), [(1e4, True), (math.inf, True), (4.9, False)])
def test_what_is_known_to_diverge_has_to(tmp_path, values, agrees):
    records = Records(tmp_path)
    spec = SPEC.model_copy(update={"total_correlation": 5.0})
    mine = MINE.model_copy(update={"cell": MINE.cell.model_copy(update={"distribution": spec}), "gradients": {}})
    records.save(mine, {"mine": values * np.linspace(0.9, 1.1, 20)[None]})
    (row,) = known.known_values([mine], records)
    assert row.agrees == agrees


def test_other_widths_and_batches_are_not_of_the_known_table(tmp_path):
    records = Records(tmp_path)
    for cell in ({"batch_size": 64, "estimators": ("mss_loo",)}, {"critics": CriticSpec(objective="js", hidden_dim=8)}):
        other = record({}, **cell)
        records.save(other, {"mss_loo": np.ones((1, 5)), "js": np.ones((1, 5))})
        assert known.known_values([other], records) == []
