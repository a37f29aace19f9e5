//! How the engine is: what was reported from outside, its workers, and whether the store takes commits. Each change is
//! an event and is shown.
//!
//! Owns the verdict. What is wrong with jobs is `wrong.rs`.

use super::input::{Effect, View};
use super::{Engine, workers};
use crontower_model::{Actor, EventKind, ExecutionId, Health, Now, ProblemCause, WorkerState};

impl Engine {
    /// How the engine is.
    #[must_use]
    pub fn health(&self) -> Health {
        if let Some(why) = &self.down {
            return Health::Down { problems: vec![why.clone()] };
        }
        let clock = self.clock_wait().map(super::clock_steps::ClockWait::sentence);
        let reported = self.problems.values().cloned().chain(clock);
        let problems: Vec<String> = reported.chain(self.workers.problems(&self.config)).collect();
        if problems.is_empty() { Health::Ok } else { Health::Degraded { problems } }
    }

    /// The store has refused a commit: nothing of that step happened, and nothing fires until an engine goes on from what
    /// is kept ([`Engine::resumed`]). What is shown of it cannot be kept now.
    pub fn store_failed(&mut self, why: String) -> Health {
        self.down = Some(why);
        self.shown_health = self.health();
        self.shown_health.clone()
    }

    /// Something outside is not as it should be, or (`None`) is again.
    pub(super) fn note_problem(&mut self, cause: ProblemCause, problem: Option<String>) {
        match problem {
            Some(problem) => _ = self.problems.insert(cause, problem),
            None => _ = self.problems.remove(&cause),
        }
    }

    /// An attempt of an execution has ended, and the disk did not take this much of its output.
    pub(super) fn note_output_lost(&mut self, id: ExecutionId, bytes: u64) {
        let problem = self.live.get(&id).filter(|_| bytes > 0).map(|live| {
            let job = &live.execution.job_id;
            format!("the disk did not take {bytes} bytes of output of {job}")
        });
        self.note_problem(ProblemCause::OutputLost, problem);
    }

    /// The event and the picture of a health that differs from the one that was shown last.
    pub(super) fn show_health(&mut self, now: Now) -> Vec<Effect> {
        let health = self.health();
        if health == self.shown_health {
            return Vec::new();
        }
        self.shown_health = health.clone();
        let kind = EventKind::HealthChanged { health: health.clone() };
        vec![self.event(now, &Actor::engine(), kind), Effect::Show(View::Health(health))]
    }
}

impl workers::Workers {
    /// A sentence for each worker that cannot be reached.
    fn problems(&self, config: &super::Config) -> Vec<String> {
        if self.is_connected() {
            return Vec::new();
        }
        let unreachable = self.views(config).into_iter().filter_map(|worker| match worker.state {
            WorkerState::Suspect | WorkerState::Offline => {
                Some(format!("worker {} is {}", worker.id, worker.state.as_str()))
            }
            WorkerState::Online | WorkerState::Draining => None,
        });
        unreachable.collect()
    }
}
