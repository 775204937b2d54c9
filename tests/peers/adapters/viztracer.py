"""VizTracer: records the start and end of every call, inside the program. Its output is a Chrome trace: one event per call."""

import json
from pathlib import Path

from .peer import Peer, Reported, percent

OUTPUT = "viztracer.json"
# A trace of many calls has a hundred megabytes, and nothing in it that a small one lacks.
BYTES_MAX = 32 << 20


WHY_NONE = "no event is about the interpreter's lock: a call's time is its wall time, waiting included"


def booked(trace: dict) -> Reported:
    """How much of the threads' time is booked as work, and whether any event is about the interpreter's lock."""
    calls = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    about_lock = {event["name"] for event in calls if "gil" in event["name"].lower().split("(")[0]}
    if about_lock:
        raise ValueError(f"this version has events about the lock, which this adapter does not know: {sorted(about_lock)}")
    lives = sum(event["dur"] for event in calls if event["name"].startswith("thread (") and "workload.py" in event["name"])
    work = sum(event["dur"] for event in calls if event["name"].startswith("<lambda> (") and "workload.py" in event["name"])
    if not lives:
        raise ValueError("its trace has no thread of the workload")
    return Reported(why_none=WHY_NONE, instead=f"{percent(work / lives)} of thread time is in the work's own calls")


class VizTracer(Peer):
    def command(self, programs: Path, workload: list, folder: Path) -> list:
        return [str(programs / "viztracer"), "--quiet", "-o", str(folder / OUTPUT), "--", *workload]

    def read(self, folder: Path, wall_seconds: float) -> Reported:
        output = folder / OUTPUT
        if output.stat().st_size > BYTES_MAX:
            return Reported(why_none=WHY_NONE, instead=f"a trace of {output.stat().st_size >> 20} MiB, not read")
        return booked(json.loads(output.read_text()))


PEERS = [VizTracer("VizTracer", "viztracer", "calls with their wall time")]
