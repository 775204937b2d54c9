//! Errors as answers: RFC 9457 problem details.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use gild_model::api::Problem;

use crate::fit::Misfit;
use crate::plugins::PluginError;
use crate::python::probe::ProbeError;
use crate::queue::Denied;
use crate::runs::RunError;
use crate::store::StoreError;

/// An error answer on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// The kind of error.
    pub title: &'static str,
    /// This error.
    pub detail: String,
}

impl Refusal {
    /// An error answer.
    pub fn new(status: StatusCode, title: &'static str, detail: impl ToString) -> Refusal {
        Refusal { status, title, detail: detail.to_string() }
    }

    /// Something that should not happen; it is logged as well.
    pub fn internal(error: impl ToString) -> Refusal {
        let refusal = Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error", error);
        tracing::error!(detail = %refusal.detail, "internal error");
        refusal
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let problem = Problem { title: self.title.to_owned(), status: self.status.as_u16(), detail: self.detail };
        let body = serde_json::to_vec(&problem).expect("a problem is made of plain values");
        (self.status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}

impl From<RunError> for Refusal {
    fn from(error: RunError) -> Refusal {
        match error {
            RunError::Denied(Denied::Full(_)) => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "queue full", error),
            RunError::Denied(Denied::Closed) => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", error),
            RunError::Missing(_) => Refusal::new(StatusCode::NOT_FOUND, "no such run", error),
            RunError::Over { .. } => Refusal::new(StatusCode::CONFLICT, "run is over", error),
            RunError::NotRecorded { .. } => Refusal::new(StatusCode::CONFLICT, "not being recorded", error),
            RunError::Active { .. } => Refusal::new(StatusCode::CONFLICT, "run is not over", error),
            RunError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        let (status, title) = match error {
            StoreError::Full { .. } => (StatusCode::INSUFFICIENT_STORAGE, "store full"),
            StoreError::Damaged { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "store damaged"),
            StoreError::Busy { .. } => (StatusCode::SERVICE_UNAVAILABLE, "store busy"),
            StoreError::NoSuchRun(_) => (StatusCode::NOT_FOUND, "no such run"),
            StoreError::TooManyTags(_) => (StatusCode::UNPROCESSABLE_ENTITY, "too many tags"),
            StoreError::Question(_) => return Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid query", error),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "store error"),
        };
        tracing::warn!(%error, "the store refused a request");
        Refusal::new(status, title, error)
    }
}

impl From<PluginError> for Refusal {
    fn from(error: PluginError) -> Refusal {
        match error {
            PluginError::Refused { .. } => Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "plugin refused", error),
            PluginError::NoKernel { .. } | PluginError::NotFound { .. } => {
                Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "no such kernel", error)
            }
            PluginError::Start { .. } | PluginError::Io { .. } => Refusal::internal(error),
        }
    }
}

impl From<ProbeError> for Refusal {
    fn from(error: ProbeError) -> Refusal {
        match error {
            ProbeError::Refused(_) => Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "cannot run this Python", error),
            ProbeError::Start { .. } | ProbeError::Io { .. } => Refusal::internal(error),
        }
    }
}

impl From<Misfit> for Refusal {
    fn from(error: Misfit) -> Refusal {
        Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid experiment", error)
    }
}
