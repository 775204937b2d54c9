//! The PMUs of the machine's cores. A hybrid machine has several: its fast and its slow cores count different things
//! under the same names, so a worker's hardware counters belong to cores of one kind or are not measured.

use std::fs;
use std::path::Path;

/// Where the kernel describes what can count events.
const EVENT_SOURCES: &str = "/sys/bus/event_source/devices";

/// The PMU of some of the machine's cores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorePmu {
    /// Its name, such as `cpu_core`.
    pub name: String,
    /// Its type, as perf_event_open(2) knows it.
    pub kind: u32,
    /// The hardware threads that it belongs to.
    pub cpus: Vec<u32>,
}

/// All PMUs of cores that say which cores they are of; a machine with cores of one kind has none or one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CorePmus(Vec<CorePmu>);

/// Where the hardware events of a thread are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The cores are of one kind: nothing has to be chosen.
    TheOnlyOne,
    /// On the PMU of this type: the thread runs on its cores only.
    Pmu(u32),
    /// Nowhere: the thread may run on cores of several kinds, or on one that no PMU claims.
    Nowhere,
}

impl CorePmus {
    /// Those of this machine.
    pub fn of_machine() -> CorePmus {
        CorePmus::read(Path::new(EVENT_SOURCES))
    }

    /// Reads them from a folder of event sources. A core's PMU is one with a file `cpus` (those of anything else have
    /// a `cpumask`); what cannot be read claims no cores, so that nothing is counted there.
    pub fn read(root: &Path) -> CorePmus {
        let entries = fs::read_dir(root).into_iter().flatten().flatten();
        let mut pmus: Vec<CorePmu> = entries.filter_map(|entry| pmu(&entry.path())).collect();
        pmus.sort_by_key(|pmu| (pmu.cpus.first().copied(), pmu.kind));
        CorePmus(pmus)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &CorePmu> {
        self.0.iter()
    }

    /// Whether there are cores of several kinds.
    pub fn is_hybrid(&self) -> bool {
        self.0.len() > 1
    }

    /// Where the events of a thread are counted that may run on these hardware threads.
    pub fn choose(&self, allowed: &[u32]) -> Choice {
        if !self.is_hybrid() {
            return Choice::TheOnlyOne;
        }
        let mut whole = self.0.iter().filter(|pmu| allowed.iter().all(|cpu| pmu.cpus.contains(cpu)));
        whole.next().filter(|_| !allowed.is_empty()).map_or(Choice::Nowhere, |pmu| Choice::Pmu(pmu.kind))
    }

    /// `cpu_core: cores 0-7; cpu_atom: cores 8-15`.
    pub fn describe(&self) -> String {
        let list = |pmu: &CorePmu| format!("{}: cores {}", pmu.name, ranges(&pmu.cpus));
        self.0.iter().map(list).collect::<Vec<_>>().join("; ")
    }
}

fn pmu(folder: &Path) -> Option<CorePmu> {
    let cpus = fs::read_to_string(folder.join("cpus")).ok()?;
    let kind = fs::read_to_string(folder.join("type")).ok()?.trim().parse().ok()?;
    let name = folder.file_name()?.to_str()?.to_owned();
    Some(CorePmu { name, kind, cpus: parse_list(&cpus).unwrap_or_default() })
}

/// A list of CPUs as sysfs writes it: `0-3,8,10-11`.
fn parse_list(text: &str) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        cpus.extend(first.parse::<u32>().ok()?..=last.parse::<u32>().ok()?);
    }
    Some(cpus)
}

/// A sorted list of CPUs as sysfs writes it.
fn ranges(cpus: &[u32]) -> String {
    let parts = cpus.chunk_by(|one, next| one + 1 == *next).map(|run| match run {
        [first, .., last] => format!("{first}-{last}"),
        _ => run[0].to_string(),
    });
    parts.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of event sources: name, type, and what its file `cpus` says, if it has one.
    fn machine(sources: &[(&str, u32, Option<&str>)]) -> (tempfile::TempDir, CorePmus) {
        let root = tempfile::tempdir().unwrap();
        for (name, kind, cpus) in sources {
            let folder = root.path().join(name);
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("type"), format!("{kind}\n")).unwrap();
            match cpus {
                Some(cpus) => fs::write(folder.join("cpus"), format!("{cpus}\n")).unwrap(),
                None => fs::write(folder.join("cpumask"), "0\n").unwrap(),
            }
        }
        let pmus = CorePmus::read(root.path());
        (root, pmus)
    }

    #[test]
    fn a_hybrid_x86_counts_on_the_pmu_of_the_cores_that_a_thread_runs_on() {
        let sources =
            [("cpu_atom", 10, Some("8-15")), ("cpu_core", 4, Some("0-7")), ("uncore_imc", 20, None), ("msr", 11, None)];
        let (_root, pmus) = machine(&sources);
        assert_eq!(pmus.describe(), "cpu_core: cores 0-7; cpu_atom: cores 8-15");
        assert_eq!(pmus.choose(&[3]), Choice::Pmu(4));
        assert_eq!(pmus.choose(&[8, 9, 15]), Choice::Pmu(10));
        assert_eq!(pmus.choose(&[7, 8]), Choice::Nowhere, "apples and pears");
        assert_eq!(pmus.choose(&[0, 16]), Choice::Nowhere, "a core that nobody claims");
        assert_eq!(pmus.choose(&[]), Choice::Nowhere);
    }

    #[test]
    fn three_kinds_of_arm_cores_are_told_apart() {
        let sources = [
            ("armv8_cortex_a510", 8, Some("0-3")),
            ("armv8_cortex_a710", 9, Some("4-6")),
            ("armv8_cortex_x2", 10, Some("7")),
        ];
        let (_root, pmus) = machine(&sources);
        assert_eq!(pmus.choose(&[7]), Choice::Pmu(10));
        assert_eq!(pmus.choose(&[6, 7]), Choice::Nowhere);
        assert_eq!(
            pmus.describe(),
            "armv8_cortex_a510: cores 0-3; armv8_cortex_a710: cores 4-6; armv8_cortex_x2: cores 7"
        );
    }

    #[test]
    fn where_the_cores_are_of_one_kind_there_is_nothing_to_choose() {
        for sources in [&[("cpu", 4, None)][..], &[("armv8_pmuv3_0", 8, Some("0-3"))][..], &[][..]] {
            let (_root, pmus) = machine(sources);
            assert_eq!(pmus.choose(&[0, 3]), Choice::TheOnlyOne);
        }
        assert_eq!(CorePmus::read(Path::new("/nowhere")), CorePmus::default());
    }

    #[test]
    fn a_list_that_is_not_understood_claims_no_cores() {
        let (_root, pmus) = machine(&[("cpu_core", 4, Some("0-1")), ("cpu_atom", 10, Some("2-x"))]);
        assert_eq!(pmus.choose(&[2]), Choice::Nowhere);
        assert_eq!(pmus.choose(&[1]), Choice::Pmu(4));
        assert_eq!(parse_list("0-2,5,8-9\n"), Some(vec![0, 1, 2, 5, 8, 9]));
        assert_eq!(ranges(&[0, 1, 2, 5, 8, 9]), "0-2,5,8-9");
    }
}
