//! Ending a live execution, and running a final one again, because someone asks for it.

use std::sync::Arc;

use super::Engine;
use crontower_control::{Authorized, CancelExecution, ExecutionView, Handles, RetryExecution};
use crontower_model::{Execution, Now, Reason, Refusal};

impl Handles<CancelExecution> for Engine {
    fn carry_out(
        &mut self,
        now: Now,
        call: Authorized<CancelExecution>,
        of: Arc<Execution>,
    ) -> Result<ExecutionView, Refusal> {
        let (by, CancelExecution { abandon, .. }) = call.into_parts();
        if self.live_execution(of.id).is_none() {
            // It may have ended after it was looked up.
            let entry = self.jobs.get(&of.job_id);
            let ended = entry.and_then(|entry| entry.recent.iter().find(|it| it.id == of.id));
            let state = ended.map_or_else(|| of.state.name(), |ended| ended.state);
            return Err(Refusal::AlreadyFinal { execution: of.id, state });
        }
        if abandon {
            self.abandon(now, of.id, by)?;
        } else {
            self.cancel(now, of.id, by.clone(), Reason::Cancelled { by });
        }
        self.answer_with(now, Some(of.id))
    }
}

impl Handles<RetryExecution> for Engine {
    fn carry_out(
        &mut self,
        now: Now,
        call: Authorized<RetryExecution>,
        of: Arc<Execution>,
    ) -> Result<ExecutionView, Refusal> {
        let (by, _) = call.into_parts();
        if !of.state.is_final() {
            return Err(Refusal::StillLive { execution: of.id, state: of.state.name() });
        }
        self.known(&of.job_id)?;
        if !of.args.is_empty() {
            // It is today's definition that they would reach.
            self.check_run_args(&of.job_id)?;
        }
        let id = self.run_again(now, &of, by);
        self.answer_with(now, id)
    }
}
