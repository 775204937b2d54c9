"""What a peer is to the script: how it is started, and what it says about waiting for the lock."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

WORKLOAD_FILE = "workload.py"


@dataclass(frozen=True)
class Reported:
    """What a peer's output says. A share that it does not give is None, with the reason; it is never zero."""

    lock_wait: Optional[float] = None
    why_none: Optional[str] = None
    # What it says instead, in words, with the figure out of this very output.
    instead: Optional[str] = None


@dataclass(frozen=True)
class Peer:
    """A profiler with its options. What differs between them is in the modules of this package."""

    # The name in the table; --only takes it, or the tool's.
    name: str
    # The package in requirements.txt; empty: it is not installed from there.
    package: str
    # What its lock-wait figure is, or what it has in place of one.
    meaning: str
    options: tuple = ()

    def command(self, programs: Path, workload: list, folder: Path) -> list:
        """The command line that runs the workload (a script and its arguments) and leaves its output in the folder."""
        raise NotImplementedError

    def read(self, folder: Path, wall_seconds: float) -> Reported:
        """What the output in the folder says; the wall time is the workload's own."""
        raise NotImplementedError


def percent(share: float) -> str:
    """A share for a sentence."""
    return f"{100 * share:.0f} %"


# A frame of the workload's `thread`, as Austin and as py-spy spell it.
THREAD_FRAME = re.compile(r"workload\.py:thread:|(?:^|;)thread \([^;()]*workload\.py:")


def is_working(stack: str) -> bool:
    """Whether a stack is of a thread in its accounted life: not the main thread, and past the barrier."""
    return THREAD_FRAME.search(stack) is not None and "Barrier." not in stack
