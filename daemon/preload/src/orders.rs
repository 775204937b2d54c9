//! Obeying the orders of Python code of ours ([`gild_engine::record::orders`]).

use std::sync::atomic::Ordering::Relaxed;

use gild_engine::clock::{Anchor, Clock};
use gild_engine::record::layout::{Kind, Python, Role};
use gild_engine::record::orders::{HELPERS, Order, VERSION};
use gild_model::phase::Phase;

use crate::python::learn;
use crate::{process, thread, trial};

/// Obeys, and gives the answer. `None`: it cannot be obeyed, because nobody records the calling thread, or there is no trial.
pub fn obey(order: Order) -> Option<i32> {
    match order {
        Order::Hello => thread::with_meter(|_, _| VERSION),
        Order::Base(phase) => thread::set_base(Phase::from_index(phase)?).map(|before| before as i32),
        Order::Planned(tasks) => trial::plan(tasks).then_some(0),
        Order::WallBegin(role) => begin_wall(role == 1),
        Order::WallEnd => end_wall(),
        Order::Take(task) => take(task),
        Order::Done(task) => done(task),
        Order::Helper(which) => thread::be_helper(HELPERS.get(which as usize)?).then_some(0),
        Order::Here => process::is_python(Python::OurCode).then_some(0),
        Order::Missing(part) => note_missing(part),
        Order::Part(bits) => {
            learn::tell_part(bits);
            Some(0)
        }
        Order::Fact(which) => learn::tell(which).map(|()| 0),
        Order::Learn(step) => learn::learn(step == 1).then_some(0),
        Order::Collected(task) => {
            trial::log().collected(task.into(), Clock::best().now());
            Some(0)
        }
        Order::Join => thread::with_meter(|_, place| trial::worker(place).cast_signed()),
        Order::Pinned(core) => thread::with_meter(|_, place| {
            place.section.core.store(core + 1, Relaxed);
            0
        }),
        Order::Turn(task) => turn(task),
    }
}

fn note_missing(part: u32) -> Option<i32> {
    let (map, _) = process::recording()?;
    map.header().missing.fetch_or(1u32.checked_shl(part)?, Relaxed);
    Some(0)
}

/// From now on the calling thread lives for the trial.
fn begin_wall(is_worker: bool) -> Option<i32> {
    let header = trial::header()?;
    let from = new_life(if is_worker { Role::Worker(0) } else { Role::Coordinator })?;
    header.wall_from.store(from.ticks, Relaxed);
    Some(0)
}

fn end_wall() -> Option<i32> {
    let header = trial::header()?;
    let until = new_life(Role::Nobody)?;
    header.wall_until.store(until.ticks, Relaxed);
    Some(0)
}

/// Ends the calling thread's life in its place and begins another one, which is in this role.
fn new_life(role: Role) -> Option<Anchor> {
    let (map, leader) = process::recording()?;
    let number = map.take_place()?;
    let now = Anchor::take_quickly(Clock::best());
    let place = map.be_born(number, Kind::Thread, leader, now)?;
    match role {
        Role::Worker(_) => _ = trial::new_worker(place),
        role => place.who.role.store(role.number(), Relaxed),
    }
    thread::move_to(number, place);
    Some(now)
}

fn take(task: u32) -> Option<i32> {
    thread::with_meter(|meter, place| {
        let worker = trial::worker(place);
        meter.mark_slot(meter.slot());
        trial::log().taken(task.into(), worker, meter.since());
        meter.turn_to_task(task.into(), meter.since());
        0
    })
}

fn turn(task: u32) -> Option<i32> {
    thread::with_meter(|meter, _| {
        let taken = trial::log().taken_at(task.into()).unwrap_or(meter.since());
        meter.turn_to_task(task.into(), taken);
        0
    })
}

fn done(task: u32) -> Option<i32> {
    thread::with_meter(|meter, _| {
        meter.mark_slot(meter.slot());
        trial::log().done(task.into(), meter.since());
        // Of several in flight another may be the current one.
        meter.turn_to_task(task.into(), meter.since());
        meter.finish_task(true);
        0
    })
}
