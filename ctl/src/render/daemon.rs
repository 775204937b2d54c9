//! The daemon's status.

use std::path::Path;

use gild_model::api::DaemonStatus;
use gild_model::run::RunId;
use jiff::tz::TimeZone;

use super::grid::{Align, Grid};
use super::{Style, runs};

/// Draws the status of the daemon at `socket`.
pub fn render(status: &DaemonStatus, socket: &Path, zone: &TimeZone, style: Style) -> String {
    let running = status.running.map_or_else(|| "no run".to_owned(), |it| format!("run {it}"));
    let config = status.config.as_ref().map_or_else(|| "none".to_owned(), |it| it.display().to_string());
    let metrics = status.metrics.map_or_else(|| "on the socket alone".to_owned(), |it| format!("http://{it}/metrics"));
    let lines = [
        ("daemon", format!("gild {} (pid {})", status.version, status.pid)),
        ("program", status.program.display().to_string()),
        ("started", runs::minute(status.started_at, zone)),
        ("socket", socket.display().to_string()),
        ("store", status.store.display().to_string()),
        ("config", config),
        ("metrics", metrics),
        ("running", format!("{running}, {} queued", status.queued)),
        ("recording", recording(&status.recording)),
    ];
    let [head, rest @ ..] = lines;
    let mut grid = Grid::new([(head.0.to_owned(), Align::Left), (head.1, Align::Left)]);
    for (name, value) in rest {
        grid.row(vec![name.to_owned(), value]);
    }
    grid.text(style, 2)
}

fn recording(ids: &[RunId]) -> String {
    let ids: Vec<String> = ids.iter().map(RunId::to_string).collect();
    if ids.is_empty() { "nothing".to_owned() } else { format!("run {}", ids.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn the_status_names_every_file() {
        let style = Style { colour: false, width: 80 };
        let drawn = render(&testing::status(), Path::new("/run/gild.sock"), &TimeZone::UTC, style);
        let expected = format!(
            "\
daemon     gild {} (pid 77)
program    /opt/gild/gild
started    2026-11-22 10:00
socket     /run/gild.sock
store      /data/gild.db
config     none
metrics    http://127.0.0.1:9464/metrics
running    run 12, 1 queued
recording  run 13
",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(drawn, expected);
    }
}
