//! Verbs that the engine does not answer by itself: definitions that are changed where they live, and reloads.
//!
//! Owns what each of these verbs means for a definition. How a file is changed is `edit`'s.

use serde_json::Value;

use super::engine_api::{EditOptions, JobEdit};
use super::handle::{Handle, Message};
use crate::control::{
    Authorized, CreateJob, DeleteJob, DisableJob, EditedJob, EnableJob, HandlesLocally, PatchJob,
    ReloadJobs, ReplaceJob, RollBackJob, StopEngine, enables,
};
use crate::model::{JobId, OnStop, Plan, Problem, Refusal, Source};

impl HandlesLocally<CreateJob> for Handle {
    async fn answer(&self, call: Authorized<CreateJob>) -> Result<EditedJob, Refusal> {
        let (_, create) = call.into_parts();
        let options = EditOptions { dry_run: create.dry_run, if_version: None };
        let (id, edit) = creation(create)?;
        self.edit(&id, edit, options).await
    }
}

/// The job that is to be made, and the edit that makes it.
pub(super) fn creation(create: CreateJob) -> Result<(JobId, JobEdit), Refusal> {
    let CreateJob { mut definition, source, .. } = create;
    let wrong_source = |_| invalid("source", "it is `file` or `api`");
    let source = match (source, definition.remove("source")) {
        (Some(source), _) => source,
        (None, None | Some(Value::Null)) => Source::Api,
        (None, Some(given)) => serde_json::from_value(given).map_err(wrong_source)?,
    };
    let id = match definition.get("id") {
        Some(Value::String(id)) => {
            JobId::new(id).map_err(|error| invalid("id", &error.to_string()))?
        }
        Some(_) => return Err(invalid("id", "it is a text such as `nightly-backup`")),
        None => return Err(invalid("id", "a job needs an `id` such as `nightly-backup`")),
    };
    Ok((id, JobEdit::Create { definition, source }))
}

/// Answers a verb that edits the job `id`.
macro_rules! edits {
    ($($verb:ident { $($field:ident)? } => $edit:expr;)*) => {
        $(impl HandlesLocally<$verb> for Handle {
            async fn answer(&self, call: Authorized<$verb>) -> Result<EditedJob, Refusal> {
                let (_, $verb { id, $($field,)? dry_run, if_version }) = call.into_parts();
                let id = self.look(move |engine| engine.named(&id)).await??;
                self.edit(&id, $edit, EditOptions { dry_run, if_version }).await
            }
        })*
    };
}

edits! {
    ReplaceJob { definition } => JobEdit::Replace(definition);
    PatchJob { patch } => JobEdit::Patch(patch);
    DeleteJob {} => JobEdit::Delete;
    EnableJob {} => JobEdit::Patch(enables(true));
    DisableJob {} => JobEdit::Patch(enables(false));
    RollBackJob { version } => JobEdit::RollBack(version);
}

impl HandlesLocally<ReloadJobs> for Handle {
    async fn answer(&self, call: Authorized<ReloadJobs>) -> Result<Plan, Refusal> {
        if call.command().dry_run {
            return self.read_file().await.map(|(_, plan)| plan);
        }
        let handle = self.clone();
        // Whoever asked may go away meanwhile: what is begun is brought to its end.
        let done = tokio::spawn(async move { handle.reload_in_turn().await });
        done.await.map_err(|_| Refusal::Stopping)?
    }
}

impl HandlesLocally<StopEngine> for Handle {
    async fn answer(&self, call: Authorized<StopEngine>) -> Result<(), Refusal> {
        let (by, StopEngine { wait, cancel, reason }) = call.into_parts();
        let how = match (wait, cancel) {
            (true, _) => Some(OnStop::Wait),
            (false, true) => Some(OnStop::Cancel),
            (false, false) => None,
        };
        let note = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        let reason = format!("requested by {by}{note}");
        // A closed channel means that it has ended already.
        _ = self.messages.send(Message::Stop { how, patient: wait, reason }).await;
        Ok(())
    }
}

fn invalid(path: &str, message: &str) -> Refusal {
    Refusal::Invalid(vec![Problem { path: path.to_owned(), message: message.to_owned() }])
}
