//! The part `[metrics]` of the configuration: where the page is served beside the socket.

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Where the page is served beside the socket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// The address; `None`: nowhere.
    pub listen: Option<Loopback>,
}

/// An address of this machine that no other machine can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Loopback(SocketAddr);

impl Loopback {
    /// The address with its port; port 0: any that is free.
    pub fn address(self) -> SocketAddr {
        self.0
    }
}

impl TryFrom<String> for Loopback {
    type Error = String;

    fn try_from(text: String) -> Result<Loopback, String> {
        let address: SocketAddr = text.parse().map_err(|_| {
            format!(
                "metrics.listen: expected an address and a port, such as \"127.0.0.1:9464\" or \"[::1]:9464\", found \
                 \"{text}\""
            )
        })?;
        match address.ip().is_loopback() {
            true => Ok(Loopback(address)),
            false => Err(format!(
                "metrics.listen: {} is not a loopback address, and gild listens on no network: take 127.0.0.1 or [::1], and \
                 let a reverse proxy or ssh -L carry it further (docs/metrics.md)",
                address.ip()
            )),
        }
    }
}

impl From<Loopback> for String {
    fn from(address: Loopback) -> String {
        address.to_string()
    }
}

impl fmt::Display for Loopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
