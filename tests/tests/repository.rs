//! What has to stay true of the repository itself: its layout, its documents, its style.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gild_tests::binaries::repository;
use gild_tests::lab::Lab;
use gild_tests::skipped;

/// Files longer than this have more than one subject.
const LINES_MAX: usize = 460;
/// A copy of version 1.0 of the header, which never changes.
const FROZEN: &str = "plugins/abi/tests/frozen";

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files of the repository whose names end so, relative to it.
fn files(endings: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![repository().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if name.starts_with('.') || name == "target" {
                continue;
            }
            let relative = path.strip_prefix(repository()).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if endings.iter().any(|ending| name.ends_with(ending)) && !relative.starts_with(FROZEN) {
                found.push(relative);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty());
    found
}

/// The folders that hold a crate.
fn crates() -> Vec<String> {
    let manifests = files(&["Cargo.toml"]);
    let folders = manifests.iter().map(|it| it.trim_end_matches("Cargo.toml").trim_end_matches('/').to_owned());
    folders.filter(|it| !it.is_empty()).collect()
}

/// Asserts that there is nothing to complain about.
#[track_caller]
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn the_top_folder_has_what_it_should() {
    let output = Command::new("git").args(["ls-files"]).current_dir(repository()).output();
    let Some(output) = output.ok().filter(|it| it.status.success()) else {
        return skipped("the layout", "this is no git checkout, or there is no git");
    };
    let list = String::from_utf8(output.stdout).unwrap();
    let top: BTreeSet<&str> = list.lines().map(|path| path.split('/').next().unwrap()).collect();
    let folders: Vec<&str> = top.iter().copied().filter(|it| repository().join(it).is_dir()).collect();
    assert_eq!(folders, [".ci", "configs", "ctl", "daemon", "docs", "plugins", "tests"]);
    for file in
        ["Cargo.toml", "Cargo.lock", "README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"]
    {
        assert!(top.contains(file), "{file} is missing");
    }
}

#[test]
fn the_code_map_names_every_crate_and_folder() {
    let map = read("ARCHITECTURE.md");
    let top = ["configs", "docs", "tests"].map(str::to_owned);
    let missing = crates().into_iter().chain(top).filter(|it| !map.contains(&format!("| `{it}` |")));
    none(&missing.map(|it| format!("ARCHITECTURE.md: the code map lacks `{it}`")).collect::<Vec<_>>());
}

#[test]
fn every_crate_root_is_a_table_of_contents() {
    let mut complaints = Vec::new();
    for folder in crates() {
        for root in ["src/lib.rs", "src/main.rs"].map(|it| format!("{folder}/{it}")) {
            if !repository().join(&root).exists() {
                continue;
            }
            let text = read(&root);
            let lines: Vec<&str> = text.lines().collect();
            for (index, line) in lines.iter().enumerate() {
                let module = line.trim_start_matches("pub ").strip_prefix("mod ").and_then(|it| it.strip_suffix(';'));
                let Some(module) = module.filter(|_| index > 0 && !lines[index - 1].starts_with("#[cfg")) else {
                    continue;
                };
                if text.contains("\n//! | [`") && !text.contains(&format!("[`{module}`]")) {
                    complaints.push(format!("{root}: its table does not name {module}"));
                }
            }
        }
    }
    none(&complaints);
}

#[test]
fn arrows_between_crates_run_one_way() {
    let mut complaints = Vec::new();
    for (folder, never) in [
        ("ctl", &["gild", "gild-engine", "gild-abi", "rusqlite", "libloading"][..]),
        ("daemon", &["libloading", "gild-abi", "gilctl"]),
        ("daemon/preload", &["gild", "gilctl", "rusqlite", "tokio", "axum", "libloading"]),
        ("daemon/engine", &["gild", "gilctl", "rusqlite", "tokio", "axum"]),
        ("daemon/model", &["gild", "gilctl", "gild-engine", "gild-abi", "tokio", "libloading"]),
        ("plugins/abi", &["gild", "gild-engine", "gild-model"]),
        ("plugins/calibrated", &["gild", "gild-engine", "gild-model"]),
        ("plugins/cpu-bound", &["gild", "gild-engine", "gild-model"]),
        ("plugins/io-bound", &["gild", "gild-engine", "gild-model"]),
        ("plugins/null", &["gild", "gild-engine", "gild-model"]),
    ] {
        let manifest = read(&format!("{folder}/Cargo.toml"));
        let dependencies = manifest.split("\n[dependencies]\n").nth(1).unwrap_or_default();
        let dependencies = dependencies.split("\n[").next().unwrap();
        let names = dependencies.lines().map(|line| line.split(['.', ' ', '=']).next().unwrap());
        complaints.extend(names.filter(|it| never.contains(it)).map(|it| format!("{folder} must not know {it}")));
    }
    none(&complaints);
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    // The fuzz targets are a workspace of their own.
    let manifests = crates().into_iter().map(|it| (read(&format!("{it}/Cargo.toml")), it));
    let mine = manifests.filter(|(manifest, _)| !manifest.contains("\n[workspace]\n"));
    let without = mine.filter(|(manifest, _)| !manifest.contains("[lints]\nworkspace = true")).map(|(_, it)| it);
    none(&without.map(|it| format!("{it}/Cargo.toml: lacks [lints] workspace = true")).collect::<Vec<_>>());
}

#[test]
fn files_have_one_subject_and_fit_on_a_few_screens() {
    let sources = files(&[".rs", ".c", ".h", ".py", ".sh", ".sql"]);
    let long = sources.into_iter().filter_map(|path| {
        let lines = read(&path).lines().count();
        (lines > LINES_MAX).then(|| format!("{path}: {lines} lines, more than {LINES_MAX}: split it by subject"))
    });
    none(&long.collect::<Vec<_>>());
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let silent = files(&[".rs"]).into_iter().filter(|path| !read(path).starts_with("//!"));
    none(&silent.map(|path| format!("{path}: starts without a module comment (//!)")).collect::<Vec<_>>());
}

#[test]
fn every_unsafe_block_says_why_it_is_sound() {
    let mut complaints = Vec::new();
    let this_file = Path::new(file!()).file_name().unwrap().to_str().unwrap();
    for path in files(&[".rs"]).into_iter().filter(|path| !path.ends_with(this_file)) {
        let text = read(&path);
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap();
            if !code.contains("unsafe {") && !code.contains("unsafe impl") {
                continue;
            }
            let above = &lines[index.saturating_sub(8)..=index];
            if !above.iter().any(|it| it.contains("SAFETY") || it.contains("# Safety")) {
                complaints.push(format!("{path}:{}: no SAFETY comment near: {}", index + 1, line.trim()));
            }
        }
    }
    none(&complaints);
}

#[test]
fn nothing_is_left_for_later_or_switched_off_without_a_reason() {
    // Put together here, so that this file does not find itself.
    let marks = ["TODO", "FIXME", "XXX"].map(|it| format!("{it}:")).into_iter();
    let macros = ["todo", "unimplemented", "dbg"].map(|it| format!("{it}!(")).into_iter();
    let attributes = ["allow", "ignore"].map(|it| format!("#[{it}")).into_iter();
    let words: Vec<String> = marks.chain(macros).chain(attributes).collect();
    let mut complaints = Vec::new();
    for path in files(&[".rs", ".c", ".h", ".toml"]) {
        let text = read(&path);
        for word in words.iter().filter(|word| text.contains(*word)) {
            complaints.push(format!("{path}: has {word}"));
        }
    }
    none(&complaints);
}

/// Command lines of `gilctl` in a document: in blocks, after a prompt or not, and in backquotes.
fn command_lines(text: &str) -> Vec<Vec<String>> {
    let mut lines: Vec<&str> = text.lines().map(|line| line.trim_start_matches("$ ").trim()).collect();
    lines.extend(text.lines().flat_map(|line| line.split('`').skip(1).step_by(2)));
    let mut commands = Vec::new();
    for line in lines {
        let line = line.split(" # ").next().unwrap();
        for part in line.split("&&").flat_map(|it| it.split(" | ")) {
            let mut words = part.split_whitespace().map(|it| it.trim_end_matches([',', ';', ')', '.']).to_owned());
            let program = words.next().unwrap_or_default();
            if program == "gilctl" || program.ends_with("/gilctl") {
                commands.push(words.collect());
            }
        }
    }
    commands
}

/// Words that a reader replaces, and what is not a command at all.
fn is_placeholder(word: &str) -> bool {
    word.chars().any(|it| it.is_uppercase()) || !word.starts_with(|it: char| it.is_ascii_lowercase())
}

#[test]
fn every_command_in_the_documents_exists() {
    let lab = Lab::empty();
    let help = |words: &[&str]| lab.gilctl(&[words, &["--help"]].concat());
    let commands = help(&[]).well().stdout;
    let mut complaints = Vec::new();
    let mut checked = 0;
    for path in files(&[".md"]) {
        for line in command_lines(&read(&path)) {
            let mut words = line.iter().map(String::as_str).filter(|it| !it.starts_with('-'));
            let Some(command) = words.next().filter(|it| !is_placeholder(it)) else { continue };
            let mut place = vec![command];
            if ["plugin", "daemon"].contains(&command) {
                place.extend(words.next().filter(|it| !is_placeholder(it)));
            }
            let help = help(&place);
            if help.code != 0 || !commands.contains(&format!("\n  {command} ")) {
                complaints.push(format!("{path}: there is no `gilctl {}`", place.join(" ")));
                continue;
            }
            for option in line.iter().filter(|it| it.starts_with("--")) {
                let option = option.split(['=', '/']).next().unwrap();
                let known = help.stdout.contains(option) || ["--help", "--version"].contains(&option);
                if !known {
                    complaints.push(format!("{path}: `gilctl {}` has no {option}", place.join(" ")));
                }
            }
            checked += 1;
        }
    }
    none(&complaints);
    assert!(checked >= 20, "only {checked} command lines were found");
}

#[test]
fn files_that_the_documents_point_at_exist() {
    let mut complaints = Vec::new();
    for path in files(&[".md"]) {
        let text = read(&path);
        let folder = repository().join(&path).parent().unwrap().to_owned();
        for target in text.split("](").skip(1).filter_map(|it| it.split(')').next()) {
            let target = target.split('#').next().unwrap();
            if !target.is_empty() && !target.contains("://") && !folder.join(target).exists() {
                complaints.push(format!("{path}: {target} is not there"));
            }
        }
    }
    none(&complaints);
}

#[test]
fn the_configuration_in_the_repository_is_one_that_the_daemon_takes() {
    let mut lab = Lab::empty();
    lab.write("gild.toml", &read("configs/gild.toml"));
    lab.start_daemon();
    lab.gilctl(&["ls"]).well();
}

#[test]
fn the_experiments_in_the_repository_are_accepted() {
    let lab = Lab::new();
    let experiments: Vec<PathBuf> = files(&[".toml"])
        .into_iter()
        .filter(|path| path.starts_with("configs/") && !path.ends_with("gild.toml"))
        .map(|path| repository().join(path))
        .collect();
    assert!(!experiments.is_empty());
    for experiment in experiments {
        let path = experiment.to_str().unwrap();
        let ran = lab.gilctl(&["run", path, "--detach"]).well();
        lab.gilctl(&["cancel", ran.stdout.trim()]).well();
    }
}

#[test]
fn the_article_experiment_is_the_articles() {
    let experiment = gild_model::experiment::parse(&read("configs/article.toml"), Path::new("article.toml")).unwrap();
    assert_eq!((experiment.kernel.as_str(), experiment.name.as_str()), ("cpu-bound", "article"));
    let param = |name: &str| experiment.params.get(name).map(ToString::to_string);
    assert_eq!((param("n").as_deref(), param("tasks").as_deref()), (Some("30"), Some("100")));
    let cases: Vec<_> = experiment.cases.iter().map(|case| (case.model.name(), case.workers)).collect();
    assert_eq!(cases, [("sequential", 1), ("threads", 10), ("processes", 10)]);
}
