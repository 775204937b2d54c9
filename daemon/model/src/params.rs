//! A kernel's parameters. What the kernel declares meets what the user gave here: the one place where they are checked.
//!
//! The daemon calls this before it accepts a run, so that a mistake is refused before anything starts; the
//! coordinator calls it again on what it was sent.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::plugin::{KernelInfo, ParamInfo, ParamKind};

/// A parameter of a kernel as the user gave it; the kernel's own declaration decides what it must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number, a string, or a list of numbers or strings")]
pub enum ParamValue {
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// A string.
    Text(String),
    /// A list; given to the kernel as a string, its items joined with commas.
    List(Vec<ParamValue>),
}

impl ParamValue {
    /// Reads a value from the command line: an integer if it is one, else a number, else a string.
    pub fn from_argument(text: &str) -> ParamValue {
        if let Ok(int) = text.parse() {
            ParamValue::Int(int)
        } else if let Some(float) = text.parse::<f64>().ok().filter(|it| it.is_finite()) {
            ParamValue::Float(float)
        } else {
            ParamValue::Text(text.to_owned())
        }
    }
}

impl fmt::Display for ParamValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParamValue::Int(int) => write!(f, "{int}"),
            ParamValue::Float(float) => write!(f, "{float}"),
            ParamValue::Text(text) => f.write_str(text),
            ParamValue::List(items) => {
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        f.write_str(",")?;
                    }
                    write!(f, "{item}")?;
                }
                Ok(())
            }
        }
    }
}

/// Why a parameter is refused. Each names the kernel's parameter, what was found and what is expected.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ParamError {
    /// The kernel has no such parameter.
    #[error("param.{name}: kernel {kernel} has no such parameter; it has: {known}")]
    Unknown {
        /// The kernel.
        kernel: String,
        /// The parameter.
        name: String,
        /// The parameters that it has.
        known: String,
    },
    /// The value is of another kind.
    #[error("param.{name}: found {found}, expected {expected}")]
    Kind {
        /// The parameter.
        name: String,
        /// The value.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The value is out of bounds.
    #[error("param.{name}: found {found}, expected {min} to {max}{unit}")]
    Bounds {
        /// The parameter.
        name: String,
        /// The value.
        found: String,
        /// Least value.
        min: String,
        /// Greatest value.
        max: String,
        /// The unit, after a blank, if there is one.
        unit: String,
    },
    /// The value is none of the choices.
    #[error("param.{name}: found \"{found}\", expected one of: {choices}")]
    Choice {
        /// The parameter.
        name: String,
        /// The value.
        found: String,
        /// What it may be.
        choices: String,
    },
}

/// Gives the value of every parameter of the kernel, in the order of their declaration: integers as
/// [`ParamValue::Int`], numbers as [`ParamValue::Float`], strings as [`ParamValue::Text`].
///
/// # Errors
/// The first parameter that is unknown, of the wrong kind, out of bounds, or none of the choices.
pub fn resolve(kernel: &KernelInfo, given: &BTreeMap<String, ParamValue>) -> Result<Vec<ParamValue>, ParamError> {
    if let Some(name) = given.keys().find(|name| !kernel.params.iter().any(|param| param.name == **name)) {
        let known: Vec<_> = kernel.params.iter().map(|param| param.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(ParamError::Unknown { kernel: kernel.name.clone(), name: name.clone(), known });
    }
    kernel.params.iter().map(|param| value(param, given.get(&param.name).unwrap_or(&param.preset))).collect()
}

fn value(param: &ParamInfo, given: &ParamValue) -> Result<ParamValue, ParamError> {
    let wrong = |expected| ParamError::Kind { name: param.name.clone(), found: given.to_string(), expected };
    let value = match (param.kind, given) {
        (ParamKind::Integer, ParamValue::Int(_)) => given.clone(),
        (ParamKind::Integer, _) => return Err(wrong("an integer")),
        (ParamKind::Number, ParamValue::Int(int)) => ParamValue::Float(*int as f64),
        (ParamKind::Number, ParamValue::Float(float)) if !float.is_nan() => given.clone(),
        (ParamKind::Number, _) => return Err(wrong("a number")),
        (ParamKind::String, _) => ParamValue::Text(given.to_string()),
    };
    if matches!(&value, ParamValue::Text(text) if text.contains('\0')) {
        return Err(wrong("a string without NUL"));
    }
    check_bounds(param, &value)?;
    check_choice(param, &value)?;
    Ok(value)
}

fn check_bounds(param: &ParamInfo, value: &ParamValue) -> Result<(), ParamError> {
    let (Some(min), Some(max)) = (&param.min, &param.max) else { return Ok(()) };
    let inside = match (value, min, max) {
        (ParamValue::Int(it), ParamValue::Int(min), ParamValue::Int(max)) => (min..=max).contains(&it),
        (ParamValue::Float(it), ParamValue::Float(min), ParamValue::Float(max)) => (min..=max).contains(&it),
        _ => true,
    };
    if inside {
        return Ok(());
    }
    Err(ParamError::Bounds {
        name: param.name.clone(),
        found: value.to_string(),
        min: min.to_string(),
        max: max.to_string(),
        unit: param.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default(),
    })
}

fn check_choice(param: &ParamInfo, value: &ParamValue) -> Result<(), ParamError> {
    match value {
        ParamValue::Text(text) if !param.choices.is_empty() && !param.choices.contains(text) => {
            Err(ParamError::Choice { name: param.name.clone(), found: text.clone(), choices: param.choices.join(", ") })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn param(name: &str, kind: ParamKind, preset: ParamValue, bounds: Option<(ParamValue, ParamValue)>) -> ParamInfo {
        let (min, max) = bounds.unzip();
        let choices = if name == "mode" { vec!["a".to_owned(), "b".to_owned()] } else { Vec::new() };
        ParamInfo {
            name: name.into(),
            summary: String::new(),
            unit: Some("ms".into()),
            kind,
            preset,
            min,
            max,
            choices,
        }
    }

    fn kernel() -> KernelInfo {
        use ParamValue::{Float, Int, Text};
        KernelInfo {
            name: "k".into(),
            summary: String::new(),
            params: vec![
                param("n", ParamKind::Integer, Int(30), Some((Int(2), Int(99)))),
                param("x", ParamKind::Number, Float(0.5), Some((Float(0.0), Float(1.0)))),
                param("list", ParamKind::String, Text(String::new()), None),
                param("mode", ParamKind::String, Text("a".into()), None),
            ],
            phases: Vec::new(),
            shared: true,
            deterministic: true,
            fork_safe: true,
            verifies: false,
        }
    }

    fn check(given: &[(&str, ParamValue)]) -> Result<String, String> {
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let values = resolve(&kernel(), &given).map_err(|error| error.to_string())?;
        Ok(ParamValue::List(values).to_string())
    }

    #[test]
    fn what_is_not_given_takes_its_preset_and_kinds_are_made_to_fit() {
        use ParamValue::{Int, List};
        assert_eq!(check(&[]).unwrap(), "30,0.5,,a");
        assert_eq!(check(&[("x", Int(1)), ("list", List(vec![Int(50), Int(63)]))]).unwrap(), "30,1,50,63,a");
    }

    #[test]
    fn a_refusal_names_the_parameter_what_was_found_and_what_is_expected() {
        use ParamValue::{Float, Int, Text};
        let refused = |name, value, expected: &str| assert_eq!(check(&[(name, value)]).unwrap_err(), expected);
        refused("m", Int(1), "param.m: kernel k has no such parameter; it has: n, x, list, mode");
        refused("n", Float(1.5), "param.n: found 1.5, expected an integer");
        refused("n", Int(1), "param.n: found 1, expected 2 to 99 ms");
        refused("x", Float(f64::NAN), "param.x: found NaN, expected a number");
        refused("mode", Text("c".into()), "param.mode: found \"c\", expected one of: a, b");
        refused("list", Text("a\0b".into()), "param.list: found a\0b, expected a string without NUL");
    }
}
