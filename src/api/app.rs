//! What every handler is given: the door, the time, and the word that the engine ends.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::event_fanout::EventFanout;
use super::problem::ProblemDetails;
use crate::driver::{EngineApi, Metrics, Subscription};
use crate::model::{JobId, Refusal, Role, text};

/// Reads the wall clock. Given from outside, so that tests say what time it is.
pub(crate) type WallClock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Shared by all handlers.
#[derive(Clone)]
pub(super) struct App {
    /// Answers everything.
    pub(super) engine_api: Arc<dyn EngineApi>,
    /// What the caller may do.
    pub(super) role: Role,
    /// What the engine has counted.
    pub(super) metrics: Arc<Metrics>,
    /// The time, for ages and "from now on".
    pub(super) clock: WallClock,
    /// Where streams of events join.
    pub(super) event_fanout: Arc<EventFanout>,
    /// Set when serving ends: streams end then.
    pub(super) stopping: CancellationToken,
}

impl App {
    pub(super) fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }

    pub(super) async fn subscribe(&self) -> Result<Subscription, ProblemDetails> {
        let mut subscription = self.engine_api.subscribe().await?;
        subscription.snapshot.role = self.role;
        Ok(subscription)
    }

    /// The job id in a path. What is no legal id is no job's, and the answer says what may have been meant.
    pub(super) async fn job_id(&self, text: &str) -> Result<JobId, ProblemDetails> {
        if let Ok(id) = JobId::new(text) {
            return Ok(id);
        }
        let snapshot = self.subscribe().await?.snapshot;
        let ids = snapshot.jobs.iter().map(|job| job.definition.id.as_str());
        let nearest = text::nearest(text, ids).and_then(|id| JobId::new(id).ok());
        Err(Refusal::UnknownJob { job: text::shortened(text), nearest }.into())
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("door", &self.engine_api).finish_non_exhaustive()
    }
}
