"""Runs one program with a time limit, in a process group of its own that is gone afterwards, whatever happens."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

# What of a program's complaints goes into a row.
COMPLAINT_MAX = 200


@dataclass(frozen=True)
class Ended:
    """How a program ended."""

    seconds: float
    # None: well. Otherwise what was wrong, in one line.
    failure: str = None


def complaint(output: str) -> str:
    """The last line that a program wrote, which is where Python and most others say what was wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1][:COMPLAINT_MAX] if lines else "it said nothing"


def kill_group(group: int):
    """Kills whatever is left of a process group."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run(command: list, folder: Path, limit_seconds: float, environment: dict = None) -> Ended:
    """Runs a program in the folder; what it writes goes to the folder's `output`."""
    with open(folder / "output", "w+", errors="replace") as output:
        start = time.monotonic()
        try:
            program = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )
        except OSError as error:
            return Ended(0.0, f"cannot start {command[0]}: {error.strerror}")
        try:
            status = program.wait(limit_seconds)
        except subprocess.TimeoutExpired:
            return Ended(time.monotonic() - start, f"did not end within {limit_seconds:g} s")
        finally:
            seconds = time.monotonic() - start
            kill_group(program.pid)
            program.wait()
        if status != 0:
            output.seek(0)
            how = f"signal {-status}" if status < 0 else f"status {status}"
            return Ended(seconds, f"ended with {how}: {complaint(output.read())}")
    return Ended(seconds)
