"""What the workload measured of itself (workload/workload.py says how), folded over its threads."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Truth:
    """Times, and shares of the summed lives of the threads."""

    wall_seconds: float
    # Of all threads together.
    cpu_seconds: float
    cpu: float
    run_queue: float
    # In calls that wait for something else than the lock.
    elsewhere: float
    # The rest. A thread that a profiler stops is in neither state, so under one that does, this contains the stops.
    lock_wait: float


def fold(report: dict) -> Truth:
    """Adds the accounts up."""
    def total(key):
        return sum(account[key] for account in report["accounts"])

    life = total("life_ns")
    cpu, run_queue, elsewhere = (total(key) / life for key in ("cpu_ns", "run_queue_ns", "elsewhere_ns"))
    # Not clamped: three clocks are read one after the other, so a share of nothing may come out a hair below zero.
    return Truth(report["wall_ns"] / 1e9, total("cpu_ns") / 1e9, cpu, run_queue, elsewhere, 1 - cpu - run_queue - elsewhere)


def read(path: Path) -> Truth:
    """Reads the workload's report."""
    return fold(json.loads(path.read_text()))
