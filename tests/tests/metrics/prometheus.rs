//! A real Prometheus: it takes the figures with the configuration in `configs/`, and answers every question of the dashboard.

use std::fs::File;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use gild_tests::binaries::repository;
use gild_tests::lab::Lab;
use gild_tests::scrape::{self, address};
use gild_tests::skipped;
use gild_tests::waiting::wait_for;
use serde_json::Value;

use crate::dashboard::{dashboard, documented, expressions};
use crate::{run_every_model, with_port};

/// A Prometheus that takes the figures of a daemon; it is killed when this is dropped.
struct Prometheus {
    child: Child,
    address: SocketAddr,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Prometheus {
    /// Starts it with the configuration in the repository, with this daemon as its target.
    fn of(lab: &Lab) -> Prometheus {
        let config = std::fs::read_to_string(repository().join("configs/prometheus.yml")).unwrap();
        let config = config.replace("\"127.0.0.1:9464\"", &format!("\"{}\"", address(lab)));
        let config = config.replace("scrape_interval: 15s", "scrape_interval: 1s");
        assert!(config.contains(&address(lab).to_string()) && config.contains(": 1s"), "{config}");
        let config = lab.write("prometheus.yml", &config);
        let log = lab.path("prometheus.log");
        let mut child = lab
            .command("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", lab.path("tsdb").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let address = wait_for("Prometheus listens", || {
            let said = std::fs::read_to_string(&log).unwrap();
            assert!(child.try_wait().unwrap().is_none(), "it ended: {said}");
            let line = said.lines().find(|line| line.contains("msg=\"Listening on\""))?;
            line.split("address=").nth(1)?.trim().parse().ok()
        });
        Prometheus { child, address }
    }

    /// Asks a question of its API; `None`: it is not ready.
    fn ask(&self, expression: &str) -> Option<Vec<Value>> {
        let encoded: String = expression.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let request =
            format!("GET /api/v1/query?query={encoded} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let answer = scrape::send(self.address, request.as_bytes()).ok()?;
        if answer.status == 503 {
            return None;
        }
        let answer: Value = answer.json();
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        Some(answer["data"]["result"].as_array().unwrap().clone())
    }

    /// Its answer once there is one.
    fn answer(&self, expression: &str) -> Vec<Value> {
        let whole = everything(expression);
        wait_for(expression, || self.ask(&whole).filter(|result| !result.is_empty()))
    }
}

/// An expression of the dashboard with variables that stand for everything.
fn everything(expression: &str) -> String {
    let values = [("$__rate_interval", "5m"), ("$instance", ".*"), ("$model", ".*")];
    values.iter().fold(expression.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// The value of an answer with one series.
fn value(result: &[Value]) -> f64 {
    let [one] = result else { panic!("{result:?}") };
    one["value"][1].as_str().unwrap().parse().unwrap()
}

#[test]
fn prometheus_answers_every_question_of_the_dashboard() {
    if Command::new("prometheus").arg("--version").output().is_err() {
        return skipped("Prometheus", "it is not installed (Debian's package is called prometheus)");
    }
    let lab = with_port();
    run_every_model(&lab);
    // A question that fails has a class of its own.
    lab.ask("GET", "/v1/runs/99", "").refuses(404, ["99"]);
    let prometheus = Prometheus::of(&lab);
    wait_for("the daemon is up", || Some(prometheus.ask("up")?).filter(|it| !it.is_empty() && value(it) == 1.0));
    // What grows is seen only between two visits.
    let visits = || prometheus.ask("count_over_time(up[1h])").filter(|it| !it.is_empty()).map(|it| value(&it));
    wait_for("Prometheus has been here twice", || visits().filter(|count| *count >= 2.0));
    run_every_model(&lab);
    let seen = visits().unwrap();
    wait_for("Prometheus has been here again", || visits().filter(|count| *count >= seen + 2.0));
    for (panel, expression) in expressions(&dashboard()) {
        match panel.as_str() {
            // Nothing to be seen here is how it should be.
            "Accounts that do not balance" => drop(prometheus.ask(&everything(&expression)).unwrap()),
            _ => drop(prometheus.answer(&expression)),
        }
    }
    for question in documented() {
        // Those to be woken up for have no answer where all is well.
        prometheus.ask(&question).unwrap();
    }
    let ours = gild_tests::scrape::Page::of(&lab).sum("gild_tasks_total", &[("model", "threads")]);
    let theirs = value(&prometheus.answer("sum (gild_tasks_total{model=\"threads\"})"));
    assert_eq!(Some(theirs), ours);
    let shares = "sum by (phase) (increase(gild_phase_seconds_total{role=\"worker\", model=\"threads\"}[5m]))";
    let phases = prometheus.answer(shares);
    assert!(phases.iter().any(|it| it["metric"]["phase"] == "compute"), "{phases:?}");
}

#[test]
fn the_configuration_for_prometheus_is_one_that_it_takes() {
    if Command::new("promtool").arg("--version").output().is_err() {
        return skipped("promtool", "it is not installed (Debian's package prometheus has it)");
    }
    let lab = Lab::empty();
    let config = repository().join("configs/prometheus.yml");
    gild_tests::program::run(lab.command("promtool").args(["check", "config"]).arg(config)).well().says(["SUCCESS"]);
}
