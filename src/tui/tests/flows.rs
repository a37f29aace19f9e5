//! Keys in, what was asked and what is shown out.

use std::sync::Arc;

use super::engine_api::FakeEngineApi;
use super::fixtures::{at, execution, execution_id, executions, job, job_id, snapshot};
use super::{Exit, Message, Screen};
use crate::driver::{Batch, Feed, FileState};
use crate::model::{AttemptKey, EventKind, Health, Page, Refusal, StateName, Summary};
use crate::model::{FieldChange, JobChange, Plan};
use crate::tui::message::Request;
use crate::tui::model::ExecutionList;
use crate::tui::options::Hosting;

/// What a script of keys on the sample world asks of the engine.
fn check(script: &str, expected: &str) -> Screen {
    let mut screen = Screen::sample(80, 24);
    screen.press(script);
    assert_eq!(screen.engine_api.asked(), expected, "{script}");
    screen
}

#[test]
fn actions_are_about_what_is_selected() {
    check("r", "run cleanup");
    check("j j r", "run database-backup");
    check("G r", "run report-generation");
    check("2 j j r", "run log-processing");
    check("j p", "pause data-sync");
    check("2 G : \"retry\" Enter", "retry 00000385");
    check("R \"a_b\" Enter", "run cleanup a b");
    check("R \"a_b\" Esc", "");
    check(": \"run-forced\" Enter", "run cleanup by force");
    check("4 R r", "");
}

#[test]
fn a_cancel_asks_and_only_y_means_yes() {
    check("2 j j x n", "");
    check("2 j j x Enter", "");
    let screen = check("2 j j x y", "cancel 000003e6");
    assert!(screen.model.question.is_none());
    let screen = check("2 j j j j x", "");
    assert_eq!(screen.notice(), "cleanup 000003e4 has already finished");
    let screen = check("x", "");
    assert_eq!(screen.notice(), "cleanup has no live execution");
    let mut screen = check("j j j x", "");
    assert!(screen.footer().contains("cancel log-processing 000003e6 (running)? y/N"));
    screen.press("y");
    assert_eq!(screen.engine_api.asked(), "cancel 000003e6");
}

#[test]
fn leaving_an_engine_in_this_process_always_asks_with_the_same_list() {
    let exit = |script: &str| Screen::sample(80, 24).press(script).exit;
    assert_eq!(exit("q"), None);
    assert_eq!(exit("q Enter"), Some(Exit::LeaveHeadless), "the default loses nothing");
    assert_eq!(exit("^c Enter"), Some(Exit::LeaveHeadless));
    assert_eq!(exit("q j Enter"), Some(Exit::Stop));
    assert_eq!(exit("q Down j Enter"), Some(Exit::Wait));
    assert_eq!(exit("q j j j Enter"), Some(Exit::Cancel));
    assert_eq!(exit("q j j j j Enter"), None, "stay");
    assert_eq!(exit("q j j j j j j k Enter"), Some(Exit::Cancel), "no wrap at the end");
    assert_eq!(exit("q k Up Enter"), Some(Exit::LeaveHeadless), "no wrap at the beginning");
    assert_eq!(exit("q Esc"), None);
    // No key of the lists, and no other letter, ends an engine or closes the question.
    let mut screen = Screen::sample(80, 24);
    screen.press("q l s w c q r x d y z ^c ^z space Tab PgDn");
    assert_eq!((screen.exit, screen.engine_api.asked()), (None, String::new()));
    assert_eq!(screen.model.question, Some(crate::tui::model::Question::Quit(0)));
    assert_eq!(exit("Enter q"), None, "q goes back first");

    let mut world = snapshot();
    world.live.clear();
    world.jobs.clear();
    let mut idle = Screen::new(FakeEngineApi::new(world, Vec::new()), 80, 24);
    idle.press("q");
    assert!(idle.footer().contains("Leave: choose one"), "{}", idle.frame());
    assert!(idle.frame().contains("no execution is running"), "{}", idle.frame());
    assert_eq!(idle.exit, None, "nothing runs and nothing fires, and it asks all the same");
}

#[test]
fn all_answers_to_leaving_can_be_seen_on_the_smallest_screen() {
    let mut screen = Screen::sample(40, 10);
    screen.press("q");
    for (at, answer) in crate::tui::model::Leave::ALL.into_iter().enumerate() {
        let frame = screen.frame();
        assert!(frame.contains(&format!("▸ {}", answer.texts().1)), "{at}: {frame}");
        screen.press("j");
    }
}

#[test]
fn a_screen_of_an_engine_elsewhere_just_closes() {
    let mut elsewhere = Screen::sample(80, 24);
    elsewhere.model.hosting = Hosting::Elsewhere;
    assert_eq!(elsewhere.press("q").exit, Some(Exit::Quit));
}

#[test]
fn only_an_attached_screen_is_suspended() {
    let mut here = Screen::sample(80, 24);
    here.press("^z");
    assert!(!here.suspended);
    assert!(here.footer().contains("Leave: choose one"), "{}", here.footer());
    let mut elsewhere = Screen::sample(80, 24);
    elsewhere.model.hosting = Hosting::Elsewhere;
    elsewhere.press("^z");
    assert!(elsewhere.suspended && elsewhere.exit.is_none());
}

#[test]
fn a_screen_that_is_too_small_to_ask_leaves_the_engine_running() {
    let mut screen = Screen::sample(30, 5);
    assert_eq!(screen.press("q").exit, Some(Exit::LeaveHeadless));
}

#[test]
fn tabs_go_round_and_the_numbers_close_what_is_open() {
    let tab = |script: &str| format!("{:?}", Screen::sample(80, 24).press(script).model.tab);
    assert_eq!(tab("Tab"), "Executions");
    assert_eq!(tab("S-Tab"), "System");
    assert_eq!(tab("] ] ["), "Executions");
    assert_eq!(tab("4 Tab"), "Jobs");
    let mut screen = Screen::sample(80, 24);
    screen.press("Enter 2");
    assert!(screen.model.layers.is_empty());
}

#[test]
fn the_filter_narrows_while_it_is_typed_and_esc_takes_it_away() {
    let mut screen = Screen::sample(80, 24);
    screen.press("/ \"sync\"");
    assert_eq!(screen.model.jobs.rows().len(), 1);
    screen.press("Enter r");
    assert_eq!(screen.engine_api.asked(), "run data-sync");
    assert!(screen.frame().contains("/sync"));
    screen.press("Esc");
    assert_eq!(screen.model.jobs.rows().len(), 5);
    screen.press("/ \"q\"");
    assert_eq!(screen.exit, None, "letters are typed, not pressed");
    screen.press("Esc");
    assert_eq!(screen.model.jobs.rows().len(), 5);
}

#[test]
fn executions_are_filtered_by_the_store() {
    let mut screen = Screen::sample(80, 24);
    screen.press("2 / \"state:failed\" Enter");
    assert_eq!(screen.model.executions.rows().len(), 1);
    screen.press("Esc F");
    let states: Vec<_> = screen.model.executions.rows().iter().map(|it| it.state.name()).collect();
    assert_eq!(states, [StateName::Failed, StateName::TimedOut]);
    screen.press("F");
    assert_eq!(screen.model.executions.rows().len(), 100);
    screen.press("/ \"state:elephant\"");
    assert_eq!(screen.model.executions.rows().len(), 0);
    assert!(screen.footer().contains("unknown state `elephant`"), "{}", screen.footer());
    screen.press("Enter");
    assert!(screen.frame().contains("unknown state `elephant`"), "{}", screen.frame());
    screen.press("1 / \"worker:a\" Enter");
    assert!(screen.frame().contains("`worker:` filters executions only"), "{}", screen.frame());
}

#[test]
fn what_is_filtered_says_how_many_of_how_many() {
    let mut screen = Screen::sample(80, 24);
    screen.press("/ \"data\" Enter");
    assert!(screen.frame().contains("2 of 5"), "{}", screen.frame());
    assert!(screen.model.jobs.rows().len() == 2);
    screen.press("Esc");
    assert!(!screen.frame().contains(" of 5"), "{}", screen.frame());
}

#[test]
fn a_job_opens_its_executions() {
    let mut screen = Screen::sample(80, 24);
    screen.press("j Enter Enter");
    let jobs: Vec<_> = screen.model.executions.rows().iter().map(|it| &it.job_id).collect();
    assert_eq!(jobs, [&job_id("data-sync"); 2]);
}

#[test]
fn the_selection_stays_with_its_job_while_others_come_and_go() {
    let mut screen = Screen::sample(80, 24);
    screen.press("j j");
    screen.batch(Batch {
        seq: 41,
        jobs: vec![job("alpha", |_| {})],
        removed_jobs: vec![job_id("cleanup")],
        ..Batch::default()
    });
    assert_eq!(screen.model.jobs.selected(), Some(&job_id("database-backup")));
    screen.batch(Batch { seq: 42, jobs: vec![job("beta", |_| {})], ..Batch::default() });
    assert_eq!(screen.model.jobs.selected(), Some(&job_id("database-backup")));
    assert_eq!(screen.model.jobs.rows().len(), 6);
}

fn started(number: u128) -> Batch {
    let new = execution(number, "cleanup", StateName::Running, 0);
    Batch {
        seq: u64::try_from(number).unwrap(),
        executions: vec![Arc::new(new)],
        ..Batch::default()
    }
}

#[test]
fn new_executions_come_in_at_the_top_and_a_selection_below_stays_put() {
    let mut screen = Screen::sample(80, 24);
    screen.press("2");
    screen.batch(started(1_001));
    assert_eq!(screen.model.executions.cursor.at, 0, "the top stays with the newest");
    let newest = screen.model.executions.selected().unwrap();
    assert_eq!(newest.id, execution_id(1_001));
    screen.press("j j j");
    let before = screen.model.executions.selected().unwrap().id;
    screen.batch(started(1_002));
    assert_eq!(screen.model.executions.selected().unwrap().id, before);
    let end = execution(1_001, "cleanup", StateName::Failed, 0);
    let end = Batch { seq: 2_000, executions: vec![Arc::new(end)], ..Batch::default() };
    screen.batch(end);
    assert_eq!(screen.model.executions.rows()[1].state.name(), StateName::Failed);
    assert_eq!(screen.model.executions.rows().len(), 102);
}

#[test]
fn what_comes_while_a_page_is_read_is_not_lost_with_it() {
    let mut list = ExecutionList::default();
    let Request::Executions { ticket, place, .. } = list.reload(|_| false) else {
        panic!("a page is asked for");
    };
    let new = Arc::new(execution(7, "a", StateName::Running, 0));
    let over = Arc::new(execution(6, "a", StateName::Succeeded, 0));
    let still = Arc::new(execution(6, "a", StateName::Running, 0));
    list.apply(&[still, new.clone()]);
    let page = Page { items: vec![over.clone()], more: false };
    assert_eq!(list.take(ticket, place, page, 10), None);
    assert_eq!(list.rows().iter().collect::<Vec<_>>(), [&new, &over]);
}

#[test]
fn what_the_snapshot_holds_already_is_not_taken_twice() {
    let mut screen = Screen::sample(80, 24);
    screen.batch(Batch { seq: 39, removed_jobs: vec![job_id("cleanup")], ..Batch::default() });
    assert_eq!(screen.model.jobs.rows().len(), 5);
}

#[test]
fn a_long_history_is_walked_in_pages_that_are_let_go_again() {
    let long: Vec<_> = (0..5_000_u128)
        .rev()
        .map(|number| Arc::new(execution(number, "cleanup", StateName::Succeeded, 0)))
        .collect();
    let mut screen = Screen::new(FakeEngineApi::new(snapshot(), long), 80, 24);
    screen.press("2");
    let mut seen = vec![screen.model.executions.selected().unwrap().id];
    for _ in 0..4_999 {
        screen.press("j");
        seen.push(screen.model.executions.selected().unwrap().id);
        assert!(screen.model.executions.rows().len() <= 1_000);
    }
    let down: Vec<_> = (0..5_000_u128).rev().map(execution_id).collect();
    assert!(seen == down, "each execution is met once, in order");
    for id in down.iter().rev().skip(1) {
        screen.press("k");
        assert_eq!(screen.model.executions.selected().unwrap().id, *id);
    }
    screen.press("G");
    assert_eq!(screen.model.executions.selected().unwrap().id, execution_id(0));
    screen.press("g");
    assert_eq!(screen.model.executions.selected().unwrap().id, execution_id(4_999));
}

#[test]
fn a_reload_shows_the_plan_and_enter_applies_it() {
    let mut engine_api = FakeEngineApi::new(snapshot(), Vec::new());
    let field = FieldChange {
        key: "schedule".to_owned(),
        before: Some("daily at 1 AM".to_owned()),
        after: Some("daily at 3 AM".to_owned()),
    };
    engine_api.plan = Ok(Plan {
        added: vec![job_id("new-one")],
        changed: vec![JobChange { job: job_id("cleanup"), fields: vec![field] }],
        removed: vec![job_id("data-sync")],
        ..Plan::default()
    });
    let mut screen = Screen::new(engine_api, 80, 24);
    screen.press("^r");
    insta::assert_snapshot!("plan_80x24", screen.frame());
    assert_eq!(screen.engine_api.asked(), "plan");
    screen.press("Esc Enter");
    assert_eq!(screen.engine_api.asked(), "", "Esc leaves all as it is");
    screen.press("Esc ^r Enter");
    assert_eq!(screen.engine_api.asked(), "plan\nreload");
    assert_eq!(screen.notice(), "reloaded: 1 added, 1 changed, 1 removed");
}

#[test]
fn a_good_reload_takes_the_notice_of_the_failed_one_back() {
    let mut engine_api = FakeEngineApi::new(snapshot(), Vec::new());
    engine_api.plan = Err(Refusal::File("jobs.yaml:14:15: minute 75 is outside 0-59".to_owned()));
    let mut screen = Screen::new(engine_api, 80, 24);
    screen.press("^r");
    let failed = |screen: &Screen| {
        screen.model.notices.iter().filter(|it| it.text.contains("reload failed")).count()
    };
    assert_eq!(failed(&screen), 1);
    let good = Plan { added: vec![job_id("new-one")], ..Plan::default() };
    screen.take(Message::Answer(crate::tui::message::Answer::Reloaded(Ok(good))));
    assert_eq!(failed(&screen), 0);
}

#[test]
fn a_reload_that_fails_shows_where() {
    let mut engine_api = FakeEngineApi::new(snapshot(), Vec::new());
    engine_api.plan = Err(Refusal::File(
        "jobs.yaml:14:15: minute 75 is outside 0-59\njobs.yaml:20:3: unknown key `shcedule`: did \
         you mean `schedule`? It is one of id, name, description, schedule, timezone and so on"
            .to_owned(),
    ));
    let mut screen = Screen::new(engine_api, 80, 24);
    screen.press("^r");
    insta::assert_snapshot!("reload_failed_80x24", screen.frame());
    screen.press("Esc");
    assert!(screen.footer().contains("reload failed"));
}

#[test]
fn jobs_yaml_that_changed_is_shown() {
    let mut screen = Screen::sample(80, 24);
    let file = FileState { path: Some("jobs.yaml".to_owned()), sample: false, changed: true };
    screen.take(Message::Feed(Feed::File(file)));
    assert!(screen.frame().contains("jobs.yaml changed · ^r"));
    let mut sample = snapshot();
    sample.engine.file = FileState { path: None, sample: true, changed: false };
    let screen = Screen::new(FakeEngineApi::new(sample, Vec::new()), 80, 24);
    assert!(screen.frame().contains("built-in sample jobs"));
}

#[test]
fn output_is_searched_followed_and_copied() {
    let mut screen = Screen::sample(80, 24);
    screen.press("2 j j l");
    assert!(screen.frame().contains("line 60: ok all went well"));
    screen.press("/ \"line_17\" Enter");
    assert!(screen.row("line 17:").starts_with("line 17:"));
    assert!(!screen.frame().contains("line 60:"));
    screen.press("N");
    assert_eq!(screen.model.layers.len(), 1);
    screen.press("G f y");
    assert_eq!(screen.copied.as_deref(), Some("line 41: ok all went well"), "the first in sight");
    screen.press("/ \"elephant\" Enter");
    assert_eq!(screen.notice(), "no line contains `elephant`");
    screen.press("]");
    assert_eq!(screen.notice(), "this is attempt 1 of 1");
}

#[test]
fn output_that_grows_is_read_and_shown() {
    let mut engine_api = FakeEngineApi::new(snapshot(), executions());
    engine_api.output = vec!["one".to_owned()];
    let mut screen = Screen::new(engine_api, 80, 24);
    screen.press("2 j j l");
    assert_eq!(screen.row("one"), "one");
    Arc::get_mut(&mut screen.engine_api).unwrap().output.push("two".to_owned());
    assert_eq!(screen.row("two"), "", "nothing is read unasked");
    let key = AttemptKey { execution_id: execution_id(998), attempt: 1 };
    screen.take(Message::Feed(Feed::OutputGrew { key, bytes: 8 }));
    assert_eq!(screen.row("two"), "two");
}

#[test]
fn output_is_saved_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.log");
    let path = path.to_str().unwrap();
    let mut screen = Screen::sample(200, 24);
    screen.press("2 j j l o ^u");
    screen.take(Message::Paste(path.to_owned()));
    screen.press("Enter");
    let saved = std::fs::read_to_string(path).unwrap();
    assert!(saved.starts_with("line 1: ok all went well\n"), "colours are left out");
    screen.press("o ^u");
    screen.take(Message::Paste(path.to_owned()));
    screen.press("Enter");
    assert!(screen.notice().starts_with("cannot write"), "{}", screen.notice());
}

#[test]
fn a_failure_is_shown_and_the_engine_that_goes_too() {
    let mut screen = Screen::sample(80, 24);
    let mut event = super::fixtures::events().remove(0);
    event.seq = 41;
    screen.batch(Batch { seq: 41, events: vec![event], ..Batch::default() });
    assert!(screen.footer().contains("cleanup 000003e4 failed"), "{}", screen.footer());
    screen.take(Message::Disconnected("it stopped".to_owned()));
    assert!(screen.frame().contains("no engine: it stopped"));
    screen.take(Message::Subscribed(Box::new(snapshot())));
    assert_eq!(screen.notice(), "the engine is back");
    assert!(!screen.frame().contains("no engine"));
}

#[test]
fn a_job_that_goes_closes_its_details() {
    let mut screen = Screen::sample(80, 24);
    screen.press("Enter");
    let mut event = super::fixtures::events().remove(3);
    event.seq = 41;
    event.kind = EventKind::JobRemoved { job_id: job_id("cleanup") };
    let removed_jobs = vec![job_id("cleanup")];
    screen.batch(Batch { seq: 41, events: vec![event], removed_jobs, ..Batch::default() });
    assert!(screen.model.layers.is_empty());
}

#[test]
fn times_are_shown_in_utc_on_request() {
    let mut screen = Screen::sample(80, 24);
    assert!(screen.frame().contains("14:03:18 CET"));
    screen.press(": \"utc\" Enter");
    assert!(screen.frame().contains("13:03:18 UTC"));
}

#[test]
fn only_what_ticks_changes_from_second_to_second() {
    let mut screen = Screen::sample(80, 24);
    let before = screen.frame();
    screen.take(Message::Tick(at(1)));
    let after = screen.frame();
    let changed: Vec<String> = before
        .lines()
        .zip(after.lines())
        .filter(|(before, after)| before != after)
        .map(|(_, after)| after.to_owned())
        .collect();
    assert_eq!(changed.len(), 2, "the header, and the one job that fires soon: {changed:#?}");
}

#[test]
fn output_of_a_past_execution_opens_at_its_newest_attempt() {
    let mut world = snapshot();
    world.live.clear();
    let mut with_retries = execution(500, "cleanup", StateName::Failed, -100);
    let mut second = with_retries.attempts[0].clone();
    second.number = 2;
    with_retries.attempts.push(second);
    let mut status = Arc::unwrap_or_clone(job("cleanup", |_| {}));
    let summary: Summary = with_retries.summary();
    status.last_execution = Some(summary);
    world.jobs = vec![Arc::new(status)];
    let mut screen = Screen::new(FakeEngineApi::new(world, vec![Arc::new(with_retries)]), 80, 24);
    screen.press("l");
    assert!(screen.frame().contains("attempt 2/2"), "{}", screen.frame());
    screen.press("[");
    assert!(screen.frame().contains("attempt 1/2"));
}

/// A batch with the event that goes with the execution's new state.
fn change(seq: u64, changed: crate::model::Execution) -> Batch {
    let event = crate::model::Event {
        seq,
        at: at(1),
        actor: crate::model::Actor::named("engine"),
        kind: EventKind::ExecutionChanged {
            execution_id: changed.id,
            job_id: changed.job_id.clone(),
            state: changed.state.name(),
            attempt: 1,
            reason: changed.reason.clone(),
        },
    };
    Batch { seq, events: vec![event], executions: vec![Arc::new(changed)], ..Batch::default() }
}

#[test]
fn trouble_stands_in_the_header_until_it_is_over() {
    let mut screen = Screen::sample(80, 24);
    let header = |screen: &Screen| screen.frame().lines().next().unwrap_or_default().to_owned();
    let down = Health::Down { problems: vec!["the disk is full".to_owned()] };
    let before = screen.model.world.health.clone();
    screen.take(Message::Feed(Feed::Health(down.clone())));
    screen.take(Message::Tick(at(3_600)));
    assert!(
        header(&screen).contains("⚠ down, nothing fires: the disk is full"),
        "{}",
        screen.frame()
    );
    screen.take(Message::Feed(Feed::Health(before)));
    assert!(!header(&screen).contains("nothing fires"));
    assert_eq!(screen.notice(), "engine degraded: worker worker-4 is offline");

    screen.take(Message::Feed(Feed::Health(down)));
    screen.take(Message::Resize(40, 10));
    assert!(header(&screen).contains("down, nothing fires"), "{}", screen.frame());
}

#[test]
fn a_standby_says_so_and_who_leads_however_narrow_the_screen() {
    let mut snapshot = super::fixtures::snapshot();
    snapshot.engine.scheduler = crate::driver::SchedulerRole::Standby;
    let (host, pid, epoch) = ("db2".to_owned(), 77, Some(4));
    snapshot.engine.leader = Some(crate::driver::Leader { host, pid, epoch });
    let api = FakeEngineApi::new(snapshot, super::fixtures::executions());
    let mut screen = Screen::new(api, 120, 30);
    let header = |screen: &Screen| screen.frame().lines().next().unwrap_or_default().to_owned();
    let line = header(&screen);
    assert!(line.starts_with(" crontower standby  db1, db2 leads"), "{line}");
    screen.take(Message::Resize(40, 10));
    let line = header(&screen);
    assert!(line.starts_with(" crontower standby"), "{line}");
}

#[test]
fn a_long_reason_does_not_push_the_lost_engine_out_of_the_header() {
    let mut screen = Screen::sample(80, 24);
    screen.take(Message::Disconnected("connection refused ".repeat(9)));
    assert!(screen.frame().lines().next().unwrap_or_default().contains("no engine: connection"));
}

#[test]
fn the_notice_of_a_run_follows_its_end() {
    let mut screen = Screen::sample(80, 24);
    screen.press("r");
    let id = screen.model.notices.back().unwrap().about.unwrap();
    let crate::tui::model::Topic::Execution(id) = id else { panic!("{id:?}") };
    let shown_text = screen.notice().to_owned();
    assert!(shown_text.ends_with("queued") || shown_text.ends_with("running"), "{shown_text}");
    let mut ended = execution(1_001, "cleanup", StateName::Failed, 0);
    ended.id = id;
    screen.batch(change(41, ended));
    let expected = format!("cleanup {} failed: attempt 1 failed: exit code 3", id.short());
    assert_eq!(screen.notice(), expected);
    let about = screen.model.notices.iter().filter(|it| it.text.contains(&id.short()));
    assert_eq!(about.count(), 1, "told once, at its newest");
}

#[test]
fn an_end_that_comes_before_the_answer_is_shown_as_one() {
    let mut screen = Screen::sample(80, 24);
    let begun = Arc::new(execution(2_000, "cleanup", StateName::Queued, 0));
    let mut status = crate::model::JobStatus::clone(screen.model.world.job(&begun.job_id).unwrap());
    status.last_execution = Some(execution(2_000, "cleanup", StateName::Succeeded, 0).summary());
    screen.batch(Batch { seq: 41, jobs: vec![Arc::new(status)], ..Batch::default() });
    let asked = crate::tui::message::Asked::Run;
    let answer = crate::tui::message::Answer::Execution { asked, result: Ok(begun) };
    screen.take(Message::Answer(answer));
    assert!(screen.notice().ends_with("succeeded"), "{}", screen.notice());
}

#[test]
fn a_failed_execution_says_first_why_and_what_to_do() {
    let mut screen = Screen::sample(80, 24);
    screen.press("2 j j j j Enter");
    let frame = screen.frame();
    let line = |part: &str| frame.lines().position(|line| line.contains(part));
    let (why, output, remedy) = (line("exit code 3"), line("output of attempt"), line(":retry"));
    assert!(why < output && output < remedy && remedy < line("trigger"), "{frame}");
    assert!(why.is_some() && output.is_some(), "{frame}");
}

#[test]
fn the_zone_is_named_only_where_it_is_another() {
    let mut world = snapshot();
    let mut status = crate::model::JobStatus::clone(&world.jobs[0]);
    status.schedule_in_words = Some("At 01:00 every day, Europe/Berlin".to_owned());
    world.jobs[0] = Arc::new(status);
    let mut screen = Screen::new(FakeEngineApi::new(world, Vec::new()), 100, 24);
    assert!(!screen.row("cleanup").contains("Europe/Berlin"), "{}", screen.frame());
    screen.press(": \"utc\" Enter");
    assert!(screen.row("cleanup").contains("every day, Eur"), "{}", screen.frame());
}

#[test]
fn no_tab_is_pushed_off_a_narrow_screen() {
    let frame = Screen::sample(40, 10).frame();
    assert!(frame.contains("1 Jobs 2 Executions 3 Workers 4 System"), "{frame}");
}

#[test]
fn w_says_why_of_a_job_and_of_an_execution() {
    let mut screen = Screen::sample(80, 24);
    screen.press("j w");
    assert!(screen.frame().contains(" why data-sync\n it is no fire time"), "{}", screen.frame());
    screen.press("q 2 j w");
    assert!(screen.frame().contains("\n it is queued"), "{}", screen.frame());
    screen.press("q Enter w");
    assert!(screen.frame().contains("why database-backup 000003e7"), "{}", screen.frame());
}

#[test]
fn a_capital_w_asks_about_a_time() {
    let mut screen = Screen::sample(80, 24);
    screen.press("j W");
    assert!(screen.footer().contains("why at 03:00, yesterday 18:00"), "{}", screen.footer());
    screen.press("\"02:30\" Enter");
    assert_eq!(screen.engine_api.asked(), "why data-sync at 2026-11-23T01:30:00+00:00");
    assert!(screen.frame().contains("why data-sync"));
    screen.press("Esc W \"elephant\" Enter");
    assert!(screen.notice().starts_with("`elephant`? write 03:00"));
}

#[test]
fn a_failed_reload_leads_to_the_line_of_the_error() {
    let mut engine_api = FakeEngineApi::new(snapshot(), Vec::new());
    let message = "jobs.yaml:14:15: minute 75 is outside 0-59\nincluded.yaml:2:1: unknown key";
    engine_api.plan = Err(Refusal::File(message.to_owned()));
    let mut screen = Screen::new(engine_api, 80, 24);
    screen.press("^r");
    assert!(screen.frame().contains("(E edits it)"), "{}", screen.frame());
    screen.press("E");
    let editing = screen.editing.take().unwrap();
    assert_eq!((editing.file.as_deref(), editing.line), (Some("jobs.yaml"), Some(14)));
    assert!(screen.model.layers.is_empty(), "a reload after it shows what is wrong then");
    // Where nothing points to a line there is nothing to open.
    let mut engine_api = FakeEngineApi::new(snapshot(), Vec::new());
    engine_api.plan = Err(Refusal::File("jobs.yaml: permission denied".to_owned()));
    let mut screen = Screen::new(engine_api, 80, 24);
    screen.press("^r E");
    assert!(screen.editing.is_none() && !screen.frame().contains("edits it"));
}

#[test]
fn the_list_of_keys_is_searched_and_enter_carries_out() {
    let mut screen = Screen::sample(80, 24);
    screen.press("? / \"run\"");
    assert!(screen.frame().contains("run the job now"), "{}", screen.frame());
    screen.press("Enter");
    assert_eq!(screen.engine_api.asked(), "run cleanup");
    assert!(screen.model.layers.is_empty());
}

#[test]
fn an_opened_job_that_fails_shows_the_end_of_its_output_first() {
    let mut screen = Screen::sample(80, 24);
    screen.press("Enter");
    let frame = screen.frame();
    let line = |part: &str| frame.lines().position(|line| line.contains(part));
    let (why, tail, ways) = (line("exit code 3"), line("line 60: ok"), line("a acknowledge"));
    assert!(why.is_some() && why < tail && tail < ways, "{frame}");
    assert!(ways < line("next fire times").or(Some(99)), "{frame}");
    screen.press("Esc j Enter");
    assert!(!screen.frame().contains("line 60"), "one that does not fail shows none");
}

#[test]
fn a_column_that_says_the_same_in_all_rows_leaves_its_room_to_others() {
    let mut world = snapshot();
    let screen = Screen::new(FakeEngineApi::new(world.clone(), Vec::new()), 200, 50);
    let titles = screen.row("state");
    assert!(titles.contains("priority") && titles.contains("waiting for"), "{titles}");
    world.jobs.retain(|job| job.definition.dependencies.is_empty());
    let mut screen = Screen::new(FakeEngineApi::new(world, Vec::new()), 200, 50);
    let titles = screen.row("state");
    assert!(!titles.contains("priority") && !titles.contains("waiting for"), "{titles}");
    while !screen.notice().contains("priority") {
        screen.press("s");
    }
    assert!(screen.row("state").contains("priority▾"), "what is sorted by is seen");
}

#[test]
fn each_change_of_health_is_a_notice_and_stands_in_the_header() {
    let mut world = snapshot();
    world.jobs.clear();
    world.live.clear();
    world.health = Health::Ok;
    let mut screen = Screen::new(FakeEngineApi::new(world.clone(), Vec::new()), 80, 24);
    let header = |screen: &Screen| screen.frame().lines().next().unwrap_or_default().to_owned();
    assert!(header(&screen).contains("✓ ok"), "{}", header(&screen));
    assert_eq!(screen.notice(), "", "what was so at the start is no news");
    let degraded = |problem: &str| Health::Degraded { problems: vec![problem.to_owned()] };
    let turn = |screen: &mut Screen, health| screen.take(Message::Feed(Feed::Health(health)));
    turn(&mut screen, degraded("worker worker-1 is suspect"));
    assert_eq!(screen.notice(), "engine degraded: worker worker-1 is suspect");
    assert!(header(&screen).contains("⚠ degraded"), "{}", header(&screen));
    assert!(!header(&screen).contains("✓ ok"), "{}", header(&screen));
    turn(&mut screen, degraded("worker worker-1 is offline"));
    assert_eq!(screen.notice(), "engine degraded: worker worker-1 is offline");
    screen.press("4");
    assert!(screen.frame().contains("degraded: worker worker-1 is offline"), "{}", screen.frame());
    let notices = screen.model.notices.len();
    turn(&mut screen, degraded("worker worker-1 is offline"));
    assert_eq!(screen.model.notices.len(), notices, "no change, no notice");
    turn(&mut screen, Health::Ok);
    assert_eq!(screen.notice(), "the engine is ok again");
    assert!(header(&screen).contains("✓ ok"), "{}", header(&screen));
    // After a gap the health may have changed, too.
    world.health = degraded("one row of the store cannot be read");
    screen.take(Message::Subscribed(Box::new(world)));
    assert_eq!(screen.notice(), "engine degraded: one row of the store cannot be read");
}

#[test]
fn an_output_says_which_lines_are_in_the_window() {
    let mut screen = Screen::sample(80, 24);
    screen.press("2 j j l");
    assert!(screen.frame().contains("41-60/60 · follow"), "{}", screen.frame());
    screen.press("g");
    assert!(screen.frame().contains("1-20/60"), "{}", screen.frame());
}

#[test]
fn what_is_wrong_is_listed_with_its_last_words_below() {
    let mut screen = Screen::sample(80, 24);
    screen.press("F");
    let frame = screen.frame();
    let line = |part: &str| frame.lines().position(|line| line.contains(part));
    assert!(line("✗ failing    cleanup") < line("exit code 3"), "{frame}");
    assert!(line("exit code 3") < line("line 60: ok"), "{frame}");
    screen.press("F");
    assert!(!screen.frame().contains("line 60: ok"));
}
