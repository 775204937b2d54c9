"""Holds a Perfetto trace against the rows: read by Perfetto's own definition of the format (PyPI: perfetto)."""

import json
import sys

import expected
from google.protobuf.unknown_fields import UnknownFieldSet
from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as pb


def unknown_fields(message):
    count = len(UnknownFieldSet(message))
    for field, value in message.ListFields():
        if field.message_type is not None:
            parts = [value] if hasattr(value, "ListFields") else value
            count += sum(unknown_fields(part) for part in parts)
    return count


class Reader:
    """As trace_processor reads it: names are interned, slices are a stack, flows have two ends."""

    def __init__(self, trace):
        self.names, self.categories, self.tracks, self.events = {}, {}, {}, {}
        for packet in trace.packet:
            assert packet.trusted_packet_sequence_id, "every packet is of a sequence"
            for entry in packet.interned_data.event_names:
                self.names[entry.iid] = entry.name
            for entry in packet.interned_data.event_categories:
                self.categories[entry.iid] = entry.name
            if packet.HasField("track_descriptor"):
                track = packet.track_descriptor
                assert track.uuid not in self.tracks, "a track is described once"
                self.tracks[track.uuid] = track
            if packet.HasField("track_event"):
                event = packet.track_event
                assert event.track_uuid in self.tracks, "a track is described before it is used"
                self.events.setdefault(event.track_uuid, []).append((packet.timestamp, event))

    def name(self, event):
        return self.names[event.name_iid] if event.name_iid else event.name

    def slices(self, track):
        """(name, category, from, until, arrows out, arrows in)"""
        found, stack = [], []
        for at, event in sorted(self.events.get(track, []), key=lambda it: it[0]):
            if event.type == pb.TrackEvent.TYPE_SLICE_BEGIN:
                category = [self.categories[iid] for iid in event.category_iids]
                arrows = list(event.flow_ids), list(event.terminating_flow_ids)
                stack.append((self.name(event), category[0] if category else "", at, arrows))
            elif event.type == pb.TrackEvent.TYPE_SLICE_END:
                name, category, start, arrows = stack.pop()
                assert not stack, "slices of one track do not overlap"
                found.append((name, category, start, at, *arrows))
        assert not stack, "every slice ends"
        return found

    def process_of(self, track):
        if track.HasField("thread"):
            return track.thread.pid
        return self.tracks[track.parent_uuid].process.pid


trace = pb.Trace()
with open(sys.argv[1], "rb") as file:
    trace.ParseFromString(file.read())
expected.check("unknown fields", 0, unknown_fields(trace))
reader = Reader(trace)
cases = expected.load(sys.argv[2], json.loads(sys.argv[3]))
zero = min(0, min(case.origin() for case in cases.values()))

threads = [(uuid, track) for uuid, track in reader.tracks.items() if track.HasField("thread")]
processes = {track.process.pid: track.process.process_name for track in reader.tracks.values() if track.HasField("process")}
expected.check("one thread each", sum(len(case.tracks) for case in cases.values()), len(threads))
tids = [track.thread.tid for _, track in threads]
expected.check("no id twice", len(tids), len(set(tids)))

totals = {"slices": 0, "arrows": 0, "steps": 0, "not kept": 0, "holds": 0}
for name, case in cases.items():
    mine = {pid for pid, process in processes.items() if process == name or process.startswith(f"{name} worker")}
    by_name = {track.thread.thread_name: uuid for uuid, track in threads if track.thread.pid in mine}
    arrows = {}
    for key, rows in case.tracks.items():
        slices = reader.slices(by_name[expected.track_name(key)])
        want = [(expected.slice_name(row), row["phase"], row["from_ns"] - zero, row["until_ns"] - zero) for row in rows]
        expected.check(f"{name}, {key}", want, [it[:4] for it in slices])
        for row, it in zip(rows, slices):
            for flow in it[4]:
                arrows.setdefault(flow, {})["from"] = (key[1], row["until_ns"])
            for flow in it[5]:
                arrows.setdefault(flow, {})["to"] = (key[1], row["from_ns"])
        said = [event for _, event in reader.events[by_name[expected.track_name(key)]] if event.type == pb.TrackEvent.TYPE_INSTANT]
        dropped = [int(note.uint_value) for event in said for note in event.debug_annotations if note.name == "dropped"]
        expected.check(f"{name}, {key}: not kept", [rows[0]["dropped"]] if rows[0]["dropped"] else [], dropped)
        totals["slices"] += len(slices)
        totals["not kept"] += sum(dropped)
    pairs = sorted((arrow["to"][1], arrow["from"][0], arrow["to"][0]) for arrow in arrows.values())
    want = sorted((to_at, source, to) for source, _, to, to_at in case.hand_overs())
    expected.check(f"{name}: arrows", want, pairs)
    totals["arrows"] += len(pairs)

    others = {uuid: track for uuid, track in reader.tracks.items() if track.name and reader.process_of(track) in mine}
    holds = [it for uuid, track in others.items() if track.name.startswith("lock (") for it in reader.slices(uuid)]
    want = sorted((f"worker {it[1]}", it[2] - zero, it[3] - zero) for it in case.holds())
    expected.check(f"{name}: owners", want, sorted((it[0], it[2], it[3]) for it in holds))
    totals["holds"] += len(holds)
    counters = {track.name: uuid for uuid, track in others.items() if track.HasField("counter")}
    for what, steps in case.counts().items():
        found = [(at + zero, event.counter_value) for at, event in reader.events[counters.pop(what)]]
        expected.check(f"{name}: {what}", steps, found)
        totals["steps"] += len(steps)
    expected.check(f"{name}: further counters", {}, counters)
print(json.dumps(totals))
