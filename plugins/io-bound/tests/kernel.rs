//! The kernels as a host sees them, with a server of their own and with servers that misbehave.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use gild_abi::testing::{Arg, Failure, Step, Wishes, run, run_async, run_async_with, run_with, table};
use gild_abi::{Kernel, raw};
use io_bound::{IoBound, Mixed};

/// A task or two, quickly answered.
const QUICK: [(&str, i64); 5] =
    [("tasks", 3), ("requests", 4), ("bytes", 100), ("compute_us", 10), ("service_us", 200)];

fn quick<'n>(more: impl IntoIterator<Item = (&'n str, Arg)>) -> Vec<(&'n str, Arg)> {
    QUICK.iter().map(|(name, value)| (*name, Arg::from(*value))).chain(more).collect()
}

/// A server that does the same with every client: it listens as long as the test program lives.
fn server(serve: fn(TcpStream) -> std::io::Result<()>) -> Arg {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || listener.incoming().for_each(|client| drop(serve(client.unwrap()))));
    Arg::Text(address)
}

fn echo(mut client: TcpStream) -> std::io::Result<()> {
    let mut bytes = [0; 1000];
    loop {
        match client.read(&mut bytes)? {
            0 => return Ok(()),
            count => client.write_all(&bytes[..count])?,
        }
    }
}

#[test]
fn every_answer_is_in_the_result() {
    let trial = run::<IoBound>(&quick([])).unwrap();
    assert!(trial.verified);
    assert_eq!(trial.outputs.len(), 3);
    assert_ne!(trial.outputs[0], trial.outputs[1]);
    // Connecting once, then sending and waiting for each of 12 answers: as many blocking regions as in CPython.
    assert_eq!(trial.record.releases, 1 + 2 * 12);
    assert_eq!(trial.record.phases, [0, 1].repeat(12));
    assert!(trial.weights.iter().all(|weight| *weight == 1));
}

#[test]
fn results_do_not_depend_on_who_answers_or_how_long_it_takes() {
    let own = run::<IoBound>(&quick([])).unwrap().outputs;
    let named = run::<IoBound>(&quick([("server", server(echo))])).unwrap();
    let slower = run::<IoBound>(&quick([("service_us", 3000.into()), ("compute_us", 0.into())])).unwrap();
    assert_eq!((&named.outputs, &slower.outputs), (&own, &own));
    assert!(named.verified && slower.verified);
}

#[test]
fn a_request_may_be_larger_than_all_buffers_on_its_way() {
    for server in [Arg::Text(String::new()), server(echo)] {
        let large = [("bytes", Arg::from(1 << 20)), ("server", server)];
        let plain = run::<IoBound>(&quick(large.clone())).unwrap();
        let on_loop = run_async::<IoBound>(&quick(large)).unwrap();
        assert!(plain.verified && on_loop.verified);
    }
}

#[test]
fn the_asynchronous_form_gives_the_same_results_and_never_blocks() {
    for spurious_polls in [false, true] {
        let wishes = Wishes { spurious_polls, ..Wishes::default() };
        let trial = run_async_with::<IoBound>(&quick([]), wishes).unwrap();
        assert_eq!(trial.outputs, run::<IoBound>(&quick([])).unwrap().outputs);
        assert!(trial.verified);
        // Connecting, and an answer to each of 12 requests: what is sent fits into the socket's buffer. With each wait
        // comes the time limit.
        assert!(trial.record.waits >= 2 * (1 + 12), "{:?}", trial.record);
        assert_eq!(trial.record.releases, 0);
        let mixed = [("tasks", Arg::from(7)), ("cpu_tasks", 3.into()), ("cpu_us", 1000.into())];
        let trial = run_async_with::<Mixed>(&quick(mixed.clone()), wishes).unwrap();
        assert_eq!(trial.outputs, run::<Mixed>(&quick(mixed)).unwrap().outputs);
        assert!(trial.verified);
    }
}

#[test]
fn a_task_that_is_given_up_while_it_waits_takes_its_connection_with_it() {
    let wishes = Wishes { give_up_after: Some(2), ..Wishes::default() };
    let (address, closed) = server_that_tells();
    let slow = [("tasks", Arg::from(1)), ("server", address)];
    assert_eq!(run_async_with::<IoBound>(&quick(slow), wishes).unwrap().outputs, [0_u64; 0]);
    assert_eq!(closed.recv_timeout(Duration::from_secs(60)), Ok(()));
}

/// A server that answers nothing, and says when its client has gone.
fn server_that_tells() -> (Arg, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (gone, receiver) = mpsc::channel();
    thread::spawn(move || {
        says_nothing(listener.accept().unwrap().0).unwrap();
        gone.send(()).unwrap();
    });
    (Arg::Text(address), receiver)
}

#[test]
fn an_answer_is_never_early() {
    let start = Instant::now();
    run::<IoBound>(&quick([("tasks", 1.into()), ("service_us", 20_000.into())])).unwrap();
    assert!(start.elapsed() >= 4 * Duration::from_millis(20));
}

#[test]
fn mixed_tasks_are_spread_and_each_class_has_its_phase() {
    let mixed = [("tasks", Arg::from(7)), ("cpu_tasks", 3.into()), ("cpu_us", 1000.into())];
    let trial = run::<Mixed>(&quick(mixed)).unwrap();
    assert!(trial.verified);
    let is_cpu: Vec<bool> = trial.weights.iter().map(|weight| *weight == 1000).collect();
    assert_eq!(is_cpu, [true, false, true, false, true, false, false]);
    assert_eq!(trial.outputs[2], 2, "the number of a task that only computes");
    assert_eq!(trial.weights[1], 4 * (200 + 10), "what requests are expected to cost, in microseconds");
    // Tasks enter their class's phase first; requests are in it, too.
    let io_task = [0].repeat(1 + 2 * 4);
    let expected: Vec<u32> = is_cpu.iter().flat_map(|cpu| if *cpu { vec![1] } else { io_task.clone() }).collect();
    assert_eq!(trial.record.phases, expected);
    let classes: Vec<_> = is_cpu.iter().map(|cpu| Some(if *cpu { "cpu" } else { "io" }.to_owned())).collect();
    assert_eq!(trial.record.classes, classes);
}

#[test]
fn a_host_that_knows_no_classes_runs_mixed_tasks_all_the_same() {
    let wishes = Wishes { no_extensions: true, ..Wishes::default() };
    let trial = run_with::<Mixed>(&quick([("cpu_tasks", 1.into()), ("cpu_us", 10.into())]), wishes).unwrap();
    assert!(trial.verified);
    assert_eq!((trial.weights, trial.record.classes), (vec![10, 840, 840], vec![None; 3]));
}

#[test]
fn more_computing_tasks_than_tasks_are_refused() {
    let failure = run::<Mixed>(&quick([("cpu_tasks", 4.into())])).unwrap_err();
    assert_eq!((failure.step, failure.text.as_str()), (Step::Create, "cpu_tasks is 4, more than all tasks (3)"));
}

#[track_caller]
fn fails(failure: Failure, step: Step, status: raw::Status, texts: &[&str]) {
    assert_eq!((failure.step, failure.status), (step, status), "{failure}");
    for text in texts {
        assert!(failure.text.contains(text), "no {text:?} in {failure}");
    }
}

#[test]
fn parameters_that_make_no_sense_together_are_refused() {
    for (more, text) in [
        (vec![("server", "nowhere".into())], "server: \"nowhere\": expected host:port"),
        (vec![("server", "127.0.0.1:7".into()), ("server_core", 0.into())], "127.0.0.1:7 is not the trial's to bind"),
        (vec![("service_us", 5_000_000.into()), ("timeout_ms", 5000.into())], "service_us: no answer would come"),
    ] {
        fails(run::<IoBound>(&quick(more)).unwrap_err(), Step::Create, raw::E_PARAM, &[text]);
    }
}

#[test]
fn a_core_that_cannot_be_used_is_named() {
    let failure = run::<IoBound>(&quick([("server_core", 4095.into())])).unwrap_err();
    assert_eq!(failure.step, Step::Plan);
    assert!(failure.text.starts_with("server_core: core "), "{failure}");
}

#[test]
fn who_does_not_answer_is_named_with_the_reason() {
    let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let gone = "request 0: the server closed the connection after 3 of 100 bytes";
    let in_vain = "request 0: no answer within 50 ms, only 0 bytes";
    let short = |mut it: TcpStream| it.read_exact(&mut [0; 100]).and_then(|()| it.write_all(b"abc"));
    for (server, timeout_ms, texts) in [
        (refused.as_str().into(), 5000, [&refused, "cannot connect: Connection refused (os error 111)"]),
        (server(short), 5000, [": ", gone]),
        (server(answers_wrong), 5000, [": ", "request 0: the answer is not the request"]),
        (server(says_nothing), 50, [": ", in_vain]),
    ] {
        let args = quick([("timeout_ms", Arg::from(timeout_ms)), ("server", server)]);
        for failure in [run::<IoBound>(&args).unwrap_err(), run_async::<IoBound>(&args).unwrap_err()] {
            assert_eq!(failure.task, Some(0), "{failure}");
            fails(failure, Step::Run, raw::E_IO, &[&["127.0.0.1:"], &texts[..]].concat());
        }
    }
}

fn answers_wrong(mut client: TcpStream) -> std::io::Result<()> {
    client.read_exact(&mut [0; 100])?;
    client.write_all(&[7; 100])?;
    says_nothing(client)
}

fn says_nothing(mut client: TcpStream) -> std::io::Result<()> {
    client.read_to_end(&mut Vec::new()).map(|_| ())
}

#[test]
fn a_cancelled_task_ends_and_closes_its_connection() {
    for cancel_at in [0, 1, 2, 30] {
        let wishes = Wishes { cancel_at: Some(cancel_at), ..Wishes::default() };
        let args = quick([("compute_us", 1000.into())]);
        for failure in
            [run_with::<IoBound>(&args, wishes).unwrap_err(), run_async_with::<IoBound>(&args, wishes).unwrap_err()]
        {
            assert_eq!((failure.step, failure.status), (Step::Run, raw::E_CANCELLED), "{failure}");
        }
    }
}

#[test]
fn what_the_kernels_promise() {
    let flags = raw::KERNEL_SHARED | raw::KERNEL_DETERMINISTIC | raw::KERNEL_FORK_SAFE;
    assert_eq!((table::<IoBound>().flags, table::<Mixed>().flags), (flags, flags));
    assert!(IoBound::VERIFY.is_some() && Mixed::VERIFY.is_some());
}
