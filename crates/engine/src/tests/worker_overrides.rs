use super::*;
use crontower_control::{DrainWorker, SetWorkerCapacity, UndrainWorker};
use crontower_model::{Job, Overlap, Pool, Settings, WorkerId, WorkerSelector};

fn id(worker: &str) -> WorkerId {
    WorkerId::new(worker).unwrap()
}

fn pool(worker: &str, capacity: u32, label: &str) -> Pool {
    Pool { id: id(worker), host: None, capacity, labels: vec![label.to_owned()] }
}

/// `one` with a slot, `two` with two.
fn settings() -> Settings {
    let workers = Some(vec![pool("one", 1, "db"), pool("two", 2, "gpu")]);
    Settings { workers, ..Settings::default() }
}

fn many(job: &mut Job) {
    job.overlap = Overlap::Allow;
}

fn on_gpu(job: &mut Job) {
    many(job);
    let labels = vec!["gpu".to_owned()];
    job.workers = Some(WorkerSelector { labels, ..WorkerSelector::default() });
}

#[test]
fn a_drained_worker_finishes_what_it_has_and_takes_no_more() {
    let mut world =
        World::with_settings(settings(), vec![job("a", None, many), job("g", None, on_gpu)]);
    world.run("g").drain("two", true).run("a").run("g").run("a");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 g#1 queued: requested by ann
    00:00:00 g#1 running: attempt 1 on two
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on one
    00:00:00 g#2 queued: requested by ann
    00:00:00 a#2 queued: requested by ann
    ");
    insta::assert_snapshot!(world.why("g#2"), @"
    it is queued: worker two is draining
    it is the next of those that wait for the same (priority medium)
    it was asked for by ann at 2026-03-02T00:00:00Z
    2026-03-02T00:00:00Z queued: requested by ann
    ");
    insta::assert_snapshot!(world.why("a#2"), @"
    it is queued: every worker is full, and two is draining
    the slots that it may have are held by a#1 (a)
    it is the next of those that wait for the same (priority medium)
    it was asked for by ann at 2026-03-02T00:00:00Z
    2026-03-02T00:00:00Z queued: requested by ann
    ");
    insta::assert_snapshot!(world.why_job("g", world.instant("0s")), @"
    execution g#1 (manual) was made for it and is running: attempt 1 on two
    execution g#2 (manual) was made for it and is queued: worker two is draining
    worker two is draining: its executions stay queued
    it has no schedule and no dependencies: it runs when asked to
    ");
    world.end("g#1", "ok").restart("1s");
    insta::assert_snapshot!(world.workers(), @"
    one online: 1 of 1
    two draining: 0 of 2
    ");
    let two = world.engine.worker_views().pop().unwrap().drained.unwrap();
    assert_eq!((two.by.as_str(), two.reason.as_deref()), ("ann", Some("new disk")));
    world.describe();
    world.drain("two", true).drain("two", false).drain("two", false);
    insta::assert_snapshot!(world.describe(), @"
    00:00:01 g#2 running: attempt 1 on two
    00:00:01 a#2 running: attempt 1 on two
    ");
    insta::assert_snapshot!(world.events(), @"
    00:00:00 ann: worker two is drained by ann: new disk
    00:00:01 ann: worker two takes attempts again, requested by ann
    ");
}

#[test]
fn all_workers_drained_is_reported() {
    let mut world = World::with_settings(settings(), vec![job("a", None, many)]);
    world.drain("one", true).drain("two", true).run("a");
    insta::assert_snapshot!(world.why("a#1"), @"
    it is queued: workers one, two are draining
    it is the next of those that wait for the same (priority medium)
    it was asked for by ann at 2026-03-02T00:00:00Z
    2026-03-02T00:00:00Z queued: requested by ann
    ");
    world.drain("one", false);
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on one
    ");
}

#[test]
fn capacity_follows_the_order_and_what_runs_goes_on() {
    let mut world = World::with_settings(settings(), vec![job("g", None, on_gpu)]);
    world.run("g").run("g").set_capacity("two", Some(1)).run("g");
    insta::assert_snapshot!(world.workers(), @"
    one online: 0 of 1
    two online: 2 of 1
    ");
    let slots: Vec<u32> = world.hosted.iter().map(|pool| pool.capacity).collect();
    assert_eq!(slots, [1, 1], "the worker process learns it");
    world.end("g#1", "ok");
    assert_eq!(world.running(), ["g#2"]);
    world.end("g#2", "ok").restart("1s").run("g");
    assert_eq!(world.running(), ["g#3"]);
    world.set_capacity("two", Some(3)).run("g").set_capacity("two", None);
    insta::assert_snapshot!(world.workers(), @"
    one online: 0 of 1
    two online: 3 of 2
    ");
    world.set_capacity("two", None).set_capacity("two", Some(2));
    insta::assert_snapshot!(world.events(), @"
    00:00:00 ann: worker two has capacity 1 instead of 2, set by ann
    00:00:01 ann: worker two has capacity 3 instead of 1, set by ann
    00:00:01 ann: worker two has capacity 2 as jobs.yaml says, requested by ann
    ");
}

#[test]
fn a_new_number_in_the_file_ends_the_order() {
    let resize = |slots| {
        move |settings: &mut Settings| settings.workers.as_mut().unwrap()[1].capacity = slots
    };
    let mut world = World::with_settings(settings(), vec![]);
    world.set_capacity("two", Some(7)).configure(|settings| settings.shutdown_grace *= 2);
    assert!(world.workers().contains("two online: 0 of 7"), "another key of the file is no reason");
    world.configure(resize(4));
    insta::assert_snapshot!(world.workers(), @"
    one online: 0 of 1
    two online: 0 of 4
    ");
    world.set_capacity("two", Some(7)).edit_settings(resize(5)).restart("1s");
    insta::assert_snapshot!(world.workers(), @"
    one online: 0 of 1
    two online: 0 of 5
    ");
    world.restart("1s");
    insta::assert_snapshot!(world.events(), @"
    00:00:00 ann: worker two has capacity 7 instead of 2, set by ann
    00:00:00 ann: worker two has capacity 4: jobs.yaml says another number than when one was ordered
    00:00:00 ann: worker two has capacity 7 instead of 4, set by ann
    00:00:01 engine: worker two has capacity 5: jobs.yaml says another number than when one was ordered
    ");
}

#[test]
fn orders_go_with_the_worker() {
    let mut world = World::with_settings(settings(), vec![job("g", None, on_gpu)]);
    world.run("g").drain("two", true).configure(|settings| {
        settings.workers.as_mut().unwrap().pop();
    });
    insta::assert_snapshot!(world.workers(), @"
    one online: 0 of 1
    two draining: 1 of 2
    ");
    let refused = UndrainWorker { id: "two".to_owned(), reason: None };
    insta::assert_snapshot!(world.refused(refused), @"worker `two` is no longer in jobs.yaml: it goes when what it runs has ended");
    world
        .end("g#1", "ok")
        .configure(|settings| *settings = super::worker_overrides::settings())
        .restart("1s");
    insta::assert_snapshot!(world.workers(), @"
    one online: 0 of 1
    two online: 0 of 2
    ");
}

#[test]
fn why_a_worker_takes_attempts_again_is_recorded() {
    let mut world = World::with_settings(settings(), vec![]);
    world.drain("one", true);
    let reason = Some("disk is in".to_owned());
    world.ask(UndrainWorker { id: "one".to_owned(), reason }).unwrap();
    insta::assert_snapshot!(world.events(), @"
    00:00:00 ann: worker one is drained by ann: new disk
    00:00:00 ann: worker one takes attempts again, requested by ann: disk is in
    ");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut world = World::with_settings(settings(), vec![]);
    let mut described = Vec::new();
    for (worker, capacity) in [("three", Some(1)), ("one", Some(0)), ("one", Some(u32::MAX))] {
        described.push(world.refused(SetWorkerCapacity { id: worker.to_owned(), capacity }));
    }
    let drain = DrainWorker { id: "three".to_owned(), reason: None };
    described.push(world.refused(drain));
    insta::assert_snapshot!(described.join("\n"), @"
    no worker named `three`
    `capacity` is a number from 1 to 10000, or null for what jobs.yaml says; a worker that is to take nothing is drained
    `capacity` is a number from 1 to 10000, or null for what jobs.yaml says; a worker that is to take nothing is drained
    no worker named `three`
    ");
}
