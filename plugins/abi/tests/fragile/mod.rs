//! A kernel that fails where it is told to.

use std::ffi::CStr;
use std::panic::panic_any;

use gild_abi::{Args, Cx, Error, Kernel, Level, Param, Plan, Result, Value, Verify, Writer};

/// Panics again when it is dropped.
pub struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the payload's own panic");
    }
}

/// An input or a result. Its text says what it does.
#[derive(Debug, Clone, PartialEq)]
pub struct Note(pub String);

impl Note {
    pub fn new(text: &str) -> Note {
        Note(text.to_owned())
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        assert!(self.0 != "panic in drop", "asked to panic in drop");
    }
}

impl Value for Note {
    const ID: &'static CStr = c"test.note/1";

    fn encode(&self, out: &mut Writer<'_>) -> Result<()> {
        match self.0.as_str() {
            "panic in encode" => panic!("asked to panic in encode"),
            "error in encode" => Err(Error::new("asked to fail in encode")),
            "ignore the writer" => {
                for byte in self.0.bytes() {
                    let _ignored = out.put(&[byte]);
                }
                Ok(())
            }
            "use io" => Ok(std::io::Write::write_all(out, self.0.as_bytes())?),
            text => out.put(text.as_bytes()),
        }
    }

    fn decode(src: &[u8]) -> Result<Note> {
        let text = std::str::from_utf8(src).map_err(|_| Error::new("a note is UTF-8"))?;
        assert!(text != "panic in decode", "asked to panic in decode");
        Ok(Note::new(text))
    }
}

pub struct Fragile {
    fault: String,
}

impl Fragile {
    fn check(&self, outs: &[&Note]) -> Result<()> {
        match self.fault.as_str() {
            "panic in verify" => panic!("asked to panic in verify"),
            "error in verify" => Err(Error::new(format!("{} notes, none of them right", outs.len()))),
            _ => Ok(()),
        }
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        assert!(self.fault != "panic in destroy", "asked to panic in destroy");
    }
}

impl Kernel for Fragile {
    const NAME: &'static CStr = c"fragile";
    const SUMMARY: &'static CStr = c"fails where it is told to";
    const PARAMS: &'static [Param] = &[
        Param::text(c"fault", c"none").summary(c"where"),
        Param::i64(c"tasks", 3, 0..=100),
        Param::f64(c"factor", 1.5, 0.0..=2.0).unit(c"ratio"),
        Param::choice(c"speed", c"fast", c"slow|fast"),
    ];
    const PHASES: &'static [&'static CStr] = &[c"outer", c"inner"];
    const DETERMINISTIC: bool = true;
    const VERIFY: Option<Verify<Self>> = Some(Fragile::check);

    type In = Note;
    type Out = Note;

    fn create(args: &Args<'_>) -> Result<Fragile> {
        match args.text("fault") {
            "error in create" => Err(Error::new("asked to fail in create")),
            "panic in create" => panic!("asked to panic in create"),
            "unknown parameter" => Ok(Fragile { fault: args.text("no-such").to_owned() }),
            "wrong kind" => Ok(Fragile { fault: args.i64("fault").to_string() }),
            fault => {
                assert_eq!((args.f64("factor"), args.text("speed")), (1.5, "fast"));
                Ok(Fragile { fault: fault.to_owned() })
            }
        }
    }

    fn plan(&self, tasks: &mut Plan<'_, Note>) -> Result<()> {
        match self.fault.as_str() {
            "error in plan" => return Err(Error::new("asked to fail in plan")),
            "panic in plan" => panic!("asked to panic in plan"),
            "ignore a refusal" => {
                for _ in 0..10 {
                    let _ignored = tasks.emit(Note::new("never"));
                }
                return Ok(());
            }
            _ => {}
        }
        (0..3).try_for_each(|number| tasks.emit_weighted(Note(format!("note {number}")), number))
    }

    fn run(&self, cx: &mut Cx<'_>, note: &Note) -> Result<Note> {
        match note.0.as_str() {
            "error" => return Err(Error::new("asked to fail")),
            "io" => Err(std::io::Error::other("the disk is on fire"))?,
            "unsupported" => return Err(Error::unsupported("not on this machine")),
            "panic" => panic!("asked to panic"),
            "panic with a number" => panic_any(7),
            "panic with a bomb" => panic_any(Bomb),
            "poll" => loop {
                cx.poll()?;
            },
            "block" => cx.blocking(|| ())?,
            "block and panic" => cx.blocking(|| panic!("asked to panic while blocking"))?,
            "phases" => {
                cx.phase(0, |cx| cx.phase(1, |cx| cx.poll()))?;
                cx.phase(1, |_| ());
            }
            "phase and panic" => cx.phase(0, |cx| cx.phase(1, |_| panic!("asked to panic in a phase"))),
            "no such phase" => cx.phase(2, |_| ()),
            "log" => {
                let logger = cx.logger();
                cx.log(Level::Warn, "before");
                cx.blocking(|| logger.log(Level::Debug, format_args!("while {}", "blocking")))?;
            }
            _ => {}
        }
        Ok(note.clone())
    }
}
