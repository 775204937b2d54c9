//! Any bytes are one frame, or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(frame) = gild_engine::transport::parse(bytes) {
        assert!(frame.type_id.len() + frame.payload.len() < bytes.len());
    }
});
