//! Python: the code of ours that runs in the user's interpreter.
//!
//! | module | subject |
//! |---|---|
//! | [`files`] | where that code is for an interpreter to find |

pub mod files;
