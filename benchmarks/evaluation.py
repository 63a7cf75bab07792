"""Encode once: everything that is read off a trained model, from one pass over the scored rows."""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from minebench.baselines.contract import Model
from minebench.baselines.vae import bernoulli_nll
from minebench.benchmarks.batches import noise, to_images
from minebench.benchmarks.representation import Representation
from minebench.benchmarks.streams import stream_key
from minebench.datasets.factor_dataset import FactorDataset

ACTIVE_VARIANCE = 0.01
N_DECODED = 2_000  # decoding costs twice what encoding does, and a mean needs fewer rows than a metric


class Evaluation(NamedTuple):
    """A model on held-out rows.

    Attributes:
        representation: Codes and factors.
        reconstruction: -E_q[log p(x|z)], one sample a row, nats per image, over the first 2,000 rows.
        kl: KL(q(z|x) || p(z)), nats per image.
        active_codes: Codes whose posterior mean varies by more than 0.01 over the rows: the active units of Burda et
            al. (2016), Importance Weighted Autoencoders, arXiv:1509.00519, section 5.2.
    """

    representation: Representation
    reconstruction: float
    kl: float
    active_codes: int


@torch.inference_mode()
def evaluate(
    model: Model, dataset: FactorDataset, rows: np.ndarray, *, seed: int, device: torch.device, batch_size: int = 250
) -> Evaluation:
    """Encode and decode rows of a data set.

    Args:
        model: A model on ``device``.
        dataset: Where the rows lie.
        rows: int64 ``(n,)``, n >= 1.
        seed: Seed of the posterior samples that are decoded.
        device: Where the model lives.
        batch_size: Rows taken at a time; fixed, because it decides the last bits on some devices.

    Returns:
        The codes of all rows, and means.
    """
    if isinstance(model, nn.Module):
        model.eval()
    draws = noise(device, seed, "evaluation")
    torch.manual_seed(stream_key(seed, "global", "evaluation"))
    codes, kls, nlls = [], [], []
    for start in range(0, len(rows), batch_size):
        images = to_images(dataset.images(rows[start : start + batch_size]), device)
        posterior = model.encode(images)
        codes.append(posterior.mean)
        kls.append(posterior.kl())
        if start < N_DECODED:
            nlls.append(bernoulli_nll(model.decode(posterior.sample(draws)), images))
    means = torch.cat(codes).float().cpu().numpy()
    kl, reconstruction = torch.cat(kls).double().mean().item(), torch.cat(nlls).double().mean().item()
    active = int((means.astype(np.float64).var(0) > ACTIVE_VARIANCE).sum())
    representation = Representation(means, dataset.factors(rows), *(model.code_blocks() or ()))
    return Evaluation(representation, reconstruction, kl, active)
