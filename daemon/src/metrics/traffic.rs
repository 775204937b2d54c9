//! Connections and requests, by listener and route.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::catalogue::{
    CONNECTIONS, CONNECTIONS_ACCEPTED, CONNECTIONS_MAX, CONNECTIONS_REFUSED, REQUEST_DURATION, REQUESTS,
};
use super::page::Page;
use super::values::{Counters, Gauges, Labels, begin_at_zero};

/// Upper bounds of the histogram's buckets, in seconds. None is a whole number, which the two formats write differently.
const BOUNDS_S: [f64; 8] = [0.000_16, 0.0008, 0.004, 0.02, 0.1, 0.5, 2.5, 12.5];
/// What is not one of ours.
const OTHER: &str = "other";

/// The templates of all routes; `server/routes.rs` says what they are.
const ROUTES: [&str; 30] = [
    "/metrics",
    "/v1/compare",
    "/v1/host",
    "/v1/plugins",
    "/v1/plugins/inspect",
    "/v1/prune",
    "/v1/recordings",
    "/v1/recordings/live",
    "/v1/recordings/{id}/end",
    "/v1/recordings/{id}/look",
    "/v1/runs",
    "/v1/runs/{id}",
    "/v1/runs/{id}/accounts",
    "/v1/runs/{id}/cancel",
    "/v1/runs/{id}/counters",
    "/v1/runs/{id}/events",
    "/v1/runs/{id}/holders",
    "/v1/runs/{id}/live",
    "/v1/runs/{id}/note",
    "/v1/runs/{id}/outline",
    "/v1/runs/{id}/tags",
    "/v1/runs/{id}/tasks",
    "/v1/runs/{id}/timelines",
    "/v1/runs/{id}/trials",
    "/v1/runs/{id}/waits",
    "/v1/shutdown",
    "/v1/sql",
    "/v1/sql/views",
    "/v1/status",
    OTHER,
];

/// Where connections come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// The Unix socket, with the whole API.
    Socket,
    /// The port on the loopback device, with this page alone.
    Metrics,
}

impl Listener {
    /// The name on the page.
    pub fn name(self) -> &'static str {
        match self {
            Listener::Socket => "socket",
            Listener::Metrics => "metrics",
        }
    }
}

/// Why a connection was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The user may not use the daemon.
    User,
    /// The kernel does not say who the user is.
    Unknown,
    /// The client is not on this machine.
    Address,
}

impl Refused {
    fn name(self) -> &'static str {
        match self {
            Refused::User => "user",
            Refused::Unknown => "unknown",
            Refused::Address => "address",
        }
    }
}

/// Connections and requests since the daemon started.
#[derive(Debug)]
pub struct Traffic {
    open: Gauges,
    most: Gauges,
    accepted: Counters,
    refused: Counters,
    requests: Counters,
    durations: Family<Labels, Histogram, fn() -> Histogram>,
}

impl Default for Traffic {
    fn default() -> Traffic {
        Traffic {
            open: Gauges::default(),
            most: Gauges::default(),
            accepted: Counters::default(),
            refused: Counters::default(),
            requests: Counters::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BOUNDS_S)),
        }
    }
}

/// A connection that is open, as long as this lives.
#[derive(Debug)]
pub struct Open(Gauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Traffic {
    /// Somebody listens, for at most so many connections at a time.
    pub fn listens(&self, at: Listener, most: usize) {
        self.most.get_or_create(&of(at)).set(i64::try_from(most).unwrap_or(i64::MAX));
        drop(self.open.get_or_create(&of(at)));
        let reasons: &[Refused] = match at {
            Listener::Socket => &[Refused::User, Refused::Unknown],
            Listener::Metrics => &[Refused::Address],
        };
        begin_at_zero(&self.accepted, [of(at)]);
        begin_at_zero(&self.refused, reasons.iter().map(|why| because(at, *why)));
    }

    /// A connection was accepted.
    pub fn accepted(&self, at: Listener) -> Open {
        self.accepted.get_or_create(&of(at)).inc();
        let open = self.open.get_or_create_owned(&of(at));
        open.inc();
        Open(open)
    }

    /// Whoever connected may not.
    pub fn refused(&self, at: Listener, why: Refused) {
        self.refused.get_or_create(&because(at, why)).inc();
    }

    /// A request was answered; `route`: the template of its route, if there is one.
    pub fn answered(&self, method: &Method, route: Option<&str>, status: StatusCode, time: Duration) {
        let call = vec![("method", method_name(method)), ("route", route_name(route))];
        self.durations.get_or_create(&call).observe(time.as_secs_f64());
        let labels = call.into_iter().chain([("status", class(status))]).collect();
        self.requests.get_or_create(&labels).inc();
    }

    pub(super) fn put_on(&self, page: &mut Page) {
        page.put(&CONNECTIONS, self.open.clone());
        page.put(&CONNECTIONS_MAX, self.most.clone());
        page.put(&CONNECTIONS_ACCEPTED, self.accepted.clone());
        page.put(&CONNECTIONS_REFUSED, self.refused.clone());
        page.put(&REQUESTS, self.requests.clone());
        page.put(&REQUEST_DURATION, self.durations.clone());
    }
}

fn of(at: Listener) -> Labels {
    vec![("listener", at.name())]
}

fn because(at: Listener, why: Refused) -> Labels {
    vec![("listener", at.name()), ("reason", why.name())]
}

/// A client may make methods up.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => OTHER,
    }
}

fn route_name(route: Option<&str>) -> &'static str {
    ROUTES.into_iter().find(|known| Some(*known) == route).unwrap_or(OTHER)
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_routes_are_those_of_the_server() {
        let code = include_str!("../server/routes.rs");
        let there = code.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next());
        let mut there: Vec<&str> = there.chain([OTHER]).collect();
        let mut known = ROUTES.to_vec();
        there.sort_unstable();
        known.sort_unstable();
        assert_eq!(known, there);
    }

    #[test]
    fn what_a_client_makes_up_gets_into_no_label() {
        let traffic = Traffic::default();
        let method = Method::from_bytes(b"STEAL").unwrap();
        traffic.answered(&method, None, StatusCode::NOT_FOUND, Duration::from_millis(2));
        let labels = vec![("method", "other"), ("route", "other"), ("status", "4xx")];
        assert_eq!(traffic.requests.get(&labels).unwrap().get(), 1);
        assert_eq!(route_name(Some("/v1/runs/{id}")), "/v1/runs/{id}");
        assert_eq!(route_name(Some("/v1/runs/7")), OTHER);
    }

    #[test]
    fn a_connection_is_open_until_it_is_dropped() {
        let traffic = Traffic::default();
        traffic.listens(Listener::Socket, 64);
        let open = || traffic.open.get(&of(Listener::Socket)).unwrap().get();
        let (first, second) = (traffic.accepted(Listener::Socket), traffic.accepted(Listener::Socket));
        assert_eq!(open(), 2);
        drop((first, second));
        assert_eq!(open(), 0);
        assert_eq!(traffic.accepted.get(&of(Listener::Socket)).unwrap().get(), 2);
        assert!(traffic.open.get(&of(Listener::Metrics)).is_none(), "nobody listens there");
    }
}
