//! The engine as numbers.

use super::*;
use crate::model::{JobStatus, StateName, Summary, Wrong, WrongKind};

#[tokio::test]
async fn the_numbers_are_as_prometheus_reads_them() {
    let world = World::new();
    fail_first_job(&world);
    let response = world.ask("GET", "/metrics", &[], "").await;
    let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    insta::assert_snapshot!(text, @r#"
    # HELP crontower_executions_total Executions that became final, by state.
    # TYPE crontower_executions_total counter
    crontower_executions_total{state="succeeded"} 0
    crontower_executions_total{state="failed"} 0
    crontower_executions_total{state="timed_out"} 0
    crontower_executions_total{state="cancelled"} 0
    crontower_executions_total{state="skipped"} 0
    # HELP crontower_attempts_started_total Attempts that a worker has started.
    # TYPE crontower_attempts_started_total counter
    crontower_attempts_started_total 0
    # HELP crontower_start_lateness_seconds Between a fire time and the start of its first attempt.
    # TYPE crontower_start_lateness_seconds histogram
    crontower_start_lateness_seconds_bucket{le="0.005"} 0
    crontower_start_lateness_seconds_bucket{le="0.01"} 0
    crontower_start_lateness_seconds_bucket{le="0.025"} 0
    crontower_start_lateness_seconds_bucket{le="0.05"} 0
    crontower_start_lateness_seconds_bucket{le="0.1"} 0
    crontower_start_lateness_seconds_bucket{le="0.5"} 0
    crontower_start_lateness_seconds_bucket{le="1"} 0
    crontower_start_lateness_seconds_bucket{le="10"} 0
    crontower_start_lateness_seconds_bucket{le="60"} 0
    crontower_start_lateness_seconds_bucket{le="600"} 0
    crontower_start_lateness_seconds_bucket{le="+Inf"} 0
    crontower_start_lateness_seconds_sum 0
    crontower_start_lateness_seconds_count 0
    # HELP crontower_commit_duration_seconds How long commits to the store took.
    # TYPE crontower_commit_duration_seconds histogram
    crontower_commit_duration_seconds_bucket{le="0.001"} 0
    crontower_commit_duration_seconds_bucket{le="0.002"} 0
    crontower_commit_duration_seconds_bucket{le="0.005"} 0
    crontower_commit_duration_seconds_bucket{le="0.01"} 0
    crontower_commit_duration_seconds_bucket{le="0.025"} 0
    crontower_commit_duration_seconds_bucket{le="0.05"} 0
    crontower_commit_duration_seconds_bucket{le="0.1"} 0
    crontower_commit_duration_seconds_bucket{le="0.5"} 0
    crontower_commit_duration_seconds_bucket{le="2.5"} 0
    crontower_commit_duration_seconds_bucket{le="+Inf"} 0
    crontower_commit_duration_seconds_sum 0
    crontower_commit_duration_seconds_count 0
    # HELP crontower_live_executions Executions that are not final, by state.
    # TYPE crontower_live_executions gauge
    crontower_live_executions{state="waiting"} 0
    crontower_live_executions{state="queued"} 0
    crontower_live_executions{state="running"} 1
    crontower_live_executions{state="retrying"} 0
    # HELP crontower_jobs Jobs there are.
    # TYPE crontower_jobs gauge
    crontower_jobs 3
    # HELP crontower_paused_jobs Jobs that an operator has paused.
    # TYPE crontower_paused_jobs gauge
    crontower_paused_jobs 0
    # HELP crontower_disabled_jobs Jobs whose schedule is disabled.
    # TYPE crontower_disabled_jobs gauge
    crontower_disabled_jobs 0
    # HELP crontower_wrong_jobs Jobs that are wrong and that nobody has acknowledged.
    # TYPE crontower_wrong_jobs gauge
    crontower_wrong_jobs 1
    # HELP crontower_job_wrong 1 for each wrong job, for at most 100 of them.
    # TYPE crontower_job_wrong gauge
    crontower_job_wrong{job="backup",kind="failure"} 1
    # HELP crontower_failing_jobs Jobs that failed last and whose failure nobody has acknowledged.
    # TYPE crontower_failing_jobs gauge
    crontower_failing_jobs 1
    # HELP crontower_job_failing 1 for each failing job, for at most 100 of them.
    # TYPE crontower_job_failing gauge
    crontower_job_failing{job="backup"} 1
    # HELP crontower_worker_slots How many attempts a worker runs at once.
    # TYPE crontower_worker_slots gauge
    crontower_worker_slots{worker="worker-1"} 5
    # HELP crontower_worker_slots_in_use Attempts that a worker runs.
    # TYPE crontower_worker_slots_in_use gauge
    crontower_worker_slots_in_use{worker="worker-1"} 1
    # HELP crontower_worker_online 1 if the worker is there, draining or not.
    # TYPE crontower_worker_online gauge
    crontower_worker_online{worker="worker-1"} 1
    # HELP crontower_health 1 for how the engine is: ok, degraded or down.
    # TYPE crontower_health gauge
    crontower_health{health="ok"} 1
    crontower_health{health="degraded"} 0
    crontower_health{health="down"} 0
    # HELP crontower_problems What is wrong with the engine or its workers.
    # TYPE crontower_problems gauge
    crontower_problems 0
    # HELP crontower_events_total Number of the newest event.
    # TYPE crontower_events_total counter
    crontower_events_total 5
    # HELP crontower_leader 1 if this engine leads.
    # TYPE crontower_leader gauge
    crontower_leader 1
    # HELP crontower_history_executions Executions in the store.
    # TYPE crontower_history_executions gauge
    crontower_history_executions 0
    # HELP crontower_history_events Events in the store.
    # TYPE crontower_history_events gauge
    crontower_history_events 0
    # HELP crontower_history_over 1 while some of the history is beyond a bound of `retention`.
    # TYPE crontower_history_over gauge
    crontower_history_over 0
    # HELP crontower_retention_failing 1 while old history cannot be deleted.
    # TYPE crontower_retention_failing gauge
    crontower_retention_failing 0
    # HELP crontower_jobs_file_changed 1 if jobs.yaml waits for a reload.
    # TYPE crontower_jobs_file_changed gauge
    crontower_jobs_file_changed 0
    # HELP crontower_build_info The version of the program.
    # TYPE crontower_build_info gauge
    crontower_build_info{version="0.1.0"} 1
    # HELP crontower_start_time_seconds When the engine started, since the Unix epoch.
    # TYPE crontower_start_time_seconds gauge
    crontower_start_time_seconds 1795429200
    "#);
    // Each family is told about once, before its first row.
    let families: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let names: std::collections::BTreeSet<&str> =
        families.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(names.len(), families.len());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (row, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let name = row.split('{').next().unwrap();
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        assert!(names.contains(name) || family.is_some_and(|name| names.contains(name)), "{line}");
    }
}

fn fail_first_job(world: &World) {
    let mut state = world.engine_api.state();
    let failed = Summary { state: StateName::Failed, ..state.executions[0].summary() };
    let mut job = JobStatus { last_execution: Some(failed), ..(*state.jobs[0]).clone() };
    job.wrong = Some(Wrong {
        job_id: job.definition.id.clone(),
        kind: WrongKind::Failure,
        since: noon(),
        reason: "exit code 1".to_owned(),
    });
    state.jobs[0] = Arc::new(job);
}
