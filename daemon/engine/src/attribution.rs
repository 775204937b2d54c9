//! The attribution core: events with timestamps in, accounts out.
//!
//! Pure: no clock, no system call, no lock. It is fed with what the kernel recorded about one thread between two
//! marks, and says how the wall time between those marks splits into states.
//!
//! ```text
//!            In                 In
//!  ┌────────┐ ◀──────────────── ┌─────────────┐
//!  │ on CPU │                   │ off CPU     │   off by preemption: Preempted
//!  └────────┘ ────────────────▶ └─────────────┘   otherwise: Waking + Blocked, told apart by run delay
//!            Out { preempted }
//! ```
//!
//! A thread reads its own records, so at every mark it is on a CPU and no off-CPU interval spans a mark.

/// What the kernel recorded, in order. Times are `CLOCK_MONOTONIC_RAW` nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwitchEvent {
    /// The thread left the CPU.
    Out {
        /// When.
        at_ns: u64,
        /// It was still ready to run (`PERF_RECORD_MISC_SWITCH_OUT_PREEMPT`; sched_yield(2) sets it too).
        preempted: bool,
    },
    /// The thread got a CPU.
    In {
        /// When.
        at_ns: u64,
    },
    /// The ring is full: from here on the kernel may have had no room. How much was lost, it says with the next record
    /// that finds room, which is after the thread has seen this.
    Full,
    /// The kernel had no room for this many records.
    Lost {
        /// How many.
        count: u64,
    },
}

/// Off-CPU time folded out of switch events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OffCpu {
    /// Time off the CPU, in nanoseconds; includes `preempted_ns`.
    pub off_ns: u64,
    /// Part of it spent ready after an involuntary switch, in nanoseconds.
    pub preempted_ns: u64,
    /// Complete off-CPU intervals.
    pub switches: u64,
    /// The ring was full: the other figures are lower bounds.
    pub full: bool,
    /// Records that were lost before this span: the kernel tells of a loss when there is room again.
    pub lost: u64,
}

impl OffCpu {
    /// The same over a longer span.
    pub fn add(&mut self, next: OffCpu) {
        self.off_ns += next.off_ns;
        self.preempted_ns += next.preempted_ns;
        self.switches += next.switches;
        self.full |= next.full;
        self.lost += next.lost;
    }
}

/// Folds switch events into [`OffCpu`] totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SwitchFold {
    /// When the thread left the CPU, and whether it was preempted; `None` while it is on.
    out: Option<(u64, bool)>,
    total: OffCpu,
}

impl SwitchFold {
    /// Takes the next event.
    pub fn feed(&mut self, event: SwitchEvent) {
        match event {
            // A second Out without an In happens after a loss only: the earlier one has no end that is known.
            SwitchEvent::Out { at_ns, preempted } => self.out = Some((at_ns, preempted)),
            SwitchEvent::In { at_ns } => {
                // An In without an Out is the first event after the ring was opened (or after a loss).
                if let Some((out_ns, preempted)) = self.out.take() {
                    let off_ns = at_ns.saturating_sub(out_ns);
                    self.total.off_ns += off_ns;
                    self.total.preempted_ns += if preempted { off_ns } else { 0 };
                    self.total.switches += 1;
                }
            }
            SwitchEvent::Full => {
                self.out = None;
                self.total.full = true;
            }
            SwitchEvent::Lost { count } => {
                self.out = None;
                self.total.lost += count;
            }
        }
    }

    /// Gives the totals since the last call. Whether the thread is on or off a CPU is remembered.
    pub fn take(&mut self) -> OffCpu {
        std::mem::take(&mut self.total)
    }
}

/// What was measured of one phase, or of any span between marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Wall time, in nanoseconds.
    pub wall_ns: u64,
    /// Time off the CPU, in nanoseconds. `None`: not measured.
    pub off_ns: Option<u64>,
    /// Part of it after involuntary switches, in nanoseconds. `None`: not measured.
    pub preempted_ns: Option<u64>,
    /// Growth of schedstat's run delay, in nanoseconds. `None`: not measured.
    pub run_delay_ns: Option<u64>,
    /// CPU time of the thread, in nanoseconds, where the time off the CPU is not measured. `None`: not measured.
    pub cpu_ns: Option<u64>,
    /// Time on the CPU that the thread's CPU clock did not see, in nanoseconds. `None`: not measured.
    pub stolen_ns: Option<u64>,
}

/// What the CPU clock makes of what the records say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconciled {
    /// Time off the CPU, in nanoseconds.
    pub off_ns: u64,
    /// Time on the CPU that the CPU clock did not see, in nanoseconds.
    pub stolen_ns: u64,
}

/// Holds what the records say of a span against the thread's CPU clock.
///
/// The scheduler charges a thread from the moment that it is chosen, some microseconds before the record says that it is
/// on the CPU: what the CPU clock has seen beyond the records is time on the CPU, too. What the records say and the CPU
/// clock has not seen was stolen: Linux leaves the time that a hypervisor took out of CPU clocks
/// (`CONFIG_PARAVIRT_TIME_ACCOUNTING`), and interrupts where it measures them (`CONFIG_IRQ_TIME_ACCOUNTING`). Where
/// records are missing, the CPU clock is all there is.
pub fn reconcile(wall_ns: u64, cpu_ns: u64, off_ns: u64, complete: bool) -> Reconciled {
    let not_charged_ns = wall_ns.saturating_sub(cpu_ns);
    let off_ns = off_ns.min(wall_ns);
    match complete {
        true => Reconciled { off_ns: off_ns.min(not_charged_ns), stolen_ns: not_charged_ns.saturating_sub(off_ns) },
        false => Reconciled { off_ns: off_ns.max(not_charged_ns), stolen_ns: 0 },
    }
}

/// How a span splits into states, in nanoseconds. `None`: not measured.
///
/// What is known adds up: `on_cpu + run_queue + blocked + stolen == wall` and, where both parts are known,
/// `preempted + waking == run_queue`. A `stolen` that is not known is inside `on_cpu`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the states are documented in gild_model::phase::State")]
pub struct States {
    pub on_cpu_ns: Option<u64>,
    pub preempted_ns: Option<u64>,
    pub waking_ns: Option<u64>,
    pub run_queue_ns: Option<u64>,
    pub blocked_ns: Option<u64>,
    pub stolen_ns: Option<u64>,
}

/// Splits a span into states.
///
/// The sources overlap and disagree by microseconds (schedstat and the switch records read their clocks at
/// different points of the same switch), so every part is bounded by what is left: nothing is negative and the
/// sum is the wall time.
pub fn split(span: Span) -> States {
    let Some(off_ns) = span.off_ns.map(|off| off.min(span.wall_ns)) else {
        return split_without_records(span);
    };
    let on_wall_ns = span.wall_ns - off_ns;
    let stolen_ns = span.stolen_ns.map(|stolen| stolen.min(on_wall_ns));
    let mut states = States { on_cpu_ns: Some(on_wall_ns - stolen_ns.unwrap_or(0)), stolen_ns, ..States::default() };
    let Some(preempted_ns) = span.preempted_ns.map(|it| it.min(off_ns)) else {
        states.run_queue_ns = span.run_delay_ns.map(|it| it.min(off_ns));
        states.blocked_ns = states.run_queue_ns.map(|it| off_ns - it);
        return states;
    };
    states.preempted_ns = Some(preempted_ns);
    if off_ns == 0 || span.run_delay_ns.is_some() {
        let other_ns = off_ns - preempted_ns;
        let waking_ns = span.run_delay_ns.unwrap_or(0).saturating_sub(preempted_ns).min(other_ns);
        states.waking_ns = Some(waking_ns);
        states.run_queue_ns = Some(preempted_ns + waking_ns);
        states.blocked_ns = Some(other_ns - waking_ns);
    }
    states
}

/// Splits a span of which only CPU time and run delay are known (tier `bare`).
fn split_without_records(span: Span) -> States {
    let Some(cpu_ns) = span.cpu_ns.map(|cpu| cpu.min(span.wall_ns)) else {
        return States::default();
    };
    let off_ns = span.wall_ns - cpu_ns;
    let run_queue_ns = span.run_delay_ns.map(|it| it.min(off_ns));
    States {
        on_cpu_ns: Some(cpu_ns),
        run_queue_ns,
        blocked_ns: run_queue_ns.map(|it| off_ns - it),
        ..States::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Draws a thread's life: `#` on the CPU, `p` preempted, `.` off by its own wish, one character per
    /// microsecond.
    fn drawn(timeline: &str) -> OffCpu {
        let mut fold = SwitchFold::default();
        let mut before = timeline.chars().next().expect("a drawing is not empty");
        for (at, now) in timeline.chars().enumerate() {
            let at_ns = at as u64 * 1_000;
            match (before, now) {
                ('#', 'p') => fold.feed(SwitchEvent::Out { at_ns, preempted: true }),
                ('#', '.') => fold.feed(SwitchEvent::Out { at_ns, preempted: false }),
                ('p' | '.', '#') => fold.feed(SwitchEvent::In { at_ns }),
                _ => {}
            }
            before = now;
        }
        fold.take()
    }

    fn check(timeline: &str, off_us: u64, preempted_us: u64, switches: u64) {
        let expected =
            OffCpu { off_ns: off_us * 1_000, preempted_ns: preempted_us * 1_000, switches, ..OffCpu::default() };
        assert_eq!(drawn(timeline), expected, "{timeline}");
    }

    #[test]
    fn drawn_timelines_give_their_drawn_sums() {
        check("######", 0, 0, 0);
        check("##..##", 2, 0, 1);
        check("#pp#.#", 3, 2, 2);
        check("#pppp", 0, 0, 0); // still off: the interval belongs to whoever sees its end
        check("....#", 0, 0, 0); // was off before the ring was there: its start is not known
    }

    #[test]
    fn an_interval_open_at_one_take_is_whole_at_the_next() {
        let mut fold = SwitchFold::default();
        fold.feed(SwitchEvent::Out { at_ns: 10, preempted: true });
        assert_eq!(fold.take(), OffCpu::default());
        fold.feed(SwitchEvent::In { at_ns: 25 });
        assert_eq!(fold.take(), OffCpu { off_ns: 15, preempted_ns: 15, switches: 1, ..OffCpu::default() });
    }

    #[test]
    fn after_a_loss_the_half_known_interval_is_not_guessed() {
        let mut fold = SwitchFold::default();
        fold.feed(SwitchEvent::Out { at_ns: 10, preempted: false });
        fold.feed(SwitchEvent::Full);
        fold.feed(SwitchEvent::In { at_ns: 500 });
        assert_eq!(fold.take(), OffCpu { full: true, ..OffCpu::default() });
        fold.feed(SwitchEvent::Lost { count: 3 });
        fold.feed(SwitchEvent::In { at_ns: 600 });
        assert_eq!(fold.take(), OffCpu { lost: 3, ..OffCpu::default() });
    }

    #[test]
    fn a_span_splits_into_what_its_sources_say() {
        let span = Span {
            wall_ns: 100,
            off_ns: Some(60),
            preempted_ns: Some(10),
            run_delay_ns: Some(25),
            cpu_ns: None,
            stolen_ns: Some(2),
        };
        let states = split(span);
        assert_eq!(states.on_cpu_ns, Some(38));
        assert_eq!(states.preempted_ns, Some(10));
        assert_eq!(states.waking_ns, Some(15));
        assert_eq!(states.run_queue_ns, Some(25));
        assert_eq!(states.blocked_ns, Some(35));
        assert_eq!(states.stolen_ns, Some(2));
    }

    #[test]
    fn the_cpu_clock_decides_what_was_on_and_what_was_stolen() {
        let seen = |cpu_ns, off_ns, complete| {
            let seen = reconcile(100, cpu_ns, off_ns, complete);
            (seen.off_ns, seen.stolen_ns)
        };
        assert_eq!(seen(40, 60, true), (60, 0), "both agree");
        assert_eq!(seen(45, 60, true), (55, 0), "charged before the record says that it is on");
        assert_eq!(seen(30, 60, true), (60, 10), "on, and not charged");
        assert_eq!(seen(30, 20, false), (70, 0), "records are missing");
        assert_eq!(seen(200, 150, true), (0, 0), "clocks that disagree");
    }

    #[test]
    fn what_was_not_measured_stays_unknown() {
        let bare = split(Span { wall_ns: 100, cpu_ns: Some(30), run_delay_ns: Some(20), ..Span::default() });
        assert_eq!((bare.on_cpu_ns, bare.run_queue_ns, bare.blocked_ns), (Some(30), Some(20), Some(50)));
        assert_eq!((bare.preempted_ns, bare.waking_ns, bare.stolen_ns), (None, None, None));
        assert_eq!(split(Span { wall_ns: 100, ..Span::default() }), States::default());
        let lost = split(Span { wall_ns: 100, off_ns: Some(40), run_delay_ns: Some(15), ..Span::default() });
        assert_eq!((lost.on_cpu_ns, lost.run_queue_ns, lost.blocked_ns), (Some(60), Some(15), Some(25)));
        assert_eq!((lost.preempted_ns, lost.waking_ns), (None, None));
    }

    fn event() -> impl Strategy<Value = SwitchEvent> {
        prop_oneof![
            (any::<u32>(), any::<bool>()).prop_map(|(at, preempted)| SwitchEvent::Out { at_ns: at.into(), preempted }),
            any::<u32>().prop_map(|at| SwitchEvent::In { at_ns: at.into() }),
            (1..100u64).prop_map(|count| SwitchEvent::Lost { count }),
            Just(SwitchEvent::Full),
        ]
    }

    proptest! {
        #[test]
        fn any_sequence_of_events_splits_without_remainder(
            events in prop::collection::vec(event(), 0..200),
            wall_ns in 0..u64::from(u32::MAX),
            run_delay_ns in prop::option::of(0..u64::from(u32::MAX)),
            cpu_ns in prop::option::of(0..u64::from(u32::MAX)),
            stolen_ns in prop::option::of(0..u64::from(u32::MAX)),
        ) {
            let mut fold = SwitchFold::default();
            events.into_iter().for_each(|it| fold.feed(it));
            let off = fold.take();
            prop_assert!(off.preempted_ns <= off.off_ns);
            let preempted_ns = (!off.full).then_some(off.preempted_ns);
            let states = split(Span { wall_ns, off_ns: Some(off.off_ns), preempted_ns, run_delay_ns, cpu_ns, stolen_ns });
            if let (Some(on), Some(queue), Some(blocked)) = (states.on_cpu_ns, states.run_queue_ns, states.blocked_ns) {
                prop_assert_eq!(on + queue + blocked + states.stolen_ns.unwrap_or(0), wall_ns);
            }
            if let (Some(preempted), Some(waking)) = (states.preempted_ns, states.waking_ns) {
                prop_assert_eq!(Some(preempted + waking), states.run_queue_ns);
            }
        }
    }
}
