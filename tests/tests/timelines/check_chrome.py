"""Holds Chrome's JSON against its schema and against the rows."""

import json
import sys

import expected
import jsonschema

trace = json.load(open(sys.argv[1]))
jsonschema.validate(trace, json.load(open(sys.argv[4])))
events = trace["traceEvents"]
cases = expected.load(sys.argv[2], json.loads(sys.argv[3]))
zero = min(0, min(case.origin() for case in cases.values()))


def ns(us):
    return round(us * 1000)


def of(ph, **fields):
    return [event for event in events if event["ph"] == ph and all(event.get(key) == value for key, value in fields.items())]


def argument(name):
    return {(event["pid"], event["tid"]): event["args"]["name"] for event in of("M", name=name)}


processes = {pid: name for (pid, _), name in argument("process_name").items()}
threads = argument("thread_name")
totals = {"slices": 0, "arrows": 0, "steps": 0, "not kept": 0, "holds": 0}
for name, case in cases.items():
    mine = {pid for pid, process in processes.items() if process == name or process.startswith(f"{name} worker")}
    ids = {thread: key for key, thread in threads.items() if key[0] in mine}
    slices = {}
    for key, rows in case.tracks.items():
        pid, tid = ids[expected.track_name(key)]
        found = of("X", pid=pid, tid=tid)
        want = [(expected.slice_name(row), row["phase"], row["from_ns"] - zero, row["until_ns"] - zero) for row in rows]
        got = [(it["name"], it["cat"], ns(it["ts"]), ns(it["ts"]) + ns(it["dur"])) for it in found]
        expected.check(f"{name}, {key}", want, got)
        said = of("i", pid=pid, tid=tid)
        expected.check(f"{name}, {key}: not kept", [rows[0]["dropped"]] if rows[0]["dropped"] else [], [it["args"]["dropped"] for it in said])
        totals["slices"] += len(found)
        totals["not kept"] += sum(it["args"]["dropped"] for it in said)
    worker = {id: int(thread.split()[1]) for thread, id in ids.items() if thread.startswith("worker ")}
    number = {id: worker for id, worker in worker.items()}
    ends = {}
    for event in [*of("s"), *of("f")]:
        if event["pid"] in mine:
            ends.setdefault(event["id"], {})[event["ph"]] = (number[event["pid"], event["tid"]], ns(event["ts"]) + zero)
    pairs = sorted((end["f"][1], end["s"][0], end["f"][0]) for end in ends.values())
    expected.check(f"{name}: arrows", sorted((to_at, source, to) for source, _, to, to_at in case.hand_overs()), pairs)
    totals["arrows"] += len(pairs)
    holds = [it for it in of("X", cat="lock") if it["pid"] in mine]
    want = sorted((f"worker {it[1]}", it[2] - zero, it[3] - zero) for it in case.holds())
    expected.check(f"{name}: owners", want, sorted((it["name"], ns(it["ts"]), ns(it["ts"]) + ns(it["dur"])) for it in holds))
    totals["holds"] += len(holds)
    for what, steps in case.counts().items():
        found = [(ns(it["ts"]) + zero, it["args"]["workers"]) for it in of("C", name=what) if it["pid"] in mine]
        expected.check(f"{name}: {what}", steps, found)
        totals["steps"] += len(steps)
expected.check("not kept, in all", sum(case.dropped() for case in cases.values()), trace["otherData"]["intervals_not_kept"])
expected.check("intervals", totals["slices"], trace["otherData"]["intervals"])
print(json.dumps(totals))
