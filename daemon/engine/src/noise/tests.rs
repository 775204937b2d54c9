//! Noise of machines that are folders.

use std::time::Duration;

use super::*;

/// A folder that stands for `/` on a machine.
struct Machine(tempfile::TempDir);

impl Machine {
    /// One whose /proc/stat has these lines.
    fn with(stat: &str) -> Machine {
        let machine = Machine(tempfile::tempdir().unwrap());
        machine.write("proc/stat", stat);
        machine
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn of_cpu(&self, cpu: u32, file: &str, text: &str) {
        self.write(&format!("sys/devices/system/cpu/cpu{cpu}/{file}"), text);
    }

    fn read(&self) -> Reading {
        Reading::take(self.0.path()).unwrap()
    }

    /// The same machine `window` later.
    fn read_after(&self, before: &Reading, window: Duration) -> Reading {
        Reading { at: before.at + window, ..self.read() }
    }
}

const BEFORE: &str =
    "cpu  100 0 50 900 0 0 0 10 0 0\ncpu0 60 0 25 400 0 0 0 4 0 0\ncpu1 40 0 25 500 0 0 0 6 0 0\nintr 7\n";
const AFTER: &str =
    "cpu  250 5 60 1100 0 4 1 25 0 0\ncpu0 100 5 30 500 0 2 1 6 0 0\ncpu1 150 0 30 600 0 2 0 19 0 0\nintr 9\n";

#[test]
fn what_others_used_is_what_was_used_less_the_trial_s_own() {
    let machine = Machine::with(BEFORE);
    let before = machine.read();
    machine.write("proc/stat", AFTER);
    let after = machine.read_after(&before, Duration::from_secs(2));
    let tick_ns = tick_ns();
    // 150 user, 5 nice, 10 system, 4 irq and 1 softirq.
    let noise = between(&before, &after, Some(100 * tick_ns));
    let expected = Noise {
        window_ns: 2_000_000_000,
        cpus: 2,
        steal_ns: Some(15 * tick_ns),
        steal_most_ns: Some(13 * tick_ns),
        other_cpu_ns: Some(70 * tick_ns),
        frequency_min_khz: None,
        frequency_max_khz: None,
        throttles: None,
    };
    assert_eq!(noise, expected);
    assert_eq!(between(&before, &after, Some(171 * tick_ns)).other_cpu_ns, Some(0), "sampling can be short of a tick");
    assert_eq!(between(&before, &after, None).other_cpu_ns, None);
}

#[test]
fn frequencies_and_throttling_are_told_where_the_machine_shows_them() {
    let machine = Machine::with(BEFORE);
    machine.of_cpu(0, "cpufreq/scaling_cur_freq", "2100000\n");
    machine.of_cpu(1, "cpufreq/scaling_cur_freq", "<unknown>\n");
    machine.of_cpu(0, "thermal_throttle/core_throttle_count", "7\n");
    machine.of_cpu(1, "thermal_throttle/core_throttle_count", "3\n");
    let before = machine.read();
    machine.of_cpu(0, "cpufreq/scaling_cur_freq", "0\n");
    machine.of_cpu(1, "cpufreq/scaling_cur_freq", "3400000\n");
    machine.of_cpu(0, "thermal_throttle/core_throttle_count", "9\n");
    let after = machine.read_after(&before, Duration::from_secs(1));
    let noise = between(&before, &after, None);
    assert_eq!((noise.frequency_min_khz, noise.frequency_max_khz), (Some(2_100_000), Some(3_400_000)));
    assert_eq!(noise.throttles, Some(2));
    let quiet = between(&before, &before, None);
    assert_eq!(quiet.throttles, Some(0), "measured as none");
}

#[test]
fn a_cpu_that_goes_is_not_counted_and_its_time_is_not_lost() {
    let machine = Machine::with(BEFORE);
    let before = machine.read();
    machine.write("proc/stat", "cpu  150 0 50 900 0 0 0 10 0 0\ncpu0 80 0 25 400 0 0 0 5 0 0\n");
    let noise = between(&before, &machine.read(), Some(0));
    assert_eq!(noise.cpus, 1);
    assert_eq!((noise.steal_ns, noise.steal_most_ns), (Some(0), Some(tick_ns())));
    assert_eq!(noise.other_cpu_ns, Some(50 * tick_ns()), "the line of all CPUs has those that went, too");
}

#[test]
fn counters_that_run_backwards_give_no_time() {
    let machine = Machine::with(AFTER);
    let before = machine.read();
    machine.write("proc/stat", BEFORE);
    let noise = between(&before, &machine.read(), Some(0));
    assert_eq!((noise.steal_ns, noise.other_cpu_ns), (Some(0), Some(0)));
}

#[test]
fn a_machine_that_does_not_tell_is_an_error_that_names_the_file() {
    let nowhere = tempfile::tempdir().unwrap();
    let error = Reading::take(nowhere.path()).unwrap_err().to_string();
    assert!(error.contains("proc/stat: No such file"), "{error}");
    let error = Reading::take(Machine::with("no such thing\n").0.path()).unwrap_err().to_string();
    assert!(error.contains("proc/stat: no times of CPUs") && error.contains("no such thing"), "{error}");
}

#[test]
fn this_machine_can_be_read() {
    let before = Reading::take(Path::new("/")).unwrap();
    let after = Reading::take(Path::new("/")).unwrap();
    let noise = between(&before, &after, Some(0));
    assert!(noise.cpus > 0, "{noise:?}");
    assert!(noise.window_ns > 0, "{noise:?}");
}
