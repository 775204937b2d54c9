//! advice
mod scaling;
