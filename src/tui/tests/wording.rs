//! What the screen says: that it is true of how things ended, and that it fits.

use std::sync::Arc;

use super::engine_api::FakeEngineApi;
use super::fixtures::{execution, execution_id, executions, job, job_id, snapshot};
use super::{Message, Screen};
use crate::driver::{Batch, Snapshot};
use crate::model::{AttemptProgress, Execution, JobStatus, Outcome, StateName, WrongKind};
use crate::tui::model::JobCondition;

/// A world of one job with these past executions, the newest last.
fn past(states: &[StateName]) -> Screen {
    let mut status = JobStatus::clone(&job("stubborn", |_| ()));
    let ended = (0..).zip(states).map(|(number, state)| {
        execution(number, "stubborn", *state, -600 + i64::try_from(number).unwrap()).summary()
    });
    status.recent = ended.collect();
    status.last_execution = status.recent.last().cloned();
    let newest = states.iter().rev().find(|state| **state != StateName::Skipped);
    status.wrong = newest
        .filter(|state| state.is_failure())
        .map(|_| super::fixtures::wrong(&status, WrongKind::Failure, "exit code 3"));
    let world = Snapshot { jobs: vec![Arc::new(status)], live: Vec::new(), ..snapshot() };
    Screen::new(FakeEngineApi::new(world, Vec::new()), 80, 24)
}

#[test]
fn a_job_is_as_its_newest_execution_that_counts_has_ended() {
    use StateName::{Cancelled, Failed, Skipped, Succeeded, TimedOut};
    for (states, word) in [
        (&[][..], "· new"),
        (&[Succeeded], "✓ ok"),
        (&[Cancelled], "⊘ cancelled"),
        (&[Skipped], "– skipped"),
        (&[Failed, Cancelled], "⊘ cancelled"),
        (&[Succeeded, Cancelled], "⊘ cancelled"),
        (&[Cancelled, Succeeded], "✓ ok"),
        // What was skipped says nothing where something else does.
        (&[Cancelled, Skipped], "⊘ cancelled"),
        (&[Succeeded, Skipped], "✓ ok"),
        (&[TimedOut, Skipped], "✗ failing"),
    ] {
        let screen = past(states);
        let row = screen.row("stubborn");
        assert!(row.starts_with(&format!("{word}  ")), "{states:?}: {row}");
    }
    let mut screen = past(&[Cancelled]);
    screen.press("/ \"state:cancelled\"");
    assert_eq!(screen.model.jobs.rows().len(), 1);
}

/// The sample world with one more execution that is looked at.
fn output_of(looked_at: Execution) -> String {
    let mut engine_api = FakeEngineApi::new(snapshot(), vec![Arc::new(looked_at)]);
    engine_api.output.clear();
    let mut screen = Screen::new(engine_api, 80, 24);
    screen.press("2 l");
    screen.frame()
}

#[test]
fn an_end_without_output_is_shown_as_one_with_its_reason() {
    let frame = output_of(execution(1, "cleanup", StateName::Failed, -60));
    assert!(frame.contains("   no output\n"), "{frame}");
    assert!(frame.contains("failed: attempt 1 failed: exit code 3\n"), "{frame}");
    let mut refused = execution(1, "cleanup", StateName::Failed, -60);
    let attempt = &mut refused.attempts[0];
    attempt.progress = AttemptProgress::Ended {
        started_at: None,
        finished_at: attempt.assigned_at,
        outcome: Outcome::Failed,
        exit_code: None,
        error: Some("not started: there is no user `nobodyhere` on this machine".to_owned()),
        output_lost: 0,
    };
    let frame = output_of(refused);
    assert!(frame.contains("   never started: no output\n"), "{frame}");
    let why = "failed: not started: there is no user `nobodyhere` on this machine\n";
    assert!(frame.contains(why), "{frame}");
    let frame = output_of(execution(1, "cleanup", StateName::Running, -60));
    assert!(frame.contains("no output yet"), "{frame}");
}

#[test]
fn what_is_shown_under_a_form_is_about_fields_that_were_left() {
    let mut screen = Screen::sample(80, 24);
    screen.press("n \"needs-run\" Tab");
    assert!(!screen.frame().contains("a job needs"), "{}", screen.frame());
    screen.press("Tab Tab Tab Tab");
    assert!(!screen.frame().contains("a job needs"), "{}", screen.frame());
    screen.press("Tab");
    let frame = screen.frame();
    let rows: Vec<&str> = frame.lines().collect();
    let run = rows.iter().position(|row| row.split_whitespace().next() == Some("run")).unwrap();
    assert!(rows[run + 1].contains("a job needs `run`"), "{frame}");
    let mut screen = Screen::sample(80, 24);
    screen.press("n \"needs-run\" Enter");
    assert!(screen.frame().contains("a job needs `run`"), "all is told on saving");
    assert!(screen.row("▸ run").starts_with("▸ run"), "and that is where one stands");
}

#[test]
fn a_screen_that_is_too_small_says_so_in_words_that_fit() {
    for (width, shown_text) in [
        (41, "the screen is smaller than 40x10: q quits"),
        (40, "needs 40x10; q quits"),
        (20, "needs 40x10; q quits"),
        (19, "needs 40x10"),
        (10, "40x10"),
        (4, ""),
    ] {
        let screen = Screen::sample(width, 5);
        assert_eq!(screen.frame().lines().next(), Some(shown_text), "{width}");
    }
}

#[test]
fn what_was_lost_is_shown_in_a_sentence_that_fits() {
    let header = |screen: &Screen| screen.frame().lines().next().unwrap_or_default().to_owned();
    for (width, height) in [(80, 24), (40, 10)] {
        let mut screen = Screen::sample(width, height);
        let why = "no engine is reachable at /tmp/somewhere/deep/crontower.sock: refused";
        screen.take(Message::Disconnected(why.to_owned()));
        let shown_text = header(&screen);
        let whole = if width < 80 { "○ no engine " } else { "○ reconnecting; no engine " };
        assert!(shown_text.contains(whole), "{shown_text}");
        screen.take(Message::Disconnected("the connection was closed by another".to_owned()));
        assert!(!header(&screen).contains("anothe…"), "{}", header(&screen));
    }
    let mut screen = Screen::sample(80, 24);
    screen.take(Message::Disconnected(
        "no engine is reachable at /x/crontower.sock: refused".to_owned(),
    ));
    screen.press("4");
    assert!(screen.frame().contains("at /x/crontower.sock"), "{}", screen.frame());
}

#[test]
fn what_cannot_be_undone_is_shown_in_full_at_80_columns() {
    let mut screen = Screen::sample(80, 24);
    screen.press("G r z");
    let shown_text = "⚠ cannot undo: run of report-generation as 000007d0; x cancels it";
    assert!(screen.footer().ends_with(shown_text), "{}", screen.footer());
    // A longer one ends at a word, and is kept in full.
    screen.press("p G r z");
    assert!(screen.footer().ends_with("; x cancels it…"), "{}", screen.footer());
    screen.press(": \"notices\" Enter");
    assert!(screen.frame().contains("report-generation paused"), "{}", screen.frame());
}

#[test]
fn a_long_title_goes_on_in_the_next_row() {
    let mut world = snapshot();
    let long = format!("{}-of-the-night", "report".repeat(8));
    world.jobs = vec![job(&long, |_| ())];
    world.live.clear();
    let mut screen = Screen::new(FakeEngineApi::new(world, executions()), 80, 24);
    screen.press(": \"delete\" Enter");
    let frame = screen.frame();
    assert!(frame.contains(&format!(" delete {long}. Enter")), "{frame}");
    assert!(frame.contains("continues, Esc cancels\n"), "{frame}");
}

#[test]
fn live_executions_of_one_job_are_counted_and_ordered_however_they_come() {
    let mut screen = Screen::sample(80, 24);
    let live = |number, state| Arc::new(execution(number, "cleanup", state, -5));
    let queued = [3_003, 3_001, 3_002].map(|number| live(number, StateName::Queued));
    let more = |seq, executions: &[Arc<Execution>]| Batch {
        seq,
        executions: executions.to_vec(),
        ..Batch::default()
    };
    let state = |screen: &Screen| {
        let status = screen.model.world.job(&job_id("cleanup")).unwrap();
        let ids = screen.model.world.live_of(&status.definition.id).map(|it| it.id);
        (screen.model.world.condition(status), ids.collect::<Vec<_>>())
    };
    let before = screen.model.totals;
    screen.batch(more(50, &queued));
    let ids = [3_001, 3_002, 3_003].map(execution_id);
    assert_eq!(state(&screen), (JobCondition::Live(StateName::Queued), ids.to_vec()));
    assert_eq!(screen.model.totals.queued, before.queued + 3);
    // One that changes its state is still one.
    screen.batch(more(51, &[live(3_002, StateName::Running), live(3_003, StateName::Running)]));
    assert_eq!(state(&screen), (JobCondition::Live(StateName::Running), ids.to_vec()));
    screen.batch(more(52, &[live(3_002, StateName::Succeeded), live(3_003, StateName::Retrying)]));
    assert_eq!(state(&screen).0, JobCondition::Live(StateName::Retrying));
    assert_eq!(screen.model.totals.running, before.running);
    screen.batch(more(53, &[live(3_001, StateName::Cancelled), live(3_003, StateName::Failed)]));
    assert_eq!(state(&screen), (JobCondition::Wrong(WrongKind::Failure), Vec::new()));
    assert_eq!(screen.model.totals.queued, before.queued);
}
