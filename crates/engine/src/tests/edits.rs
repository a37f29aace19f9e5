use super::*;
use crate::Expected;
use crontower_model::{Dependency, Job, JobId, Source};

fn waits_for(on: &'static [&'static str]) -> impl FnOnce(&mut Job) {
    move |job| {
        let edge = |on: &&str| Dependency {
            job: JobId::new(on).unwrap(),
            on: Default::default(),
            within: None,
        };
        job.dependencies = on.iter().map(edge).collect();
    }
}

fn refused_put(world: &mut World, job: Job, expected: Expected) -> String {
    let answer = world.try_put(job, expected);
    world.refusal(answer)
}

fn refused_delete(world: &mut World, job: &str, if_version: Option<u32>) -> String {
    let answer = world.try_remove(job, if_version);
    world.refusal(answer)
}

fn version(world: &World, job: &str) -> u32 {
    world.engine.job_status(job).unwrap().version
}

#[test]
fn a_job_of_a_program_lives_beside_those_of_the_file() {
    let mut world = World::new(2, vec![job("f", None, |_| {})]);
    world.put(job("a", Some("0 * * * *"), waits_for(&["f"])), Expected::Absent);
    assert_eq!(world.engine.job_status("a").unwrap().source, Source::Api);
    world
        .apply(vec![job("f", Some("0 * * * *"), |_| {})])
        .restart("1s")
        .until("1h")
        .end("f#1", "ok");
    world.put(job("a", Some("30 * * * *"), |_| {}), Expected::Version(1)).until("1h30m");
    world.put(job("a", Some("30 * * * *"), |_| {}), Expected::Present);
    assert_eq!(version(&world, "a"), 2, "the same once more is no new version");
    world.delete("a").put(job("a", None, |_| {}), Expected::Absent);
    assert_eq!(version(&world, "a"), 3, "numbers go on");
    insta::assert_snapshot!(world.describe(), @"
    00:00:01 engine started
    01:00:00 a#1 waiting: waits for f (queued)
    01:00:00 f#1 queued: due by its schedule
    01:00:00 f#1 running: attempt 1 on w
    01:00:00 a#1 queued: all dependencies are met
    01:00:00 a#1 running: attempt 1 on w
    01:00:00 f#1 succeeded: succeeded
    01:30:00 a#2 skipped: overlap: a#1 is still running
    ");
    insta::assert_snapshot!(world.events(), @"
    00:00:00 ann: job f changed to version 2: schedule
    01:00:00 ann: job a changed to version 2: dependencies, schedule
    01:30:00 ann: job a removed
    ");
}

#[test]
fn an_edit_of_what_is_not_so_is_refused() {
    let mut world = World::new(2, vec![job("f", None, |_| {})]);
    world.put(job("a", None, |_| {}), Expected::Absent);
    let described = [
        refused_put(&mut world, job("a", None, |_| {}), Expected::Absent),
        refused_put(&mut world, job("f", None, |_| {}), Expected::Absent),
        refused_put(&mut world, job("f", None, |_| {}), Expected::Present),
        refused_put(&mut world, job("b", None, |_| {}), Expected::Present),
        refused_put(&mut world, job("b", None, |_| {}), Expected::Version(1)),
        refused_put(&mut world, job("a", None, |_| {}), Expected::Version(2)),
        refused_put(
            &mut world,
            job("b", Some("nonsense"), waits_for(&["x", "b"])),
            Expected::Absent,
        ),
        refused_delete(&mut world, "f", None),
        refused_delete(&mut world, "b", None),
        refused_delete(&mut world, "a", Some(7)),
    ]
    .join("\n");
    insta::assert_snapshot!(described, @"
    a job named `a` is there already: change it, or take another id
    a job named `f` is there already: change it, or take another id
    job `f` lives in jobs.yaml: it is changed there
    no job named `b`; did you mean `a`?
    no job named `b`; did you mean `a`?
    job `a` has version 1, not 2: look at it again
    schedule: `nonsense` was not understood
    dependencies: no job named `x`: did you mean `a`?
    dependencies: `b` cannot depend on itself
    job `f` lives in jobs.yaml: it is changed there
    no job named `b`; did you mean `a`?
    job `a` has version 1, not 7: look at it again
    ");
    assert_eq!(world.events(), "");
}

#[test]
fn a_circle_through_the_file_is_refused_from_either_side() {
    let file = || vec![job("f", None, waits_for(&["a"]))];
    let mut world = World::new(2, vec![]);
    world.put(job("a", None, |_| {}), Expected::Absent).apply(file());
    insta::assert_snapshot!(refused_put(&mut world, job("a", None, waits_for(&["f"])), Expected::Present), @"dependencies: dependency cycle: a → f → a");
    insta::assert_snapshot!(refused_delete(&mut world, "a", None), @"job `a` is waited for by `f`: take the dependency away first");
    world
        .apply(vec![job("f", None, |_| {})])
        .put(job("a", None, waits_for(&["f"])), Expected::Present);
    insta::assert_snapshot!(world.refused_set(file()), @"a.dependencies: dependency cycle: a → f → a");
}

#[test]
fn a_reload_takes_nothing_away_from_a_programs_job() {
    let mut world = World::new(2, vec![job("f", None, |_| {})]);
    world.put(job("a", None, waits_for(&["f"])), Expected::Absent);
    insta::assert_snapshot!(world.refused_set(vec![]), @"a.dependencies: the job, made by the API, waits for `f`, which would go: change or delete it first");
    assert!(world.engine.job_status("f").is_some(), "all or nothing");
    insta::assert_snapshot!(world.refused_set(vec![job("a", None, |_| {})]), @"
    a: a job of this id was made by the API: delete it first, or take another id
    a.dependencies: the job, made by the API, waits for `f`, which would go: change or delete it first
    ");
}

#[test]
fn what_the_file_lost_while_no_engine_ran_keeps_none_from_starting() {
    let mut world = World::new(2, vec![job("f", None, |_| {})]);
    world.put(job("a", Some("0 * * * *"), waits_for(&["f"])), Expected::Absent);
    world.edit_jobs(vec![]).restart("1s").until("1h");
    insta::assert_snapshot!(world.describe(), @"
    00:00:01 engine started
    01:00:00 a#1 waiting: waits for f (no such job)
    ");
    insta::assert_snapshot!(world.why("a#1"), @"
    it is waiting: waits for f (no such job)
    it waits for `f` to succeed, and there is no such job
    at the job's next fire time, 2026-03-02T02:00:00Z, it gives way to the next one
    its job's schedule named 2026-03-02T01:00:00Z
    2026-03-02T01:00:00Z waiting: waits for f (no such job)
    ");
    world.apply(vec![job("g", None, |_| {})]);
    insta::assert_snapshot!(refused_put(&mut world, job("a", None, waits_for(&["f"])), Expected::Present), @"dependencies: no job named `f`: did you mean `g`?");
    world.delete("a");
}

#[test]
fn other_settings_move_a_programs_job_or_are_refused() {
    let mut world = World::new(2, vec![]);
    let holidays = crontower_model::Calendar::default();
    world.configure(|settings| _ = settings.calendars.insert("de".to_owned(), holidays));
    let rule = Some(crontower_model::CalendarRule::Skip("de".to_owned()));
    world.put(job("a", Some("0 12 * * *"), |job| job.calendar = rule), Expected::Absent);
    world.configure(|settings| settings.timezone = Some("Asia/Tokyo".to_owned()));
    let next = world.engine.job_status("a").unwrap().next_fire_time;
    assert_eq!(next, Some(world.instant("3h")), "noon in Tokyo");
    let without = crontower_model::JobSet::default();
    let answer = world.try_set(without);
    let refused = world.refusal(answer);
    insta::assert_snapshot!(refused, @"a.schedule: the job, made by the API, could not fire any more: no calendar is named `de`");
}

#[test]
fn a_deleted_job_cancels_what_has_not_started() {
    let many = |job: &mut Job| job.overlap = crontower_model::Overlap::Allow;
    let mut world = World::new(1, vec![]);
    world.put(job("a", None, many), Expected::Absent).run("a").run("a").delete("a").restart("1s");
    world.end("a#1", "ok");
    insta::assert_snapshot!(world.describe(), @"
    00:00:00 a#1 queued: requested by ann
    00:00:00 a#1 running: attempt 1 on w
    00:00:00 a#2 queued: requested by ann
    00:00:00 a#2 cancelled: its job was removed
    00:00:01 engine started
    00:00:01 a#1 succeeded: succeeded
    ");
}
