"""What the inner loop of the MINE Disentangle VAE minimises: G(omega), a function of the attention's weights."""

from torch import Tensor

from minebench.baselines.contract import Terms
from minebench.minevae.attention import entropy, sparsity
from minebench.minevae.complexity import target_capacity, target_nats
from minebench.minevae.gate import capacity, gains
from minebench.minevae.mine_vae_config import MINEDisentangleVAEConfig
from minebench.minevae.precision import full_precision


def capacities(
    config: MINEDisentangleVAEConfig, weights: Tensor, image_share: Tensor, complexity: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """What the blocks may hold, what they should, and the sum that both have (at least 1e-6); arguments as below.

    Returns:
        Nats, of shapes (K + 1,), (K + 1,) and (); the last two without gradient.
    """
    of_blocks = capacity(gains(weights), image_share)
    total = of_blocks.detach().sum().clamp(min=1e-6)
    aim = target_nats if config.capacity_target == "nats" else target_capacity
    return of_blocks, aim(complexity, total, config.nuisance_share), total


@full_precision()
def division_terms(
    config: MINEDisentangleVAEConfig,
    weights: Tensor,
    image_share: Tensor,
    complexity: Tensor,
    information: Tensor | None = None,
) -> Terms:
    """Information, sparsity, entropy and distance to the target capacities, each of them of the order of 1.

    Args:
        config: Weights of the terms.
        weights: A, shape (..., K + 1, D).
        image_share: r_j, shape (D,).
        complexity: kappa of the factors, nats, shape (K,).
        information: w_k I_k of the labelled factors, shape (L,); None without labels.

    Returns:
        The terms, with the shares of block 0 and of the largest block in all capacity beside them.
    """
    of_blocks, target, total = capacities(config, weights, image_share, complexity)
    terms = {
        "sparsity": sparsity(weights, config.sparsity),
        "entropy": entropy(weights, config.softmax),
        "capacity_distance": ((of_blocks - target) / total).square().sum(),
        "capacity": total,
        "nuisance_share": of_blocks[0].detach() / total,
        "largest_share": of_blocks.detach().max() / total,
    }
    scales: dict[str, float | Tensor] = {
        "sparsity": config.attention_reg_weight,
        "entropy": config.entropy_reg_weight,
        "capacity_distance": config.capacity_weight,
        "capacity": 0.0,
        "nuisance_share": 0.0,
        "largest_share": 0.0,
    }
    if information is not None:
        terms["information"] = information.sum() / len(complexity)
        scales["information"] = -1.0
    return Terms(terms, scales)
