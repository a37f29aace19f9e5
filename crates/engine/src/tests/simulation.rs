//! A seeded world in which everything goes wrong: workers die, reports come late and twice, commits fail, the process dies
//! between commit and act, clocks jump, people press keys at random. The rules are checked after every step; a failure
//! prints its seed and the shortest script that still fails.
//!
//! 1,000 seeds by default, more with `CRONTOWER_SIM_SEEDS`.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, TimeDelta, Utc};

use super::world::{Fault, World, job};
use crate::{Engine, Expected};
use crontower_control::{
    AcknowledgeExecution, AcknowledgeJob, DrainWorker, SetWorkerCapacity, SkipNextFireTime,
    UnacknowledgeExecution, UnacknowledgeJob, UndrainWorker,
};
use crontower_model::{
    CatchUp, Condition, Dependency, Execution, ExecutionId, ExecutionState, Job, JobId, JobStatus,
    LedgerFate, LedgerRange, OnFailure, Overlap, Pool, Priority, Retry, Settings, StateName,
    Trigger, Worker, WorkerId, WorkerSelector, WorkerState, WrongKind,
};
use crontower_schedule::mix;

/// One thing that happens. Numbers choose among what is there at that moment.
#[derive(Debug, Clone, Copy)]
enum Step {
    Pass(u64),
    Run(u64, bool),
    End(u64, &'static str),
    EndTwice(u64),
    Cancel(u64),
    RunAgain(u64),
    Pause(u64),
    Resume(u64),
    Reload(u64),
    LinkDown,
    LinkUp,
    WorkerDies,
    Deaf(bool),
    Restart(u64),
    Boot,
    SetClock(i64),
    Break(Fault),
    SkipNext(u64),
    Acknowledge(u64),
    RunAfter(u64),
    Drain(u64),
    Capacity(u64),
    Put(u64),
    Delete(u64),
    EndNotice(u64),
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = mix(self.0);
        self.0 % bound
    }
}

fn script(seed: u64) -> Vec<Step> {
    let mut random = Random(mix(seed));
    let length = 20 + random.below(60);
    (0..length).map(|_| step(&mut random)).collect()
}

fn step(random: &mut Random) -> Step {
    let pick = random.below(1_000);
    match random.below(52) {
        0..12 => Step::Pass([1, 5, 20, 60, 90, 600][random.below(6) as usize]),
        12..14 => Step::Run(pick, random.below(4) == 0),
        14..23 => {
            let how = ["ok", "ok", "ok", "exit 1", "exit 3", "timed_out"][random.below(6) as usize];
            Step::End(pick, how)
        }
        23 => Step::EndTwice(pick),
        24 => Step::Cancel(pick),
        25 => Step::RunAgain(pick),
        26 => Step::Pause(pick),
        27 => Step::Resume(pick),
        28 => Step::Reload(pick),
        29 => Step::LinkDown,
        30..32 => Step::LinkUp,
        32 => Step::WorkerDies,
        33 => Step::Deaf(random.below(3) == 0),
        34 => Step::Restart([0, 1, 30, 700][random.below(4) as usize]),
        35 => Step::Boot,
        36 => Step::SetClock(
            [-90, -5, 5, 45, 700, -86_400, 86_400, -10_800, 172_800, -200_000]
                [random.below(10) as usize],
        ),
        37..39 => Step::Break(Fault::Commit),
        39 => Step::Break(Fault::Act),
        40..42 => Step::SkipNext(pick),
        42 => Step::Acknowledge(pick),
        43..45 => Step::RunAfter(pick),
        45 => Step::Drain(pick),
        46 => Step::Capacity(pick),
        47..49 => Step::Put(pick),
        49 => Step::Delete(pick),
        _ => Step::EndNotice(pick),
    }
}

const JOBS: [&str; 11] =
    ["skip", "queue", "all", "allow", "replace", "after", "chain", "gpu", "last", "api-0", "api-1"];

fn job_name(pick: u64) -> &'static str {
    JOBS[(pick % 11) as usize]
}

/// A job of a program, now so, now so: with a schedule or without, after this one or that.
fn api_job(pick: u64) -> Job {
    let id = ["api-0", "api-1"][(pick % 2) as usize];
    let schedule = [Some("* * * * *"), None, Some("* * * * *")][(pick / 2 % 3) as usize];
    let on: &[&str] = [&[][..], &["skip"], &["all", "api-0"], &["api-1"]][(pick / 6 % 4) as usize];
    job(id, schedule, |job| {
        job.dependencies = on.iter().map(|on| after(on)).collect();
        job.overlap = [Overlap::Queue, Overlap::Skip][(pick / 24 % 2) as usize];
        job.on_failure = Some(OnFailure::Run { run: "mail".to_owned() });
    })
}

fn after(on: &str) -> Dependency {
    Dependency { job: JobId::new(on).unwrap(), on: Condition::Success, within: None }
}

/// The jobs of the world; `variant` changes some of them, as a reload does.
fn jobs(variant: u64) -> Vec<Job> {
    let minute = Some("* * * * *");
    let retry =
        Retry::Fixed { max_retries: 2, delay: std::time::Duration::from_secs(7), jitter: 0.5 };
    let mut jobs = vec![
        job("skip", minute, |job| {
            job.retry = retry.clone();
            job.on_failure = Some(OnFailure::Run { run: "mail".to_owned() });
        }),
        job("queue", minute, |job| {
            job.overlap = Overlap::Queue;
            job.limits = vec!["db".to_owned()];
            job.catch_up = CatchUp::All;
        }),
        job("all", Some("*/2 * * * *"), |job| {
            job.overlap = Overlap::QueueAll;
            job.priority = Priority::Low;
            job.on_failure = Some(OnFailure::Url { url: "http://example.com".to_owned() });
            job.deadline = Some(std::time::Duration::from_secs(400));
        }),
        job("allow", minute, |job| {
            job.overlap = Overlap::Allow;
            job.concurrency = Some(2);
            job.limits = vec!["db".to_owned()];
            job.catch_up = CatchUp::All;
            job.retry = retry;
        }),
        job("replace", minute, |job| {
            job.overlap = Overlap::Replace;
            job.catch_up = CatchUp::None;
        }),
        job("after", Some("*/3 * * * *"), |job| {
            job.dependencies = vec![after("skip"), after("all")];
        }),
        job("chain", None, |job| job.dependencies = vec![after("skip"), after("queue")]),
        job("gpu", minute, |job| {
            let labels = vec!["gpu".to_owned()];
            job.workers = Some(WorkerSelector { labels, ..WorkerSelector::default() });
            job.priority = Priority::High;
        }),
        job("last", None, |job| job.dependencies = vec![after("after"), after("chain")]),
    ];
    if variant % 2 == 1 {
        jobs[0].enabled = false;
        jobs[3].catch_up = CatchUp::Latest;
    }
    if variant % 3 == 1 {
        jobs.retain(|job| job.id.as_str() != "all");
        jobs[4].dependencies.pop();
    }
    jobs
}

fn settings() -> Settings {
    let pool = |id: &str, capacity, labels: &[&str]| Pool {
        id: WorkerId::new(id).unwrap(),
        host: None,
        capacity,
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
    };
    let workers = Some(vec![pool("one", 3, &[]), pool("two", 2, &["gpu"])]);
    Settings { workers, limits: [("db".to_owned(), 2)].into(), ..Settings::default() }
}

fn play(script: &[Step]) {
    let mut world = World::with_settings(settings(), jobs(0));
    for (number, step) in script.iter().enumerate() {
        let before = held_by_worker(&world);
        let removed = attempts_of_removed(&world);
        act(&mut world, *step);
        check_removed(&world, &removed);
        check(&world);
        check_workers(&world, &before);
        if number % 9 == 8 {
            check_successor(&world);
        }
    }
    run_dry(&mut world, script.len().is_multiple_of(2));
    check_fates(&world);
    check_notices(&world);
}

fn held_by_worker(world: &World) -> BTreeMap<WorkerId, Vec<ExecutionId>> {
    world.engine.worker_views().into_iter().map(|worker| (worker.id, worker.running)).collect()
}

/// How many attempts each live execution of a removed job has.
fn attempts_of_removed(world: &World) -> BTreeMap<ExecutionId, usize> {
    let removed = |e: &std::sync::Arc<Execution>| !world.engine.jobs.contains_key(&e.job_id);
    let live = world.engine.live_executions().into_iter().filter(removed);
    live.map(|execution| (execution.id, execution.attempts.len())).collect()
}

/// Of a removed job no further attempt starts, and nothing waits.
fn check_removed(world: &World, before: &BTreeMap<ExecutionId, usize>) {
    for (id, attempts) in attempts_of_removed(world) {
        let execution = &world.executions[&id];
        assert_eq!(execution.state.name(), StateName::Running, "{execution:?} of a removed job");
        assert!(before.get(&id).is_none_or(|had| *had == attempts), "a retry of a removed job");
    }
}

/// No slot is double-booked: whoever took something new has room for all, and is not drained.
fn check_workers(world: &World, before: &BTreeMap<WorkerId, Vec<ExecutionId>>) {
    for worker in world.engine.worker_views() {
        let had = before.get(&worker.id).map_or(&[][..], Vec::as_slice);
        if worker.running.iter().any(|id| !had.contains(id)) {
            assert!(worker.running.len() <= worker.capacity as usize, "double-booked: {worker:?}");
            assert!(worker.drained.is_none(), "drained, and took something new: {worker:?}");
        }
        for id in &worker.running {
            let state = world.executions[id].state.name();
            assert_eq!(state, StateName::Running, "a slot of {} is held by {id}", worker.id);
        }
    }
}

/// Every failure that asks for it was told once.
fn check_notices(world: &World) {
    assert!(world.due.is_empty(), "on_failure is still due: {:?}", world.due);
    for execution in world.executions.values().filter(|e| e.state.name().is_failure()) {
        let starts = world.noticed.get(&execution.id).copied().unwrap_or_default();
        let wanted = u32::from(world.wants_notice(execution));
        assert_eq!(starts, wanted, "on_failure of {} was started so often", execution.id);
    }
}

/// The nth of the executions in a state that `wanted` accepts.
fn nth(world: &World, pick: u64, wanted: impl Fn(&Execution) -> bool) -> Option<String> {
    let names: Vec<_> = world.executions.values().filter(|e| wanted(e)).map(|e| e.id).collect();
    let id = *names.get(usize::try_from(pick).unwrap() % names.len().max(1))?;
    Some(world.name(id).to_owned())
}

fn act(world: &mut World, step: Step) {
    let running = |e: &Execution| {
        e.state.name() == StateName::Running && e.attempts.last().unwrap().started_at().is_some()
    };
    match step {
        Step::Pass(seconds) => _ = world.pass_seconds(seconds),
        Step::Run(pick, force) => _ = world.try_run(job_name(pick), force),
        Step::End(pick, how) => {
            if let Some(name) = nth(world, pick, running) {
                world.end(&name, how);
            }
        }
        Step::EndTwice(pick) => {
            let reported = world.reported.len().max(1);
            if let Some(again) = world.reported.get(pick as usize % reported).cloned() {
                world.fault = Fault::None;
                world.pass_seconds(0);
                let before = world.facts();
                world.report(again);
                assert_eq!(world.facts(), before, "a repeated report changed something");
            }
        }
        Step::Cancel(pick) => {
            if let Some(name) = nth(world, pick, |e| !e.state.is_final()) {
                world.cancel(&name);
            }
        }
        Step::RunAgain(pick) => {
            if let Some(name) = nth(world, pick, |e| e.state.is_final()) {
                world.run_again(&name);
            }
        }
        Step::Pause(pick) => world.try_pause(job_name(pick), pick % 3 == 0),
        Step::Resume(pick) => world.try_resume(job_name(pick)),
        Step::Reload(pick) => _ = world.try_apply(jobs(pick)),
        Step::LinkDown => _ = world.link_down(),
        Step::LinkUp => _ = world.link_up(),
        Step::WorkerDies => _ = world.worker_dies(),
        Step::Deaf(deaf) => world.deaf = deaf,
        Step::Restart(seconds) => _ = world.restart(&format!("{seconds}s")),
        Step::Boot => _ = world.boot("20s"),
        Step::SetClock(seconds) => _ = world.set_clock(TimeDelta::seconds(seconds)),
        Step::Break(fault) => world.fault = fault,
        other => order(world, other),
    }
}

/// What operators and programs order; most of it may be refused.
fn order(world: &mut World, step: Step) {
    let worker = |pick: u64| ["one", "two"][(pick % 2) as usize].to_owned();
    match step {
        Step::SkipNext(pick) => {
            let id = job_name(pick).to_owned();
            _ = world.ask(SkipNextFireTime { id, undo: pick % 4 == 0 });
        }
        Step::Acknowledge(pick) => {
            let failed = nth(world, pick, |e| e.state.name().is_failure());
            let Some(name) = failed else { return };
            let id = world.id(&name).to_string();
            let until = (pick % 3 == 0).then(|| world.wall() + TimeDelta::seconds(90));
            let job = job_name(pick).to_owned();
            match (pick % 5 > 0, pick % 2) {
                (true, 0) => _ = world.ask(AcknowledgeExecution { id, note: None, until }),
                (true, _) => _ = world.ask(AcknowledgeJob { id: job, note: None, until }),
                (false, 0) => _ = world.ask(UnacknowledgeExecution { id }),
                (false, _) => _ = world.ask(UnacknowledgeJob { id: job }),
            }
        }
        Step::RunAfter(pick) => _ = world.run_after(job_name(pick)),
        Step::Drain(pick) => match pick % 4 < 2 {
            true => _ = world.ask(DrainWorker { id: worker(pick), reason: None }),
            false => _ = world.ask(UndrainWorker { id: worker(pick), reason: None }),
        },
        Step::Capacity(pick) => {
            let capacity = u32::try_from(pick / 2 % 6).ok().filter(|slots| *slots > 0);
            _ = world.ask(SetWorkerCapacity { id: worker(pick), capacity });
        }
        Step::Put(pick) => {
            let expected = [Expected::Absent, Expected::Present, Expected::Version(1)];
            _ = world.try_put(api_job(pick), expected[(pick / 48 % 3) as usize]);
        }
        Step::Delete(pick) => world.try_delete(["api-0", "api-1"][(pick % 2) as usize]),
        Step::EndNotice(pick) => {
            let held = world.notices_held();
            if let Some(key) = held.get(pick as usize % held.len().max(1)) {
                world.end_attempt(*key, ["ok", "exit 1"][(pick % 2) as usize]);
            }
        }
        _ => {}
    }
}

/// What must hold at every moment.
fn check(world: &World) {
    let mut limit = 0u32;
    let mut by_job: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for execution in world.executions.values() {
        assert!(!execution.reason.to_string().is_empty(), "no reason: {execution:?}");
        if execution.state.name() == StateName::Running {
            let job = execution.job_id.as_str();
            let count = by_job.entry(job).or_default();
            count.0 += 1;
            count.1 += usize::from(!execution.forced);
            limit += u32::from(matches!(job, "queue" | "allow"));
        }
    }
    assert!(limit <= 2, "{limit} hold a limit of 2");
    assert_eq!(world.engine.limits.held("db"), limit, "held as the engine counts, and really");
    for (job, (all, unforced)) in by_job {
        match job {
            "allow" => assert!(all <= 2, "{all} of `allow` run, its concurrency is 2"),
            _ => assert!(unforced <= 1, "{unforced} of `{job}` run at once"),
        }
    }
    assert!(world.noticed.values().all(|starts| *starts == 1), "on_failure was started twice");
    for job in world.engine.job_statuses() {
        let skip = job.skip_next.as_ref().map(|skip| skip.fire_time);
        assert!(skip.is_none() || skip != job.next_fire_time, "called off, and the next: {skip:?}");
    }
    for entry in world.engine.jobs.values() {
        let open = world.engine.open_of(entry);
        assert_eq!(entry.open, open, "what {} waits for", entry.definition.id);
    }
    let live =
        |job: &JobId| world.executions.values().any(|e| e.job_id == *job && !e.state.is_final());
    for execution in world.executions.values().filter(|e| e.trigger == Trigger::Manual) {
        if let ExecutionState::Waiting { waiting_for, .. } = &execution.state {
            let unsatisfiable = waiting_for.iter().find(|job| !live(job));
            assert!(
                unsatisfiable.is_none(),
                "{} waits in vain for {unsatisfiable:?}",
                execution.id
            );
        }
    }
    check_wrong(world);
    check_pools(world);
    let kept = world.executions.values().filter(|e| !e.state.is_final()).count();
    assert_eq!(world.engine.live_executions().len(), kept, "store and engine differ");
}

/// The worker process hosts the pools that are shown, with the slots that are shown.
fn check_pools(world: &World) {
    let hosted: Vec<_> = world.hosted.iter().map(|it| (it.id.clone(), it.capacity)).collect();
    let left = |it: &Worker| it.state == WorkerState::Draining && it.drained.is_none();
    let workers = world.engine.worker_views().into_iter().filter(|it| !left(it));
    let shown: Vec<_> = workers.map(|it| (it.id, it.capacity)).collect();
    assert_eq!(hosted, shown, "what the worker process hosts");
}

/// What is wrong with a job agrees with what became of it: a job that is paused or disabled never is, one that fails is
/// unless someone knows, and one whose newest due fire time was executed successfully is not.
fn check_wrong(world: &World) {
    for job in world.engine.job_statuses() {
        let id = &job.definition.id;
        if job.paused.is_some() || !job.definition.enabled || job.acknowledged.is_some() {
            assert_eq!(job.wrong, None, "{id} is paused, disabled or acknowledged");
            continue;
        }
        let mine = || world.executions.values().filter(|it| it.job_id == *id);
        let ended = |it: &&std::sync::Arc<Execution>| {
            it.state.is_final() && it.state.name() != StateName::Skipped
        };
        let newest = mine().filter(ended).max_by_key(|it| it.id);
        // One that ended while the job was removed is not known to it.
        let is_known = newest.is_some_and(|it| job.recent.iter().any(|known| known.id == it.id));
        let newest = newest.map(|it| it.state.name());
        if is_known && newest.is_some_and(StateName::is_failure) {
            assert!(job.wrong.is_some(), "{id} has failed");
        }
        let due = mine().filter(|it| matches!(it.trigger, Trigger::Schedule | Trigger::CatchUp));
        // By creation: after a clock that was ahead was corrected, later ones have earlier fire times.
        let Some(due) = due.max_by_key(|it| it.id) else { continue };
        let passed = world.ledger.iter().any(|it| it.job_id == *id && it.last > due.fire_time);
        let succeeded = |state: StateName| state == StateName::Succeeded;
        let both = succeeded(due.state.name()) && newest.is_some_and(succeeded);
        if is_known && both && !passed {
            let wrong = job.wrong.as_ref().filter(|wrong| wrong.kind != WrongKind::Queued);
            assert_eq!(wrong, None, "{id} succeeded");
        }
    }
}

/// An engine that starts from what is kept stands where this one stands.
fn check_successor(world: &World) {
    let (successor, _) = world.successor();
    let picture = |live: Vec<std::sync::Arc<Execution>>| -> Vec<_> {
        let state = |e: &std::sync::Arc<Execution>| (e.id, e.state.name(), e.attempt_number());
        live.iter().map(state).filter(|(id, ..)| world.executions.contains_key(id)).collect()
    };
    let held = world.engine.live_executions();
    // What was queued for want of a link or a slot may start at once in the successor.
    let settled = |state: StateName| match state {
        StateName::Queued | StateName::Running => StateName::Running,
        other => other,
    };
    let mine: Vec<_> =
        picture(held).into_iter().map(|(id, state, _)| (id, settled(state))).collect();
    let theirs: BTreeMap<_, _> = picture(successor.live_executions())
        .into_iter()
        .map(|(id, state, _)| (id, settled(state)))
        .collect();
    let overrides = |engine: &Engine| -> Vec<_> {
        let view = |worker: Worker| (worker.id, worker.capacity, worker.drained);
        let left =
            |worker: &Worker| worker.state != WorkerState::Draining || worker.drained.is_some();
        engine.worker_views().into_iter().filter(left).map(view).collect()
    };
    assert_eq!(overrides(&successor), overrides(&world.engine), "orders after a restart");
    for mine in world.engine.job_statuses() {
        let Some(theirs) = successor.job_status(mine.definition.id.as_str()) else { continue };
        if theirs.version == mine.version {
            let wrong = |job: &JobStatus| job.wrong.as_ref().map(|wrong| wrong.kind);
            let (before, after) = (wrong(&mine), wrong(&theirs));
            // What waits may have got a slot, or have passed its deadline; ages are kept as wall instants.
            let by_time = |kind| matches!(kind, Some(WrongKind::Queued | WrongKind::Overlap));
            let begins = matches!(before, Some(WrongKind::Skipped | WrongKind::Missed));
            let may_differ = by_time(before) || by_time(after) || (begins && after.is_none());
            if theirs.recent == mine.recent && !may_differ {
                assert_eq!(after, before, "{} is wrong after a restart", mine.definition.id);
            }
            let notes = |job: &JobStatus| (job.skip_next.clone(), job.paused.clone());
            assert_eq!(notes(&theirs), notes(&mine), "{} after a restart", mine.definition.id);
        }
    }
    for (id, state) in mine {
        let Some(theirs) = theirs.get(&id) else { continue };
        // Delays in flight are kept as wall instants: after a jump of the clock they may be over.
        if state == StateName::Retrying {
            continue;
        }
        assert_eq!(*theirs, state, "{} stands elsewhere after a restart", world.name(id));
    }
}

/// Everything comes to an end once nothing goes wrong any more: nothing starves, nothing is stuck.
fn run_dry(world: &mut World, restart: bool) {
    world.deaf = false;
    world.fault = Fault::None;
    // Without a restart, too: one would mend what an engine has forgotten to give back.
    if restart {
        world.restart("0s");
    } else {
        world.link_down().link_up();
    }
    let mut quiet = jobs(0);
    quiet.iter_mut().for_each(|job| job.enabled = false);
    for job in ["api-1", "api-0", "api-1"] {
        world.try_delete(job);
    }
    world.try_apply(quiet);
    for worker in ["one", "two"] {
        world.drain(worker, false).set_capacity(worker, None);
    }
    for _ in 0..500 {
        for name in world.running() {
            world.end(&name, "ok");
        }
        for key in world.notices_held() {
            world.end_attempt(key, "ok");
        }
        let waits = |e: &std::sync::Arc<Execution>| {
            e.state.name() == StateName::Waiting && e.trigger != Trigger::Manual
        };
        if world.engine.live_executions().iter().all(waits) && world.due.is_empty() {
            return;
        }
        world.pass_seconds(30);
        check(world);
    }
    panic!("still live: {:#?}", world.engine.live_executions());
}

/// Every fire time up to where the engine has looked lies in exactly one row.
fn check_fates(world: &World) {
    let mut fates: BTreeMap<(&str, DateTime<Utc>), u64> = BTreeMap::new();
    let scheduled =
        |e: &&std::sync::Arc<Execution>| matches!(e.trigger, Trigger::Schedule | Trigger::CatchUp);
    for execution in world.executions.values().filter(scheduled) {
        *fates.entry((execution.job_id.as_str(), execution.fire_time)).or_default() += 1;
    }
    let counts = |row: &&LedgerRange| row.fate != LedgerFate::TakenBack;
    for row in world.ranges.values().filter(counts) {
        let step = match row.job_id.as_str() {
            "all" => 2,
            "after" => 3,
            "chain" | "last" => continue,
            _ => 1,
        };
        let mut at = row.first;
        let mut count = 0;
        while at <= row.last {
            *fates.entry((row.job_id.as_str(), at)).or_default() += 1;
            at += TimeDelta::minutes(step);
            count += 1;
        }
        assert_eq!(row.count, count, "{row:?} does not count what it spans");
    }
    for ((job, at), count) in &fates {
        assert_eq!(*count, 1, "{job} at {at} has {count} rows");
    }
    for (job, step) in [("skip", 1), ("queue", 1), ("replace", 1), ("gpu", 1), ("after", 3)] {
        // Where the clock was ahead, there are executions beyond what is accounted for now.
        let accounted = world.engine.jobs[job].state.accounted_until;
        let mine = fates.keys().filter(|(it, at)| *it == job && *at <= accounted);
        let mine: Vec<_> = mine.map(|(_, at)| *at).collect();
        for pair in mine.windows(2) {
            assert_eq!(pair[1] - pair[0], TimeDelta::minutes(step), "{job}: a hole at {}", pair[0]);
        }
    }
}

fn fails(script: &[Step]) -> Option<String> {
    let played = catch_unwind(AssertUnwindSafe(|| play(script)));
    played.err().map(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_default()
    })
}

/// What a failure is about, without the numbers and names in it.
fn kind(why: &str) -> String {
    let line = why.lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_ascii_digit()).skip(20).take(40).collect()
}

/// Leaves out steps as long as the script still fails in the same way.
fn shrink(mut script: Vec<Step>, wanted: &str) -> Vec<Step> {
    let mut size = script.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < script.len() {
            let mut shorter = script.clone();
            shorter.drain(at..(at + size).min(script.len()));
            if fails(&shorter).is_some_and(|why| kind(&why) == kind(wanted)) {
                script = shorter;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    script
}

#[test]
fn a_thousand_bad_days() {
    let seeds = std::env::var("CRONTOWER_SIM_SEEDS").ok().and_then(|text| text.parse().ok());
    for seed in 0..seeds.unwrap_or(1_000) {
        if let Some(why) = fails(&script(seed)) {
            let shortest = shrink(script(seed), &why);
            let why = fails(&shortest).unwrap_or_default();
            panic!("seed {seed}: {why}\n{shortest:?}");
        }
    }
}
