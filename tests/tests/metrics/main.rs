//! The daemon's metrics: their values are those of the store, other people's programs read them, and the port beside the
//! socket serves them to this machine and nothing else.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod dashboard;
mod port;
mod prometheus;
mod readers;
mod values;

use gild_tests::lab::Lab;

/// A world whose daemon serves its page on a port, too.
fn with_port() -> Lab {
    Lab::with_config("[metrics]\nlisten = \"127.0.0.1:0\"")
}

/// Runs under every model, long enough for two threads to meet at their lock, and a recording.
fn run_every_model(lab: &Lab) {
    let line = ["run", "cpu-bound", "--param", "n=20", "--tasks", "20", "--repeat", "1", "--workers", "2"];
    let models = [
        "--model",
        "sequential,threads,processes,subinterpreters,event-loop",
        "--lock",
        "cpython,none",
        "--in-flight",
        "4",
    ];
    lab.gilctl(&[&line[..], &models].concat()).well();
    lab.gilctl(&["record", "--", "sh", "-c", "sleep 0.05; true"]).well();
}
