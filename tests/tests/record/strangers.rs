//! Programs that nobody here wrote, recorded by an ordinary user: what they answer, how they end and what they leave behind is
//! what it would be without us, and their accounts are whole.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;

use gild_model::account::WorkerAccount;
use gild_model::phase::Phase;
use gild_model::trial::Trial;
use gild_tests::lab::Lab;
use gild_tests::privileged::is_root;
use gild_tests::skipped;
use gild_tests::waiting::wait_for;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{accounts, assert_whole};

/// A user who owns nothing.
const NOBODY: u32 = 65_534;
/// An interpreter that every user may run.
const PYTHON: &str = "/usr/bin/python3";

/// The multiprocessing library's first example in its documentation.
const POOL: &str = "\
from multiprocessing import Pool

def f(x):
    return x*x

if __name__ == '__main__':
    with Pool(5) as p:
        print(p.map(f, [1, 2, 3]))
";
/// And that of exchanging objects between processes.
const QUEUE: &str = "\
from multiprocessing import Process, Queue

def f(q):
    q.put([42, None, 'hello'])

if __name__ == '__main__':
    q = Queue()
    p = Process(target=f, args=(q,))
    p.start()
    print(q.get())    # prints \"[42, None, 'hello']\"
    p.join()
";
/// Flask's, in its quickstart.
const FLASK: &str = "\
from flask import Flask

app = Flask(__name__)

@app.route(\"/\")
def hello_world():
    return \"<p>Hello, World!</p>\"
";

/// A world of an ordinary user, without a daemon: theirs is started by `gilctl`.
fn world() -> Option<Lab> {
    if !Path::new(PYTHON).exists() {
        skipped("other people's programs in Python", &format!("there is no {PYTHON}"));
        return None;
    }
    if is_root() && Command::new("setpriv").arg("--version").output().is_err() {
        skipped("programs of an ordinary user", "this is root, and there is no setpriv");
        return None;
    }
    Some(Lab::empty())
}

/// Gives a folder to the ordinary user.
fn give(folder: &Path) {
    chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => give(&entry.path()),
            kind if kind.is_file() => chown(entry.path(), Some(NOBODY), Some(NOBODY)).unwrap(),
            _ => {}
        }
    }
}

/// Records a command as an ordinary user, with its outputs in the files `out` and `err`.
fn start(lab: &Lab, command: &[&str]) -> Child {
    let gilctl = lab.binaries().gilctl();
    let mut start = match is_root() {
        true => {
            give(&lab.path(""));
            let mut start = lab.command("setpriv");
            start
                .args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"), "--clear-groups".to_owned()])
                .arg(gilctl);
            start
        }
        false => lab.command(gilctl),
    };
    let file = |name| File::create(lab.path(name)).unwrap();
    start.args(["record", "--"]).args(command).stdout(file("out")).stderr(file("err")).spawn().unwrap()
}

fn text(lab: &Lab, name: &str) -> String {
    fs::read_to_string(lab.path(name)).unwrap()
}

/// Waits for a server to say at which port it listens.
fn port(lab: &Lab, before: &str) -> u16 {
    wait_for("the server says its port", || {
        let said = text(lab, "out") + &text(lab, "err");
        let digits: String = said.split_once(before)?.1.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    })
}

/// Asks a server so often, from so many clients at once.
fn load(port: u16, clients: usize, requests: usize, answer: &str) {
    let ask = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let head = text.lines().next().unwrap_or_default();
        assert!(head.contains("200 OK") && text.contains(answer), "{text}");
    };
    thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| (0..requests / clients).for_each(|_| ask()));
        }
    });
}

/// Ends a server as it ends everywhere, by a signal that it does not expect, and gives its accounts.
fn terminated(lab: &Lab, mut server: Child) -> Trial {
    kill(Pid::from_raw(server.id().cast_signed()), Signal::SIGTERM).unwrap();
    let status = wait_for("the server ends", || server.try_wait().unwrap());
    assert_eq!(status.code(), Some(128 + 15), "{}{}", text(lab, "out"), text(lab, "err"));
    let trial = accounts(lab);
    assert_whole(&trial);
    trial
}

#[test]
fn the_http_server_of_python_answers_under_load() {
    let Some(lab) = world() else { return };
    fs::create_dir(lab.path("served")).unwrap();
    lab.write("served/index.html", "served as ever");
    let served = lab.path("served");
    let line = [PYTHON, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", served.to_str().unwrap()];
    let server = start(&lab, &line);
    load(port(&lab, "127.0.0.1 port "), 4, 240, "served as ever");
    let trial = terminated(&lab, server);
    // It has a thread for each request: the first 200 have rows of their own, the others are added up, but for those that were
    // there when it was terminated.
    let started =
        |row: &WorkerAccount| row.phases.iter().find(|it| it.phase == Phase::Startup).map_or(0, |it| it.entries);
    assert_eq!(trial.workers.iter().map(started).sum::<u64>(), 1 + 240);
    assert!(trial.workers.len() < 1 + 240, "{}", trial.workers.len());
}

#[test]
fn the_development_server_of_flask_answers_under_load() {
    let Some(lab) = world() else { return };
    let Some(flask) = flask(&lab) else { return };
    lab.write("app.py", FLASK);
    let server = start(&lab, &[flask.to_str().unwrap(), "--app", "app", "run", "--port", "0"]);
    load(port(&lab, "http://127.0.0.1:"), 4, 40, "<p>Hello, World!</p>");
    let trial = terminated(&lab, server);
    assert!(trial.workers.len() > 40, "a thread for each request: {}", trial.workers.len());
}

/// Installs Flask, if that can be done here.
fn flask(lab: &Lab) -> Option<PathBuf> {
    let venv = lab.path("venv");
    let run = |command: &mut Command| command.output().is_ok_and(|it| it.status.success());
    let made = run(lab.command(PYTHON).args(["-m", "venv"]).arg(&venv));
    let mut pip = lab.command(venv.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--retries=1", "--timeout=15", "flask"]);
    for name in ["PIP_INDEX_URL", "PIP_CONFIG_FILE", "HTTPS_PROXY", "https_proxy", "SSL_CERT_FILE"] {
        pip.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    if !made || !run(&mut pip) {
        skipped("Flask", "it cannot be installed here (python3-venv, or the network)");
        return None;
    }
    Some(venv.join("bin/flask"))
}

#[test]
fn the_examples_of_multiprocessing_come_to_their_results() {
    for (source, said, processes) in [(POOL, "[1, 4, 9]\n", 1 + 5), (QUEUE, "[42, None, 'hello']\n", 1 + 1)] {
        let Some(lab) = world() else { return };
        let example = lab.write("example.py", source);
        let mut child = start(&lab, &[PYTHON, example.to_str().unwrap()]);
        let status = wait_for("the example ends", || child.try_wait().unwrap());
        assert_eq!((status.code(), text(&lab, "out").as_str()), (Some(0), said), "{}", text(&lab, "err"));
        let trial = accounts(&lab);
        assert_whole(&trial);
        let mut pids: Vec<_> = trial.workers.iter().map(|row| row.pid).collect();
        pids.sort();
        pids.dedup();
        assert_eq!(pids.len(), processes, "{:#?}", trial.workers);
    }
}
