//! Repeating until the figures are narrow enough, instead of a number of times that is given beforehand.

use serde::{Deserialize, Serialize};

use crate::experiment::{LIMIT_S_MAX, REPETITIONS_MAX};

/// Most repetitions of an experiment that repeats until its intervals are narrow, and does not say.
pub const REPETITIONS_MAX_DEFAULT: u32 = 100;

/// When to stop repeating.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Until {
    /// Half the width of the 95 % interval of every case's wall time, relative to its median, is at most this.
    pub half_width: f64,
    /// Or this many repetitions are done.
    pub repetitions_max: u32,
    /// Or the run has lasted this long, in seconds; `None`: there is no such limit.
    pub limit_s: Option<f64>,
}

impl Until {
    /// Brings together what the user gave; `None`: the number of repetitions is fixed.
    ///
    /// # Errors
    /// A limit was given, and nothing to repeat until.
    pub fn from_choices(
        half_width: Option<f64>,
        repetitions_max: Option<u32>,
        limit_s: Option<f64>,
        repetitions: u32,
    ) -> Result<Option<Until>, String> {
        let useless = |key: &str| Err(format!("{key}: has no meaning without until"));
        match half_width {
            None if repetitions_max.is_some() => useless("repetitions_max"),
            None if limit_s.is_some() => useless("until_limit_s"),
            None => Ok(None),
            Some(half_width) => {
                let repetitions_max = repetitions_max.unwrap_or(REPETITIONS_MAX_DEFAULT.max(repetitions));
                Ok(Some(Until { half_width, repetitions_max, limit_s }))
            }
        }
    }

    /// Checks the bounds, with `repetitions` as the least number of repetitions.
    ///
    /// # Errors
    /// The offending key and what it may be.
    pub fn check(&self, repetitions: u32) -> Result<(), String> {
        let Until { half_width, repetitions_max, limit_s } = *self;
        if !(half_width > 0.0 && half_width < 1.0) {
            return Err(format!("until: {half_width} is not between 0 and 1 (0.01 is 1 %)"));
        }
        if !(repetitions..=REPETITIONS_MAX).contains(&repetitions_max) {
            return Err(format!("repetitions_max: {repetitions_max} is not in {repetitions}..={REPETITIONS_MAX}"));
        }
        match limit_s {
            Some(s) if !(s > 0.0 && s <= LIMIT_S_MAX) => {
                Err(format!("until_limit_s: {s} is not in 0 (exclusive) to {LIMIT_S_MAX}"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Experiment, parse};

    fn read(keys: &str) -> Result<Experiment, String> {
        let text = format!("kernel = 'k'\n{keys}\n[[case]]\nmodel = 'sequential'");
        parse(&text, std::path::Path::new("/lab/x.toml"))
    }

    #[test]
    fn a_file_says_how_narrow_and_the_rest_is_chosen() {
        assert_eq!(read("").unwrap().until, None);
        let until = |keys: &str| read(keys).unwrap().until.unwrap();
        assert_eq!(until("until = 0.01"), Until { half_width: 0.01, repetitions_max: 100, limit_s: None });
        let all = "until = 0.02\nrepetitions_max = 30\nuntil_limit_s = 60";
        assert_eq!(until(all), Until { half_width: 0.02, repetitions_max: 30, limit_s: Some(60.0) });
        assert_eq!(until("until = 0.01\nrepetitions = 200").repetitions_max, 200);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_key() {
        let refused = |keys: &str, expected: &str| {
            let error = read(keys).unwrap_err();
            assert!(error.contains(expected), "{error:?} does not say {expected:?}");
        };
        refused("until = 1.0", "until: 1 is not between 0 and 1");
        refused("until = 0", "until: 0 is not between 0 and 1");
        refused("until = 0.01\nrepetitions_max = 4", "repetitions_max: 4 is not in 5..=10000");
        refused("until = 0.01\nuntil_limit_s = 0", "until_limit_s: 0 is not in 0 (exclusive)");
        refused("repetitions_max = 9", "repetitions_max: has no meaning without until");
        refused("until_limit_s = 9", "until_limit_s: has no meaning without until");
    }
}
