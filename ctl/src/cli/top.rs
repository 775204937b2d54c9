//! Arguments of `top`.

use std::time::Duration;

use clap::Args;

use super::RunSelector;

/// Arguments of `top`.
#[derive(Debug, Args)]
pub struct TopArguments {
    /// The run's number, or `last` [default: whatever is in progress]
    pub run: Option<RunSelector>,
    /// Time between two looks, in seconds, 0.1 to 3600
    #[arg(long, value_name = "SECONDS", value_parser = interval, default_value = "1")]
    pub interval: Duration,
}

fn interval(text: &str) -> Result<Duration, String> {
    let s = text.parse::<f64>().ok().filter(|s| (0.1..=3600.0).contains(s));
    s.map(Duration::from_secs_f64).ok_or_else(|| "expected seconds, 0.1 to 3600".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_a_number_of_seconds_that_makes_sense() {
        assert_eq!(interval("0.5"), Ok(Duration::from_millis(500)));
        for text in ["0", "-1", "0.01", "nan", "inf", "1e9", "soon"] {
            assert!(interval(text).is_err(), "{text}");
        }
    }
}
