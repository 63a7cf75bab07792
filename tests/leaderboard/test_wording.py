import pytest

from minebench.leaderboard.calibration import Coverage
from minebench.leaderboard.cells import Column
from minebench.leaderboard.statistics import estimate
from minebench.leaderboard.wording import duration, fixed, heading, interval, listed, memory, p_value, percent, score

MIG = Column("mig", 1, "{}", "up", 0.0, 1.0, "MIG")
OPEN = Column("bits", 1, "{}", "down", None, None, "Bits")


@pytest.mark.parametrize(("value", "text"), [(0.12345, "0.123"), (-0.0004, "0.000"), (-0.0006, "-0.001"), (1, "1.000")])
def test_three_decimals_and_no_negative_zero(value, text):
    assert fixed(value, 3) == score(value, MIG) == text


def test_a_metric_without_range_has_four_significant_digits():
    assert [score(value, OPEN) for value in (12345.678, 0.00012345, 0.0)] == ["1.235e+04", "0.0001234", "0"]


def test_below_a_mean_stands_its_interval_or_why_there_is_none():
    """Mean 0.5, standard error 0.1 / sqrt(3): 4.303 x 0.0577 / 0.25 = 0.994 on the logit, 1 / (1 + e^0.994) = 0.270."""
    assert interval(estimate([0.4, 0.6, 0.5], lower=0, upper=1), MIG, n_expected=3) == "[0.270, 0.730]"
    assert interval(estimate([0.4, 0.6, 0.5], lower=0, upper=1), MIG, n_expected=5) == "[0.270, 0.730] n=3"
    assert interval(estimate([0.4]), MIG, n_expected=1) == "one seed"
    assert interval(estimate([0.4]), MIG, n_expected=3) == "one seed n=1"
    assert interval(estimate([0.4, 0.4]), MIG, n_expected=2) == "no spread (2)"


def test_arrows_say_which_way_is_better():
    assert heading(MIG, (MIG, OPEN)) == "MIG ↑"
    assert heading(OPEN, (MIG, OPEN)) == "Bits ↓"


def test_columns_of_one_metric_are_told_apart_by_version_or_by_number():
    newer = Column("mig", 2, "{}", "up", 0.0, 1.0, "MIG")
    other = Column("mig", 1, '{"n_bins": 30}', "up", 0.0, 1.0, "MIG")
    assert [heading(c, (MIG, newer)) for c in (MIG, newer)] == ["MIG v1 ↑", "MIG v2 ↑"]
    assert [heading(c, (MIG, other)) for c in (MIG, other)] == ["MIG (1) ↑", "MIG (2) ↑"]


@pytest.mark.parametrize(("p", "text"), [(0.0004, "<0.001"), (0.0079, "0.008"), (0.9996, "1"), (1.0, "1")])
def test_p_values(p, text):
    assert p_value(p) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (7.25, "7.2 s"),
        (119, "119 s"),
        (120, "2.0 min"),
        (3000, "50 min"),
        (9000, "2.5 h"),
        (1e6, "278 h"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_memory():
    assert [memory(size) for size in (2**20, 700 * 2**20, 3 * 2**29)] == ["1 MiB", "700 MiB", "1.5 GiB"]


def test_shares_and_lists():
    assert percent(Coverage(0.946, 0.951)).replace("\u00a0", " ") == "95 %"
    assert percent(Coverage(0.91, 0.942)).replace("\u00a0", " ") == "91 to 94 %"
    assert [listed(items) for items in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
