"""Pairs folded into rows: medians with their extremes. Pure."""

from dataclasses import dataclass
from statistics import median
from typing import Optional


@dataclass(frozen=True)
class Spread:
    """A median and the extremes around it."""

    median: float
    low: float
    high: float


def spread(values) -> Optional[Spread]:
    """None where nothing was measured."""
    values = list(values)
    return Spread(median(values), min(values), max(values)) if values else None


@dataclass(frozen=True)
class Row:
    """One peer on one workload."""

    workload: str
    peer: str
    pairs: int
    # Of the pairs that did not come about; one reason each.
    failures: list
    # Wall time inside the workload, under the peer / bare.
    wall_ratio: Optional[Spread]
    # The threads' CPU time: other load touches it less, but it does not see stops.
    cpu_ratio: Optional[Spread]
    # The whole command's, with what the peer does before and after.
    command_ratio: Optional[Spread]
    # How busy the machine was with something else (and, where threads are more than cores, with the workload itself).
    run_queue_bare: Optional[Spread]
    truth_bare: Optional[Spread]
    truth_under: Optional[Spread]
    reported: Optional[Spread]
    # Reported less the truth of the same run: a share, not percentage points.
    error: Optional[Spread]
    why_none: Optional[str]
    instead: Optional[str]


# Workloads whose threads wait for more than one lock: how long for which is not in the truth.
WITHOUT_TRUTH = ["ping-pong"]


def row(workload: str, peer: str, pairs: list) -> Row:
    """The row of these pairs."""
    good = [pair for pair in pairs if pair.failure is None]
    told = [pair for pair in good if pair.reported.lock_wait is not None]
    true = [] if workload in WITHOUT_TRUTH else good
    last = good[-1].reported if good else None
    return Row(
        workload,
        peer,
        len(good),
        [pair.failure for pair in pairs if pair.failure is not None],
        spread(pair.under.wall_seconds / pair.bare.wall_seconds for pair in good),
        spread(pair.under.cpu_seconds / pair.bare.cpu_seconds for pair in good),
        spread(pair.under_command_seconds / pair.bare_command_seconds for pair in good),
        spread(pair.bare.run_queue for pair in good),
        spread(pair.bare.lock_wait for pair in true),
        spread(pair.under.lock_wait for pair in true),
        spread(pair.reported.lock_wait for pair in told),
        spread(pair.reported.lock_wait - pair.under.lock_wait for pair in told if pair in true),
        next((pair.reported.why_none for pair in good if pair.reported.why_none), None),
        last.instead if last else None,
    )


def rows(pairs: list) -> list:
    """A row for every peer on every workload, in the order in which they first appear."""
    keys = list(dict.fromkeys((pair.workload, pair.peer) for pair in pairs))
    return [row(*key, [pair for pair in pairs if (pair.workload, pair.peer) == key]) for key in keys]
