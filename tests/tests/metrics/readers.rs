//! What the page is to other people's parsers.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use gild_tests::lab::Lab;
use gild_tests::program;
use gild_tests::scrape::{Page, address, ask};
use gild_tests::{python, skipped};

use crate::{run_every_model, with_port};

/// Reads a page with the official parser, checks what OpenMetrics asks for, and prints every sample.
const PARSE: &str = r#"
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
families = list(parse(open("page.txt").read()))
assert all(family.documentation and family.type != "unknown" for family in families)
for family in families:
    assert not family.unit or family.name.endswith(family.unit), family
print(json.dumps([[s.name, s.labels, s.value] for family in families for s in family.samples]))
"#;

/// The page of a daemon that has done everything, in a format.
fn page(lab: &Lab, accept: &str) -> String {
    let answer = ask(address(lab), "GET /metrics", &format!("host: localhost\r\naccept: {accept}\r\n"));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

#[test]
fn the_official_parser_of_openmetrics_reads_what_we_read() {
    let python = match python::with_metrics_readers() {
        Ok(python) => python,
        Err(why) => return skipped("the parser of OpenMetrics", &why),
    };
    let lab = with_port();
    run_every_model(&lab);
    let text = page(&lab, "application/openmetrics-text; version=1.0.0");
    lab.write("page.txt", &text);
    let ran = program::run(lab.command(python).args(["-c", PARSE])).well();
    let read: Vec<(String, BTreeMap<String, String>, f64)> = ran.json();
    let ours = Page::read(text);
    assert_eq!(read.len(), ours.samples().count());
    for (name, labels, value) in &read {
        let labels: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        // Series with more labels than these are others.
        let same = ours.those(name, &labels).find(|(of, _)| of.len() == labels.len());
        assert_eq!(same.map(|(_, value)| value), Some(*value), "{name} {labels:?}");
    }
}

#[test]
fn promtool_has_nothing_to_complain_about() {
    if Command::new("promtool").arg("--version").output().is_err() {
        return skipped("promtool", "it is not installed (Debian's package prometheus has it)");
    }
    let lab = with_port();
    run_every_model(&lab);
    // promtool reads the classic format alone.
    let file = lab.write("page.txt", &page(&lab, "text/plain"));
    let mut promtool = lab.command("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::from(std::fs::File::open(file).unwrap()));
    let output = promtool.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}
