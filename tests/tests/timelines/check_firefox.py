"""Holds a processed profile against its schema, its own tables against each other, and its markers against the rows."""

import json
import sys

import expected
import jsonschema

profile = json.load(open(sys.argv[1]))
jsonschema.validate(profile, json.load(open(sys.argv[4])))
cases = expected.load(sys.argv[2], json.loads(sys.argv[3]))
zero = min(0, min(case.origin() for case in cases.values()))
categories = [category["name"] for category in profile["meta"]["categories"]]
schemas = {schema["name"]: schema for schema in profile["meta"]["markerSchema"]}


def ns(ms):
    return round(ms * 1e6)


class Thread:
    def __init__(self, thread):
        self.process, self.name, self.strings = thread["processName"], thread["name"], thread["stringArray"]
        table = thread["markers"]
        columns = {name: column for name, column in table.items() if name != "length"}
        assert all(len(column) == table["length"] for column in columns.values()), "columns of one length"
        self.markers = [dict(zip(columns, values)) for values in zip(*columns.values())]
        for marker in self.markers:
            fields = {field["key"] for field in schemas[marker["data"]["type"]]["fields"]}
            assert set(marker["data"]) - {"type"} == fields, "a marker has the fields of its schema"

    def text(self, number):
        return self.strings[number]

    def of(self, kind):
        return [marker for marker in self.markers if marker["data"]["type"] == kind]


threads = [Thread(thread) for thread in profile["threads"]]
totals = {"slices": 0, "arrows": 0, "steps": 0, "not kept": 0, "holds": 0}
for name, case in cases.items():
    mine = [thread for thread in threads if thread.process == name or thread.process.startswith(f"{name} worker")]
    by_name = {thread.name: thread for thread in mine}
    for key, rows in case.tracks.items():
        thread = by_name[expected.track_name(key)]
        found = [
            (thread.text(it["name"]), categories[it["category"]], ns(it["startTime"]), ns(it["endTime"]))
            for it in thread.of("phase")
        ]
        want = [(expected.slice_name(row), row["phase"], row["from_ns"] - zero, row["until_ns"] - zero) for row in rows]
        expected.check(f"{name}, {key}", want, found)
        dropped = [round(it["data"]["dropped"]) for it in thread.of("not kept")]
        expected.check(f"{name}, {key}: not kept", [rows[0]["dropped"]] if rows[0]["dropped"] else [], dropped)
        totals["slices"] += len(found)
        totals["not kept"] += sum(dropped)
    holds = [(thread, it) for thread in mine for it in thread.of("hold")]
    want = sorted((f"worker {it[1]}", it[2] - zero, it[3] - zero) for it in case.holds())
    got = sorted((thread.text(it["name"]), ns(it["startTime"]), ns(it["endTime"])) for thread, it in holds)
    expected.check(f"{name}: owners", want, got)
    totals["holds"] += len(holds)
    given = [(ns(it["startTime"]) + zero, thread.text(it["data"]["from"]), thread.text(it["name"])) for thread, it in holds]
    given = sorted(it for it in given if it[1])
    want = sorted((at, f"worker {source}", f"worker {to}") for source, _, to, at in case.hand_overs())
    expected.check(f"{name}: who gave it", want, given)
    totals["arrows"] += len(given)
    # A main thread is named after its process.
    counted = by_name[name].of("count")
    for what, steps in case.counts().items():
        found = [it for it in counted if by_name[name].text(it["name"]) == what]
        got = [(ns(it["startTime"]) + zero, it["data"]["workers"]) for it in found]
        expected.check(f"{name}: {what}", steps[:-1], got)
        expected.check(f"{name}: end of {what}", steps[-1][0], ns(found[-1]["endTime"]) + zero)
        totals["steps"] += len(steps)
print(json.dumps(totals))
