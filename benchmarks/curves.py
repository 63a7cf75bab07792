"""Loss terms as curves for TensorBoard, on request; the package is loaded only then."""

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from minebench.benchmarks.suggestions import UsageError

FOLDER = "tensorboard"  # in the run's own
Draw = Callable[[int, Mapping[str, float]], None]


def require_tensorboard() -> None:
    """See that curves can be written.

    Raises:
        UsageError: If TensorBoard is not installed.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise UsageError(
            "--tensorboard needs the package tensorboard, which is not installed: pip install 'minebench[tensorboard]'"
        )


@contextmanager
def curves(folder: Path, step: int, *, asked: bool) -> Iterator[Draw]:
    """A function that adds points to the curves of a run.

    Args:
        folder: The run's.
        step: Steps done; points of later ones, from before an interruption, are dropped.
        asked: False gives a function that does nothing.

    Yields:
        A function of (steps done, value by ``player/term``).
    """
    if not asked:
        yield lambda _step, _values: None
        return
    require_tensorboard()
    from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 -- heavy, and an extra

    writer = SummaryWriter(str(folder / FOLDER), purge_step=step + 1)

    def draw(at: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, at)

    try:
        yield draw
    finally:
        writer.close()
