//! What a task is given.
//!
//! | type | bytes |
//! |---|---|
//! | `gild.calibrated-argument/1` | the task's number, 8 bytes, little-endian; then padding: the lowest byte of the task's number, again and again |

use std::ffi::CStr;

use gild_abi::{Error, Result, Value, Writer};

/// Bytes in front of the padding.
const HEADER_BYTES: usize = 8;

/// The argument of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// The task's number.
    pub task: u64,
    padding: Vec<u8>,
}

impl Argument {
    /// Makes the argument of a task.
    pub(crate) fn new(task: u64, padding_bytes: usize) -> Argument {
        Argument { task, padding: vec![task as u8; padding_bytes] }
    }
}

impl Value for Argument {
    const ID: &'static CStr = c"gild.calibrated-argument/1";

    fn encode(&self, out: &mut Writer<'_>) -> Result<()> {
        out.put(&self.task.to_le_bytes())?;
        out.put(&self.padding)
    }

    fn decode(src: &[u8]) -> Result<Argument> {
        let Some((header, padding)) = src.split_first_chunk::<HEADER_BYTES>() else {
            return Err(Error::new(format!("an argument has at least {HEADER_BYTES} bytes, found {}", src.len())));
        };
        let task = u64::from_le_bytes(*header);
        if padding.iter().any(|byte| *byte != task as u8) {
            return Err(Error::new("a wrong byte in the padding"));
        }
        Ok(Argument { task, padding: padding.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use gild_abi::testing;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bytes_are_as_documented() {
        assert_eq!(testing::encode(&Argument::new(0x0102, 3)).unwrap(), [2, 1, 0, 0, 0, 0, 0, 0, 2, 2, 2]);
        assert_eq!(testing::encode(&Argument::new(7, 0)).unwrap().len(), HEADER_BYTES);
    }

    #[test]
    fn bytes_that_encode_would_not_write_are_refused() {
        let good = testing::encode(&Argument::new(7, 2)).unwrap();
        Argument::decode(&good).unwrap();
        Argument::decode(&good[..7]).unwrap_err();
        let mut bad = good;
        bad[9] = 8;
        Argument::decode(&bad).unwrap_err();
    }

    proptest! {
        #[test]
        fn arguments_survive_the_way(task in any::<u64>(), padding_bytes in 0..1000_usize) {
            let argument = Argument::new(task, padding_bytes);
            prop_assert_eq!(Argument::decode(&testing::encode(&argument)?), Ok(argument));
        }
    }
}
