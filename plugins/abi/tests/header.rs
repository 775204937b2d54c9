//! The header against its Rust transcription, as a C compiler sees it, and against the frozen v1.0.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod layout;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use gild_abi::raw;
use layout::{Facts, compiler, facts, parse, succeeds};

/// A struct or union, and its fields.
type Shape = (&'static str, &'static [&'static str]);

fn header(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// Lists structs with their fields by their names in C and in Rust. The patterns without `..` make it impossible to
/// forget a Rust field.
macro_rules! shapes {
    ($($c_name:ident = $name:ident { $($field:ident),+ }),+ $(,)?) => {
        const SHAPES: &[Shape] = &[$((stringify!($c_name), &[$(strip(stringify!($field))),+])),+];

        #[expect(dead_code, unused_variables, reason = "compiles only if no field is missing above")]
        mod complete {
            use gild_abi::raw;
            $(pub fn $c_name(all: raw::$name) { let raw::$name { $($field),+ } = all; })+
        }

        fn rust_layout() -> Facts {
            let mut all = Facts::new();
            $(
                all.insert(stringify!($c_name).into(), size_of::<raw::$name>() as i64);
                $({
                    let field = format!("{}.{}", stringify!($c_name), strip(stringify!($field)));
                    all.insert(format!("{field}#"), field_size(|it: &raw::$name| &raw const it.$field));
                    all.insert(field, std::mem::offset_of!(raw::$name, $field) as i64);
                })+
            )+
            all
        }
    };
}

/// `r#type` is `type` in C.
const fn strip(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}

fn field_size<T, F>(_field: fn(&T) -> *const F) -> i64 {
    size_of::<F>() as i64
}

shapes! {
    gild_param = Param { name, summary, unit, kind, reserved, preset, min, max },
    gild_bytes = Bytes { ptr, len },
    gild_writer = Writer { ctx, write },
    gild_type = Type { size, flags, id, encode, decode, drop },
    gild_value = Value { r#type, ptr },
    gild_task = Task { attention },
    gild_host = Host {
        size, abi_minor, name, version, log, fail, emit, checkpoint, release, acquire, phase_enter, phase_exit, extension
    },
    gild_kernel = Kernel {
        size, flags, name, summary, params, n_params, phases, types, create, plan, run, verify, destroy, extension
    },
    gild_waits = Waits { size, reserved, fd, timer },
    gild_async = Async { size, flags, start, poll, drop },
    gild_classes = Classes { size, reserved, emit_as },
    gild_plugin = Plugin { abi_major, abi_minor, abi_minor_min, size, name, version, license, kernels },
}

/// A union has no pattern of all its fields.
const SCALAR: Shape = ("gild_scalar", &["i64", "f64", "str"]);

fn rust_constants() -> Facts {
    let status = |value: raw::Status| i64::from(value);
    let number = |value: u32| i64::from(value);
    Facts::from(
        [
            ("GILD_ABI_MAJOR", number(raw::ABI_MAJOR)),
            ("GILD_ABI_MINOR", number(raw::ABI_MINOR)),
            ("GILD_OK", status(raw::OK)),
            ("GILD_PENDING", status(raw::PENDING)),
            ("GILD_E_CANCELLED", status(raw::E_CANCELLED)),
            ("GILD_E_PARAM", status(raw::E_PARAM)),
            ("GILD_E_DECODE", status(raw::E_DECODE)),
            ("GILD_E_IO", status(raw::E_IO)),
            ("GILD_E_NOMEM", status(raw::E_NOMEM)),
            ("GILD_E_MISMATCH", status(raw::E_MISMATCH)),
            ("GILD_E_UNSUPPORTED", status(raw::E_UNSUPPORTED)),
            ("GILD_E_PANIC", status(raw::E_PANIC)),
            ("GILD_E_INTERNAL", status(raw::E_INTERNAL)),
            ("GILD_I64", number(raw::KIND_I64)),
            ("GILD_F64", number(raw::KIND_F64)),
            ("GILD_STR", number(raw::KIND_STR)),
            ("GILD_TYPE_SHARED", number(raw::TYPE_SHARED)),
            ("GILD_KERNEL_SHARED", number(raw::KERNEL_SHARED)),
            ("GILD_KERNEL_DETERMINISTIC", number(raw::KERNEL_DETERMINISTIC)),
            ("GILD_KERNEL_FORK_SAFE", number(raw::KERNEL_FORK_SAFE)),
            ("GILD_DEBUG", number(raw::LOG_DEBUG)),
            ("GILD_INFO", number(raw::LOG_INFO)),
            ("GILD_WARN", number(raw::LOG_WARN)),
            ("GILD_ERROR", number(raw::LOG_ERROR)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}

/// Names of the header that are not numbers.
const OTHER_MACROS: &[&str] = &["GILD_EXPORT", "GILD_HAS", "GILD_KERNEL_H", "GILD_EXT_ASYNC", "GILD_EXT_CLASSES"];

fn all_shapes() -> Vec<Shape> {
    [SHAPES, &[SCALAR]].concat()
}

fn rust_facts() -> Facts {
    let mut rust = rust_layout();
    rust.extend(rust_constants());
    rust.insert("gild_scalar".into(), size_of::<raw::Scalar>() as i64);
    for field in SCALAR.1 {
        rust.insert(format!("gild_scalar.{field}"), 0);
        rust.insert(format!("gild_scalar.{field}#"), 8);
    }
    rust
}

#[test]
fn every_size_offset_and_constant_is_the_same_in_c_and_in_rust() {
    let rust = rust_facts();
    assert_eq!(facts(&header("include/gild_kernel.h"), rust.keys()), rust);
}

#[test]
fn no_struct_of_the_header_has_a_field_that_rust_does_not_know() {
    let c = facts(&header("include/gild_kernel.h"), rust_facts().keys());
    for (name, fields) in SHAPES {
        let filled: i64 = fields.iter().map(|field| c[&format!("{name}.{field}#")]).sum();
        assert_eq!(filled, c[*name], "the known fields of {name} do not fill it");
    }
}

#[test]
fn no_constant_or_struct_of_the_header_is_missing_in_rust() {
    let text = std::fs::read_to_string(header("include/gild_kernel.h")).unwrap();
    let words: BTreeSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let constants = rust_constants();
    let unknown: Vec<_> = words
        .iter()
        .filter(|word| word.starts_with("GILD_") && !word.ends_with('_'))
        .filter(|word| !constants.contains_key(**word) && !OTHER_MACROS.contains(word))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let known: BTreeSet<&str> = all_shapes().iter().map(|(name, _)| *name).chain(["gild_plan"]).collect();
    let structs: BTreeSet<&str> = text
        .split("typedef ")
        .filter(|item| item.starts_with("struct") || item.starts_with("union"))
        .map(|item| item.split_whitespace().nth(1).unwrap())
        .collect();
    assert_eq!(structs, known);
}

#[test]
fn the_header_compiles_without_a_warning_in_every_c_and_cpp() {
    let dir = tempfile::tempdir().unwrap();
    for (variable, default, file, standards) in
        [("CC", "cc", "use.c", ["c99", "c11", "c17"]), ("CXX", "c++", "use.cc", ["c++11", "c++17", "c++20"])]
    {
        let source = dir.path().join(file);
        std::fs::write(&source, "#include \"gild_kernel.h\"\n#include \"gild_kernel.h\"\n").unwrap();
        for standard in standards {
            succeeds(
                compiler(variable, default)
                    .arg(format!("-std={standard}"))
                    .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-I"])
                    .args([&header("include"), &source]),
            );
        }
    }
}

#[test]
fn the_names_in_texts_are_the_same_in_c_and_in_rust() {
    let text = std::fs::read_to_string(header("include/gild_kernel.h")).unwrap();
    for line in [
        format!("#define GILD_EXT_ASYNC {:?}\n", raw::EXT_ASYNC.to_str().unwrap()),
        format!("#define GILD_EXT_CLASSES {:?}\n", raw::EXT_CLASSES.to_str().unwrap()),
        format!("GILD_EXPORT const gild_plugin *{}(void);\n", raw::ENTRY_SYMBOL.to_str().unwrap()),
    ] {
        assert!(text.contains(&line), "the header lacks {line}");
    }
}

/// Structs that may grow start with a `size` field; the others are closed. The numbers of v1.0 stand in a file of their
/// own, so that a later header may have names that v1.0 has not.
#[test]
fn the_structs_of_today_begin_with_those_of_v1_0() {
    let frozen = parse(include_str!("frozen/gild_kernel_v1_0.layout"));
    assert_eq!(facts(&header("tests/frozen/gild_kernel_v1_0.h"), frozen.keys()), frozen, "the frozen copy has changed");
    let now = facts(&header("include/gild_kernel.h"), frozen.keys());
    for (name, then) in &frozen {
        let grows = name == "GILD_ABI_MINOR" || frozen.contains_key(&format!("{name}.size"));
        match grows {
            true => assert!(now[name] >= *then, "{name} was {then} and is {}", now[name]),
            false => assert_eq!(now[name], *then, "{name}"),
        }
    }
}
