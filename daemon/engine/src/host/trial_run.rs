//! Every counter counts something whose number is known, before anybody is shown what it counts.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::arrange::{Arrangement, arrange};
use super::facts::Facts;
use super::refusal::Refusal;
use crate::core_pmus::{CorePmu, CorePmus};
use crate::measure::counter_group::{CounterGroup, Way};
use crate::measure::counters::{NAMES, Reading, is_hardware, place};
use crate::measure::perf_error::PerfError;
use crate::topology;

/// Rounds of the known loop: each runs at least one instruction and one branch.
const ROUNDS: u64 = 200_000;
/// Fresh pages that are touched.
const PAGES: usize = 32;
/// Naps that are taken: each is at least one context switch.
const NAPS: u64 = 3;
/// Least size of a page.
const PAGE: usize = 4096;
/// How long groups that take turns may take until each has had one: they change every few milliseconds.
const TURNS: Duration = Duration::from_millis(100);

/// What came of all counters.
#[derive(Debug, Default)]
pub struct TrialRun {
    /// By place: why a counter cannot be used; `None`: it can.
    pub refusals: Vec<Option<Refusal>>,
    /// The usable ones, in the groups to open them in.
    pub groups: Vec<Vec<usize>>,
    /// Whether the hardware counters did not fit the PMU in one group.
    pub split: bool,
    /// Whether hardware counters can be read in user space.
    pub user_space: bool,
}

/// Cores of one kind, on which hardware counters are tried.
#[derive(Debug, Clone, Copy)]
struct Site<'p> {
    /// Their PMU; `None`: the machine has cores of one kind only, and the thread may be on any.
    pmu: Option<&'p CorePmu>,
}

/// Whether events in the kernel may be counted: it takes perf_event_paranoid of at most 1, or CAP_PERFMON.
pub fn counts_kernel() -> bool {
    place("page-faults").is_some_and(|faults| CounterGroup::open(&[faults], true, None).is_ok())
}

/// Tries every counter alone, hardware counters on cores of every kind, then all that work together.
pub fn counters(counts_kernel: bool, pmus: &CorePmus, facts: &Facts) -> TrialRun {
    let sites = sites(pmus);
    let refused = |place| {
        let sites = if is_hardware(place) { &sites[..] } else { &[Site { pmu: None }] };
        sites.iter().find_map(|site| site.run(|| alone(place, counts_kernel, site.kind(), facts)).err())
    };
    let mut trial = TrialRun { refusals: (0..NAMES.len()).map(refused).collect(), ..TrialRun::default() };
    let usable = |hardware| {
        let wanted = move |place: &usize| is_hardware(*place) == hardware;
        (0..NAMES.len()).filter(|place| trial.refusals[*place].is_none()).filter(wanted).collect::<Vec<_>>()
    };
    let (hardware, mut software) = (usable(true), usable(false));
    let Arrangement { groups, split, left_out } = arrange(&hardware, |groups| on_all(&sites, groups, counts_kernel));
    for place in left_out {
        trial.refusals[place] = Some(Refusal::NeverOnPmu);
    }
    (trial.groups, trial.split) = (groups, split);
    trial.user_space = trial.groups.iter().any(|group| reads_in_user_space(group, counts_kernel, sites[0]));
    if let Err(error) = CounterGroup::open(&software, counts_kernel, None) {
        let refusal = Refusal::of(&error, facts);
        software.drain(..).for_each(|place| trial.refusals[place] = Some(refusal.clone()));
    }
    trial.groups.push(software);
    trial.groups.retain(|group| !group.is_empty());
    trial
}

/// One site for each kind of cores that this process may use.
fn sites(pmus: &CorePmus) -> Vec<Site<'_>> {
    if !pmus.is_hybrid() {
        return vec![Site { pmu: None }];
    }
    let allowed = topology::allowed_cores().unwrap_or_default();
    let may_be_used = |pmu: &&CorePmu| allowed.iter().any(|core| pmu.cpus.contains(&core.cpu));
    let sites: Vec<_> = pmus.iter().filter(may_be_used).map(|pmu| Site { pmu: Some(pmu) }).collect();
    // Cores that no PMU claims: what is tried there is refused by the system, with its reason.
    if sites.is_empty() { vec![Site { pmu: None }] } else { sites }
}

impl Site<'_> {
    fn kind(self) -> Option<u32> {
        self.pmu.map(|pmu| pmu.kind)
    }

    /// Does something on one of the site's cores.
    fn run<T>(self, work: impl FnOnce() -> T) -> T {
        let allowed = topology::allowed_cores().unwrap_or_default();
        let core = allowed.iter().find(|core| self.pmu.is_some_and(|pmu| pmu.cpus.contains(&core.cpu)));
        // On a core of another kind nothing is counted, and the counter is refused.
        let _pinned = core.map(|core| topology::pin_self(core.cpu));
        let result = work();
        let _as_before = core.map(|_| topology::unpin_self(&allowed));
        result
    }
}

fn alone(place: usize, counts_kernel: bool, core_pmu: Option<u32>, facts: &Facts) -> Result<(), Refusal> {
    let refusal = |error| Refusal::of(&error, facts);
    let group = CounterGroup::open(&[place], counts_kernel, core_pmu).map_err(refusal)?;
    let before = read(&group).map_err(refusal)?;
    if is_hardware(place) {
        known_loop()
    } else {
        something_known()
    }
    let after = read(&group).map_err(refusal)?;
    if after.times[0].running_ns == before.times[0].running_ns {
        return Err(Refusal::NeverOnPmu);
    }
    let counted = after.values[place] - before.values[place];
    match least_count(place) {
        None => Err(Refusal::Other("cannot be tested here: there is only one core to run on".to_owned())),
        Some(least) if counted < least => Err(Refusal::CountsTooLittle { counted, least }),
        Some(_) => Ok(()),
    }
}

fn read(group: &CounterGroup) -> Result<Reading, PerfError> {
    let mut reading = Reading::default();
    group.read(0, &mut reading)?;
    Ok(reading)
}

/// Opens groups all at once, on cores of each kind, and says of each whether it counted on all.
fn on_all(sites: &[Site<'_>], groups: &[Vec<usize>], counts_kernel: bool) -> Vec<bool> {
    let mut counted = vec![true; groups.len()];
    for site in sites {
        let here = site.run(|| at_once(groups, counts_kernel, site.kind()));
        counted.iter_mut().zip(here).for_each(|(all, here)| *all &= here);
    }
    counted
}

fn at_once(groups: &[Vec<usize>], counts_kernel: bool, core_pmu: Option<u32>) -> Vec<bool> {
    let open = |places: &Vec<usize>| CounterGroup::open(places, counts_kernel, core_pmu).ok();
    let groups: Vec<_> = groups.iter().map(open).collect();
    let ran = |group: &CounterGroup| read(group).is_ok_and(|reading| reading.times[0].running_ns > 0);
    let started = Instant::now();
    loop {
        known_loop();
        let counted: Vec<bool> = groups.iter().map(|group| group.as_ref().is_some_and(ran)).collect();
        let all_that_opened = counted.iter().zip(&groups).all(|(counted, group)| *counted || group.is_none());
        if all_that_opened || started.elapsed() > TURNS {
            return counted;
        }
    }
}

fn reads_in_user_space(group: &[usize], counts_kernel: bool, site: Site<'_>) -> bool {
    site.run(|| {
        let group = CounterGroup::open(group, counts_kernel, site.kind());
        group.is_ok_and(|group| group.read(0, &mut Reading::default()).is_ok_and(|way| way == Way::UserSpace))
    })
}

/// The least that is counted of the known loop, or of [`something_known`]. `None`: it cannot make it count here.
fn least_count(place: usize) -> Option<u64> {
    Some(match NAMES[place] {
        "instructions" | "branches" => ROUNDS,
        "context-switches" => NAPS,
        "page-faults" => PAGES as u64 / 2,
        "cpu-migrations" if topology::allowed_cores().map_or(0, |cores| cores.len()) < 2 => return None,
        _ => 1,
    })
}

/// Runs a loop of known length, with branches on bits that no predictor knows, so that some are mispredicted.
fn known_loop() {
    let mut sum = 1u64;
    for round in 0..ROUNDS {
        sum = black_box(sum).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(round);
        if black_box(sum >> 33 & 1) == 1 {
            sum ^= round;
        }
    }
    black_box(sum);
}

/// Runs the known loop, touches fresh pages, sleeps, and moves from core to core.
fn something_known() {
    known_loop();
    // A large allocation comes fresh from the kernel, and every page of it faults when it is first touched.
    let mut memory: Vec<u8> = Vec::with_capacity(64 << 20);
    for page in memory.spare_capacity_mut().chunks_mut(2 << 20).take(PAGES) {
        page[PAGE].write(1);
    }
    black_box(&memory);
    for _ in 0..NAPS {
        std::thread::sleep(Duration::from_micros(50));
    }
    migrate();
}

/// Runs on every allowed core in turn, then on all of them again. Where that fails, the counter of migrations counts
/// none and is refused.
fn migrate() {
    let cores = topology::allowed_cores().unwrap_or_default();
    let _counted_or_not = cores.iter().try_for_each(|core| topology::pin_self(core.cpu));
    let _as_before = topology::unpin_self(&cores);
}
