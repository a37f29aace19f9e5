//! Actions that the engine carries out: on the one in hand, or on all that are marked.
//!
//! Owns what is asked first: many at once, and anything that ends work.

use std::sync::Arc;

use super::requests::named;
use crate::driver::RunOptions;
use crate::model::{Execution, ExecutionId, JobId, Severity};
use crate::tui::message::{Command, Request};
use crate::tui::model::{Model, Question};

/// Runs executions again.
pub(super) fn retry(model: &mut Model) -> Vec<Command> {
    let ids = model.selected_executions();
    let is_final = |id: &ExecutionId| model.world.live_execution(*id).is_none();
    let requests = if let [id] = ids.as_slice() {
        vec![Request::Retry(*id)] // The engine says what is wrong with it.
    } else {
        ids.into_iter().filter(is_final).map(Request::Retry).collect()
    };
    let what = format!("retry {} executions", requests.len());
    ask_each(model, what, requests)
}

/// Runs the selected jobs now.
pub(super) fn run(model: &mut Model, options: &RunOptions) -> Vec<Command> {
    let jobs = model.selected_jobs();
    run_each(model, jobs, options)
}

/// Runs jobs now.
pub(super) fn run_each(model: &mut Model, jobs: Vec<JobId>, options: &RunOptions) -> Vec<Command> {
    let how = if options.force { " past overlap" } else { "" };
    let what = format!("run{how} now {}", named(jobs.iter()));
    let requests = jobs.into_iter().map(|job| Request::Run(job, options.clone())).collect();
    ask_each(model, what, requests)
}

/// One is asked for at once, many only after a question.
fn ask_each(model: &mut Model, what: String, mut requests: Vec<Request>) -> Vec<Command> {
    if requests.len() > 1 {
        model.question = Some(Question::Each { what, lost: "", requests });
        return Vec::new();
    }
    model.clear_listed_marks();
    requests.pop().map(Command::Ask).into_iter().collect()
}

/// Asks whether live executions are to be cancelled.
pub(super) fn cancel(model: &mut Model) {
    let ids = model.selected_executions();
    let live: Vec<Arc<Execution>> = if ids.is_empty() {
        let jobs = model.selected_jobs();
        jobs.iter().flat_map(|job| model.world.live_of(job)).cloned().collect()
    } else {
        ids.iter().filter_map(|id| model.world.live_execution(*id)).cloned().collect()
    };
    if !live.is_empty() {
        model.question = Some(Question::Cancel(live));
        return;
    }
    let text = match (model.selected_execution(), model.selected_job()) {
        _ if model.marked() > model.hidden_marks() => {
            "no marked row has a live execution".to_owned()
        }
        (Some(execution), _) => {
            format!("{} {} has already finished", execution.job_id, execution.id.short())
        }
        (None, Some(job)) => format!("{job} has no live execution"),
        (None, None) => return,
    };
    model.notice(Severity::Info, text);
}
