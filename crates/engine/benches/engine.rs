//! What one step of the engine costs as the queue grows, and what a chain of jobs costs from end to end.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::time::Duration;

use crontower_control::{Caller, RunJob};
use crontower_engine::{Config, Effect, Engine, Input, WorkerInput};
use crontower_model::{
    Actor, AttemptKey, Dependency, Ended, Image, Job, JobCommand, JobId, JobSet, Now, Outcome,
    Overlap, Pool, Settings, WorkerId,
};

fn main() {
    divan::main();
}

fn job(id: &str) -> Job {
    Job::new(JobId::new(id).unwrap(), JobCommand::script("true"))
}

fn engine(jobs: Vec<Job>) -> (Engine, Now) {
    let id = WorkerId::new("w").unwrap();
    let pool = Pool { id, host: None, capacity: 8, labels: Vec::new() };
    let settings = Settings { workers: Some(vec![pool]), ..Settings::default() };
    let now = Now {
        wall: "2026-03-02T00:00:00Z".parse().unwrap(),
        monotonic: Duration::from_secs(1_000),
    };
    let config = Config {
        host: "here".to_owned(),
        cores: 8,
        system_zone: chrono_tz::UTC,
        seed: 1,
        boot_id: "boot".to_owned(),
        version: "bench".to_owned(),
        own_commands: Default::default(),
    };
    let started = Engine::start(config, Image::default(), JobSet { settings, jobs }, now);
    (started.unwrap().0, now)
}

fn run(engine: &mut Engine, now: Now, job: &str) -> Vec<AttemptKey> {
    let command = RunJob { id: job.to_owned(), ..RunJob::default() };
    let call = Caller::owner(Actor::named("bench")).authorize(command, now.wall).unwrap();
    started(engine.call(now, call, ()).0)
}

fn end(engine: &mut Engine, now: Now, key: AttemptKey) -> Vec<AttemptKey> {
    let ended = Ended {
        key,
        started_at: Some(now.wall),
        finished_at: now.wall + chrono::TimeDelta::seconds(1),
        outcome: Outcome::Succeeded,
        exit_code: Some(0),
        error: None,
        result: None,
        output_lost: 0,
    };
    started(engine.handle(now, Input::Worker(WorkerInput::Ended(ended))))
}

fn started(effects: Vec<Effect>) -> Vec<AttemptKey> {
    let key = |effect| match effect {
        Effect::Start(assignment) => Some(assignment.key),
        _ => None,
    };
    effects.into_iter().filter_map(key).collect()
}

/// One attempt ends and the next of the queue starts, with so many waiting behind it.
#[divan::bench(args = [1_000, 100_000], sample_count = 20, sample_size = 50)]
fn one_ends_and_the_next_starts(bencher: divan::Bencher, queued: usize) {
    let mut many = job("many");
    many.overlap = Overlap::Allow;
    let (mut engine, now) = engine(vec![many]);
    let mut running = Vec::new();
    for _ in 0..queued {
        running.extend(run(&mut engine, now, "many"));
    }
    bencher.bench_local(|| {
        let key = running.pop().unwrap();
        running.extend(end(&mut engine, now, key));
    });
}

fn after(id: &str, on: impl Iterator<Item = String>) -> Job {
    let mut job = job(id);
    let edge = |on: String| Dependency {
        job: JobId::new(&on).unwrap(),
        on: Default::default(),
        within: None,
    };
    job.dependencies = on.map(edge).collect();
    job
}

/// Ends what runs until nothing does. Returns how many that were; each end is a step of the engine.
fn run_down(engine: &mut Engine, mut now: Now, mut running: Vec<AttemptKey>) -> usize {
    let mut ended = 0;
    while let Some(key) = running.pop() {
        ended += 1;
        now.wall += chrono::TimeDelta::milliseconds(1);
        now.monotonic += Duration::from_millis(1);
        running.extend(end(engine, now, key));
    }
    ended
}

/// A chain of 1,000 jobs, from the first one's run to the last one's end.
#[divan::bench(sample_count = 10)]
fn a_chain_of_a_thousand(bencher: divan::Bencher) {
    let link = |number: usize| {
        let before = number.checked_sub(1).map(|before| format!("link-{before}"));
        after(&format!("link-{number}"), before.into_iter())
    };
    let jobs: Vec<Job> = (0..1_000).map(link).collect();
    bencher.with_inputs(|| engine(jobs.clone())).bench_local_values(|(mut engine, now)| {
        let running = run(&mut engine, now, "link-0");
        assert_eq!(run_down(&mut engine, now, running), 1_000);
    });
}

/// 10,000 edges from sources to joins: as many sources as are given, each joined by all of the joins. Steps: a run and
/// an end of each source, and the joins' ends.
#[divan::bench(args = [1, 100, 10_000], sample_count = 10)]
fn ten_thousand_edges(bencher: divan::Bencher, sources: usize) {
    let joins = 10_000 / sources;
    let source = |number: usize| format!("source-{number}");
    let mut jobs: Vec<Job> = (0..sources).map(|number| job(&source(number))).collect();
    jobs.extend(
        (0..joins).map(|number| after(&format!("join-{number}"), (0..sources).map(source))),
    );
    bencher
        .counter(divan::counter::ItemsCount::new(2 * sources + joins))
        .with_inputs(|| engine(jobs.clone()))
        .bench_local_values(|(mut engine, now)| {
            let mut running = Vec::new();
            for number in 0..sources {
                running.extend(run(&mut engine, now, &source(number)));
            }
            assert_eq!(run_down(&mut engine, now, running), sources + joins);
        });
}

/// A job with a schedule waits for so many others, which end one after the other. Steps: a run and an end of each.
#[divan::bench(args = [100, 1_000, 10_000], sample_count = 5)]
fn a_schedule_waits_for(bencher: divan::Bencher, sources: usize) {
    let source = |number: usize| format!("source-{number}");
    let mut jobs: Vec<Job> = (0..sources).map(|number| job(&source(number))).collect();
    let mut join = after("join", (0..sources).map(source));
    join.schedule = Some("0 1 * * *".to_owned());
    jobs.push(join);
    let at_its_fire_time = || {
        let (mut engine, mut now) = engine(jobs.clone());
        now.wall += chrono::TimeDelta::hours(1);
        now.monotonic += Duration::from_secs(3_600);
        engine.handle(now, Input::Tick);
        (engine, now)
    };
    bencher
        .counter(divan::counter::ItemsCount::new(2 * sources))
        .with_inputs(at_its_fire_time)
        .bench_local_values(|(mut engine, now)| {
            let mut running = Vec::new();
            for number in 0..sources {
                running.extend(run(&mut engine, now, &source(number)));
            }
            assert_eq!(run_down(&mut engine, now, running), sources + 1);
        });
}
