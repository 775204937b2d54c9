//! The text of /proc/stat: what the CPUs have done since the machine was started (proc_stat(5)).
//!
//! ```text
//! cpu  USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL GUEST GUEST_NICE      all CPUs, those that are offline too
//! cpu0 …                                                                    one line for each that is online
//! intr …                                                                    and more that is not read here
//! ```
//!
//! Numbers are ticks. Kernels before 2.6.11 have no STEAL; guest time is in USER and NICE already. A line without its end
//! was cut, and counts for nothing.

use std::collections::BTreeMap;

/// The CPUs' times, since the machine was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// Of all CPUs together.
    pub all: Times,
    /// Of each CPU that is online.
    pub cpus: BTreeMap<u32, Times>,
}

/// What one CPU, or all of them, did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Running something: user + nice + system + irq + softirq, in nanoseconds.
    pub busy_ns: u64,
    /// Kept from running by the hypervisor, in nanoseconds. `None`: the kernel does not tell.
    pub steal_ns: Option<u64>,
}

impl Times {
    /// What was stolen since, in nanoseconds.
    pub fn steal_until(&self, later: &Times) -> Option<u64> {
        Some(later.steal_ns?.saturating_sub(self.steal_ns?))
    }
}

/// Reads the text; `None`: its first line is not that of all CPUs, or a line of a CPU makes no sense.
pub fn parse(text: &[u8], tick_ns: u64) -> Option<Stat> {
    let mut lines = text.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
    let all = times(lines.next()?.strip_prefix(b"cpu ")?, tick_ns)?;
    let mut cpus = BTreeMap::new();
    for line in lines.map_while(|line| line.strip_prefix(b"cpu")) {
        let name_end = line.iter().position(|byte| *byte == b' ')?;
        let (name, rest) = line.split_at(name_end);
        cpus.insert(u32::try_from(number(name)?).ok()?, times(rest, tick_ns)?);
    }
    Some(Stat { all, cpus })
}

fn times(fields: &[u8], tick_ns: u64) -> Option<Times> {
    let fields = fields.split(|byte| *byte == b' ').filter(|field| !field.is_empty());
    let ns = |ticks: u64| ticks.checked_mul(tick_ns);
    let fields: Vec<u64> = fields.map(|field| number(field).and_then(ns)).collect::<Option<_>>()?;
    let [user, nice, system, _idle, rest @ ..] = fields.as_slice() else { return None };
    let interrupts = rest.get(1..3).unwrap_or_default();
    let busy = [user, nice, system].into_iter().chain(interrupts);
    let busy_ns = busy.copied().try_fold(0, u64::checked_add)?;
    Some(Times { busy_ns, steal_ns: rest.get(3).copied() })
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, digit| match digit {
        b'0'..=b'9' => sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TICK_NS: u64 = 10_000_000;

    fn of(text: &str) -> Option<Stat> {
        parse(text.as_bytes(), TICK_NS)
    }

    fn ticks(busy: u64, steal: Option<u64>) -> Times {
        Times { busy_ns: busy * TICK_NS, steal_ns: steal.map(|it| it * TICK_NS) }
    }

    #[test]
    fn busy_is_all_but_idle_waiting_stolen_and_what_guests_had() {
        let text = "cpu  1 20 300 4000 50000 600000 7000000 80 9 9\ncpu0 1 1 1 0 0 1 1 5 1 1\ncpu7 0 0 2 9 9 0 0 0 0 0\n\
                    intr 1 2 3\nctxt 7\n";
        let stat = of(text).unwrap();
        assert_eq!(stat.all, ticks(7_600_321, Some(80)));
        assert_eq!(stat.cpus, BTreeMap::from([(0, ticks(5, Some(5))), (7, ticks(2, Some(0)))]));
    }

    #[test]
    fn an_old_kernel_has_fewer_fields() {
        assert_eq!(of("cpu  1 2 3 4\n").unwrap().all, ticks(6, None));
        assert_eq!(of("cpu  1 2 3 4 5\n").unwrap().all, ticks(6, None));
        assert_eq!(of("cpu  1 2 3 4 5 6 7\n").unwrap().all, ticks(19, None));
        assert_eq!(of("cpu  1 2 3\n"), None);
    }

    #[test]
    fn a_line_that_was_cut_counts_for_nothing() {
        let stat = of("cpu  1 2 3 4\ncpu0 1 2 3 4\ncpu1 1 2 3").unwrap();
        assert_eq!(stat.cpus.len(), 1);
        assert_eq!(of("cpu  1 2 3 4"), None);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let lines = [
            "",
            "\n",
            "cpu\n",
            "cpu0 1 2 3 4\n",
            "cpu  1 2 x 4\n",
            "cpu  1 -2 3 4\n",
            "cpu  18446744073709551616 2 3 4\n",
            "cpu  18446744073709551615 2 3 4\n",
            "cpu  1 2 3 4\ncpu0\n",
            "cpu  1 2 3 4\ncpux 1 2 3 4\n",
            "cpu  1 2 3 4\ncpu4294967296 1 2 3 4\n",
        ];
        for line in lines {
            assert_eq!(of(line), None, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn what_a_kernel_writes_is_read_back(
            cpus in prop::collection::btree_map(any::<u32>(), prop::collection::vec(0..1_000_000_000_u64, 10), 0..9),
        ) {
            let line = |name: &str, fields: &[u64]| {
                let fields: Vec<_> = fields.iter().map(u64::to_string).collect();
                format!("{name} {}\n", fields.join(" "))
            };
            let busy = |fields: &[u64]| [0, 1, 2, 5, 6].map(|place| fields[place]).iter().sum::<u64>();
            let expected = cpus.iter().map(|(cpu, fields)| (*cpu, ticks(busy(fields), Some(fields[7])))).collect();
            let lines = cpus.iter().map(|(cpu, fields)| line(&format!("cpu{cpu}"), fields));
            let text = line("cpu ", &[0; 10]) + &lines.collect::<String>() + "intr 1\n";
            prop_assert_eq!(of(&text), Some(Stat { all: ticks(0, Some(0)), cpus: expected }));
        }

        #[test]
        fn any_text_is_parsed_or_refused(start in "(cpu  [0-9 ]{0,60}\n)?(cpu[0-9 ]{0,60}\n)*", rest: Vec<u8>) {
            let text = [start.as_bytes(), &rest].concat();
            let stat = parse(&text, TICK_NS);
            prop_assert!(stat.is_none_or(|it| it.cpus.len() <= text.len() / 5));
        }
    }
}
