"""Scalene: a timer's signals to the main thread say which lines run; allocations are counted by an interposed allocator.

Its output is JSON: per file and line, the percentage of CPU time spent in Python, in native code, and in the system.
"""

import json
from pathlib import Path

from .peer import WORKLOAD_FILE, Peer, Reported

OUTPUT = "scalene.json"
PARTS = {"python": "n_cpu_percent_python", "native": "n_cpu_percent_c", "system": "n_sys_percent"}


def split(profile: dict) -> Reported:
    """How it splits the time of the workload's lines."""
    if "files" not in profile:
        # Seen now and then on a busy machine; Scalene ends well and says that it saved a profile.
        raise ValueError("it saved a profile without files")
    lines = [line for name, file in profile["files"].items() if name.endswith(WORKLOAD_FILE) for line in file["lines"]]
    about_lock = {key for line in lines for key in line if "gil" in key or "lock" in key}
    if about_lock:
        raise ValueError(f"this version has columns about the lock, which this adapter does not know: {sorted(about_lock)}")
    if not lines:
        raise ValueError("its profile has no line of the workload")
    shares = {part: sum(line[key] for line in lines) for part, key in PARTS.items()}
    return Reported(
        why_none="lines have Python, native and system time, and no waiting",
        instead=", ".join(f"{share:.0f} % {part}" for part, share in shares.items()),
    )


class Scalene(Peer):
    def command(self, programs: Path, workload: list, folder: Path) -> list:
        script, *arguments = workload
        options = [*self.options, "-o", str(folder / OUTPUT)]
        return [str(programs / "scalene"), "run", *options, script, "---", *arguments]

    def read(self, folder: Path, wall_seconds: float) -> Reported:
        return split(json.loads((folder / OUTPUT).read_text()))


PEERS = [
    Scalene("Scalene (default)", "scalene", "CPU time per line"),
    Scalene("Scalene --cpu-only", "scalene", "CPU time per line", ("--cpu-only",)),
]
