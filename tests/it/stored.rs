//! Definitions that live in the store, changed through the door; and files beside them.

use crontower::internals::Registry;
use crontower::internals::{EditOptions, EngineApi, JobEdit, JobsFrom, StartOptions, start};
use crontower::model::{JobId, OnStop, Refusal, Source};
use serde_json::{Value, json};

fn id(job: &str) -> JobId {
    JobId::new(job).unwrap()
}

fn map(value: Value) -> serde_json::Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_a_program_lives_in_the_store_and_a_refused_file_is_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jobs.yaml");
    let text = "# mine\ncalendars: {de: {holidays: [2099-01-01]}}\njobs:\n- {id: f, run: x} # f\n- {id: g, run: x}\n";
    std::fs::write(&file, text).unwrap();
    let options = StartOptions {
        jobs: JobsFrom::Path(file.clone()),
        data_dir: folder.path().join("data"),
        store: "memory".to_owned(),
        registry: Registry::builtin(),
        worker_program: env!("CARGO_BIN_EXE_crontower").into(),
        listen: None,
        recovery: crontower::internals::Recovery::default(),
    };
    let mut running = start(options).await.unwrap();
    let engine_api = &running.handle;
    let edit = async |job: &str, edit: JobEdit, if_version: Option<u32>| {
        engine_api.edit_job(&id(job), edit, EditOptions { dry_run: false, if_version }).await
    };
    let definition =
        map(json!({"run": "echo 1", "retryPolicy": {"type": "FIXED"}, "dependencies": ["f"]}));
    let create = JobEdit::Create { definition, source: Source::Api };
    let made = edit("p", create.clone(), None).await.unwrap();
    assert_eq!(made.job.as_ref().map(|job| (job.version, job.source)), Some((1, Source::Api)));
    assert_eq!(made.change.diff, None);
    assert_eq!(edit("p", create, None).await, Err(Refusal::JobExists { job: id("p") }));
    let patch = |patch: Value| JobEdit::Patch(map(patch));
    let changed = edit("p", patch(json!({"run": "echo 2", "retry": {"delay": "5s"}})), Some(1))
        .await
        .unwrap();
    assert_eq!(changed.job.unwrap().version, 2);
    let stale = edit("p", patch(json!({"run": "echo 3"})), Some(1)).await.unwrap_err();
    assert!(matches!(stale, Refusal::AnotherVersion { expected: 1, current: 2, .. }), "{stale}");
    let same = edit("p", patch(json!({"run": "echo 2"})), None).await.unwrap();
    assert!(same.change.plan.is_empty() && same.job.is_some());
    let wrong =
        edit("p", patch(json!({"retry": {"delay": []}, "id": "q"})), None).await.unwrap_err();
    assert!(
        matches!(&wrong, Refusal::Invalid(problems) if problems.iter().any(|p| p.path == "retry.delay")),
        "{wrong:?}"
    );
    let renamed = edit("p", patch(json!({"id": "q"})), None).await.unwrap_err();
    assert!(matches!(renamed, Refusal::Invalid(_)), "{renamed:?}");
    let back = edit("p", JobEdit::RollBack(1), None).await.unwrap();
    assert_eq!(back.job.unwrap().version, 3);
    assert!(matches!(
        edit("p", JobEdit::RollBack(9), None).await,
        Err(Refusal::UnknownVersion { version: 9, .. })
    ));
    // The file alone would be right, the engine knows better: the file says again what is in force.
    let refused = edit("f", JobEdit::Delete, None).await.unwrap_err();
    assert!(
        matches!(&refused, Refusal::Invalid(problems) if problems[0].path == "p.dependencies"),
        "{refused:?}"
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    edit("f", patch(json!({"run": "y"})), None).await.unwrap();
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        text.replace("{id: f, run: x}", "{id: f, run: y}")
    );
    edit("p", JobEdit::Delete, Some(3)).await.unwrap();
    edit("f", JobEdit::Delete, None).await.unwrap();
    running.handle.stop(Some(OnStop::Cancel), "test").await;
    running.ended().await;
}
