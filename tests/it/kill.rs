//! `kill -9` at random moments, with short and long jobs running: afterwards the store and the traces that the jobs left
//! must tell the same story.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use crontower::model::{Execution, ExecutionQuery, LedgerRange, Outcome, StateName, Trigger};
use rustix::process::Signal;

use super::daemon::{Daemon, signal, until_gone, worker_pid};

/// How often the engine is killed; more with `CRONTOWER_KILL_ROUNDS`.
const ROUNDS: u64 = 20;

const JOBS: &str = r#"
timezone: UTC
workers: [{id: w, capacity: 20}]
jobs:
  - id: short
    schedule: "* * * * * *"
    overlap: allow
    catch_up: all
    run: echo "$CRONTOWER_EXECUTION_ID $CRONTOWER_ATTEMPT begin" >> trace
  - id: long
    schedule: "*/3 * * * * *"
    overlap: skip
    catch_up: latest
    run: |
      echo "$CRONTOWER_EXECUTION_ID $CRONTOWER_ATTEMPT begin" >> trace
      for step in 1 2 3 4 5 6 7 8; do echo "step $step"; sleep 0.2; done
      echo "$CRONTOWER_EXECUTION_ID $CRONTOWER_ATTEMPT end" >> trace
      exit 5
"#;

#[test]
fn the_store_and_the_traces_tell_the_same_story_after_every_kill() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("jobs.yaml"), JOBS).unwrap();
    let rounds = std::env::var("CRONTOWER_KILL_ROUNDS").ok().and_then(|text| text.parse().ok());
    let rounds = rounds.unwrap_or(ROUNDS);
    let seed = RandomState::new();
    let mut worker_kills = 0;
    for round in 0..rounds {
        let daemon = Daemon::start(folder.path());
        daemon.let_work(Duration::from_millis(50 + random(&seed, round) % 1_450));
        if round % 7 == 6
            && let Some(pid) = worker_pid(folder.path())
        {
            signal(pid, Signal::KILL);
            worker_kills += 1;
            daemon.let_work(Duration::from_millis(random(&seed, round + 1_000) % 300));
        }
        daemon.kill();
    }
    // No job fires any more; what runs comes to its end.
    let quiet = JOBS.replace("    overlap", "    enabled: false\n    overlap");
    std::fs::write(folder.path().join("jobs.yaml"), quiet).unwrap();
    let daemon = Daemon::start(folder.path());
    while ["running", "queued", "retrying"].iter().any(|state| {
        !daemon.ask(&["executions", "--status", state, "--json"]).contains(r#""items":[]"#)
    }) {
        daemon.let_work(Duration::from_millis(100));
    }
    assert_eq!(daemon.stop(), Some(0));
    if let Some(pid) = worker_pid(folder.path()) {
        until_gone(pid);
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let story = runtime.block_on(read(folder.path()));
    story.check(folder.path(), worker_kills);
}

fn random(seed: &RandomState, round: u64) -> u64 {
    let mut hasher = seed.build_hasher();
    hasher.write_u64(round);
    hasher.finish()
}

/// What the store holds.
struct Story {
    executions: Vec<std::sync::Arc<Execution>>,
    ledger: BTreeMap<String, Vec<LedgerRange>>,
}

async fn read(folder: &Path) -> Story {
    let store = crontower::internals::open(
        "sqlite",
        &folder.join("data"),
        &crontower::internals::Reach::default(),
    )
    .await
    .unwrap();
    let mut executions = Vec::new();
    let mut query = ExecutionQuery { limit: 1_000, ..ExecutionQuery::default() };
    loop {
        let page = store.executions(&query).await.unwrap();
        query.before = page.items.last().map(|execution| execution.id);
        executions.extend(page.items);
        if !page.more {
            break;
        }
    }
    let mut ledger = BTreeMap::new();
    for job in ["short", "long"] {
        let id = crontower::model::JobId::new(job).unwrap();
        ledger.insert(job.to_owned(), store.ledger(&id, None, 1_000).await.unwrap());
    }
    Story { executions, ledger }
}

impl Story {
    fn check(&self, folder: &Path, worker_kills: u64) {
        let trace = std::fs::read_to_string(folder.join("trace")).unwrap();
        let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
        for line in trace.lines() {
            *lines.entry(line).or_default() += 1;
        }
        let twice: Vec<_> = lines.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "started more than once: {twice:?}");
        self.every_start_is_recorded(&lines);
        self.every_success_left_its_trace(&lines);
        self.every_fire_time_has_one_fate();
        let lost = self.executions.iter().flat_map(|e| &e.attempts);
        let lost = lost.filter(|attempt| attempt.outcome() == Some(Outcome::WorkerLost)).count();
        assert!(worker_kills > 0 || lost == 0, "{lost} attempts lost, but no worker was killed");
        assert!(self.executions.len() > 10, "hardly anything ran: {}", self.executions.len());
    }

    fn every_start_is_recorded(&self, trace: &BTreeMap<&str, usize>) {
        let known: BTreeSet<String> = self.executions.iter().map(|e| e.id.to_string()).collect();
        for line in trace.keys() {
            let id = line.split(' ').next().unwrap();
            assert!(known.contains(id), "{line:?} is in no store");
        }
    }

    fn every_success_left_its_trace(&self, trace: &BTreeMap<&str, usize>) {
        for execution in &self.executions {
            let name = execution.state.name();
            assert!(name.is_final(), "{} is still {name}", execution.id);
            let (last, wanted) = match (execution.job_id.as_str(), name) {
                ("short", StateName::Succeeded) => ("begin", true),
                ("long", StateName::Failed) if execution.attempts[0].exit_code() == Some(5) => {
                    ("end", true)
                }
                ("long" | "short", StateName::Failed) => {
                    assert_eq!(execution.attempts[0].outcome(), Some(Outcome::WorkerLost));
                    ("end", false)
                }
                (_, StateName::Skipped) => ("begin", false),
                other => panic!("{}: unexpected end {other:?}: {}", execution.id, execution.reason),
            };
            let line = format!("{} 1 {last}", execution.id);
            let found = trace.contains_key(line.as_str());
            assert_eq!(found, wanted, "{} {name}: {}", execution.id, execution.reason);
            assert!(execution.attempts.len() <= 1, "{} was tried twice", execution.id);
        }
    }

    fn every_fire_time_has_one_fate(&self) {
        for (job, step) in [("short", 1), ("long", 3)] {
            let mut fates: BTreeMap<DateTime<Utc>, usize> = BTreeMap::new();
            let scheduled = self.executions.iter().filter(|execution| {
                execution.job_id.as_str() == job
                    && matches!(execution.trigger, Trigger::Schedule | Trigger::CatchUp)
            });
            for execution in scheduled {
                *fates.entry(execution.fire_time).or_default() += 1;
            }
            for range in &self.ledger[job] {
                let mut at = range.first;
                while at <= range.last {
                    *fates.entry(at).or_default() += 1;
                    at += TimeDelta::seconds(step);
                }
            }
            let (first, last) = (*fates.keys().next().unwrap(), *fates.keys().last().unwrap());
            let expected = (last - first).num_seconds() / step + 1;
            assert_eq!(i64::try_from(fates.len()).unwrap(), expected, "{job}: a fire time is lost");
            let double: Vec<_> = fates.iter().filter(|(_, count)| **count != 1).collect();
            assert!(double.is_empty(), "{job}: more than one fate: {double:?}");
        }
    }
}
