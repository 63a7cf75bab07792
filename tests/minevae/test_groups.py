import pytest
import torch

from minebench.baselines.contract import Noise
from minebench.minevae.groups import permute_groups, sum_groups

GROUPS = ((0, 3), (1,), (2, 4))


def noise(seed=0):
    return Noise(torch.Generator().manual_seed(seed))


def test_a_permuted_group_moves_as_a_whole_and_never_meets_another_group_of_its_row():
    """Each row of z holds its own number in every column; permutations drawn one by one would leave some together."""
    z = torch.arange(50.0).repeat_interleave(5).view(50, 5)
    permuted = permute_groups(z, noise(), GROUPS)
    torch.testing.assert_close(permuted[:, 0], permuted[:, 3])
    torch.testing.assert_close(permuted[:, 2], permuted[:, 4])
    first, second, third = permuted[:, 0], permuted[:, 1], permuted[:, 2]
    assert (first != second).all()
    assert (first != third).all()
    assert (second != third).all()
    torch.testing.assert_close(permuted.sort(0).values, z)


def test_without_groups_every_column_moves_on_its_own():
    z = torch.arange(50.0).repeat_interleave(5).view(50, 5)
    permuted = permute_groups(z, noise())
    assert all(len(row.unique()) == 5 for row in permuted)
    assert not torch.equal(permuted, permute_groups(z, noise(1)))


def test_more_columns_than_rows_still_keep_their_values():
    z = torch.randn(3, 5, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(permute_groups(z, noise()).sort(0).values, z.sort(0).values)


def test_stacked_sets_keep_their_own_values():
    z = torch.randn(3, 20, 5, generator=torch.Generator().manual_seed(1))
    permuted = permute_groups(z, noise(), GROUPS)
    torch.testing.assert_close(permuted[1], permute_groups(z[1], noise(), GROUPS))


def test_sums_within_groups_by_hand():
    values = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]])
    torch.testing.assert_close(sum_groups(values, GROUPS), torch.tensor([[5.0, 2.0, 8.0]]))
    torch.testing.assert_close(sum_groups(values, (*GROUPS, ())), torch.tensor([[5.0, 2.0, 8.0]]))
    torch.testing.assert_close(sum_groups(values), values)


@pytest.mark.parametrize("groups", [((0, 1), (1, 2, 3, 4)), ((0, 1),), ((0, 1, 2, 3, 4, 5),)])
def test_groups_that_are_no_partition_are_refused(groups):
    with pytest.raises(ValueError, match="each of the 5 columns once"):
        permute_groups(torch.zeros(4, 5), noise(), groups)
