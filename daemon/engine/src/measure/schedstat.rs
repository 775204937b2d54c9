//! `/proc/thread-self/schedstat`: how long a thread was ready to run and had no core.
//!
//! Three numbers (Documentation/scheduler/sched-stats.rst): time on the CPU in nanoseconds (brought up to date at
//! ticks and switches only, so up to a tick old), time waiting on a run queue in nanoseconds, time slices. The file
//! is kept open and read again with pread(2), which is several times cheaper than opening it each time.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// One reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sample {
    /// Time on the CPU, in nanoseconds, up to a scheduler tick old.
    pub on_cpu_ns: u64,
    /// Time ready to run without a core, in nanoseconds.
    pub run_delay_ns: u64,
    /// How often it got a core; 0 where the kernel does not say.
    pub slices: u64,
}

/// The open file of the thread that opened it.
#[derive(Debug)]
pub struct Schedstat {
    file: File,
}

impl Schedstat {
    /// Opens the calling thread's file.
    ///
    /// # Errors
    /// The kernel was built without schedstat (CONFIG_SCHED_INFO), or /proc is not mounted.
    pub fn open() -> io::Result<Schedstat> {
        let stat = Schedstat { file: File::open("/proc/thread-self/schedstat")? };
        stat.read()?;
        Ok(stat)
    }

    /// A file that the caller has opened: the `schedstat` of the thread that opened it.
    pub fn of(file: File) -> Schedstat {
        Schedstat { file }
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Reads it. Any thread may call this, but it always tells of the thread that opened it.
    ///
    /// # Errors
    /// The read failed, or the text has no two numbers.
    pub fn read(&self) -> io::Result<Sample> {
        let mut text = [0; 96];
        let length = self.file.read_at(&mut text, 0)?;
        parse(&text[..length]).ok_or_else(|| {
            let text = String::from_utf8_lossy(&text[..length]).into_owned();
            io::Error::new(io::ErrorKind::InvalidData, format!("/proc/thread-self/schedstat says {text:?}"))
        })
    }
}

/// Reads the file's text; `None` if it does not begin with two numbers.
pub fn parse(text: &[u8]) -> Option<Sample> {
    let mut numbers = text.split(|byte| !byte.is_ascii_digit()).map(|digits| {
        digits
            .iter()
            .try_fold(0u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
            .filter(|_| !digits.is_empty())
    });
    let (on_cpu_ns, run_delay_ns) = (numbers.next()??, numbers.next()??);
    Some(Sample { on_cpu_ns, run_delay_ns, slices: numbers.next().flatten().unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_numbers() {
        assert_eq!(parse(b"123 456 7\n"), Some(Sample { on_cpu_ns: 123, run_delay_ns: 456, slices: 7 }));
        assert_eq!(parse(b"123 456\n"), Some(Sample { on_cpu_ns: 123, run_delay_ns: 456, slices: 0 }));
        assert_eq!(parse(b"123\n"), None);
        assert_eq!(parse(b""), None);
        assert_eq!(parse(b"99999999999999999999999 1 1\n"), None);
    }

    #[test]
    fn the_own_file_can_be_read_again_and_again() {
        let stat = Schedstat::open().unwrap();
        let first = stat.read().unwrap();
        let later = stat.read().unwrap();
        assert!(later.on_cpu_ns >= first.on_cpu_ns && later.run_delay_ns >= first.run_delay_ns);
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in prop::collection::vec(any::<u8>(), 0..96)) {
            let _ = parse(&text);
        }
    }
}
