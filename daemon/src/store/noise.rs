//! The noise of a trial, which is a part of the trial's row.

use gild_model::noise::Noise;

use super::columns::Columns;

/// The columns of a [`Noise`], for [`noise_of`].
macro_rules! noise_columns {
    () => {
        "trials.noise_window_ns, trials.noise_cpus, trials.noise_steal_ns, trials.noise_steal_most_ns,
         trials.noise_other_cpu_ns, trials.noise_frequency_min_khz, trials.noise_frequency_max_khz,
         trials.noise_throttles"
    };
}
pub(super) use noise_columns;

/// Reads what [`noise_columns`] selected; the time between the readings says whether there were any.
pub(super) fn noise_of(columns: &mut Columns<'_, '_>) -> rusqlite::Result<Option<Noise>> {
    let Some(window_ns) = columns.take()? else {
        columns.skip(7);
        return Ok(None);
    };
    Ok(Some(Noise {
        window_ns,
        cpus: columns.take()?,
        steal_ns: columns.take()?,
        steal_most_ns: columns.take()?,
        other_cpu_ns: columns.take()?,
        frequency_min_khz: columns.take()?,
        frequency_max_khz: columns.take()?,
        throttles: columns.take()?,
    }))
}
