//! The built library: what it exports, and what it says of itself.

use std::ffi::CStr;
use std::path::PathBuf;

use gild_abi::raw;
use object::{Object, ObjectSymbol};

/// Cargo builds the library beside the test program.
fn library() -> PathBuf {
    std::env::current_exe().expect("a running program has a path").with_file_name("libio_bound.so")
}

#[test]
fn the_library_exports_the_entry_function_and_nothing_else() {
    let bytes = std::fs::read(library()).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let exports: Vec<&str> = file.dynamic_symbols().filter(|s| s.is_definition()).map(|s| s.name().unwrap()).collect();
    assert_eq!(exports, ["gild_plugin_v1"]);
}

#[test]
fn the_library_opens_and_says_who_it_is() {
    // SAFETY: the library is our own; its constructors do nothing. The entry symbol has this type (header).
    unsafe {
        let library = libloading::Library::new(library()).unwrap();
        let entry = library.get::<raw::Entry>(raw::ENTRY_SYMBOL).unwrap();
        let plugin = &*entry();
        assert_eq!((plugin.abi_major, plugin.abi_minor), (raw::ABI_MAJOR, raw::ABI_MINOR));
        assert_eq!(CStr::from_ptr(plugin.name), c"gild-io-bound");
        let names = [0, 1].map(|index| CStr::from_ptr((**plugin.kernels.add(index)).name));
        assert_eq!(names, [c"io-bound", c"mixed"]);
        assert!((*plugin.kernels.add(2)).is_null());
        // The tests' own threads may have thread-local state of the library: it is never unloaded.
        std::mem::forget(library);
    }
}
