"""Arithmetic of losses: float32 whatever the networks compute in."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def full_precision() -> Iterator[None]:
    """Inside, or in a function decorated with it, no product is carried out in bfloat16."""
    with torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False):
        yield
