//! How throughput grows with the number of workers.
//!
//! | module | subject |
//! |---|---|
//! | [`family`] | cases that differ in their number of workers: speed-ups, serial fractions, fits |
//! | `law` | the two laws and their least-squares fits within bounds |
//! | `fit` | standard errors, intervals, the peak, and which law is supported |
//! | `held_out` | a law fitted to some points, put to the test on others |
//! | `matrix` | the inverse of a small matrix |

pub(crate) mod family;
mod fit;
mod held_out;
mod law;
mod matrix;
#[cfg(test)]
mod tests;
