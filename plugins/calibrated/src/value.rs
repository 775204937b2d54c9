//! What comes back from a task.
//!
//! | type | bytes |
//! |---|---|
//! | `gild.calibrated/1` | the task's number, 8 bytes; the CPU time of a codec call in µs, 8 bytes; both little-endian; then padding: the lowest byte of the task's number, again and again |
//!
//! `encode` and `decode` do their work, and then burn what is left of the CPU time. Nothing measured is in a result:
//! results of all cases are equal.

use std::ffi::CStr;
use std::time::Duration;

use gild_abi::{Error, Result, Value, Writer};
use serde::{Deserialize, Serialize};

use crate::burn::burn;
use crate::clocks::{Figures, Start, cpu_time};
use crate::journal::Journal;

/// Bytes in front of the padding.
pub const HEADER_BYTES: usize = 16;
/// The most CPU time of a codec call.
pub(crate) const CODEC_US_MAX: u64 = 10_000_000;

/// A line on a codec call that was to take CPU time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Codec {
    /// Which call.
    pub codec: CodecKind,
    /// The result's task.
    pub of_task: u64,
    /// What the operating system has seen.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodecKind {
    /// Value to bytes.
    Encode,
    /// Bytes to value.
    Decode,
    /// The value is given up.
    Drop,
}

/// A result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    task: u64,
    codec_us: u64,
    padding: Vec<u8>,
}

impl Parcel {
    /// Makes the result of a task.
    pub(crate) fn new(task: u64, codec_us: u64, padding_bytes: usize) -> Parcel {
        Parcel { task, codec_us, padding: vec![task as u8; padding_bytes] }
    }

    /// The task's number.
    pub fn task(&self) -> u64 {
        self.task
    }

    /// How many bytes follow the header.
    pub fn padding_bytes(&self) -> usize {
        self.padding.len()
    }

    fn is_padded_well(&self) -> bool {
        self.padding.iter().all(|byte| *byte == self.task as u8)
    }

    /// Checks a result against what is known of it.
    pub(crate) fn check(&self, task: u64, padding_bytes: usize) -> Result<()> {
        let found = self.task;
        if found != task {
            return Err(Error::new(format!("the result of task {task} is that of task {found}")));
        }
        if self.padding.len() != padding_bytes {
            let found = self.padding.len();
            return Err(Error::new(format!("the result of task {task} has {found} bytes, expected {padding_bytes}")));
        }
        if !self.is_padded_well() {
            return Err(Error::new(format!("the result of task {task} has a wrong byte in its padding")));
        }
        Ok(())
    }
}

impl Value for Parcel {
    const ID: &'static CStr = c"gild.calibrated/1";

    fn encode(&self, out: &mut Writer<'_>) -> Result<()> {
        let start = Start::now();
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(&self.task.to_le_bytes());
        header[8..].copy_from_slice(&self.codec_us.to_le_bytes());
        out.put(&header)?;
        out.put(&self.padding)?;
        burn_rest(self, CodecKind::Encode, start)
    }

    fn decode(src: &[u8]) -> Result<Parcel> {
        let start = Start::now();
        let Some((header, padding)) = src.split_first_chunk::<HEADER_BYTES>() else {
            return Err(Error::new(format!("a result has at least {HEADER_BYTES} bytes, found {}", src.len())));
        };
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| header[at + index]));
        let parcel = Parcel { task: number(0), codec_us: number(8), padding: padding.to_vec() };
        if parcel.codec_us > CODEC_US_MAX {
            return Err(Error::new(format!("decoding would take {} µs, at most {CODEC_US_MAX}", parcel.codec_us)));
        }
        if !parcel.is_padded_well() {
            return Err(Error::new("a wrong byte in the padding"));
        }
        burn_rest(&parcel, CodecKind::Decode, start)?;
        Ok(parcel)
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        if self.codec_us > 0 {
            let start = Start::now();
            drop(std::mem::take(&mut self.padding));
            let event = Codec { codec: CodecKind::Drop, of_task: self.task, figures: start.figures() };
            // There is nobody here to tell; a line that is missing in the file tells.
            let _told = Journal::newest().map(|journal| journal.note(event));
        }
    }
}

/// Burns what is left of a codec call's CPU time, and notes what the call was. There is no safe point in a codec.
fn burn_rest(parcel: &Parcel, codec: CodecKind, start: Start) -> Result<()> {
    if parcel.codec_us == 0 {
        return Ok(());
    }
    let rest = Duration::from_micros(parcel.codec_us).saturating_sub(cpu_time() - start.cpu());
    if rest > Duration::ZERO {
        burn(rest, || Ok(()))?;
    }
    let event = Codec { codec, of_task: parcel.task, figures: start.figures() };
    Journal::newest().map_or(Ok(()), |journal| journal.note(event))
}

#[cfg(test)]
mod tests {
    use gild_abi::testing;
    use proptest::prelude::*;

    use super::*;
    use crate::clocks::{measured, nanoseconds};

    #[test]
    fn the_bytes_are_as_documented() {
        let bytes = testing::encode(&Parcel::new(0x0102, 3, 2)).unwrap();
        assert_eq!(bytes, [2, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2, 2]);
    }

    #[test]
    fn both_ways_take_the_time_that_was_asked_for() {
        for (codec_us, padding_bytes) in [(2000, 0), (2000, 1 << 16)] {
            let parcel = Parcel::new(7, codec_us, padding_bytes);
            let encode = measured(|| testing::encode(&parcel)).unwrap();
            let decode = measured(|| Parcel::decode(&encode.truth)).unwrap();
            for cpu_ns in [encode.figures.cpu_ns, decode.figures.cpu_ns] {
                let asked = nanoseconds(Duration::from_micros(codec_us));
                // CPU time: only system calls, interrupts, and what a hypervisor takes silently come on top.
                assert!(cpu_ns >= asked && cpu_ns < asked + 20_000_000, "{cpu_ns} of {asked}");
            }
        }
    }

    #[test]
    fn bytes_that_encode_would_not_write_are_refused() {
        let good = testing::encode(&Parcel::new(7, 0, 3)).unwrap();
        Parcel::decode(&good).unwrap();
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            bytes
        };
        for bad in [good[..15].to_vec(), with(18, 8), with(0, 8), with(15, 1)] {
            Parcel::decode(&bad).unwrap_err();
        }
    }

    #[test]
    fn a_wrong_result_is_named() {
        let parcel = Parcel::new(7, 0, 3);
        assert_eq!(parcel.check(7, 3), Ok(()));
        let text = |task, bytes| parcel.check(task, bytes).unwrap_err().to_string();
        assert_eq!(text(8, 3), "the result of task 8 is that of task 7");
        assert_eq!(text(7, 4), "the result of task 7 has 3 bytes, expected 4");
        let spoilt = Parcel { padding: vec![7, 7, 0], ..parcel };
        assert_eq!(spoilt.check(7, 3).unwrap_err().to_string(), "the result of task 7 has a wrong byte in its padding");
    }

    proptest! {
        #[test]
        fn results_survive_the_way(task in any::<u64>(), codec_us in 0..5_u64, padding_bytes in 0..1000_usize) {
            let parcel = Parcel::new(task, codec_us, padding_bytes);
            let bytes = testing::encode(&parcel)?;
            prop_assert_eq!(bytes.len(), HEADER_BYTES + padding_bytes);
            prop_assert_eq!(Parcel::decode(&bytes), Ok(parcel));
        }
    }
}
