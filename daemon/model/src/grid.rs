//! Cases as a file has them: a list where one value could stand makes a grid, one case for every combination.
//!
//! ```toml
//! [[case]]
//! model = "threads"
//! workers = [1, 2, 4, 8]        # an axis
//! interval_us = [500, 5000]     # another: eight cases
//! param.n = [10, 20, 30]        # and another: twenty-four
//! param.inputs = [[50, 63], [32]] # a list of lists, where the parameter's value is a list itself
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU32;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use crate::case::{Dispatch, LockPolicy, Model, Pinning, Start, Transport};
use crate::choice::CaseChoice;
use crate::params::ParamValue;

/// Most cases that one experiment may have.
pub const CASES_MAX: usize = 1_000;

/// The values of one key: several of them are an axis of the grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Axis<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMany(PhantomData))
    }
}

/// Takes a sequence as the values of an axis, and anything else as the only value. An untagged enum would do the same
/// and lose the reason for which a value is refused.
struct OneOrMany<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMany<T> {
    type Value = Axis<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, or a list of values")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Axis<T>, E> {
        one(value.into_deserializer())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Axis<T>, E> {
        one(value.into_deserializer())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Axis<T>, E> {
        one(value.into_deserializer())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Axis<T>, E> {
        one(value.into_deserializer())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Axis<T>, E> {
        one(value.into_deserializer())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Axis<T>, A::Error> {
        one(MapAccessDeserializer::new(map))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<Axis<T>, A::Error> {
        let values = Vec::deserialize(SeqAccessDeserializer::new(sequence))?;
        if values.is_empty() {
            Err(A::Error::custom("an empty list: give at least one value"))
        } else {
            Ok(Axis(values))
        }
    }
}

fn one<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Axis<T>, D::Error> {
    T::deserialize(deserializer).map(|value| Axis(vec![value]))
}

/// A `[[case]]` of a file.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseGrid {
    name: Option<String>,
    model: Model,
    workers: Option<Axis<NonZeroU32>>,
    in_flight: Option<Axis<NonZeroU32>>,
    threads_per_process: Option<Axis<NonZeroU32>>,
    lock: Option<Axis<LockPolicy>>,
    interval_us: Option<Axis<u64>>,
    check_interval: Option<Axis<u32>>,
    start: Option<Axis<Start>>,
    transport: Option<Axis<Transport>>,
    dispatch: Option<Axis<Dispatch>>,
    chunk: Option<Axis<NonZeroU32>>,
    pinning: Option<Pinning>,
    python: Option<Axis<String>>,
    #[serde(default)]
    param: BTreeMap<String, Axis<ParamValue>>,
}

impl CaseGrid {
    /// Every combination of the values, those of the last key changing fastest; parameters change slowest. A name gets
    /// the values of the axes behind it.
    ///
    /// # Errors
    /// The grid has more than [`CASES_MAX`] cases.
    pub fn expand(self) -> Result<Vec<CaseChoice>, String> {
        let mut choices = vec![CaseChoice { name: self.name, pinning: self.pinning, ..CaseChoice::of(self.model) }];
        for (key, axis) in self.param {
            choices = cross(choices, Some(axis), &format!("{key}="), |it, value: ParamValue| {
                it.params.insert(key.clone(), value);
            })?;
        }
        choices = cross(choices, self.python, "", |it, value| it.python = Some(value.into()))?;
        choices = cross(choices, self.lock, "", |it, value| it.lock = Some(value))?;
        choices = cross(choices, self.interval_us, "interval_us=", |it, value| it.interval_us = Some(value))?;
        choices = cross(choices, self.check_interval, "check_interval=", |it, value| it.check_interval = Some(value))?;
        choices = cross(choices, self.start, "", |it, value| it.start = Some(value))?;
        choices = cross(choices, self.transport, "", |it, value| it.transport = Some(value))?;
        choices = cross(choices, self.dispatch, "", |it, value| it.dispatch = Some(value))?;
        choices = cross(choices, self.chunk, "chunk=", |it, value| it.chunk = Some(value))?;
        choices = cross(choices, self.threads_per_process, "threads_per_process=", |it, value| {
            it.threads_per_process = Some(value);
        })?;
        choices = cross(choices, self.workers, "workers=", |it, value| it.workers = Some(value))?;
        cross(choices, self.in_flight, "in_flight=", |it, value| it.in_flight = Some(value))
    }
}

/// Every choice with every value of an axis. `label` comes before the value in a name that the user gave.
fn cross<T: Clone + fmt::Display>(
    choices: Vec<CaseChoice>,
    axis: Option<Axis<T>>,
    label: &str,
    set: impl Fn(&mut CaseChoice, T),
) -> Result<Vec<CaseChoice>, String> {
    let Some(Axis(values)) = axis else { return Ok(choices) };
    if choices.len().saturating_mul(values.len()) > CASES_MAX {
        return Err(format!("the lists make more than {CASES_MAX} cases"));
    }
    let with = |choice: &CaseChoice, value: &T| {
        let mut choice = choice.clone();
        if let Some(name) = choice.name.as_mut().filter(|_| values.len() > 1) {
            *name += &format!(" {label}{value}");
        }
        set(&mut choice, value.clone());
        choice
    };
    Ok(choices.iter().flat_map(|choice| values.iter().map(move |value| with(choice, value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(text: &str) -> Result<Vec<CaseChoice>, String> {
        toml::from_str::<CaseGrid>(text).map_err(|error| error.message().to_owned())?.expand()
    }

    fn names(text: &str) -> Vec<String> {
        expand(text).unwrap().into_iter().map(|choice| choice.resolve().unwrap().name).collect()
    }

    #[test]
    fn lists_make_every_combination() {
        assert_eq!(
            names("model = 'threads'\nworkers = [1, 2]\nlock = ['cpython', 'none']\nparam.n = [10, 20]"),
            [
                "threads-1-n=10",
                "threads-2-n=10",
                "threads-1-unlocked-n=10",
                "threads-2-unlocked-n=10",
                "threads-1-n=20",
                "threads-2-n=20",
                "threads-1-unlocked-n=20",
                "threads-2-unlocked-n=20",
            ]
        );
        assert_eq!(names("model = 'event-loop'\nin_flight = [1, 10]"), ["event-loop-1", "event-loop-10"]);
        assert_eq!(names("model = 'sequential'"), ["sequential"]);
    }

    #[test]
    fn a_name_gets_the_values_of_the_axes_only() {
        let text = "name = 'mine'\nmodel = 'processes'\nworkers = [2, 4]\nchunk = 8\nparam.inputs = [[50, 63], [32]]";
        assert_eq!(
            names(text),
            [
                "mine inputs=50,63 workers=2",
                "mine inputs=50,63 workers=4",
                "mine inputs=32 workers=2",
                "mine inputs=32 workers=4"
            ]
        );
    }

    #[test]
    fn the_example_in_the_documentation_is_the_grid_that_it_says() {
        let documentation = include_str!("../../../docs/experiments.md");
        let (_, rest) = documentation.split_once("```toml\n").expect("there is an example");
        let (example, _) = rest.split_once("```").expect("the example ends");
        let experiment = crate::experiment::parse(example, "experiments.md".as_ref()).unwrap();
        let names: Vec<_> = experiment.cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names.len(), 2 + 2 * 2 * 4 + 2 * 2 * 4);
        assert_eq!((names[2], names[17]), ("threads-1-500us-n=20", "threads-8-n=30"));
        assert_eq!(crate::group::groups(&experiment).len(), 2);
        for key in ["in_flight", "threads_per_process", "lock", "check_interval", "start", "transport", "dispatch"] {
            assert!(documentation.contains(&format!("`{key}`")), "{key}");
        }
    }

    #[test]
    fn values_are_refused_for_their_own_reason() {
        let refused = |text: &str, expected: &str| {
            let error = expand(text).unwrap_err();
            assert!(error.contains(expected), "{error:?} does not say {expected:?}");
        };
        refused("model = 'threads'\nlock = 'fare'", "unknown variant `fare`");
        refused("model = 'threads'\nlock = ['fair', 'fare']", "unknown variant `fare`");
        refused("model = 'threads'\nworkers = [0]", "nonzero");
        refused("model = 'threads'\nworkers = []", "an empty list");
        refused("model = 'threads'\nworkers = 'two'", "invalid type: string");
        let many: Vec<_> = (1..=40).map(|it| it.to_string()).collect();
        let many = many.join(", ");
        refused(&format!("model = 'threads'\nworkers = [{many}]\nchunk = [{many}]"), "more than 1000 cases");
    }
}
