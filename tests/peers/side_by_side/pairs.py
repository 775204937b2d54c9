"""What is run, in which order: pairs of a bare run and one under a peer, close in time, so that what else the machine does hits both."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from adapters.peer import Peer, Reported

from . import child, truth

WORKLOAD = Path(__file__).resolve().parent.parent / "workload" / "workload.py"
# Units of work: one to three seconds each on an ordinary core, but for `calls`, which a tracer makes many times as long.
SIZES = {"contended": 300, "alone": 300, "released": 600, "sleeping": 400, "calls": 1000, "ping-pong": 400}
QUICK_DIVISOR = 4


@dataclass(frozen=True)
class Pair:
    """A bare run, one under a peer, and what the peer said; or why there is none."""

    workload: str
    peer: str
    failure: Optional[str] = None
    bare: Optional[truth.Truth] = None
    under: Optional[truth.Truth] = None
    bare_command_seconds: Optional[float] = None
    under_command_seconds: Optional[float] = None
    reported: Optional[Reported] = None


class BareFailure(Exception):
    """The workload itself does not run here, so there is nothing to compare with."""


@dataclass(frozen=True)
class Lab:
    """Where and how long programs run."""

    programs: Path
    folder: Path
    limit_seconds: float
    environment: dict
    quick: bool = False

    def bare(self, workload: str):
        """Runs the workload alone; returns its truth and the command's seconds."""
        ended, report = self._run(workload, lambda line: [str(self.programs / "python"), *line])
        if ended.failure:
            raise BareFailure(f"the workload {workload} does not run bare: {ended.failure}")
        return truth.read(report), ended.seconds

    def under(self, peer: Peer, workload: str):
        """Runs it under a peer; returns its truth, the command's seconds and what the peer said, or why there is none of it."""
        ended, report = self._run(workload, lambda line: peer.command(self.programs, line, self.folder))
        if ended.failure:
            return ended.failure, None, None, None
        if not report.exists():
            return "the workload did not come to its end under it", None, None, None
        measured = truth.read(report)
        try:
            said = peer.read(self.folder, measured.wall_seconds)
        except (OSError, ValueError, KeyError, TypeError) as error:
            return f"its output cannot be read: {type(error).__name__}: {error}", None, None, None
        return None, measured, ended.seconds, said

    def _run(self, workload: str, command):
        """Runs a command in a folder that is empty before."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        report = self.folder / "truth.json"
        size = max(1, SIZES[workload] // (QUICK_DIVISOR if self.quick else 1))
        line = [str(WORKLOAD), workload, str(size), str(report)]
        return child.run(command(line), self.folder, self.limit_seconds, self.environment), report

    def pair(self, peer: Peer, workload: str, bare_first: bool) -> Pair:
        """Runs a pair, in either order."""
        first = self.bare(workload) if bare_first else None
        failure, under, under_seconds, said = self.under(peer, workload)
        if failure:
            return Pair(workload, peer.name, failure)
        bare, bare_seconds = first or self.bare(workload)
        return Pair(workload, peer.name, None, bare, under, bare_seconds, under_seconds, said)


def measure(lab: Lab, peers: list, workloads: list, rounds: int, missing: dict) -> list:
    """Runs every pair of every round; a peer that could not be installed (missing: package to reason) fails without being tried."""
    pairs = []
    for turn in range(rounds):
        for workload in workloads:
            for peer in peers:
                if peer.package in missing:
                    pairs.append(Pair(workload, peer.name, missing[peer.package]))
                    continue
                print(f"round {turn + 1} of {rounds}: {workload}, {peer.name}", file=sys.stderr, flush=True)
                pairs.append(lab.pair(peer, workload, bare_first=turn % 2 == 0))
    return pairs
