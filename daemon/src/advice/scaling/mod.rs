//! How throughput grows with the number of workers.
//!
//! | module | subject |
//! |---|---|
//! | `law` | the two laws and their least-squares fits within bounds |
//! | `fit` | standard errors, intervals, the peak, and which law is supported |
//! | `held_out` | a law fitted to some points, put to the test on others |
//! | `matrix` | the inverse of a small matrix |

mod fit;
mod held_out;
mod law;
mod matrix;
#[cfg(test)]
mod tests;
