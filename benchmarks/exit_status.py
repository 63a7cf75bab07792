"""How the process of a run ended, as its exit status; small enough for a parent that needs no torch.

1 is Python's own, where a process cannot even start. After ``EXIT_BUSY`` (another process is at the run) and
``EXIT_ALONE`` (a run of several took the device down) runs without a result are to be started again.
"""

EXIT_DONE, EXIT_FAILED, EXIT_BUSY, EXIT_ALONE, EXIT_STOPPED = 0, 74, 75, 76, 130
