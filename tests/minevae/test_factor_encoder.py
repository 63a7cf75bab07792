import torch

from minebench.minevae.factor_encoder import FactorEncoder


def test_static_queries_are_the_same_for_all_images():
    encoder = FactorEncoder(4, 6, 3)
    assert torch.equal(encoder(torch.randn(5, 3)), encoder())
    assert encoder().shape == (4, 6)


def test_dynamic_queries_move_with_the_features_of_each_image():
    encoder = FactorEncoder(4, 6, 3, "dynamic")
    features = torch.randn(5, 3)
    queries = encoder(features)
    assert queries.shape == (5, 4, 6)
    assert not torch.allclose(queries[0], queries[1])
    torch.testing.assert_close(encoder(features[1:2])[0], queries[1])


def test_without_features_dynamic_queries_are_those_of_a_mean_image():
    encoder = FactorEncoder(4, 6, 3, "dynamic")
    torch.testing.assert_close(encoder(), encoder(torch.zeros(1, 3))[0])
