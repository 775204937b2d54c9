//! A Perfetto trace: what ui.perfetto.dev and trace_processor read.
//!
//! ```text
//! process of a trial ─┬─ threads             slices: phases; arrows: from who gave the lock away to who got it
//!                     ├─ trial               one slice: its wall time
//!                     ├─ lock (cpython)      slices: who has it
//!                     └─ counters            computing, waiting for the lock, …
//! process of workers ─── threads
//! ```
//!
//! Packets are written one by one and hold nothing back; all names that return are in the first one.

mod messages;
mod names;

use std::io::{self, Write};

use prost::Message;

use self::messages::{
    CounterDescriptor, DebugAnnotation, EventType, NEEDS_STATE, ProcessDescriptor, STATE_CLEARED, ThreadDescriptor,
    Trace, TracePacket, TrackDescriptor, TrackEvent,
};
use self::names::Names;
use super::ownership::Ownership;
use super::scene::{Scene, Track, TrialScene};

/// All packets are of one sequence.
const SEQUENCE: u32 = 1;
/// Category of slices that are a lock's owners.
const LOCK: &str = "lock";
/// Category of slices that are trials.
const TRIAL: &str = "trial";

/// Writes a scene.
pub fn write(scene: &Scene, out: &mut dyn Write) -> io::Result<()> {
    let names = Names::of(scene);
    let mut packets = Packets { out, trace: Trace::default(), bytes: Vec::new(), uuids: 0, flows: 0 };
    packets.write(TracePacket {
        interned_data: Some(names.interned()),
        sequence_flags: Some(STATE_CLEARED),
        ..TracePacket::default()
    })?;
    scene.trials.iter().try_for_each(|trial| write_trial(scene, trial, &names, &mut packets))
}

/// Packets on their way out.
struct Packets<'o> {
    out: &'o mut dyn Write,
    /// Used again for every packet.
    trace: Trace,
    bytes: Vec<u8>,
    /// Tracks so far.
    uuids: u64,
    /// Arrows so far.
    flows: u64,
}

impl Packets<'_> {
    fn write(&mut self, packet: TracePacket) -> io::Result<()> {
        self.trace.packet.push(TracePacket { trusted_packet_sequence_id: Some(SEQUENCE), ..packet });
        self.bytes.clear();
        self.trace.encode(&mut self.bytes).expect("memory takes it");
        self.trace.packet.clear();
        self.out.write_all(&self.bytes)
    }

    /// Declares a track and gives its number.
    fn track(&mut self, track: TrackDescriptor) -> io::Result<u64> {
        self.uuids += 1;
        let track_descriptor = Some(TrackDescriptor { uuid: Some(self.uuids), ..track });
        self.write(TracePacket { track_descriptor, ..TracePacket::default() })?;
        Ok(self.uuids)
    }

    /// A track that is neither a process's nor a thread's.
    fn named_track(&mut self, process: u64, name: &str, counter: Option<CounterDescriptor>) -> io::Result<u64> {
        let (name, parent_uuid) = (Some(name.to_owned()), Some(process));
        self.track(TrackDescriptor { name, parent_uuid, counter, ..TrackDescriptor::default() })
    }

    fn event(&mut self, at_ns: u64, track: u64, kind: EventType, event: TrackEvent) -> io::Result<()> {
        self.write(TracePacket {
            timestamp: Some(at_ns),
            track_event: Some(TrackEvent { track_uuid: Some(track), r#type: Some(kind.into()), ..event }),
            sequence_flags: Some(NEEDS_STATE),
            ..TracePacket::default()
        })
    }

    fn slice(&mut self, (from_ns, until_ns): (u64, u64), track: u64, event: TrackEvent) -> io::Result<()> {
        self.event(from_ns, track, EventType::SliceBegin, event)?;
        self.event(until_ns, track, EventType::SliceEnd, TrackEvent::default())
    }
}

fn write_trial(scene: &Scene, trial: &TrialScene, names: &Names, packets: &mut Packets<'_>) -> io::Result<()> {
    let mut processes = Vec::new();
    for process in &trial.processes {
        let descriptor =
            ProcessDescriptor { pid: Some(process.pid.cast_signed()), process_name: Some(process.name.clone()) };
        processes.push(packets.track(TrackDescriptor { process: Some(descriptor), ..TrackDescriptor::default() })?);
    }
    write_wall(scene, trial, processes[0], packets)?;
    let mut arrows = Arrows::new(trial.tracks.len());
    for lock in &trial.locks {
        let track = packets.named_track(processes[lock.process], &lock.name, None)?;
        write_lock(scene, trial, &lock.ownership, track, names, packets)?;
        arrows.add(&lock.ownership, &mut packets.flows);
    }
    for (place, track) in trial.tracks.iter().enumerate() {
        write_track(scene, trial, track, names, arrows.of_track(place), packets)?;
    }
    for count in &trial.counts {
        let counter = CounterDescriptor { unit_name: Some("workers".to_owned()) };
        let track = packets.named_track(processes[0], count.name, Some(counter))?;
        for (at_ns, workers) in &count.steps {
            let event = TrackEvent { counter_value: Some((*workers).into()), ..TrackEvent::default() };
            packets.event(scene.at(*at_ns), track, EventType::Counter, event)?;
        }
    }
    Ok(())
}

/// The wall time of the trial, and what it was.
fn write_wall(scene: &Scene, trial: &TrialScene, process: u64, packets: &mut Packets<'_>) -> io::Result<()> {
    let texts = [
        ("experiment", &*scene.experiment),
        ("kernel", &scene.kernel),
        ("case", &trial.case.name),
        ("model", trial.case.model.name()),
        ("status", &trial.status),
    ];
    let numbers = [
        ("run", scene.run.cast_unsigned()),
        ("workers", trial.case.workers.into()),
        ("intervals not kept", trial.tracks.iter().map(|it| it.row.timeline.dropped).sum()),
    ];
    let texts = texts.map(|(name, value)| DebugAnnotation {
        name: Some(name.to_owned()),
        string_value: Some(value.to_owned()),
        uint_value: None,
    });
    let numbers = numbers.map(|(name, value)| number(name, value));
    let event = TrackEvent {
        name: Some(trial.name.clone()),
        debug_annotations: texts.into_iter().chain(numbers).collect(),
        ..TrackEvent::default()
    };
    let track = packets.named_track(process, TRIAL, None)?;
    match trial.wall_ns {
        Some(wall_ns) => packets.slice((scene.at(0), scene.at(0) + wall_ns), track, event),
        // It did not get to its end.
        None => packets.event(scene.at(0), track, EventType::Instant, event),
    }
}

fn number(name: &str, value: u64) -> DebugAnnotation {
    DebugAnnotation { name: Some(name.to_owned()), uint_value: Some(value), string_value: None }
}

fn write_lock(
    scene: &Scene,
    trial: &TrialScene,
    ownership: &Ownership,
    track: u64,
    names: &Names,
    packets: &mut Packets<'_>,
) -> io::Result<()> {
    ownership.holds.iter().try_for_each(|hold| {
        let event = TrackEvent {
            name_iid: Some(names.event(&trial.tracks[hold.track].name)),
            category_iid: Some(names.category(LOCK)),
            ..TrackEvent::default()
        };
        packets.slice((scene.at(hold.from_ns), scene.at(hold.until_ns)), track, event)
    })
}

fn write_track(
    scene: &Scene,
    trial: &TrialScene,
    of: &Track,
    names: &Names,
    arrows: &[Arrow],
    packets: &mut Packets<'_>,
) -> io::Result<()> {
    let pid = Some(trial.processes[of.process].pid.cast_signed());
    let thread = ThreadDescriptor { pid, tid: Some(of.tid.cast_signed()), thread_name: Some(of.name.clone()) };
    let track = packets.track(TrackDescriptor { thread: Some(thread), ..TrackDescriptor::default() })?;
    if let Some((at_ns, text)) = of.gap() {
        let dropped = number("dropped", of.row.timeline.dropped);
        let event = TrackEvent { name: Some(text), debug_annotations: vec![dropped], ..TrackEvent::default() };
        packets.event(scene.at(at_ns), track, EventType::Instant, event)?;
    }
    let mut arrows = arrows.iter().peekable();
    for (place, interval) in of.row.timeline.intervals().enumerate() {
        let mut event = TrackEvent {
            name_iid: Some(names.event(of.slice_name(interval.meaning))),
            category_iid: Some(names.category(interval.meaning.phase.name())),
            ..TrackEvent::default()
        };
        while let Some(arrow) = arrows.next_if(|it| it.interval == place) {
            if arrow.begins { &mut event.flow_ids } else { &mut event.terminating_flow_ids }.push(arrow.flow);
        }
        packets.slice((scene.at(interval.from_ns), scene.at(interval.until_ns)), track, event)?;
    }
    Ok(())
}

/// An end of an arrow: at which interval of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Arrow {
    interval: usize,
    begins: bool,
    flow: u64,
}

/// The ends of all arrows, track by track.
struct Arrows(Vec<Vec<Arrow>>);

impl Arrows {
    fn new(tracks: usize) -> Arrows {
        Arrows(vec![Vec::new(); tracks])
    }

    /// From the last interval with the lock of who gave it away to the first one of who got it.
    fn add(&mut self, ownership: &Ownership, flows: &mut u64) {
        for hand_over in &ownership.hand_overs {
            let (from, to) = (&ownership.holds[hand_over.from], &ownership.holds[hand_over.to]);
            *flows += 1;
            self.0[from.track].push(Arrow { interval: from.last, begins: true, flow: *flows });
            self.0[to.track].push(Arrow { interval: to.first, begins: false, flow: *flows });
        }
        self.0.iter_mut().for_each(|arrows| arrows.sort_unstable());
    }

    fn of_track(&self, place: usize) -> &[Arrow] {
        &self.0[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn written() -> Vec<TracePacket> {
        let mut bytes = Vec::new();
        write(&testing::timelines::scene(), &mut bytes).unwrap();
        Trace::decode(&bytes[..]).unwrap().packet
    }

    #[test]
    fn every_interval_and_every_hold_is_a_slice_that_ends() {
        let events: Vec<TrackEvent> = written().into_iter().filter_map(|it| it.track_event).collect();
        let count = |kind: EventType| events.iter().filter(|it| it.r#type() == kind).count();
        // 12 intervals, 3 holds and the wall time.
        assert_eq!((count(EventType::SliceBegin), count(EventType::SliceEnd)), (16, 16));
        let names = events.iter().filter(|it| it.r#type() == EventType::SliceBegin);
        assert!(names.clone().all(|it| it.name_iid.is_some() || it.name.is_some()));
    }

    #[test]
    fn an_arrow_has_both_its_ends() {
        let events: Vec<TrackEvent> = written().into_iter().filter_map(|it| it.track_event).collect();
        let begun: Vec<u64> = events.iter().flat_map(|it| it.flow_ids.clone()).collect();
        let mut ended: Vec<u64> = events.iter().flat_map(|it| it.terminating_flow_ids.clone()).collect();
        ended.sort_unstable();
        assert_eq!((begun.len(), ended.len()), (2, 2));
        assert!(begun.iter().all(|flow| ended.contains(flow)));
    }

    #[test]
    fn the_packets_of_a_track_are_in_the_order_of_time() {
        let mut last = std::collections::HashMap::new();
        for packet in written() {
            let Some((event, at_ns)) = packet.track_event.zip(packet.timestamp) else { continue };
            let before = last.insert(event.track_uuid, at_ns);
            assert!(before <= Some(at_ns), "{event:?}");
        }
    }
}
