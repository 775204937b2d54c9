"""gild: preloads a library that books every wait, in the thread that waits. Its output is a row per thread and phase."""

import json
import shutil
from pathlib import Path

from .peer import Peer, Reported

OUTPUT = "gild.jsonl"
BUILT = Path(__file__).resolve().parents[3] / "target" / "release" / "gilctl"
LOCK = {"lock-wait", "switch-wait"}


def waiting_share(text: str):
    """The share of the lives of all threads but the first that they waited for the interpreter's lock; None without any.

    Who has been given the lock and waits for a core is still in lock-wait; the truth leaves that out, so it is left out here.
    """
    rows = [row for row in map(json.loads, text.splitlines()) if row["tid"] != row["pid"]]
    life_ns = sum(row["wall_ns"] for row in rows)
    waiting_ns = sum(row["wall_ns"] - (row["run_queue_ns"] or 0) for row in rows if row["phase"] in LOCK)
    return waiting_ns / life_ns if life_ns else None


class Gild(Peer):
    def command(self, programs: Path, workload: list, folder: Path) -> list:
        gilctl = str(BUILT) if BUILT.exists() else shutil.which("gilctl") or str(BUILT)
        return [gilctl, "record", "--no-keep", "-o", str(folder / OUTPUT), "--", str(programs / "python"), *workload]

    def read(self, folder: Path, wall_seconds: float) -> Reported:
        share = waiting_share((folder / OUTPUT).read_text())
        if share is None:
            raise ValueError("it has no thread but the first")
        return Reported(share)


# It is built here, not installed.
PEERS = [Gild("gild", "", "waits for the lock, from their beginning to their end")]
