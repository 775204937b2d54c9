//! Any bytes are one message, or refused.
#![no_main]

use gild_engine::transport::frame::{Frames, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(frame) = parse(bytes) {
        assert!(frame.type_id.len() + frame.payload.len() < bytes.len());
        let frames = Frames::of(bytes).expect("it is a frame");
        let within = |frame: &std::io::Result<_>| frame.is_ok();
        assert!(frames.filter(within).count() <= bytes.len() / 24);
    }
});
