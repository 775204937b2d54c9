//! The page of figures: on the socket beside the API, and alone on a port of the loopback device.
//!
//! Whoever is on this machine can read the port, so the page says nothing of users, files or programs. A page in a browser
//! can make it ask this port under another name, whose address its owner changes to 127.0.0.1 meanwhile (DNS rebinding);
//! the browser then says that name in `Host`, and is refused.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::problem::Refusal;
use super::routes::{self, Answer, Shared};
use crate::daemon::Daemon;
use crate::metrics::page::{Format, Page};

/// What is served on a port: the page, and nothing else.
pub fn router(daemon: Arc<Daemon>) -> Router {
    Router::new()
        .route("/metrics", get(show))
        .fallback(nothing_else)
        .method_not_allowed_fallback(routes::no_such_method)
        .layer(from_fn(guard))
        .layer(from_fn_with_state(Arc::clone(&daemon), routes::observe))
        .with_state(daemon)
}

/// The page, in the format that the client wants.
pub(super) async fn show(State(daemon): Shared, headers: HeaderMap) -> Answer<Response> {
    let wanted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let format = wanted_format(wanted);
    let text = Page::of(&daemon).write(format).map_err(Refusal::internal)?;
    let head = [(header::CONTENT_TYPE, format.content_type()), (header::VARY, "accept")];
    Ok((head, text).into_response())
}

async fn nothing_else(uri: Uri) -> Refusal {
    let detail =
        format!("there is nothing at {}: this port serves /metrics alone, the API is on the socket", uri.path());
    Refusal::new(StatusCode::NOT_FOUND, "no such route", detail)
}

/// Refuses requests that were not meant for this machine under one of its own names.
async fn guard(request: Request, next: Next) -> Response {
    match check_host(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(detail) => Refusal::new(StatusCode::MISDIRECTED_REQUEST, "wrong host", detail).into_response(),
    }
}

fn check_host(uri: &Uri, headers: &HeaderMap) -> Result<(), String> {
    let named = headers.get_all(header::HOST).iter().map(|value| value.to_str().unwrap_or("(not text)"));
    let mut names = named.chain(uri.authority().map(|it| it.as_str())).peekable();
    if names.peek().is_none() {
        return Err("the request has no header Host; ask for localhost or 127.0.0.1".to_owned());
    }
    match names.find(|name| !is_this_machine(name)) {
        None => Ok(()),
        Some(name) => Err(format!(
            "host {name}: only localhost and loopback addresses are answered here; have a proxy ask for one of these"
        )),
    }
}

/// Whether a host, with a port or without, is `localhost` or a loopback address.
fn is_this_machine(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        // The last colon of an address in brackets may be within them.
        Some((name, port)) if !port.ends_with(']') => (name, port),
        _ => (host, "0"),
    };
    let address: Option<IpAddr> = match name.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').and_then(|it| it.parse().ok().map(IpAddr::V6)),
        None => name.parse().ok().map(IpAddr::V4),
    };
    let is_ours = name.eq_ignore_ascii_case("localhost") || address.is_some_and(|it| it.is_loopback());
    is_ours && port.parse::<u16>().is_ok()
}

/// The format that a client likes best: OpenMetrics, unless it wants the classic one more (RFC 9110, 12.5.1).
fn wanted_format<'a>(accept: impl Iterator<Item = &'a str>) -> Format {
    let ranges: Vec<(String, f64)> = accept.flat_map(|value| value.split(',')).map(range).collect();
    // The most precise range says how much a type is wanted.
    let quality = |names: [&str; 3]| {
        let of = |name| ranges.iter().filter(move |(range, _)| range == name).map(|(_, quality)| *quality);
        names.into_iter().find_map(|name| of(name).reduce(f64::max)).unwrap_or(0.0)
    };
    let open_metrics = quality(["application/openmetrics-text", "application/*", "*/*"]);
    let classic = quality(["text/plain", "text/*", "*/*"]);
    if classic > open_metrics { Format::Classic } else { Format::OpenMetrics }
}

/// A media range and how much it is wanted, 0 to 1.
fn range(text: &str) -> (String, f64) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let quality = parts.find_map(|it| it.strip_prefix("q=").or(it.strip_prefix("Q="))?.parse().ok());
    (name, quality.unwrap_or(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_classic_format_is_for_those_who_want_only_that() {
        let open_metrics = [
            "",
            "*/*",
            "application/json",
            "application/openmetrics-text",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            // Prometheus 2.42 and 3.
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            "text/plain, application/openmetrics-text",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        ];
        let classic = [
            "text/plain",
            "text/plain;version=0.0.4;q=0.5",
            "text/*",
            "text/plain;version=0.0.4;q=1,*/*;q=0.1",
            "application/openmetrics-text;q=0, text/plain",
            "application/openmetrics-text; q=0.2, Text/Plain; q=0.9",
        ];
        for accept in open_metrics {
            assert_eq!(wanted_format([accept].into_iter()), Format::OpenMetrics, "{accept}");
        }
        for accept in classic {
            assert_eq!(wanted_format([accept].into_iter()), Format::Classic, "{accept}");
        }
        assert_eq!(wanted_format(std::iter::empty()), Format::OpenMetrics);
        assert_eq!(
            wanted_format(["text/html", "text/plain"].into_iter()),
            Format::Classic,
            "a header that comes twice"
        );
    }

    #[test]
    fn only_this_machine_under_its_own_names_is_asked() {
        let ours = ["localhost", "LocalHost:9464", "127.0.0.1", "127.0.0.1:9464", "127.9.9.9:1", "[::1]", "[::1]:9464"];
        let others = [
            "",
            "evil.example",
            "evil.example:9464",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1:9464",
            "::1",
            "[::2]:9464",
            "[::1",
            "0.0.0.0:9464",
            "localhost:evil",
            "evil@localhost",
            "[127.0.0.1]",
            "localhost:99999",
        ];
        assert!(ours.into_iter().all(is_this_machine));
        for host in others {
            assert!(!is_this_machine(host), "{host:?}");
        }
    }

    #[test]
    fn every_name_that_a_request_has_for_its_host_is_looked_at() {
        let headers = |hosts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, host.parse().unwrap());
            }
            headers
        };
        let (here, elsewhere) = ("/metrics".parse().unwrap(), "http://evil.example/metrics".parse().unwrap());
        check_host(&here, &headers(&["localhost:9464"])).unwrap();
        assert!(check_host(&here, &headers(&[])).unwrap_err().contains("no header Host"));
        assert!(check_host(&here, &headers(&["localhost", "evil.example"])).unwrap_err().contains("host evil.example"));
        assert!(check_host(&elsewhere, &headers(&["localhost"])).unwrap_err().contains("host evil.example"));
    }
}
