//! The kinds of markers, with what the profiler shows of each.

use fxprof_processed_profile::{
    CategoryHandle, MarkerFieldFlags, MarkerFieldFormat, MarkerGraphType, MarkerLocations, Profile, StaticSchemaMarker,
    StaticSchemaMarkerField, StaticSchemaMarkerGraph, StringHandle,
};

const TEXT: MarkerFieldFormat = MarkerFieldFormat::String;
const NUMBER: MarkerFieldFormat = MarkerFieldFormat::Integer;

const fn field(key: &'static str, label: &'static str, format: MarkerFieldFormat) -> StaticSchemaMarkerField {
    StaticSchemaMarkerField { key, label, format, flags: MarkerFieldFlags::SEARCHABLE }
}

/// An interval of a worker.
pub struct PhaseMarker {
    /// The phase, or the kernel's own.
    pub name: StringHandle,
    /// The phase's.
    pub category: CategoryHandle,
}

impl StaticSchemaMarker for PhaseMarker {
    const UNIQUE_MARKER_TYPE_NAME: &'static str = "phase";
    const DESCRIPTION: Option<&'static str> = Some("What a worker was doing");
    const LOCATIONS: MarkerLocations =
        MarkerLocations::MARKER_CHART.union(MarkerLocations::MARKER_TABLE).union(MarkerLocations::TIMELINE_OVERVIEW);
    const CHART_LABEL: Option<&'static str> = Some("{marker.name}");
    const FIELDS: &'static [StaticSchemaMarkerField] = &[];

    fn name(&self, _profile: &mut Profile) -> StringHandle {
        self.name
    }

    fn category(&self, _profile: &mut Profile) -> CategoryHandle {
        self.category
    }

    fn string_field_value(&self, field_index: u32) -> StringHandle {
        unreachable!("a phase has no text {field_index}")
    }

    fn number_field_value(&self, field_index: u32) -> f64 {
        unreachable!("a phase has no number {field_index}")
    }
}

/// A time in which a worker had the lock.
pub struct HoldMarker {
    /// The worker.
    pub name: StringHandle,
    /// From whom it has it; empty if it did not have to wait for anybody.
    pub from: StringHandle,
}

impl StaticSchemaMarker for HoldMarker {
    const UNIQUE_MARKER_TYPE_NAME: &'static str = "hold";
    const DESCRIPTION: Option<&'static str> = Some("Who had the lock");
    const CHART_LABEL: Option<&'static str> = Some("{marker.name}");
    const FIELDS: &'static [StaticSchemaMarkerField] = &[field("from", "Handed over by", TEXT)];

    fn name(&self, _profile: &mut Profile) -> StringHandle {
        self.name
    }

    fn category(&self, _profile: &mut Profile) -> CategoryHandle {
        CategoryHandle::OTHER
    }

    fn string_field_value(&self, _field_index: u32) -> StringHandle {
        self.from
    }

    fn number_field_value(&self, field_index: u32) -> f64 {
        unreachable!("a hold has no number {field_index}")
    }
}

/// How many workers were in a phase, for as long as the number was the same.
pub struct CountMarker {
    /// What is counted.
    pub name: StringHandle,
    /// How many there were.
    pub workers: u32,
}

impl StaticSchemaMarker for CountMarker {
    const UNIQUE_MARKER_TYPE_NAME: &'static str = "count";
    const DESCRIPTION: Option<&'static str> = Some("How many workers were doing it");
    const LOCATIONS: MarkerLocations = MarkerLocations::MARKER_TABLE;
    const TABLE_LABEL: Option<&'static str> = Some("{marker.name}: {marker.data.workers}");
    const FIELDS: &'static [StaticSchemaMarkerField] = &[field("workers", "Workers", NUMBER)];
    const GRAPHS: &'static [StaticSchemaMarkerGraph] =
        &[StaticSchemaMarkerGraph { key: "workers", graph_type: MarkerGraphType::Bar, color: None }];

    fn name(&self, _profile: &mut Profile) -> StringHandle {
        self.name
    }

    fn category(&self, _profile: &mut Profile) -> CategoryHandle {
        CategoryHandle::OTHER
    }

    fn string_field_value(&self, field_index: u32) -> StringHandle {
        unreachable!("a count has no text {field_index}")
    }

    fn number_field_value(&self, _field_index: u32) -> f64 {
        self.workers.into()
    }
}

/// Intervals that were not kept.
pub struct GapMarker {
    /// What is said of them.
    pub name: StringHandle,
    /// How many.
    pub dropped: u64,
}

impl StaticSchemaMarker for GapMarker {
    const UNIQUE_MARKER_TYPE_NAME: &'static str = "not kept";
    const DESCRIPTION: Option<&'static str> = Some("Intervals that the timeline had no room for");
    const CHART_LABEL: Option<&'static str> = Some("{marker.name}");
    const FIELDS: &'static [StaticSchemaMarkerField] = &[field("dropped", "Intervals", NUMBER)];

    fn name(&self, _profile: &mut Profile) -> StringHandle {
        self.name
    }

    fn category(&self, _profile: &mut Profile) -> CategoryHandle {
        CategoryHandle::OTHER
    }

    fn string_field_value(&self, field_index: u32) -> StringHandle {
        unreachable!("a gap has no text {field_index}")
    }

    fn number_field_value(&self, _field_index: u32) -> f64 {
        self.dropped as f64
    }
}

/// The wall time of a trial.
pub struct TrialMarker {
    /// Which trial.
    pub name: StringHandle,
    /// Of which case.
    pub case: StringHandle,
    /// How it ended.
    pub status: StringHandle,
}

impl StaticSchemaMarker for TrialMarker {
    const UNIQUE_MARKER_TYPE_NAME: &'static str = "trial";
    const DESCRIPTION: Option<&'static str> = Some("The wall time of a trial");
    const CHART_LABEL: Option<&'static str> = Some("{marker.data.case}, {marker.name}");
    const FIELDS: &'static [StaticSchemaMarkerField] = &[field("case", "Case", TEXT), field("status", "Status", TEXT)];

    fn name(&self, _profile: &mut Profile) -> StringHandle {
        self.name
    }

    fn category(&self, _profile: &mut Profile) -> CategoryHandle {
        CategoryHandle::OTHER
    }

    fn string_field_value(&self, field_index: u32) -> StringHandle {
        if field_index == 0 { self.case } else { self.status }
    }

    fn number_field_value(&self, field_index: u32) -> f64 {
        unreachable!("a trial has no number {field_index}")
    }
}
