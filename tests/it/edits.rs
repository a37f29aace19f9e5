//! Definitions changed through the door: in jobs.yaml, with all that is written around them.

use std::path::Path;

use crontower::control::{EditedJob, ReloadJobs};
use crontower::internals::Registry;
use crontower::internals::{
    EditOptions, EngineApi, Feed, FileState, Handle, JobEdit, JobsFrom, Running, StartOptions,
    Subscription, ask, start,
};
use crontower::model::{JobId, OnStop, Refusal, Source};
use serde_json::{Value, json};

const JOBS: &str = "\
# Of this host.
calendars: {de: {file: de.ics}}
jobs:
  - id: a   # first
    schedule: daily at 2 AM
    calendar: {skip: de}
    run: echo a
  # The second.
  - {id: b, run: echo b}
";

const CALENDAR: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20991224\r\nSUMMARY:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

struct Site {
    folder: tempfile::TempDir,
    running: Running,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("jobs.yaml"), JOBS).unwrap();
        std::fs::write(folder.path().join("de.ics"), CALENDAR).unwrap();
        let running =
            start(options(folder.path(), JobsFrom::Path(folder.path().join("jobs.yaml")))).await;
        Self { running: running.unwrap(), folder }
    }

    fn engine_api(&self) -> &Handle {
        &self.running.handle
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("jobs.yaml")).unwrap()
    }

    fn write(&self, text: &str) {
        std::fs::write(self.folder.path().join("jobs.yaml"), text).unwrap();
    }

    async fn patch(&self, job: &str, patch: Value) -> Result<EditedJob, Refusal> {
        let edit = JobEdit::Patch(patch.as_object().unwrap().clone());
        self.engine_api().edit_job(&id(job), edit, EditOptions::default()).await
    }

    async fn close(mut self) {
        self.running.handle.stop(Some(OnStop::Cancel), "test").await;
        self.running.ended().await;
    }
}

fn options(folder: &Path, jobs: JobsFrom) -> StartOptions {
    StartOptions {
        jobs,
        data_dir: folder.join("data"),
        store: "memory".to_owned(),
        registry: Registry::builtin(),
        worker_program: env!("CARGO_BIN_EXE_crontower").into(),
        listen: None,
        recovery: crontower::internals::Recovery::default(),
    }
}

fn id(job: &str) -> JobId {
    JobId::new(job).unwrap()
}

/// The next thing that is told about the jobs file.
async fn file_state(feed: &mut Subscription) -> FileState {
    loop {
        if let Feed::File(state) = feed.feed.recv().await.unwrap() {
            return state;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_the_file_is_edited_in_the_file_and_in_force_at_once() {
    let site = Site::new().await;
    let edited = site.patch("a", json!({"run": "echo A", "timeout": "1h"})).await.unwrap();
    let job = edited.job.unwrap();
    assert_eq!((job.version, job.source), (2, Source::File));
    assert_eq!(edited.change.plan.changed[0].fields.len(), 2);
    insta::assert_snapshot!(edited.change.diff.unwrap().replace(site.folder.path().to_str().unwrap(), ""), @"
    --- /jobs.yaml
    +++ /jobs.yaml
    @@ -4,6 +4,7 @@
       - id: a   # first
         schedule: daily at 2 AM
         calendar: {skip: de}
    -    run: echo a
    +    run: echo A
    +    timeout: 1h
       # The second.
       - {id: b, run: echo b}
    ");
    let expected = JOBS.replace("run: echo a\n", "run: echo A\n    timeout: 1h\n");
    assert_eq!(site.text(), expected);
    let same = site.patch("a", json!({"timeout": "60m"})).await.unwrap();
    assert!(same.change.plan.is_empty() && same.change.diff.is_none() && same.job.is_some());
    site.engine_api()
        .edit_job(&id("a"), JobEdit::RollBack(1), EditOptions::default())
        .await
        .unwrap();
    assert_eq!(site.text(), JOBS);
    assert_eq!(site.engine_api().job(&id("a")).await.unwrap().version, 3);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_come_and_go() {
    let site = Site::new().await;
    let definition = json!({"run": "echo c", "dependencies": ["b"]}).as_object().unwrap().clone();
    let create = JobEdit::Create { definition, source: Source::File };
    let dry = EditOptions { dry_run: true, ..EditOptions::default() };
    let edited = site.engine_api().edit_job(&id("c"), create.clone(), dry).await.unwrap();
    assert_eq!((edited.job, edited.change.plan.added), (None, vec![id("c")]));
    assert_eq!(site.text(), JOBS);
    site.engine_api().edit_job(&id("c"), create.clone(), EditOptions::default()).await.unwrap();
    assert_eq!(site.text(), format!("{JOBS}  - id: c\n    run: echo c\n    dependencies: [b]\n"));
    let again = site.engine_api().edit_job(&id("c"), create, EditOptions::default()).await;
    assert_eq!(again.unwrap_err(), Refusal::JobExists { job: id("c") });
    let delete = async |job: &str| {
        site.engine_api().edit_job(&id(job), JobEdit::Delete, EditOptions::default()).await
    };
    let refused = delete("b").await.unwrap_err().to_string();
    assert!(refused.ends_with("`dependencies`: no job named `b`: did you mean `a`?"), "{refused}");
    assert_eq!(delete("c").await.unwrap().change.plan.removed, [id("c")]);
    assert_eq!(site.text(), JOBS);
    assert!(matches!(delete("nobody").await, Err(Refusal::UnknownJob { .. })));
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_at_once_are_all_kept() {
    let site = Site::new().await;
    let edits = (0..20).map(|n| site.patch("b", json!({"env": {format!("N{n}"): "x"}})));
    let done = futures_util::future::join_all(edits).await;
    assert!(done.into_iter().all(|edited| edited.is_ok()));
    let job = site.engine_api().job(&id("b")).await.unwrap();
    assert_eq!((job.version, job.definition.env.len()), (21, 20));
    assert_eq!(site.text().matches(": x").count(), 20);
    let stale = EditOptions { if_version: Some(20), ..EditOptions::default() };
    let refused = site.engine_api().edit_job(&id("b"), JobEdit::Delete, stale).await.unwrap_err();
    assert_eq!(refused, Refusal::AnotherVersion { job: id("b"), expected: 20, current: 21 });
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_someone_else_changed_meanwhile_is_left_alone() {
    let site = Site::new().await;
    let theirs = JOBS.replace("echo b", "echo theirs");
    site.write(&theirs);
    let refused = site.patch("a", json!({"run": "echo ours"})).await.unwrap_err();
    let Refusal::FileLeftAlone { message, diff } = refused else { panic!("{refused:?}") };
    assert!(message.contains("is not in force as it is now"), "{message}");
    assert!(diff.contains("-    run: echo a\n+    run: echo ours\n"), "{diff}");
    assert_eq!(site.text(), theirs);
    ask(site.engine_api(), ReloadJobs::default()).await.unwrap();
    site.patch("a", json!({"run": "echo ours"})).await.unwrap();
    assert_eq!(site.text(), theirs.replace("echo a", "echo ours"));
    let wrong = site.patch("a", json!({"schedule": "never ever", "retry": 5})).await.unwrap_err();
    let Refusal::Invalid(problems) = wrong else { panic!("{wrong:?}") };
    let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["retry", "schedule"]);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_change_is_not_reported_as_someone_elses() {
    let site = Site::new().await;
    let mut feed = site.engine_api().subscribe().await.unwrap();
    site.patch("a", json!({"run": "echo A"})).await.unwrap();
    // The watch looks some time later; the next change by hand is the first that is told.
    site.write(&site.text().replace("echo b", "echo B"));
    assert!(file_state(&mut feed).await.changed);
    ask(site.engine_api(), ReloadJobs::default()).await.unwrap();
    assert!(!file_state(&mut feed).await.changed);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_calendar_is_a_change_and_one_put_back_is_none() {
    let site = Site::new().await;
    let mut feed = site.engine_api().subscribe().await.unwrap();
    let calendar = site.folder.path().join("de.ics");
    std::fs::write(&calendar, CALENDAR.replace("1224", "1225")).unwrap();
    assert!(file_state(&mut feed).await.changed);
    std::fs::write(&calendar, CALENDAR).unwrap();
    assert!(!file_state(&mut feed).await.changed);
    std::fs::write(&calendar, CALENDAR.replace("1224", "1225")).unwrap();
    assert!(file_state(&mut feed).await.changed);
    assert_eq!(
        ask(site.engine_api(), ReloadJobs::default()).await.unwrap().settings[0].key,
        "calendars"
    );
    assert!(!file_state(&mut feed).await.changed);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = start(options(folder.path(), JobsFrom::Sample)).await.unwrap();
    let job = running.handle.subscribe().await.unwrap().snapshot.jobs[0].definition.id.clone();
    let delete = running.handle.edit_job(&job, JobEdit::Delete, EditOptions::default()).await;
    insta::assert_snapshot!(delete.unwrap_err(), @"the built-in sample is in force, which is no file: write one with `crontower init`, and start crontower with it");
    running.handle.stop(Some(OnStop::Cancel), "test").await;
    running.ended().await;
}
