//! The identity of a trial's results: equal results have equal digests, whatever the model.

use sha2::{Digest, Sha256};

use crate::plugin::instance::KernelError;
use crate::plugin::value::Value;

/// SHA-256 over each result's type id and encoded bytes, with their lengths, in task order; lower-case hex.
///
/// # Errors
/// A result that its kernel cannot encode, with the task's index.
pub fn of_results(results: &[Value]) -> Result<String, (usize, KernelError)> {
    let mut hash = Sha256::new();
    let mut bytes = Vec::new();
    for (task, result) in results.iter().enumerate() {
        bytes.clear();
        result.encode(&mut bytes).map_err(|error| (task, error))?;
        let id = result.type_id().to_bytes();
        hash.update((id.len() as u64).to_le_bytes());
        hash.update(id);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(&bytes);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
