"""gilknocker: a thread of its own in the program asks for the lock every now and then, and measures how long it takes.

It has no command line: `workload/with_gilknocker.py` starts it and writes its metric down.
"""

import json
from pathlib import Path

from .peer import Peer, Reported

STARTER = Path(__file__).resolve().parent.parent / "workload" / "with_gilknocker.py"
OUTPUT = "gilknocker.json"


class GilKnocker(Peer):
    def command(self, programs: Path, workload: list, folder: Path) -> list:
        return [str(programs / "python"), str(STARTER), str(folder / OUTPUT), *workload]

    def read(self, folder: Path, wall_seconds: float) -> Reported:
        return Reported(lock_wait=float(json.loads((folder / OUTPUT).read_text())["contention_metric"]))


PEERS = [GilKnocker("gilknocker", "gilknocker", "its contention metric: how long its own thread waits, one figure a process")]
