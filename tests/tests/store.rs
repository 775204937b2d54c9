//! A store in bad company: a second daemon, a full disk, damage, no permission.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use gild_model::api::DaemonStatus;
use gild_model::run::{RunHead, RunStatus};
use gild_tests::experiments::{is_well, submit_endless};
use gild_tests::lab::Lab;
use gild_tests::privileged::{Tmpfs, is_root};
use gild_tests::{program, skipped};
use nix::sys::signal::Signal;

#[test]
fn a_second_daemon_on_the_same_store_is_refused_and_the_first_goes_on() {
    let lab = Lab::new();
    let id = submit_endless(&lab, "threads");
    let mut second = lab.gild(&["serve", "--socket"]);
    let ran = program::run(second.arg(lab.path("run/second.sock")).arg("--store").arg(lab.store()));
    ran.ended_with(5).complains(["gild.db is in use by another process"]);
    assert_eq!(lab.head(id).status, RunStatus::Running, "its runs are not taken for those of a dead daemon");
    lab.gilctl(&["cancel", "1"]).well();
    lab.wait_for_end(id);
    is_well(&lab);
}

#[test]
fn a_store_on_a_full_disk_keeps_what_it_has_and_the_daemon_answers() {
    let mut lab = Lab::empty();
    let folder = lab.path("data/gild");
    fs::create_dir(&folder).unwrap();
    let _disk = match Tmpfs::mount(&folder, 4096) {
        Ok(disk) => disk,
        Err(why) => return skipped("a full disk", &why),
    };
    lab.start_daemon();
    is_well(&lab);
    let before = lab.trials(1);
    // Takes what room there is, as another program might.
    let mut ballast = fs::File::create(folder.join("ballast")).unwrap();
    while ballast.write_all(&[0; 4096]).is_ok() {}
    let ran = lab.gilctl(&["run", "null", "--tasks", "20", "--workers", "4", "--repeat", "200"]);
    assert!([1, 2, 3].contains(&ran.code), "{ran}");
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("gild.db has no room left"), "{ran}");
    assert_eq!(lab.trials(1), before, "nothing that was stored is lost");
    assert_eq!(lab.get::<DaemonStatus>("/v1/status").running, None);
    drop(ballast);
    fs::remove_file(folder.join("ballast")).unwrap();
    is_well(&lab);
    lab.crash_daemon();
    lab.start_daemon();
    assert_eq!(lab.trials(1), before);
    assert!(lab.get::<Vec<RunHead>>("/v1/runs").iter().all(|head| head.status.is_final()));
    is_well(&lab);
    lab.signal_daemon(Signal::SIGTERM);
    lab.wait_for_daemon();
}

#[test]
fn a_damaged_store_is_named_and_left_as_it_is() {
    let mut lab = Lab::empty();
    fs::create_dir(lab.path("data/gild")).unwrap();
    let garbage = "this is no database".repeat(1000);
    fs::write(lab.store(), &garbage).unwrap();
    let serve = |lab: &Lab| {
        let mut command = lab.gild(&["serve", "--socket"]);
        program::run(command.arg(lab.socket()).arg("--store").arg(lab.store()))
    };
    serve(&lab).ended_with(5).complains(["gild.db is damaged", "move it"]);
    assert_eq!(fs::read_to_string(lab.store()).unwrap(), garbage);
    assert!(!lab.socket().exists(), "nothing is left of the attempt");
    fs::rename(lab.store(), lab.path("moved.db")).unwrap();
    lab.start_daemon();
    lab.gilctl(&["run", "null", "--tasks", "20", "--workers", "8", "--repeat", "20"]).well();
    lab.signal_daemon(Signal::SIGTERM);
    lab.wait_for_daemon();
    // Every page but the first: it opens, but what it holds cannot be read.
    let mut bytes = fs::read(lab.store()).unwrap();
    bytes[4096..].fill(0x5a);
    fs::write(lab.store(), bytes).unwrap();
    serve(&lab).ended_with(5).complains(["gild.db is damaged", "move it"]);
}

#[test]
fn a_store_that_cannot_be_written_is_named() {
    let lab = Lab::empty();
    let folder = lab.path("data/gild");
    fs::create_dir(&folder).unwrap();
    let _disk = if is_root() {
        match Tmpfs::mount(&folder, 1024) {
            Ok(disk) => {
                disk.make_read_only();
                Some(disk)
            }
            Err(why) => return skipped("a read-only store", &why),
        }
    } else {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).unwrap();
        None
    };
    let mut command = lab.gild(&["serve", "--socket"]);
    let ran = program::run(command.arg(lab.socket()).arg("--store").arg(lab.store()));
    ran.ended_with(5).complains(["cannot open the store", "gild.db"]);
    assert!(!lab.socket().exists());
}
