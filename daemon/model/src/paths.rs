//! Where the daemon listens and keeps its files unless it is told otherwise: pure functions of the environment.
//!
//! `gild` and `gilctl` both ask here, so that they meet without configuration. Each function takes the
//! environment as a lookup (`|name| std::env::var_os(name)`), which makes it testable. Nothing is opened or
//! created here; `--socket`, `GILD_SOCKET`, `--store` and the configuration file come before these defaults.
//! As the XDG base directory specification wants it, a variable that is empty or relative counts as unset.

use std::ffi::OsString;
use std::path::PathBuf;

/// The environment says neither where this kind of file belongs nor where the home folder is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("neither {variable} nor HOME is set to an absolute path; name the file itself with {option}")]
pub struct NoHome {
    /// The XDG variable that would decide.
    pub variable: &'static str,
    /// What to give instead.
    pub option: &'static str,
}

/// The daemon's socket: `$XDG_RUNTIME_DIR/gild/gild.sock`, else `/tmp/gild-UID/gild.sock`.
///
/// Its folder has to be created with mode 0700; one that belongs to somebody else has to be refused,
/// because in `/tmp` anybody can be there first.
pub fn socket(environment: impl Fn(&str) -> Option<OsString>, uid: u32) -> PathBuf {
    match absolute(&environment, "XDG_RUNTIME_DIR") {
        Some(runtime) => runtime.join("gild/gild.sock"),
        None => PathBuf::from(format!("/tmp/gild-{uid}/gild.sock")),
    }
}

/// The store: `$XDG_DATA_HOME/gild/gild.db`, else `~/.local/share/gild/gild.db`.
///
/// # Errors
/// [`NoHome`] where the environment names no place.
pub fn store(environment: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, NoHome> {
    let place = absolute(&environment, "XDG_DATA_HOME").or_else(|| in_home(&environment, ".local/share"));
    place.map(|it| it.join("gild/gild.db")).ok_or(NoHome { variable: "XDG_DATA_HOME", option: "--store" })
}

/// The log of a daemon that `gilctl` started: `$XDG_STATE_HOME/gild/gild.log`, else `~/.local/state/gild/gild.log`.
///
/// # Errors
/// [`NoHome`] where the environment names no place.
pub fn log(environment: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, NoHome> {
    let place = absolute(&environment, "XDG_STATE_HOME").or_else(|| in_home(&environment, ".local/state"));
    place.map(|it| it.join("gild/gild.log")).ok_or(NoHome { variable: "XDG_STATE_HOME", option: "--log" })
}

fn in_home(environment: &impl Fn(&str) -> Option<OsString>, below: &str) -> Option<PathBuf> {
    absolute(environment, "HOME").map(|home| home.join(below))
}

fn absolute(environment: &impl Fn(&str) -> Option<OsString>, name: &str) -> Option<PathBuf> {
    environment(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&'static str, &'static str)]) -> impl Fn(&str) -> Option<OsString> {
        move |name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
    }

    #[test]
    fn xdg_variables_come_before_the_home_folder() {
        let pairs = [
            ("XDG_RUNTIME_DIR", "/run/user/7"),
            ("XDG_DATA_HOME", "/data"),
            ("XDG_STATE_HOME", "/state"),
            ("HOME", "/home/ada"),
        ];
        assert_eq!(socket(environment(&pairs), 7), PathBuf::from("/run/user/7/gild/gild.sock"));
        assert_eq!(store(environment(&pairs)), Ok(PathBuf::from("/data/gild/gild.db")));
        assert_eq!(log(environment(&pairs)), Ok(PathBuf::from("/state/gild/gild.log")));
        let home = [("HOME", "/home/ada")];
        assert_eq!(socket(environment(&home), 7), PathBuf::from("/tmp/gild-7/gild.sock"));
        assert_eq!(store(environment(&home)), Ok(PathBuf::from("/home/ada/.local/share/gild/gild.db")));
        assert_eq!(log(environment(&home)), Ok(PathBuf::from("/home/ada/.local/state/gild/gild.log")));
    }

    #[test]
    fn relative_and_empty_variables_count_as_unset() {
        let odd = [("XDG_RUNTIME_DIR", ""), ("XDG_DATA_HOME", "data"), ("HOME", "")];
        assert_eq!(socket(environment(&odd), 0), PathBuf::from("/tmp/gild-0/gild.sock"));
        let error = store(environment(&odd)).unwrap_err().to_string();
        assert!(error.contains("XDG_DATA_HOME") && error.contains("--store"), "{error}");
        assert_eq!(log(environment(&odd)).unwrap_err().variable, "XDG_STATE_HOME");
    }
}
