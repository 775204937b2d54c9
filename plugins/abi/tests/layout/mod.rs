//! What a C compiler says about a header: sizes, offsets and constants, by name.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// Numbers by name: `gild_host` is a size, `gild_host.log` an offset, `gild_host.log#` the size of a field,
/// `GILD_OK` a constant.
pub type Facts = BTreeMap<String, i64>;

/// A program's command: the environment's choice, or the system's.
pub fn compiler(variable: &str, default: &str) -> Command {
    Command::new(std::env::var_os(variable).unwrap_or(default.into()))
}

/// Runs a compiler. A missing one is a failure like any other: the workspace cannot be built without.
pub fn succeeds(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    assert!(output.status.success(), "{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
}

/// Asks the C compiler for the numbers with these names.
pub fn facts<'a>(header: &Path, names: impl IntoIterator<Item = &'a String>) -> Facts {
    let dir = tempfile::tempdir().unwrap();
    let (source, program) = (dir.path().join("layout.c"), dir.path().join("layout"));
    std::fs::write(&source, questions(header, names)).unwrap();
    succeeds(compiler("CC", "cc").args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-o"]).args([&program, &source]));
    let answers = Command::new(&program).output().unwrap();
    assert!(answers.status.success(), "{}", answers.status);
    parse(&String::from_utf8(answers.stdout).unwrap())
}

fn questions<'a>(header: &Path, names: impl IntoIterator<Item = &'a String>) -> String {
    let mut code = format!("#include {:?}\n#include <stdio.h>\nint main(void) {{\n", header);
    for name in names {
        let question = match name.split_once('.') {
            Some((owner, field)) => match field.strip_suffix('#') {
                Some(field) => format!("sizeof((({owner} *)0)->{field})"),
                None => format!("offsetof({owner}, {field})"),
            },
            None if name.starts_with("GILD_") => name.clone(),
            None => format!("sizeof({name})"),
        };
        writeln!(code, "    printf(\"{name} %lld\\n\", (long long)({question}));").unwrap();
    }
    code + "    return 0;\n}\n"
}

/// Reads facts from lines of a name and a number.
pub fn parse(text: &str) -> Facts {
    let fact = |line: &str| {
        let (name, value) = line.split_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    };
    text.lines().map(fact).collect()
}
