//! Orders of the lists, and the log of events.

use std::sync::Arc;

use super::Screen;
use super::engine_api::FakeEngineApi;
use super::fixtures::{events, execution, execution_id, snapshot};
use crate::driver::Batch;
use crate::model::{Event, StateName};

#[test]
fn the_oldest_stand_first_where_that_is_asked_for_and_the_whole_history_follows() {
    let executions: Vec<_> = (1..=600_u32)
        .rev()
        .map(|n| Arc::new(execution(n.into(), "cleanup", StateName::Succeeded, -1)))
        .collect();
    let mut screen = Screen::new(FakeEngineApi::new(snapshot(), executions), 80, 24);
    screen.press("2 S");
    assert_eq!(screen.notice(), "sorted by creation, oldest first");
    assert!(screen.frame().contains("oldest first"));
    let held = |screen: &Screen| {
        let rows = screen.model.executions.rows();
        let number = |row: Option<&Arc<crate::model::Execution>>| row.map(|it| it.id);
        (number(rows.front()), number(rows.back()), rows.len())
    };
    let numbers = |from: u128, to: u128, count: usize| {
        (Some(execution_id(from)), Some(execution_id(to)), count)
    };
    assert_eq!(held(&screen), numbers(1, 250, 250));
    for _ in 0..12 {
        screen.press("PgDn");
    }
    assert_eq!(held(&screen), numbers(1, 500, 500));
    screen.press("G");
    assert_eq!(screen.model.executions.selected().unwrap().id, execution_id(600));
    // What comes in is the newest: it stands at the end, and the selection stays with its row.
    screen.batch(Batch {
        seq: 2_000,
        executions: vec![Arc::new(execution(1_001, "cleanup", StateName::Running, 0))],
        ..Batch::default()
    });
    assert_eq!(screen.model.executions.rows().back().unwrap().id, execution_id(1_001));
    assert_eq!(screen.model.executions.selected().unwrap().id, execution_id(600));
    screen.press("g");
    assert_eq!(screen.model.executions.selected().unwrap().id, execution_id(1));
    screen.press("S");
    assert_eq!(screen.model.executions.rows().front().unwrap().id, execution_id(600));
}

#[test]
fn the_event_log_stands_still_while_it_is_read_and_each_key_moves_it() {
    let mut screen = Screen::sample(80, 24);
    screen.press("4");
    let event = |seq: u64| Event { seq, ..events().remove(0) };
    let came = |from: u64, to: u64| Batch {
        seq: to,
        events: (from..=to).map(event).collect(),
        ..Batch::default()
    };
    screen.batch(came(100, 199));
    let held = |screen: &Screen| screen.model.system.events.iter().map(|it| it.seq).next();
    assert_eq!(held(&screen), Some(199));
    screen.press("j j");
    let read = screen.frame();
    screen.batch(came(200, 210));
    assert_eq!(screen.model.system.scroll, 2);
    assert_eq!(held(&screen), Some(199));
    let after = screen.frame();
    assert!(after.contains("11 newer: g shows them"), "{after}");
    assert_eq!(read.lines().last(), after.lines().last());
    // At the end the way back begins with the first key.
    screen.press("G");
    let end = screen.model.system.scroll;
    screen.press("j");
    assert_eq!(screen.model.system.scroll, end);
    screen.press("k");
    assert_eq!(screen.model.system.scroll, end - 1);
    screen.press("g");
    let seqs: Vec<u64> = screen.model.system.events.iter().map(|it| it.seq).take(12).collect();
    assert_eq!(seqs, (199..=210).rev().collect::<Vec<_>>());
    assert!(!screen.frame().contains("newer"));
    // Of more than is kept the newest are left, without a gap.
    screen.press("j");
    screen.batch(came(211, 900));
    screen.press("k");
    let log = &screen.model.system.events;
    assert_eq!((log.len(), log.front().unwrap().seq, log.back().unwrap().seq), (500, 900, 401));
}

#[test]
fn jobs_are_sorted_by_what_presses_most() {
    let mut screen = Screen::sample(80, 24);
    let first = |screen: &Screen| screen.frame().lines().nth(3).unwrap_or_default().to_owned();
    let mut shown_text = Vec::new();
    for _ in 0..9 {
        screen.press("s g");
        let by = screen.notice().trim_start_matches("sorted by ").to_owned();
        let titles = screen.row("state");
        assert!(titles.contains(&format!("{by}▾")), "{by} is marked: {titles}");
        let job = first(&screen).split_whitespace().nth(2).unwrap_or_default().to_owned();
        shown_text.push(format!("{by}: {job}"));
    }
    insta::assert_snapshot!(shown_text.join("\n"), @"
    name: cleanup
    schedule: log-processing
    next: log-processing
    last: cleanup
    recent: cleanup
    priority: report-generation
    waiting for: report-generati…
    state: cleanup
    job: cleanup
    ");
    screen.press("s s s S");
    assert!(first(&screen).contains("report-generation"), "the last to fire");
    screen.press("F");
    assert_eq!(screen.model.jobs.rows().len(), 1, "only wrong");
}
