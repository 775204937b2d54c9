//! What the program's exit status says. Documented in `docs/daemon.md`.

/// It was told to stop and did so.
pub const OK: u8 = 0;
/// The command line makes no sense (as clap has it).
pub const USAGE: u8 = 2;
/// The configuration makes no sense, or cannot be read.
pub const CONFIG: u8 = 3;
/// The socket cannot be had, because a live daemon has it or for another reason.
pub const SOCKET: u8 = 4;
/// The store cannot be opened.
pub const STORE: u8 = 5;
/// The system refused what is needed, or the spawner died.
pub const SYSTEM: u8 = 6;
/// `gild record`: the command cannot be run, as a shell has it.
pub const COMMAND_REFUSED: u8 = 126;
/// `gild record`: there is no such command, as a shell has it.
pub const NO_COMMAND: u8 = 127;
