//! Marks, the tree, the order of workers, details on the whole screen.

use super::Screen;
use super::fixtures::job_id;
use crate::driver::Batch;

/// What a script of keys on the sample world asks of the engine.
fn check(script: &str, expected: &str) -> Screen {
    let mut screen = Screen::sample(80, 24);
    screen.press(script);
    assert_eq!(screen.engine_api.asked().replace('\n', "; "), expected, "{script}");
    screen
}

#[test]
fn an_action_takes_all_that_are_marked_once_it_was_confirmed() {
    let screen = check("space space r", "");
    assert!(
        screen.footer().contains("run now 2 jobs: cleanup, data-sync? y/N"),
        "{}",
        screen.frame()
    );
    assert!(screen.frame().contains("2 marked"));
    check("space space r n", "");
    check("space space r Enter", "");
    let screen = check("space space r y", "run cleanup; run data-sync");
    assert_eq!(screen.notice(), "2 runs requested");
    assert_eq!(screen.model.marked(), 0, "done with");
    check("space G r", "run cleanup");
    check(
        "space space space R \"a\" Enter y",
        "run cleanup a; run data-sync a; run database-backup a",
    );
}

#[test]
fn a_range_is_marked_and_esc_takes_marks_before_anything_else() {
    let mut screen = check("F Esc space j j v", "");
    assert_eq!(screen.model.marked(), 4);
    assert!(screen.frame().lines().any(|line| line.starts_with("▐✗ failing    cleanup")));
    screen.press("/ \"sync\" Enter Esc");
    assert_eq!((screen.model.marked(), screen.model.jobs.rows().len()), (0, 1));
    screen.press("Esc");
    assert_eq!(screen.model.jobs.rows().len(), 5);
}

#[test]
fn an_action_on_marks_asks_once_with_their_names_and_says_what_it_did() {
    let screen = check("space space p", "");
    assert!(
        screen.footer().contains("pause 2 jobs: cleanup, data-sync? y/N"),
        "{}",
        screen.footer()
    );
    check("space space p n", "");
    let screen = check("space space p y", "pause cleanup; pause data-sync");
    assert_eq!(screen.notice(), "2 jobs paused (z to undo)");
    assert_eq!(screen.model.marked(), 0);
    let screen = check(
        "space space p y z",
        "pause cleanup; pause data-sync; resume cleanup; resume data-sync",
    );
    assert_eq!(screen.notice(), "undone: 2 jobs resumed");
    let screen = check("space space space : \"disable\" Enter", "");
    let what = "disable 3 jobs: cleanup, data-sync, database-backup? y/N";
    assert!(screen.footer().contains(what), "{}", screen.footer());
    check("space p", "pause cleanup");
    let screen = check("space space space space x", "");
    assert!(screen.footer().contains("cancel 3 executions? y/N"), "{}", screen.footer());
    check("space space space space x y", "cancel 000003e5; cancel 000003e7; cancel 000003e6");
    let screen = check("2 G space x", "");
    assert_eq!(screen.notice(), "no marked row has a live execution");
}

#[test]
fn what_a_filter_hides_is_not_acted_on_and_keeps_its_mark() {
    let mut screen = check("space space space / \"data\" Enter", "");
    assert!(screen.frame().contains("3 marked, 1 hidden"), "{}", screen.frame());
    screen.press("p");
    let what = "pause 2 jobs: data-sync, database-backup? y/N";
    assert!(screen.footer().contains(what), "{}", screen.footer());
    screen.press("y");
    assert_eq!(screen.engine_api.asked(), "pause data-sync\npause database-backup");
    assert_eq!(screen.model.marked(), 1, "the hidden one stays marked");
    // With all marks hidden an action is about the selected row, as it looks.
    screen.press("r");
    assert_eq!(screen.engine_api.asked(), "run database-backup");
    let mut screen = check("2 j j j j space space / \"state:timed\" Enter", "");
    assert!(screen.frame().contains("2 marked, 1 hidden"), "{}", screen.frame());
    screen.press("y");
    assert_eq!(screen.copied.take().map(|text| text.lines().count()), Some(1));
}

#[test]
fn the_worst_row_is_selected_under_f() {
    let mut screen = check("G F", "");
    assert_eq!(screen.model.jobs.selected(), Some(&job_id("cleanup")));
    assert!(screen.frame().contains("1 of 5"), "{}", screen.frame());
    screen.press("r");
    assert_eq!(screen.engine_api.asked(), "run cleanup");
}

#[test]
fn skipped_executions_are_left_out_with_one_key() {
    let mut screen = check("2 h", "");
    let states = |screen: &Screen| {
        let rows = screen.model.executions.rows().iter();
        rows.filter(|it| it.state.name() == crate::model::StateName::Skipped).count()
    };
    assert_eq!((states(&screen), screen.model.executions.rows().len()), (0, 99));
    assert!(screen.frame().contains("without skipped"), "{}", screen.frame());
    screen.press("/ \"state:skipped\" Enter");
    assert_eq!(screen.model.executions.rows().len(), 0, "nothing is left, not everything");
    screen.press("h");
    assert_eq!(states(&screen), 1);
}

#[test]
fn marked_executions_are_retried_and_copied() {
    check("2 j j j j space space : \"retry\" Enter y", "retry 000003e3; retry 000003e4");
    let mut screen = check("2 j j j j space space y", "");
    assert_eq!(screen.copied.take().map(|text| text.lines().count()), Some(2));
}

#[test]
fn a_job_that_goes_takes_its_mark_with_it() {
    let mut screen = check("space space", "");
    let batch = Batch { seq: 41, removed_jobs: vec![job_id("cleanup")], ..Batch::default() };
    screen.batch(batch);
    assert_eq!(screen.model.marked(), 1);
}

#[test]
fn the_tree_puts_jobs_under_what_they_wait_for() {
    let mut screen = Screen::sample(80, 24);
    screen.press("t");
    let rows: Vec<_> = screen.frame().lines().skip(3).take(5).map(str::to_owned).collect();
    assert!(rows[1].contains("data-sync") && rows[2].contains("└ report-gener"), "{rows:#?}");
    screen.press("j j r");
    assert_eq!(screen.engine_api.asked(), "run report-generation");
    screen.press("s");
    assert!(!screen.frame().contains('└'));
    assert_eq!(screen.notice(), "sorted by job");
}

#[test]
fn workers_are_sorted_and_the_selection_stays_with_its_worker() {
    let mut screen = Screen::sample(80, 24);
    screen.press("3 j");
    let selected = |screen: &Screen| screen.model.selected_worker().unwrap().id.to_string();
    assert_eq!(selected(&screen), "worker-2");
    let order = |screen: &Screen| -> Vec<String> {
        screen.model.workers.rows().iter().map(|id| id.as_str()[7..].to_owned()).collect()
    };
    let mut shown_text = Vec::new();
    for _ in 0..9 {
        screen.press("s");
        assert_eq!(selected(&screen), "worker-2");
        let by = screen.notice().trim_start_matches("sorted by ").to_owned();
        assert!(screen.row("state").contains(&format!("{by}▾")), "{by} is marked");
        shown_text.push(format!("{by} {}", order(&screen).concat()));
    }
    let expected = "slots 2134, heartbeat 1234, host 1234, succeeded 1234, failed 4321, labels 1234, \
                    version 1234, state 4312, worker 1234";
    assert_eq!(shown_text.join(", "), expected);
    screen.press("s S");
    assert_eq!(order(&screen).concat(), "4312");
    assert_eq!(screen.notice(), "sorted by slots, reversed");
}

#[test]
fn details_take_the_whole_screen_and_the_selection_moves_on_under_them() {
    let mut screen = Screen::sample(80, 24);
    screen.press("Z");
    assert!(screen.frame().lines().nth(2).unwrap().starts_with(" cleanup"), "{}", screen.frame());
    screen.press("j");
    assert!(screen.frame().lines().nth(2).unwrap().starts_with(" data-sync"));
    assert!(screen.frame().contains("next fire times"), "its facts were read");
    screen.press("Esc");
    assert!(screen.frame().lines().nth(2).unwrap().starts_with(" state"));
    screen.press("Z q");
    assert_eq!((screen.exit, screen.model.zoomed), (None, false));
}
