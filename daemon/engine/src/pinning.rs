//! Which worker runs on which core: pure placement, given the topology.

use gild_model::case::Pinning;
use gild_model::host::CoreInfo;

/// The core of each worker; `None`: free to move.
///
/// # Errors
/// A core of an explicit list that may not be used, and which may.
pub fn place(pinning: &Pinning, workers: u32, cores: &[CoreInfo]) -> Result<Vec<Option<u32>>, String> {
    let order: Vec<u32> = match pinning {
        Pinning::None => return Ok(vec![None; workers as usize]),
        Pinning::Compact => compact(cores),
        Pinning::Scatter => scatter(cores),
        Pinning::Cores(list) => {
            if let Some(absent) = list.iter().find(|cpu| !cores.iter().any(|core| core.cpu == **cpu)) {
                let usable: Vec<_> = cores.iter().map(|core| core.cpu.to_string()).collect();
                return Err(format!("pinning: core {absent} cannot be used here; usable: {}", usable.join(", ")));
            }
            list.clone()
        }
    };
    if order.is_empty() {
        return Err("pinning: this process may not use any core".to_owned());
    }
    Ok(order.iter().copied().cycle().take(workers as usize).map(Some).collect())
}

/// Neighbours first: all threads of a core, all cores of a package.
fn compact(cores: &[CoreInfo]) -> Vec<u32> {
    let mut order: Vec<_> = cores.iter().map(|it| (it.package, it.core, it.cpu)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, _, cpu)| cpu).collect()
}

/// As far apart as possible: one thread per package in turn, then further cores, then their second threads.
fn scatter(cores: &[CoreInfo]) -> Vec<u32> {
    let rank = |of: &CoreInfo| {
        let siblings = cores.iter().filter(|it| (it.package, it.core) == (of.package, of.core) && it.cpu < of.cpu);
        let mut earlier: Vec<_> =
            cores.iter().filter(|it| it.package == of.package && it.core < of.core).map(|it| it.core).collect();
        earlier.sort_unstable();
        earlier.dedup();
        (siblings.count(), earlier.len(), of.package, of.cpu)
    };
    let mut order: Vec<_> = cores.iter().map(rank).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, _, _, cpu)| cpu).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two packages, two cores each, two threads a core; numbered as Linux does: second threads last.
    fn machine() -> Vec<CoreInfo> {
        (0..8).map(|cpu| CoreInfo { cpu, core: cpu % 4 % 2, package: cpu % 4 / 2 }).collect()
    }

    fn check(pinning: Pinning, workers: u32, expected: &[u32]) {
        let placed = place(&pinning, workers, &machine()).unwrap();
        assert_eq!(placed, expected.iter().copied().map(Some).collect::<Vec<_>>(), "{pinning}");
    }

    #[test]
    fn workers_are_dealt_out_as_the_pinning_says() {
        check(Pinning::Compact, 8, &[0, 4, 1, 5, 2, 6, 3, 7]);
        check(Pinning::Scatter, 8, &[0, 2, 1, 3, 4, 6, 5, 7]);
        check(Pinning::Cores(vec![3, 1]), 5, &[3, 1, 3, 1, 3]);
        assert_eq!(place(&Pinning::None, 2, &machine()).unwrap(), [None, None]);
    }

    #[test]
    fn a_core_that_is_not_there_is_named() {
        let error = place(&Pinning::Cores(vec![0, 9]), 1, &machine()).unwrap_err();
        assert_eq!(error, "pinning: core 9 cannot be used here; usable: 0, 1, 2, 3, 4, 5, 6, 7");
    }
}
