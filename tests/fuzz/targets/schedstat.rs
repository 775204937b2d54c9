//! Any text of a schedstat file is two numbers, or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let _sample = gild_engine::measure::schedstat::parse(text);
});
