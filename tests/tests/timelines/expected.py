"""What a file of timelines has to show, counted from the rows of `gilctl export --table intervals`, by other code than gilctl's."""

import json

# Who counts as what, after docs/exports.md.
COUNTS = {
    "computing": {"compute"},
    "waiting for the lock": {"lock-wait", "switch-wait"},
    "waiting for other locks": {"other-lock"},
    "waiting for I/O": {"io-wait"},
    "moving values": {"decode", "encode", "send", "receive"},
    "idle": {"idle"},
}
HOLDING = {
    "threads": {"idle", "decode", "compute", "encode"},
    "hybrid": {"decode", "compute", "encode"},
}


def load(path, locks):
    """The cases of a run by name. `locks`: the lock policy of each."""
    rows = [json.loads(line) for line in open(path)]
    cases = {}
    for row in rows:
        case = cases.setdefault(row["case"], Case(row["model"], locks[row["case"]]))
        case.tracks.setdefault((row["role"], row["worker"]), []).append(row)
    return cases


class Case:
    def __init__(self, model, lock):
        self.model, self.lock, self.tracks = model, lock, {}

    def workers(self):
        return {key: rows for key, rows in self.tracks.items() if key[0] == "worker"}

    def origin(self):
        return min(rows[0]["from_ns"] for rows in self.tracks.values())

    def dropped(self):
        return sum(rows[0]["dropped"] for rows in self.tracks.values())

    def whole_from(self, workers):
        return max((rows[0]["from_ns"] for rows in workers if rows[0]["dropped"]), default=-(2**63))

    def holds(self):
        """(process, worker, from, until, waited), of each lock in the order of time."""
        if self.lock in (None, "none") or self.model not in HOLDING:
            return []
        found = []
        for (_, worker), rows in self.workers().items():
            before = None
            for row in rows:
                if row["phase"] in HOLDING[self.model]:
                    if before in HOLDING[self.model]:
                        found[-1][3] = row["until_ns"]
                    else:
                        found.append([row["pid"], worker, row["from_ns"], row["until_ns"], before == "lock-wait"])
                before = row["phase"]
        found.sort(key=lambda hold: (hold[0], hold[2], hold[3]))
        for hold, following in zip(found, found[1:]):
            if hold[0] == following[0]:
                hold[3] = min(hold[3], following[2])
        return found

    def hand_overs(self):
        """(from worker, at, to worker, at)"""
        found = []
        holds = self.holds()
        for hold, following in zip(holds, holds[1:]):
            sharers = [rows for rows in self.workers().values() if rows[0]["pid"] == hold[0]]
            same_lock, changed = hold[0] == following[0], hold[1] != following[1]
            if same_lock and changed and following[4] and hold[3] >= self.whole_from(sharers):
                found.append((hold[1], hold[3], following[1], following[2]))
        return found

    def counts(self):
        """The number of workers over time, by what they do: [(at, workers)], without steps that are none."""
        workers = list(self.workers().values())
        start = max(min(rows[0]["from_ns"] for rows in workers), self.whole_from(workers))
        found = {}
        for name, phases in COUNTS.items():
            changes = {start: 0}
            for row in (row for rows in workers for row in rows if row["phase"] in phases):
                if row["until_ns"] < start or row["from_ns"] == row["until_ns"]:
                    continue
                at = max(row["from_ns"], start)
                changes[at] = changes.get(at, 0) + 1
                changes[row["until_ns"]] = changes.get(row["until_ns"], 0) - 1
            steps, count = [], 0
            for at, change in sorted(changes.items()):
                count += change
                if change or not steps:
                    steps.append((at, count))
            if len(steps) > 1:
                found[name] = steps
        return found


def slice_name(row):
    return f'{row["phase"]}: {row["kernel_phase"]}' if row["kernel_phase"] else row["phase"]


def track_name(key):
    return "coordinator" if key[0] == "coordinator" else f"worker {key[1]}"


def check(what, expected, found):
    if expected == found:
        return
    if isinstance(expected, list) and isinstance(found, list):
        for place, (a, b) in enumerate(zip(expected, found)):
            assert a == b, f"{what}: at {place} of {len(expected)}: expected {a}, found {b}"
        raise AssertionError(f"{what}: expected {len(expected)}, found {len(found)}")
    raise AssertionError(f"{what}: expected {expected}, found {found}")
