//! The attributes that each counter is opened with.

use std::fs;
use std::io;

use perf_event::Builder;
use perf_event::events::{Event, Hardware, Software};

use super::counters::{NAMES, is_hardware};

/// Bits of `config` below the PMU's own type (`PERF_PMU_TYPE_SHIFT` in linux/perf_event.h).
const PMU_TYPE_SHIFT: u32 = 32;

/// The attributes of the counter at this place; a hardware event is opened on the core PMU of this type, `None`: on
/// the machine's only one.
pub fn builder(place: usize, counts_kernel: bool, core_pmu: Option<u32>) -> io::Result<Builder<'static>> {
    let event: Event = match NAMES[place] {
        "cycles" => Hardware::CPU_CYCLES.into(),
        "instructions" => Hardware::INSTRUCTIONS.into(),
        "cache-references" => Hardware::CACHE_REFERENCES.into(),
        "cache-misses" => Hardware::CACHE_MISSES.into(),
        "branches" => Hardware::BRANCH_INSTRUCTIONS.into(),
        "branch-misses" => Hardware::BRANCH_MISSES.into(),
        "tsc-cycles" => return tsc_builder(),
        "task-clock-ns" => Software::TASK_CLOCK.into(),
        "context-switches" => Software::CONTEXT_SWITCHES.into(),
        "cpu-migrations" => Software::CPU_MIGRATIONS.into(),
        "page-faults" => Software::PAGE_FAULTS.into(),
        other => unreachable!("{other} is in NAMES and has no event"),
    };
    let mut builder = Builder::new().observe_self().any_cpu().kind(event);
    builder.exclude_kernel(!counts_kernel);
    if let (true, Some(core_pmu)) = (is_hardware(place), core_pmu) {
        builder.attrs_mut().config |= u64::from(core_pmu) << PMU_TYPE_SHIFT;
    }
    Ok(builder)
}

/// `msr/tsc/`: time-stamp counter ticks while the thread is on a CPU. The PMU knows no exclusion.
fn tsc_builder() -> io::Result<Builder<'static>> {
    let device = "/sys/bus/event_source/devices/msr";
    let event_path = format!("{device}/events/tsc");
    let (kind, event) = (fs::read_to_string(format!("{device}/type"))?, fs::read_to_string(&event_path)?);
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, format!("{event_path} says {event:?}"));
    let config = event.trim().strip_prefix("event=0x").ok_or_else(malformed)?;
    let mut builder = Builder::new().observe_self().any_cpu();
    builder.include_kernel().include_hv();
    let attrs = builder.attrs_mut();
    attrs.type_ = kind.trim().parse().map_err(|_| malformed())?;
    attrs.config = u64::from_str_radix(config, 16).map_err(|_| malformed())?;
    Ok(builder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::counters::place;

    #[test]
    fn every_name_has_an_event() {
        for index in (0..NAMES.len()).filter(|index| NAMES[*index] != "tsc-cycles") {
            assert!(builder(index, false, None).is_ok());
        }
    }

    #[test]
    fn only_hardware_events_are_opened_on_a_core_pmu() {
        let config = |name: &str, pmu| builder(place(name).unwrap(), true, pmu).unwrap().attrs().config;
        assert_eq!(config("instructions", Some(10)), 10 << 32 | 1);
        assert_eq!(config("instructions", None), 1);
        assert_eq!(config("page-faults", Some(10)), config("page-faults", None));
    }
}
