//! What `export!` makes of two kernels: the table that the entry function returns.

mod fragile;

use std::ffi::CStr;

use fragile::{Fragile, Note};
use gild_abi::testing::{Step, run};
use gild_abi::{Args, Cx, Kernel, Plan, Result, Value, Writer, export, raw};

/// Of another Rust type than `Note`, under the same id.
struct Impostor;

impl Value for Impostor {
    const ID: &'static CStr = Note::ID;

    fn encode(&self, _out: &mut Writer<'_>) -> Result<()> {
        Ok(())
    }

    fn decode(_src: &[u8]) -> Result<Impostor> {
        Ok(Impostor)
    }
}

/// As small as a kernel gets, and with one id for two types.
struct Mixed;

impl Kernel for Mixed {
    const NAME: &'static CStr = c"mixed";
    const SUMMARY: &'static CStr = c"gives two types one id";
    const SHARED: bool = false;

    type In = Impostor;
    type Out = Note;

    fn create(_args: &Args<'_>) -> Result<Mixed> {
        Ok(Mixed)
    }

    fn plan(&self, tasks: &mut Plan<'_, Impostor>) -> Result<()> {
        tasks.emit(Impostor)
    }

    fn run(&self, _cx: &mut Cx<'_>, _input: &Impostor) -> Result<Note> {
        Ok(Note::new("x"))
    }
}

export!(Fragile, Mixed);

unsafe extern "C" {
    safe fn gild_plugin_v1() -> *const raw::Plugin;
}

#[test]
fn the_library_says_who_it_is() {
    // SAFETY: the entry function returns a static table.
    let (plugin, text) = unsafe { (&*gild_plugin_v1(), |text| CStr::from_ptr(text).to_str().unwrap()) };
    assert_eq!((plugin.abi_major, plugin.abi_minor, plugin.abi_minor_min), (1, 0, 0));
    assert_eq!(plugin.size as usize, size_of::<raw::Plugin>());
    assert_eq!(text(plugin.name), "gild-abi");
    assert_eq!(text(plugin.version), env!("CARGO_PKG_VERSION"));
    assert_eq!(text(plugin.license), "MIT OR Apache-2.0");
}

#[test]
fn the_library_lists_its_kernels() {
    // SAFETY: the table is static, its list ends in null, and names are NUL-terminated.
    let (names, end, mixed) = unsafe {
        let kernels = (*gild_plugin_v1()).kernels;
        let names = [0, 1].map(|i| CStr::from_ptr((**kernels.add(i)).name));
        (names, *kernels.add(2), **kernels.add(1))
    };
    assert_eq!(names, [c"fragile", c"mixed"]);
    assert!(end.is_null());
    assert_eq!((mixed.flags, mixed.n_params), (0, 0));
    assert!(mixed.phases.is_null() && mixed.verify.is_none() && mixed.extension.is_none());
}

#[test]
fn the_entry_function_returns_the_same_table_to_every_thread() {
    let here = gild_plugin_v1() as usize;
    let there = std::thread::spawn(|| gild_plugin_v1() as usize).join().unwrap();
    assert_eq!((here, there), (gild_plugin_v1() as usize, here));
}

#[test]
fn two_types_with_one_id_are_refused() {
    let failure = run::<Mixed>(&[]).unwrap_err();
    assert_eq!((failure.step, failure.status), (Step::Create, raw::E_MISMATCH));
    assert_eq!(failure.text, "input and output are different types with the same id test.note/1");
}
