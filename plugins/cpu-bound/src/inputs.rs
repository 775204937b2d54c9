//! The parameter `inputs`: a list of numbers, one per task.

use gild_abi::{Error, Result};

use crate::values::Number;

/// The most tasks of a trial.
pub(crate) const MAX_TASKS: usize = 1_000_000;

/// Reads a list such as `50,63,32`. Spaces around the numbers do not matter.
pub(crate) fn parse(list: &str) -> Result<Vec<Number>> {
    let tasks = list.split(',').count();
    if tasks > MAX_TASKS {
        return Err(Error::new(format!("inputs has {tasks} numbers, at most {MAX_TASKS} are allowed")));
    }
    list.split(',').map(|item| number(item.trim())).collect()
}

fn number(item: &str) -> Result<Number> {
    let wrong = |reason: &dyn std::fmt::Display| Error::new(format!("inputs: {item:?}: {reason}"));
    let n: u64 = item.parse().map_err(|error| wrong(&error))?;
    Number::new(n).map_err(|error| wrong(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_in_order() {
        let numbers = |list| parse(list).unwrap().iter().map(Number::get).collect::<Vec<_>>();
        assert_eq!(numbers("50,63,32"), [50, 63, 32]);
        assert_eq!(numbers(" 2 , 200 "), [2, 200]);
    }

    #[test]
    fn a_wrong_item_is_named() {
        for (list, text) in [
            ("50,,32", "inputs: \"\": cannot parse integer from empty string"),
            ("50, x", "inputs: \"x\": invalid digit found in string"),
            ("1", "inputs: \"1\": n is 1, expected 2 to 200"),
            ("201", "inputs: \"201\": n is 201, expected 2 to 200"),
            ("-3", "inputs: \"-3\": invalid digit found in string"),
        ] {
            assert_eq!(parse(list).unwrap_err().to_string(), text);
        }
        let long = vec!["2"; MAX_TASKS + 1].join(",");
        assert_eq!(parse(&long).unwrap_err().to_string(), "inputs has 1000001 numbers, at most 1000000 are allowed");
    }
}
