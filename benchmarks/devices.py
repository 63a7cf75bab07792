"""Where a run computes: the device, its arithmetic and its description."""

import contextlib
import os
import platform
import re
import resource
import sys
from collections.abc import Generator, Iterator
from typing import TypeVar, cast

import torch
from pydantic import JsonValue

from minebench.benchmarks.suggestions import UsageError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def configure(device: str, threads: int) -> torch.device:
    """Set the process up for one run: threads, deterministic algorithms, no TF32.

    Args:
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        threads: CPU threads of one operation.

    Returns:
        The device.

    Raises:
        UsageError: If there is no such device.
    """
    chosen = find_device(device)
    if chosen.type == "cuda":
        os.environ.setdefault("CUDA_DEVICE_MAX_CONNECTIONS", "32")  # of 8, streams of a larger company would share some
        torch.cuda.set_device(chosen)  # streams, graphs and generators are of the current device
    torch.set_num_threads(threads)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with it
    torch.set_deterministic_debug_mode("error")  # use_deterministic_algorithms imports the compiler to tell it: 2 s
    # filling costs 5 % of a step, and no operation here reads memory that it did not write
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    return chosen


def find_device(name: str) -> torch.device:
    """The device of a name.

    Raises:
        UsageError: If it is not ``cpu``, ``cuda`` or ``cuda:N``, or is not there.
    """
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise UsageError(f"unknown device {name!r}; give cpu, cuda or cuda:N")
    device = torch.device(name)
    if device.type == "cpu":
        return device
    index, seen = device.index or 0, torch.cuda.device_count()
    if index >= seen:
        raise UsageError(f"device {name!r} was asked for, but torch sees {seen} CUDA devices; the CPU is --device cpu")
    return torch.device("cuda", index)


def device_class(device: str, threads: int, execution: str = "graph") -> str:
    """The class of devices that give the same bits: part of a run's identity.

    Args:
        device: As in ``configure``.
        threads: CPU threads of one operation; they decide the order of sums.
        execution: How a GPU carries out steps, ``graph`` or ``eager``: libraries may choose other kernels.

    Returns:
        E.g. ``cpu AVX2, 1 thread`` or ``NVIDIA H100 80GB HBM3, graph``.

    Raises:
        UsageError: If there is no such device.
    """
    chosen = find_device(device)
    if chosen.type == "cuda":
        return f"{torch.cuda.get_device_name(chosen)}, {execution}"
    capability = torch.backends.cpu.get_cpu_capability()
    return f"cpu {capability}, {threads} thread{'s' if threads > 1 else ''}"


def hardware(device: str) -> dict[str, JsonValue]:
    """A description of the machine for a result's provenance."""
    described: dict[str, JsonValue] = {
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
    }
    if device.startswith("cuda"):
        properties = torch.cuda.get_device_properties(torch.device(device))
        described |= {"gpu": properties.name, "gpu_memory_bytes": properties.total_memory, "cuda": torch.version.cuda}
        described["tf32"] = torch.backends.cuda.matmul.allow_tf32
    return described


def on_own_stream(run: Generator[_Item, None, _Result], device: str) -> Generator[_Item, None, _Result]:
    """Carry out a generator on a CUDA stream of its own; on the CPU it is left as it is.

    Runs that take turns in one process then overlap on the GPU, each in its own order. The stream is entered and left
    at every turn, so it is nobody else's current one.
    """
    if not device.startswith("cuda"):
        return (yield from run)
    stream = torch.cuda.Stream(find_device(device))  # type: ignore[no-untyped-call]
    try:
        while True:
            with torch.cuda.stream(stream):
                try:
                    item = next(run)
                except StopIteration as end:
                    return cast(_Result, end.value)
            yield item
    finally:
        run.close()


@contextlib.contextmanager
def waiting_forbidden(device: torch.device) -> Iterator[None]:
    """Inside, what makes the host wait for a GPU raises a RuntimeError instead (torch sees most such operations)."""
    if device.type == "cpu":
        yield
        return
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


def generator_states(device: torch.device) -> list[torch.Tensor]:
    """The states of torch's own generators: the CPU's, and a GPU's."""
    states = [torch.get_rng_state()]
    return [*states, torch.cuda.get_rng_state(device)] if device.type == "cuda" else states


def free_memory_bytes(device: torch.device) -> int:
    """What is free of a GPU's memory."""
    return torch.cuda.mem_get_info(device)[0]


def synchronize(device: torch.device) -> None:
    """Wait until a GPU has done all that it was given; a CPU has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def answers(device: str) -> bool:
    """Whether a device still works: after some errors (a failed assertion in a kernel) a process has lost its GPU."""
    try:
        synchronize(find_device(device))
    except RuntimeError:
        return False
    return True


def runs_per_process(device: str) -> int:
    """How many runs of one model share a process: a step of one leaves most of a GPU idle, and none of a CPU core."""
    return 8 if device.startswith("cuda") else 1


def peak_memory_bytes(device: str) -> int:
    """The most memory this process has held: of the GPU if it uses one, else resident.

    Mapped files count where the process itself touched them: a fork has not touched the libraries it was born with.
    """
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(torch.device(device))
    with contextlib.suppress(OSError), open("/proc/self/status", encoding="ascii", errors="replace") as lines:
        for line in lines:  # getrusage begins at the size of the parent that a process was started from
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # bytes there, KiB elsewhere


def reserved_memory_bytes(device: torch.device) -> int:
    """The most that torch has reserved of a GPU's memory, graphs included; of a CPU as ``peak_memory_bytes``."""
    return torch.cuda.max_memory_reserved(device) if device.type == "cuda" else peak_memory_bytes("cpu")


def forget_peak_memory(device: torch.device) -> None:
    """Give back what nobody uses and measure a GPU's peaks from now on; a CPU's cannot be forgotten."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def _processor() -> str:
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"
