//! What is listed: the tab, its filter, and the newest page of executions.
//!
//! Owns the moves that several messages lead to. Never knows which key or answer led here.

use std::sync::Arc;

use crate::model::{Execution, JobId};
use crate::tui::keys::Tab;
use crate::tui::message::Command;
use crate::tui::model::{Filter, Layer, Model, Output};

/// Changes to a tab; what was opened is closed.
pub(super) fn go_to(model: &mut Model, tab: Tab) {
    model.layers.clear();
    if tab != Tab::System {
        model.system.scroll = 0;
    }
    model.tab = tab;
}

/// Puts a filter in force; the list of executions is requested again.
pub(super) fn set_filter(model: &mut Model, text: &str) -> Vec<Command> {
    let filter = Filter::parse(text);
    match model.tab {
        Tab::Jobs => {
            model.jobs.filter = filter;
            model.jobs.touch();
            Vec::new()
        }
        Tab::Executions => {
            model.executions.filter = filter;
            reload_executions(model)
        }
        Tab::Workers | Tab::System => Vec::new(),
    }
}

/// Asks for the newest executions.
pub(super) fn reload_executions(model: &mut Model) -> Vec<Command> {
    let world = &model.world;
    let is_job = |id: &str| JobId::new(id).is_ok_and(|id| world.job(&id).is_some());
    vec![Command::Ask(model.executions.reload(is_job))]
}

/// Opens the output of an execution's newest attempt.
pub(super) fn open_output(model: &mut Model, execution: Arc<Execution>) {
    let attempt = execution.attempt_number();
    model.layers.push(Layer::Output(Box::new(Output::new(execution, attempt))));
}
