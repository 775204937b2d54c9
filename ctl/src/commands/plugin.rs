//! `gilctl plugin`: shows plugins and their kernels.

use std::ffi::OsStr;
use std::path::Path;

use gild_model::api::InspectRequest;
use gild_model::plugin::PluginList;

use crate::cli::{DaemonOptions, Json, PluginCommand};
use crate::error::{Error, Exit};
use crate::{output, render, session};

/// Lists plugins or shows one.
pub async fn run(daemon: &DaemonOptions, command: &PluginCommand) -> Result<Exit, Error> {
    match command {
        PluginCommand::Ls(json) => list(daemon, *json).await,
        PluginCommand::Info { what, json } => info(daemon, what, *json).await,
    }
}

async fn list(daemon: &DaemonOptions, json: Json) -> Result<Exit, Error> {
    let plugins: PluginList = session::open(daemon).await?.get("/v1/plugins").await?;
    match json.json {
        true => output::print_json(&plugins)?,
        false => output::print(&render::plugins::list(&plugins, output::style()))?,
    }
    Ok(Exit::Done)
}

async fn info(daemon: &DaemonOptions, what: &OsStr, json: Json) -> Result<Exit, Error> {
    let request = request(what)?;
    let plugin = session::open(daemon).await?.inspect(&request).await?;
    match json.json {
        true => output::print_json(&plugin)?,
        false => output::print(&render::plugins::info(&plugin, request.kernel.as_deref(), output::style()))?,
    }
    Ok(Exit::Done)
}

/// Tells a library (a path with a slash, or a name that ends in `.so`) from a kernel's name.
fn request(what: &OsStr) -> Result<InspectRequest, Error> {
    let path = Path::new(what);
    match what.to_str() {
        Some(name) if !name.contains('/') && !name.ends_with(".so") => {
            Ok(InspectRequest { path: None, kernel: Some(name.to_owned()) })
        }
        _ => {
            let absolute = std::path::absolute(path).map_err(|source| Error::File {
                verb: "resolve",
                path: path.to_owned(),
                source,
            })?;
            Ok(InspectRequest { path: Some(absolute), kernel: None })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_told_from_kernels() {
        assert_eq!(request("cpu-bound".as_ref()).unwrap().kernel.as_deref(), Some("cpu-bound"));
        assert_eq!(request("/lib/a".as_ref()).unwrap().path.as_deref(), Some(Path::new("/lib/a")));
        assert!(request("libmine.so".as_ref()).unwrap().path.unwrap().is_absolute());
    }
}
