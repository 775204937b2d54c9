//! Any text of /proc/stat is the times of CPUs, or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    if let Some(stat) = gild_engine::noise::proc_stat::parse(text, 10_000_000) {
        assert!(text.starts_with(b"cpu ") && stat.cpus.len() < text.len());
    }
});
