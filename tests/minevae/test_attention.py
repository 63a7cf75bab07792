import math

import pytest
import torch

from minebench.minevae.attention import CrossAttention, entropy, equal_partition, membership, sparsity


def attention(n_blocks=6, latent_dim=128, **options):
    torch.manual_seed(0)
    queries = torch.randn(n_blocks, 32)
    return CrossAttention(latent_dim, 32, 128, queries=queries, **options), queries


def test_columns_divide_each_latent_among_the_blocks():
    module, queries = attention()
    weights = module(queries)
    assert weights.shape == (6, 128)
    torch.testing.assert_close(weights.sum(0), torch.ones(128))


def test_rows_divide_each_block_over_the_latents():
    module, queries = attention(softmax="rows")
    torch.testing.assert_close(module(queries).sum(1), torch.ones(6))


def test_scores_start_with_deviation_one_half():
    module, queries = attention()
    assert module.scores(queries).std().item() == pytest.approx(0.5, rel=1e-4)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_nuisance_starts_with_about_its_share(share):
    """Exactly with equal scores; scores of deviation 0.5 move the mean over 128 latents by a few hundredths."""
    module, queries = attention(nuisance_share=share)
    assert module(queries)[0].mean().item() == pytest.approx(share, abs=0.04)


def test_scores_are_the_mean_of_four_heads():
    module, queries = attention()
    asked, offered = module.to_query(queries), module.to_key(module.keys)
    heads = [slice(32 * head, 32 * (head + 1)) for head in range(4)]
    by_hand = torch.stack([asked[:, head] @ offered[:, head].T / math.sqrt(32) for head in heads]).mean(0)
    torch.testing.assert_close(module.scores(queries), by_hand)


def test_a_width_that_does_not_divide_into_heads_is_refused():
    with pytest.raises(ValueError, match="divided among 4 heads; got 30: give a multiple"):
        CrossAttention(8, 4, 30, queries=torch.randn(3, 4))


def test_queries_of_each_image_give_weights_of_each_image():
    module, queries = attention()
    weights = module(torch.stack([queries, queries + 1.0]))
    assert weights.shape == (2, 6, 128)
    torch.testing.assert_close(weights[0], module(queries))


def test_entropy_spans_its_whole_range():
    """A public implementation takes a softmax of the softmax: its term lies between 1.994 and 2.079 at all times."""
    hard, even = membership(torch.arange(8) % 4, 4).T, torch.full((4, 8), 0.25)
    assert entropy(hard).item() == 0.0
    assert entropy(even).item() == pytest.approx(1.0)
    twice = [entropy(weights.softmax(0)).item() for weights in (hard, even)]  # the wrong variant cannot see it
    assert twice[0] > 0.8


def test_overlap_by_hand():
    """Columns (1/2, 1/2) and (1, 0): A_0 . A_1 = 1/4, squared over two latents 1/32."""
    assert sparsity(torch.tensor([[0.5, 1.0], [0.5, 0.0]]), "overlap").item() == pytest.approx(1 / 32)
    assert sparsity(torch.eye(2), "overlap").item() == 0.0


def test_l2_is_smallest_for_even_columns_and_so_works_against_the_entropy_term():
    hard, even = torch.eye(4), torch.full((4, 4), 0.25)
    assert sparsity(hard, "l2").item() == pytest.approx(1.0)
    assert sparsity(even, "l2").item() == pytest.approx(0.25)
    assert sparsity(hard, "overlap") < sparsity(even, "overlap")


def test_equal_partition_gives_nuisance_its_share_and_the_rest_in_equal_runs():
    assert equal_partition(4, 16, 0.25).sum(1).tolist() == [4, 4, 4, 4]
    assert equal_partition(3, 7, 0.25).sum(1).tolist() == [2, 3, 2]
    with pytest.raises(ValueError, match="do not go round 6 factors"):
        equal_partition(7, 7, 0.25)
