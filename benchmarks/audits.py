"""Audits of a model in training: every so many steps, outside of them, and without a trace in the numbers.

A model that has an ``audit`` method (``minebench.baselines.audited``) is shown the posteriors of many training images
and of some that nothing is trained on, and says what it finds. Rows and noise are functions of (seed, step); torch's
own generators, the model's mode and its buffers are left as they were.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from minebench.baselines.audited import Audited, AuditView, Encoded
from minebench.baselines.contract import Gaussian
from minebench.benchmarks.batches import noise, to_images
from minebench.benchmarks.job import Job
from minebench.benchmarks.pools import draw_pools
from minebench.benchmarks.streams import numpy_stream
from minebench.benchmarks.workbench import Workbench

N_BATCHES = 4  # of training's size, drawn from training images and from held-out ones
CHUNK = 250  # images encoded at a time

Auditor = Callable[[int], dict[str, float] | None]


def auditor(job: Job, bench: Workbench) -> Auditor:
    """What audits a run after a step, if it is due.

    Args:
        job: How often (``audit_every``; 0: never), and on how many training images (``audit_images``).
        bench: The model, which is audited only if it has a method for it, and its data.

    Returns:
        A function of the steps done: numbers by ``audit/name``, or None where no audit is due. Its first audit draws
        the images and keeps their rows.
    """
    settings, model = job.settings, bench.model
    if not (settings.audit_every and isinstance(model, Audited)):
        return lambda _step: None
    seed, batch_size = job.spec.seed, job.spec.train.batch_size
    rows = draw_pools(bench.split.train, bench.model.data_use(), seed=seed).train.rows
    population = _sample(rows, settings.audit_images, seed, "audit population")
    n_drawn = N_BATCHES * batch_size

    def audit(step: int) -> dict[str, float] | None:
        if step % settings.audit_every:
            return None
        places = numpy_stream(seed, "audit", step).integers(len(population), size=n_drawn)
        held_out = bench.split.held_out[:n_drawn]
        with _standing_still(bench.model):
            encoded = _encode(bench, population)
            drawn = torch.from_numpy(places).to(bench.device)
            view = AuditView(
                population=encoded,
                train=Encoded(Gaussian(*(part[drawn] for part in encoded.posterior)), encoded.factors[drawn]),
                held_out=_encode(bench, held_out),
                batch_size=batch_size,
                noise=noise(bench.device, seed, "audit", step),
            )
            return {f"audit/{name}": value for name, value in model.audit(view).items()}

    return audit


def _sample(rows: np.ndarray, most: int, seed: int, purpose: str) -> np.ndarray:
    """At most so many of the rows, at random, ascending."""
    if len(rows) <= most:
        return rows
    return np.sort(rows[numpy_stream(seed, purpose).permutation(len(rows))[:most]])


def _encode(bench: Workbench, rows: np.ndarray) -> Encoded:
    parts: list[Gaussian] = [
        bench.model.encode(to_images(bench.dataset.images(rows[start : start + CHUNK]), bench.device))
        for start in range(0, len(rows), CHUNK)
    ]
    means, logvars = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
    factors: Tensor = torch.from_numpy(bench.dataset.factors(rows)).to(bench.device)
    return Encoded(Gaussian(means, logvars), factors)


@contextmanager
def _standing_still(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients, and torch's own generators as they were."""
    training = model.training
    devices = sorted({parameter.get_device() for parameter in model.parameters() if parameter.is_cuda})
    with torch.random.fork_rng(devices=devices), torch.no_grad():
        model.eval()
        try:
            yield
        finally:
            model.train(training)
