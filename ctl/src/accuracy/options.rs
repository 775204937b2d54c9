//! What the user asks of `doctor --accuracy`.

use clap::Args;

/// What `doctor --accuracy` measures.
#[derive(Debug, Args)]
pub struct AccuracyOptions {
    /// Trials of each scenario; the median error is judged
    #[arg(long, value_name = "N", default_value_t = 5, requires = "accuracy", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub repeat: u32,
    /// Only this scenario; can be repeated
    #[arg(long, value_name = "SCENARIO", requires = "accuracy")]
    pub only: Vec<String>,
    /// Allow one scenario to step the machine's clock by half a second, forth and back (takes CAP_SYS_TIME)
    #[arg(long, requires = "accuracy")]
    pub step_clock: bool,
    /// Keep the runs in the store
    #[arg(long, requires = "accuracy")]
    pub keep: bool,
}
