//! What can be asked of an engine: one struct a verb, which is at once the request, its JSON body, its schema, its
//! command-line flags and its route with the role it takes; and one list of them all.
//!
//! Owns the verbs, their answers and how both stand in HTTP. Never carries one out, and knows no engine, no transport and
//! no screen: pure data.

mod acknowledge_execution;
mod acknowledge_job;
mod answers;
mod cancel_execution;
mod command;
mod delete_worker;
mod drain_worker;
mod edit_job;
pub mod http;
mod list;
mod pause_job;
mod refusal;
mod reload_jobs;
mod resume_job;
mod retry_execution;
mod run_job;
mod set_worker_capacity;
mod skip_next_fire_time;
mod stop_engine;
mod undrain_worker;

pub use acknowledge_execution::{AcknowledgeExecution, UnacknowledgeExecution};
pub use acknowledge_job::{AcknowledgeJob, UnacknowledgeJob};
pub use answers::{Change, Definition, EditedJob, ExecutionView};
pub use cancel_execution::CancelExecution;
pub use command::{Authorized, Caller, Command, Method, Schema, WholeBody};
pub use delete_worker::DeleteWorker;
pub use drain_worker::DrainWorker;
pub use edit_job::{
    CreateJob, DeleteJob, DisableJob, EnableJob, PatchJob, ReplaceJob, RollBackJob, enables,
};
pub use list::{
    Call, CommandHandler, Endpoint, Handles, HandlesLocally, History, Listed, LocalHandler,
    Mutation, Submits, Visitor, each,
};
pub use pause_job::PauseJob;
pub use refusal::{Kind, kind};
pub use reload_jobs::ReloadJobs;
pub use resume_job::ResumeJob;
pub use retry_execution::RetryExecution;
pub use run_job::RunJob;
pub use set_worker_capacity::SetWorkerCapacity;
pub use skip_next_fire_time::SkipNextFireTime;
pub use stop_engine::StopEngine;
pub use undrain_worker::UndrainWorker;
