//! Any text is an experiment or refused; what is accepted survives the way over the wire.
#![no_main]

use gild_model::experiment::{Experiment, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(experiment) = parse(text, std::path::Path::new("/lab/fuzz.toml")) {
        assert_eq!(experiment.check(), Ok(()));
        let json = serde_json::to_string(&experiment).expect("an experiment can be written");
        // Infinite numbers have no form in JSON; everything else comes back as it went.
        if let Ok(back) = serde_json::from_str::<Experiment>(&json) {
            assert_eq!(back, experiment);
        }
    }
});
