import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from minebench.leaderboard.comparison import Pair, Rank, compare, holm, ranks, resolvable_difference, welch


def p_of_t(t, df):
    """Two-sided tail of Student's t in closed form (Hill 1970, for two and four degrees of freedom)."""
    if df == 2:
        return 1 - t / math.sqrt(2 + t**2)
    assert df == 4
    x = t / math.sqrt(4 + t**2)
    return 1 - x * (1 + (1 - x**2) / 2)


A, B = [0.2, 0.4], [0.6, 0.8]  # means 0.3 and 0.7, both with standard error 0.1


def test_plain_welch_by_hand():
    p, scale = welch(A, B)
    assert scale == "plain"
    assert p == pytest.approx(p_of_t(0.4 / math.sqrt(0.02), 2))


def test_logit_welch_by_hand():
    """Logits -+0.8473, each with standard error 0.1 / 0.21."""
    p, scale = welch(A, B, lower=0.0, upper=1.0)
    assert scale == "logit"
    assert p == pytest.approx(p_of_t(2 * math.log(7 / 3) / math.sqrt(2 * (0.1 / 0.21) ** 2), 2))


def test_a_wider_range_is_rescaled():
    def wide(values):
        return [2 * v - 1 for v in values]

    assert welch(wide(A), wide(B), lower=-1.0, upper=1.0)[0] == pytest.approx(welch(A, B, lower=0.0, upper=1.0)[0])


def test_stratified_welch_by_hand():
    """Two data sets with the same numbers: the difference stays, its variance halves, df doubles to four."""
    p, _ = welch([A, A], [B, B], lower=0.0, upper=1.0)
    assert p == pytest.approx(p_of_t(2 * math.log(7 / 3) / math.sqrt((0.1 / 0.21) ** 2), 4))


def test_strata_do_not_mix():
    """Data sets far apart, models 0.1 apart on both: pooled over data sets nothing would show."""
    p, _ = welch([[0.1, 0.101], [0.8, 0.801]], [[0.2, 0.201], [0.9, 0.901]])
    assert p < 1e-3
    assert stats.ttest_ind([0.1, 0.101, 0.8, 0.801], [0.2, 0.201, 0.9, 0.901], equal_var=False).pvalue > 0.5


@given(
    st.lists(st.floats(-5, 5), min_size=2, max_size=8),
    st.lists(st.floats(-5, 5), min_size=2, max_size=8),
)
def test_plain_welch_agrees_with_scipy(first, second):
    if np.ptp(first) < 1e-6 or np.ptp(second) < 1e-6:
        return
    assert welch(first, second)[0] == pytest.approx(stats.ttest_ind(first, second, equal_var=False).pvalue)


def test_a_model_without_spread_is_tested_against_the_spread_of_the_other():
    """Standard error 0.1 from one side only, one degree of freedom: p = 1 - 2 atan(t) / pi."""
    p, scale = welch([1.0, 1.0], [0.6, 0.8], lower=0.0, upper=1.0)
    assert scale == "plain"  # 1.0 has no logit
    assert p == pytest.approx(1 - 2 * math.atan(3.0) / math.pi)
    assert welch([1.0, 1.0], [0.5, 0.5])[0] is None


def test_holm_by_hand():
    """Sorted: .005 x 4 = .02, .01 x 3 = .03, .03 x 2 = .06, .04 x 1 = .04, raised to .06."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_the_family_is_all_pairs_of_the_metric():
    samples = {"a": [0.1, 0.12, 0.11], "b": [0.5, 0.52, 0.51], "c": [0.8, 0.82, 0.81]}
    pairs = compare(samples, lower=0.0, upper=1.0)
    assert [(pair.first, pair.second) for pair in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    alone = [welch(samples[pair.first], samples[pair.second], lower=0.0, upper=1.0)[0] for pair in pairs]
    assert [pair.p for pair in pairs] == pytest.approx(alone)
    assert [pair.holm for pair in pairs] == pytest.approx(holm(alone))
    assert pairs[0].difference == pytest.approx(-0.4)


def test_the_exact_test_is_there_only_where_it_can_reject():
    """Least p at 5 against 5 is 2 / 252 = 0.0079: below 0.05 / 6 (four models), above 0.05 / 10 (five)."""
    seeds = np.linspace(0.1, 0.2, 5)
    four = compare({f"m{i}": seeds + i / 5 for i in range(4)})
    five = compare({f"m{i}": seeds + i / 5 for i in range(5)})
    assert [pair.permutation for pair in four] == pytest.approx([2 / 252] * 6)
    assert {pair.permutation for pair in five} == {None}


def test_two_models_without_spread_are_decided_by_the_exact_test():
    [three] = compare({"a": [0.2] * 3, "b": [0.4] * 3})
    [five] = compare({"a": [0.2] * 5, "b": [0.4] * 5})
    assert (three.p, three.separable) == (1.0, False)  # least p 0.1
    assert five.p == five.permutation == pytest.approx(2 / 252)
    assert five.separable


def test_models_that_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match=r"two seeds on; b has \[1\]"):
        compare({"a": [0.1, 0.2], "b": [0.1]})
    with pytest.raises(ValueError, match="same data sets"):
        compare({"a": [[0.1, 0.2], [0.1, 0.2]], "b": [[0.1, 0.2]]})


# --- ranks


def pair(first, second, separable):
    p = 0.01 if separable else 0.5
    return Pair(first, second, 0.0, p, p, "plain", None, 1.0)


def ranked(means, separable, direction="up"):
    """Ranks of models with these means, where only the pairs in ``separable`` can be told apart."""
    names = list(means)
    pairs = [pair(a, b, a + b in separable) for i, a in enumerate(names) for b in names[i + 1 :]]
    samples = {model: [mean - 0.01, mean + 0.01] for model, mean in means.items()}
    return {model: str(rank) for model, rank in ranks(samples, pairs, direction=direction).items()}


def test_separable_models_have_plain_places():
    assert ranked({"a": 1, "b": 3, "c": 2}, {"ab", "ac", "bc"}) == {"b": "1", "c": "2", "a": "3"}


def test_lower_is_better_when_the_direction_is_down():
    assert ranked({"a": 1, "b": 3, "c": 2}, {"ab", "ac", "bc"}, "down") == {"a": "1", "c": "2", "b": "3"}


def test_whoever_cannot_be_told_from_the_first_shares_its_place():
    assert ranked({"a": 3, "b": 2, "c": 1}, {"ac", "bc"}) == {"a": "1=", "b": "1=", "c": "3"}
    assert ranked({"a": 3, "b": 2, "c": 1}, set()) == {"a": "1=", "b": "1=", "c": "1="}


def test_separability_is_judged_from_the_leader():
    """c cannot be told from a, though b, better than c, can."""
    assert ranked({"a": 3, "b": 2, "c": 1}, {"ab"}) == {"a": "1=", "c": "1=", "b": "3"}


def test_ties_further_down():
    means = {"a": 4, "b": 3, "c": 2, "d": 1}
    assert ranked(means, {"ab", "ac", "ad", "bd", "cd"}) == {"a": "1", "b": "2=", "c": "2=", "d": "4"}


def test_a_model_without_spread_is_never_alone_at_the_top():
    samples = {"a": [1.0, 1.0, 1.0], "b": [0.9, 0.91, 0.92], "c": [0.1, 0.11, 0.12]}
    pairs = compare(samples, lower=0.0, upper=1.0)
    assert all(pair.separable for pair in pairs)
    assert ranks(samples, pairs, direction="up") == {"a": Rank(1, True), "b": Rank(1, True), "c": Rank(3)}
    assert str(ranks(samples, pairs, direction="down")["c"]) == "1"  # further down it may stand alone


def test_ranks_do_not_depend_on_the_order_of_models():
    samples = {"a": [0.5, 0.6], "b": [0.5, 0.6], "c": [0.1, 0.2]}
    backwards = dict(reversed(samples.items()))
    assert list(ranks(samples, compare(samples), direction="up").items()) == list(
        ranks(backwards, compare(backwards), direction="up").items()
    )


# --- what a table can resolve


def seeds_with(n, deviation):
    values = np.arange(n) - (n - 1) / 2
    return values / values.std(ddof=1) * deviation


def test_resolvable_difference_with_many_seeds_is_the_normal_one():
    """(z_{0.975} + z_{0.8}) s sqrt(2 / n), with two models at 200 seeds."""
    expected = (1.959964 + 0.841621) * 0.3 * math.sqrt(2 / 200)
    found = resolvable_difference({"a": seeds_with(200, 0.3), "b": seeds_with(200, 0.3)})
    assert found == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(("n", "models"), [(3, 2), (3, 3), (5, 4)])
def test_the_test_finds_the_resolvable_difference_in_four_of_five_tables(n, models):
    """20,000 tables: standard error 0.003; seed 0."""
    distance = resolvable_difference({str(i): seeds_with(n, 1.0) for i in range(models)})
    rng = np.random.default_rng(0)
    first, second = rng.normal(distance, 1, (20_000, n)), rng.normal(0, 1, (20_000, n))
    p = stats.ttest_ind(first, second, axis=1, equal_var=False).pvalue
    assert np.mean(p < 0.05 / math.comb(models, 2)) == pytest.approx(0.8, abs=0.01)


def test_more_data_sets_resolve_less():
    one = resolvable_difference({"a": [seeds_with(10, 1.0)], "b": [seeds_with(10, 1.0)]})
    four = resolvable_difference({"a": [seeds_with(10, 1.0)] * 4, "b": [seeds_with(10, 1.0)] * 4})
    assert four == pytest.approx(one / 2, rel=0.08)  # and a little less, for its degrees of freedom


def test_nothing_is_resolved_by_one_model_or_without_spread():
    assert resolvable_difference({"a": [0.1, 0.2]}) is None
    assert resolvable_difference({"a": [0.1, 0.1], "b": [0.2, 0.2]}) is None
    assert resolvable_difference({}) is None
