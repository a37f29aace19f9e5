//! `/metrics`: the engine in Prometheus' text format.
//!
//! Jobs are many and come and go, so a job's id is no label, with one exception: `crontower_job_wrong` and
//! `crontower_job_failing` have a row for each job that is wrong now (at most 100), because an alert that does not name
//! the job helps nobody.

use std::fmt::{Display, Write as _};

use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::params::Params;
use super::problem::ProblemDetails;
use crate::driver::{EngineInfo, Metrics, Snapshot, Spread};
use crate::model::{Health, StateName, WorkerState};

/// Prometheus' text format.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// So many failing jobs are told by name.
pub(super) const MOST_FAILING: usize = 100;

/// The engine as numbers.
#[utoipa::path(
    get,
    path = "/metrics",
    responses((status = 200, description = "Prometheus' text format", body = String, content_type = "text/plain")),
)]
pub(super) async fn metrics(app: App, uri: Uri) -> Result<Response, ProblemDetails> {
    Params::read(&uri, &[])?;
    let snapshot = app.subscribe().await?.snapshot;
    let kind = [(header::CONTENT_TYPE, CONTENT_TYPE)];
    Ok((kind, page(&snapshot, &app.metrics)).into_response())
}

/// Metrics as they are written, one family after the other.
#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a text does not fail.
        let _ = writeln!(self.0, "# HELP crontower_{name} {help}\n# TYPE crontower_{name} {kind}");
    }

    fn row(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> =
            labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        let labels = match labels.as_slice() {
            [] => String::new(),
            labels => format!("{{{}}}", labels.join(",")),
        };
        let _ = writeln!(self.0, "crontower_{name}{labels} {value}");
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.row(name, &[], value);
    }

    fn histogram(&mut self, name: &str, help: &str, spread: &Spread) {
        self.family(name, "histogram", help);
        let bucket = format!("{name}_bucket");
        for (bound, below) in &spread.buckets {
            self.row(&bucket, &[("le", &bound.as_secs_f64().to_string())], below);
        }
        self.row(&bucket, &[("le", "+Inf")], spread.count);
        self.row(&format!("{name}_sum"), &[], spread.sum.as_secs_f64());
        self.row(&format!("{name}_count"), &[], spread.count);
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn page(snapshot: &Snapshot, metrics: &Metrics) -> String {
    let mut page = Page::default();
    page.family("executions_total", "counter", "Executions that became final, by state.");
    for (state, count) in metrics.ended() {
        page.row("executions_total", &[("state", state.as_str())], count);
    }
    let help = "Attempts that a worker has started.";
    page.single("attempts_started_total", "counter", help, metrics.attempts());
    let help = "Between a fire time and the start of its first attempt.";
    page.histogram("start_lateness_seconds", help, &metrics.lateness());
    let help = "How long commits to the store took.";
    page.histogram("commit_duration_seconds", help, &metrics.commits());
    live(&mut page, snapshot);
    jobs(&mut page, snapshot);
    workers(&mut page, snapshot);
    engine(&mut page, snapshot);
    page.0
}

/// What a standby counts. The rest is the leader's: told twice it would count twice.
pub(super) fn standby_page(engine: &EngineInfo) -> String {
    let mut page = Page::default();
    page.single("leader", "gauge", "1 if this engine leads.", 0);
    of_process(&mut page, engine);
    page.0
}

fn of_process(page: &mut Page, engine: &EngineInfo) {
    let changed = u8::from(engine.file.changed);
    page.single("jobs_file_changed", "gauge", "1 if jobs.yaml waits for a reload.", changed);
    page.family("build_info", "gauge", "The version of the program.");
    page.row("build_info", &[("version", &engine.version)], 1);
    let started = engine.started_at.timestamp_millis();
    page.single(
        "start_time_seconds",
        "gauge",
        "When the engine started, since the Unix epoch.",
        // Milliseconds since 1970 are far below 2^53.
        std::time::Duration::from_millis(u64::try_from(started).unwrap_or(0)).as_secs_f64(),
    );
}

fn live(page: &mut Page, snapshot: &Snapshot) {
    page.family("live_executions", "gauge", "Executions that are not final, by state.");
    for state in StateName::ALL.into_iter().filter(|state| !state.is_final()) {
        let count = snapshot.live.iter().filter(|one| one.state.name() == state).count();
        page.row("live_executions", &[("state", state.as_str())], count);
    }
}

fn jobs(page: &mut Page, snapshot: &Snapshot) {
    let jobs = &snapshot.jobs;
    page.single("jobs", "gauge", "Jobs there are.", jobs.len());
    let paused = jobs.iter().filter(|job| job.paused.is_some()).count();
    page.single("paused_jobs", "gauge", "Jobs that an operator has paused.", paused);
    let disabled = jobs.iter().filter(|job| !job.definition.enabled).count();
    page.single("disabled_jobs", "gauge", "Jobs whose schedule is disabled.", disabled);
    let help = "Jobs that are wrong and that nobody has acknowledged.";
    page.single("wrong_jobs", "gauge", help, snapshot.wrong().count());
    page.family("job_wrong", "gauge", "1 for each wrong job, for at most 100 of them.");
    for wrong in snapshot.wrong().take(MOST_FAILING) {
        let labels = [("job", wrong.job_id.as_str()), ("kind", wrong.kind.as_str())];
        page.row("job_wrong", &labels, 1);
    }
    let failing = snapshot.wrong().filter(|wrong| wrong.kind.is_failure());
    let failing: Vec<&str> = failing.map(|wrong| wrong.job_id.as_str()).collect();
    let help = "Jobs that failed last and whose failure nobody has acknowledged.";
    page.single("failing_jobs", "gauge", help, failing.len());
    page.family("job_failing", "gauge", "1 for each failing job, for at most 100 of them.");
    for job in failing.into_iter().take(MOST_FAILING) {
        page.row("job_failing", &[("job", job)], 1);
    }
}

fn workers(page: &mut Page, snapshot: &Snapshot) {
    let workers = &snapshot.workers;
    page.family("worker_slots", "gauge", "How many attempts a worker runs at once.");
    for worker in workers {
        page.row("worker_slots", &[("worker", worker.id.as_str())], worker.capacity);
    }
    page.family("worker_slots_in_use", "gauge", "Attempts that a worker runs.");
    for worker in workers {
        page.row("worker_slots_in_use", &[("worker", worker.id.as_str())], worker.running.len());
    }
    page.family("worker_online", "gauge", "1 if the worker is there, draining or not.");
    for worker in workers {
        let is_there = matches!(worker.state, WorkerState::Online | WorkerState::Draining);
        page.row("worker_online", &[("worker", worker.id.as_str())], u8::from(is_there));
    }
}

fn engine(page: &mut Page, snapshot: &Snapshot) {
    page.family("health", "gauge", "1 for how the engine is: ok, degraded or down.");
    for word in Health::WORDS {
        let is_so = snapshot.health.as_str() == word;
        page.row("health", &[("health", word)], u8::from(is_so));
    }
    let problems = snapshot.health.problems().len();
    page.single("problems", "gauge", "What is wrong with the engine or its workers.", problems);
    page.single("events_total", "counter", "Number of the newest event.", snapshot.seq);
    page.single("leader", "gauge", "1 if this engine leads.", 1);
    let history = &snapshot.engine.history;
    page.single("history_executions", "gauge", "Executions in the store.", history.executions);
    page.single("history_events", "gauge", "Events in the store.", history.events);
    if let Some(bytes) = history.output_bytes {
        page.single("output_bytes", "gauge", "Bytes of the disk that output takes.", bytes);
    }
    let help = "1 while some of the history is beyond a bound of `retention`.";
    page.single("history_over", "gauge", help, u8::from(history.over));
    let help = "1 while old history cannot be deleted.";
    page.single("retention_failing", "gauge", help, u8::from(history.problem.is_some()));
    of_process(page, &snapshot.engine);
}
