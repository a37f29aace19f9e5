//! What the user changes, how it is taken back, and forms: keys in, what was asked out.

use std::sync::Arc;

use super::Screen;
use super::engine_api::FakeEngineApi;
use super::fixtures::{at, executions, job_id, snapshot};
use crate::driver::Batch;
use crate::model::{Actor, JobStatus, Refusal, Role, SkipNext, Source, WorkerId};
use crate::tui::message::EditorEnd;
use crate::tui::message::Message;
use crate::tui::options::Hosting;

/// What a script of keys on the sample world asks of the engine.
fn check(script: &str, expected: &str) -> Screen {
    let mut screen = Screen::sample(80, 24);
    screen.press(script);
    assert_eq!(screen.engine_api.asked().replace('\n', "; "), expected, "{script}");
    screen
}

/// A job of the sample world, changed.
fn changed(id: &str, change: impl FnOnce(&mut JobStatus)) -> Batch {
    let jobs = super::fixtures::jobs();
    let job = jobs.iter().find(|it| it.definition.id == job_id(id)).unwrap();
    let mut status = JobStatus::clone(job);
    change(&mut status);
    Batch { seq: 41, jobs: vec![Arc::new(status)], ..Batch::default() }
}

fn skipping(status: &mut JobStatus) {
    let fire_time = status.next_fire_time.unwrap();
    status.skip_next = Some(SkipNext { fire_time, at: at(-300), by: Actor::named("root") });
}

fn acknowledged(status: &mut JobStatus) {
    status.wrong = None;
    status.acknowledged = Some(crate::model::Acknowledgement {
        execution_id: status.last_execution.as_ref().map(|last| last.id),
        kinds: vec![crate::model::WrongKind::Failure],
        at: at(-300),
        by: Actor::named("root"),
        note: Some("ticket 42".to_owned()),
        until: None,
    });
}

#[test]
fn the_next_fire_time_is_skipped_and_taken_back() {
    let screen = check("j K", "skip data-sync");
    assert_eq!(screen.notice(), "data-sync skips its next fire time (z to undo)");
    let screen = check("j K z", "skip data-sync; unskip data-sync");
    assert_eq!(screen.notice(), "undone: data-sync skips its next fire time");
    check("space space K y z", "skip cleanup; skip data-sync; unskip cleanup; unskip data-sync");
    let mut screen = Screen::sample(80, 24);
    screen.batch(changed("data-sync", skipping));
    screen.press("j");
    assert!(screen.row("data-sync").contains("↷ 26m"), "{}", screen.frame());
    screen.press("K");
    assert_eq!(screen.engine_api.asked(), "unskip data-sync");
    screen.press("Enter");
    assert!(screen.frame().contains("↷ skips Mon 23 Nov 14:30: asked 5m ago by root"));
}

#[test]
fn a_job_that_never_fires_by_itself_has_nothing_to_skip() {
    let mut screen = Screen::sample(80, 24);
    screen.batch(changed("cleanup", |it| it.next_fire_time = None));
    screen.press("K");
    assert_eq!(screen.engine_api.asked(), "");
    assert_eq!(screen.notice(), "cleanup has no next fire time to skip");
}

#[test]
fn a_pause_has_an_end_and_a_reason() {
    check(
        "j P \"18:00\" Tab \"disk_is_full\" Enter",
        "pause data-sync until 23 17:00 because disk is full",
    );
    check("j P Enter", "pause data-sync");
    let screen = check("j P \"elephant\" Enter", "");
    assert!(screen.frame().contains("`elephant`? write 2h"), "{}", screen.frame());
    let screen = check("j P \"2h\"", "");
    assert!(screen.frame().contains("Mon 23 Nov 16:03:18 (in 2h 00m)"), "{}", screen.frame());
    let mut screen = check("j P \"2h\" Esc", "");
    assert!(screen.footer().contains("close the form? y/N"), "{}", screen.footer());
    screen.press("n");
    assert!(screen.model.form.is_some());
    screen.press("Esc y");
    assert!(screen.model.form.is_none());
    assert!(check("j P Esc", "").model.form.is_none(), "nothing was typed");
    check("j p z", "pause data-sync; resume data-sync");
}

#[test]
fn a_run_has_arguments_dependencies_and_force() {
    check("R \"a_'b_c'\" Enter", "run cleanup a b c");
    check("R Tab space Enter", "run cleanup with dependencies");
    check("R Tab Tab Right Enter", "run cleanup by force");
    let screen = check("r z", "run cleanup");
    assert!(screen.notice().starts_with("cannot undo: run of cleanup as 000007d0; x cancels"));
    let screen = check("j p k r z", "pause data-sync; run cleanup");
    assert!(screen.notice().ends_with("; z again undoes: data-sync paused"), "{}", screen.notice());
    check("j p k r z z", "pause data-sync; run cleanup; resume data-sync");
    assert_eq!(check("z", "").notice(), "nothing to undo");
}

#[test]
fn a_failure_is_acknowledged_with_a_note_and_counts_no_longer() {
    let screen = check("a \"ticket_42\" Tab \"2d\" Enter", "acknowledge ticket 42 until 25 13:03");
    assert_eq!(screen.notice(), "cleanup acknowledged (z to undo)");
    check("a Enter z", "acknowledge -; acknowledge no more");
    assert_eq!(check("j a", "").notice(), "nothing is wrong here: nothing to acknowledge");
    let mut screen = Screen::sample(80, 24);
    assert!(screen.frame().contains("● 1 wrong"));
    screen.batch(changed("cleanup", acknowledged));
    let frame = screen.frame();
    assert!(
        !frame.contains("wrong") && screen.row("cleanup").starts_with("⚑ acknowledged"),
        "{frame}"
    );
    screen.press("F");
    assert_eq!(screen.model.jobs.rows().len(), 1, "it is still wrong");
    screen.press("Enter");
    assert!(screen.frame().contains("⚑ acknowledged 5m ago by root: ticket 42"));
    screen.press("a");
    assert_eq!(screen.engine_api.asked(), "acknowledge no more");
    screen.press("z");
    assert_eq!(screen.engine_api.asked(), "acknowledge ticket 42", "with its note");
}

#[test]
fn what_is_acknowledged_stands_below_what_is_not() {
    let mut world = snapshot();
    let mut cleanup = JobStatus::clone(&world.jobs[0]);
    let mut other = cleanup.clone();
    acknowledged(&mut cleanup);
    other.definition = Arc::clone(&world.jobs[4].definition);
    world.jobs[0] = Arc::new(cleanup);
    world.jobs[4] = Arc::new(other);
    let mut screen = Screen::new(FakeEngineApi::new(world, Vec::new()), 80, 24);
    screen.press("F");
    let rows: Vec<_> = screen.frame().lines().skip(3).take(2).map(str::to_owned).collect();
    assert!(rows[0].contains("report") && rows[1].contains("cleanup"), "{rows:#?}");
}

#[test]
fn workers_are_drained_and_given_slots() {
    check("3 D \"new_disk\" Enter", "drain worker-1 because new disk");
    check("3 D Enter z", "drain worker-1; undrain worker-1");
    check("3 : \"capacity\" Enter ^u \"3\" Enter", "capacity worker-1 Some(3)");
    check(
        "3 : \"capacity\" Enter ^u \"3\" Enter z",
        "capacity worker-1 Some(3); capacity worker-1 Some(5)",
    );
    check("3 : \"capacity\" Enter ^u Enter", "capacity worker-1 None");
    let screen = check("3 : \"capacity\" Enter ^u \"0\" Enter", "");
    assert!(screen.frame().contains("a number from 1,"), "{}", screen.frame());
    let mut screen = Screen::sample(80, 24);
    let id = WorkerId::new("worker-1").unwrap();
    let mut worker = screen.model.world.worker(&id).unwrap().clone();
    worker.drained = Some(crate::model::Drain {
        at: at(-60),
        by: Actor::named("root"),
        reason: Some("new disk".to_owned()),
    });
    screen.batch(Batch { seq: 41, workers: vec![worker], ..Batch::default() });
    screen.press("3 Enter");
    assert!(screen.frame().contains("drained 1m ago by root: new disk"), "{}", screen.frame());
    screen.press("D");
    assert_eq!(screen.engine_api.asked(), "undrain worker-1");
}

#[test]
fn a_job_is_deleted_only_after_its_diff_was_seen_and_y_was_pressed() {
    let mut screen = check(": \"delete\" Enter", "");
    insta::assert_snapshot!("delete_80x24", screen.frame());
    screen.press("Enter Enter");
    assert_eq!(screen.engine_api.asked(), "", "the default is no");
    screen.press("Enter y");
    assert_eq!(screen.engine_api.asked(), "delete cleanup if 1");
    assert_eq!(screen.notice(), "cleanup deleted (z to undo)");
    assert!(screen.model.layers.is_empty());
    screen.press("z");
    assert!(screen.frame().contains("create cleanup in jobs.yaml"), "{}", screen.frame());
    screen.press("Enter");
    assert!(screen.engine_api.asked().starts_with("create in File {\"id\":\"cleanup\""));
    check(": \"delete\" Enter Esc", "");
    let screen = check("space space : \"delete\" Enter", "");
    assert!(screen.notice().starts_with("delete one job at a time"));
}

#[test]
fn a_job_is_disabled_and_enabled() {
    check(": \"disable\" Enter", "patch cleanup {\"enabled\":false}");
    let on = "patch cleanup {\"enabled\":false}; patch cleanup {\"enabled\":true}";
    let screen = check(": \"disable\" Enter z", on);
    assert_eq!(screen.notice(), "undone: cleanup disabled");
    assert_eq!(check(": \"enable\" Enter", "").notice(), "already enabled");
}

#[test]
fn a_job_is_changed_in_a_form() {
    let mut screen = Screen::sample(80, 24);
    screen.press("e");
    insta::assert_snapshot!("form_edit_80x24", screen.frame());
    screen.press("Tab Tab ^u \"every_weekday_at_9:30\"");
    assert!(screen.frame().contains("Told: every weekday at 9:30 · next Mon 23 Nov 15:00, Mon"));
    screen.press("Enter");
    assert_eq!(screen.engine_api.asked(), "", "what would be written is shown first");
    assert!(screen.frame().contains("change cleanup. Enter writes it"), "{}", screen.frame());
    assert!(screen.frame().contains("+    schedule: hourly"));
    screen.press("Esc");
    assert!(screen.model.form_takes_keys(), "back in the form");
    screen.press("Enter Enter");
    let expected = "patch cleanup {\"schedule\":\"every weekday at 9:30\"} if 1";
    assert_eq!(screen.engine_api.asked(), expected);
    assert!(screen.model.form.is_none() && screen.model.layers.is_empty());
    assert_eq!(screen.notice(), "cleanup changed (z to undo)");
    screen.press("z");
    assert!(screen.frame().contains("roll cleanup back to version 1"));
    screen.press("Enter");
    assert_eq!(screen.engine_api.asked(), "roll back cleanup to 1");
    assert_eq!(screen.notice(), "undone: cleanup changed");
}

#[test]
fn what_is_wrong_is_shown_at_its_field_while_it_is_typed() {
    let mut screen = Screen::sample(80, 24);
    screen.press("e Tab Tab ^u \"every_elephant\"");
    assert!(screen.frame().contains("`elephant` is not understood"), "{}", screen.frame());
    screen.press("^u \"hourly\"");
    assert!(!screen.frame().contains("elephant"), "{}", screen.frame());
    screen.press("Tab Tab Tab Tab Tab Tab Tab Tab ^u \"{bad:_1}\"");
    insta::assert_snapshot!("form_wrong_80x24", screen.frame());
    screen.press("Enter");
    assert_eq!(screen.engine_api.asked(), "");
    assert!(screen.model.form.is_some() && screen.model.layers.is_empty());
    screen.press("q");
    assert_eq!(screen.exit, None, "letters are typed");
}

#[test]
fn a_new_job_is_written_where_one_wants_it() {
    let mut screen = Screen::sample(80, 24);
    screen.press("n");
    insta::assert_snapshot!("form_new_80x24", screen.frame());
    screen.press("\"hello\" Tab Tab Tab \"hourly\" Tab Tab \"echo_hi\" Enter Enter");
    let expected = "create in File {\"id\":\"hello\",\"run\":\"echo hi\",\"schedule\":\"hourly\"}";
    assert_eq!(screen.engine_api.asked(), expected);
    let mut screen = Screen::sample(80, 24);
    screen.press("n \"hello\" Up space Enter Enter");
    assert_eq!(screen.engine_api.asked(), "create in Api {\"id\":\"hello\"}");
    let screen = check("n \"No_Id\" Enter", "");
    assert!(screen.model.layers.is_empty() && screen.model.form.is_some());
}

#[test]
fn a_file_that_was_left_alone_shows_what_was_wanted() {
    let mut engine_api = FakeEngineApi::new(snapshot(), executions());
    let message = "jobs.yaml was changed by someone else: ^r first".to_owned();
    let diff = "-    schedule: daily\n+    schedule: hourly\n".to_owned();
    engine_api.edits = Err(Refusal::FileLeftAlone { message, diff });
    let mut screen = Screen::new(engine_api, 80, 24);
    screen.press("e Tab Tab ^u \"hourly\" Enter Enter");
    insta::assert_snapshot!("file_left_alone_80x24", screen.frame());
    screen.press("Esc");
    assert!(screen.model.form_takes_keys(), "nothing that was typed is lost");
}

#[test]
fn versions_are_looked_at_and_rolled_back_to() {
    for (width, height) in [(80, 24), (200, 50)] {
        let mut screen = Screen::sample(width, height);
        screen.press("Enter V j");
        insta::assert_snapshot!(format!("versions_{width}x{height}"), screen.frame());
    }
    let screen = check("Enter V j Enter Enter", "roll back cleanup to 1 if 1");
    assert_eq!(screen.notice(), "cleanup rolled back to version 1 (z to undo)");
}

#[test]
fn an_editor_opens_at_the_file_or_on_the_definition() {
    let mut screen = check("E", "");
    let editing = *screen.editing.take().unwrap();
    assert_eq!(editing.job, Some(job_id("cleanup")));
    assert_eq!(editing.file.as_deref(), Some("jobs.yaml"));
    assert!(editing.yaml.starts_with("id: cleanup\n"));
    screen.take(Message::Edited(editing.clone(), EditorEnd::File));
    assert_eq!(screen.engine_api.asked(), "plan", "as ^r");
    screen.take(Message::Edited(editing.clone(), EditorEnd::Unchanged));
    assert_eq!(screen.notice(), "no changes");
    let text = "id: cleanup\nrun: make\n".to_owned();
    screen.take(Message::Edited(editing.clone(), EditorEnd::Definition(text)));
    screen.press("Enter");
    let expected = "replace cleanup {\"id\":\"cleanup\",\"run\":\"make\"} if 1";
    assert_eq!(screen.engine_api.asked(), expected);
    screen.take(Message::Edited(editing, EditorEnd::Definition("a: [".to_owned())));
    assert!(screen.frame().contains("is not a definition"), "{}", screen.frame());
    let mut screen = Screen::sample(80, 24);
    screen.batch(changed("cleanup", |it| it.source = Source::Api));
    screen.press("E");
    assert_eq!(screen.editing.take().unwrap().file, None);
}

#[test]
fn forms_of_a_few_fields_stand_above_the_footer() {
    for (width, height) in [(80, 24), (200, 50)] {
        for (name, keys) in
            [("run", "R"), ("pause", "P \"2h\""), ("acknowledge", "a"), ("drain", "3 D")]
        {
            let mut screen = Screen::sample(width, height);
            screen.press(keys);
            insta::assert_snapshot!(format!("form_{name}_{width}x{height}"), screen.frame());
        }
        let mut screen = Screen::sample(width, height);
        screen.press("e Tab Tab");
        insta::assert_snapshot!(format!("form_{width}x{height}"), screen.frame());
    }
}

#[test]
fn what_a_role_may_not_do_is_neither_shown_nor_done() {
    let screen = |role| {
        let mut world = snapshot();
        world.role = role;
        Screen::new(FakeEngineApi::new(world, executions()), 80, 24)
    };
    let mut viewer = screen(Role::Viewer);
    viewer.press("r R Esc p P Esc K a Esc z e Esc E n Esc ^r x y");
    assert_eq!((viewer.engine_api.asked(), viewer.model.question.take()), (String::new(), None));
    assert!(viewer.model.form.is_none() && viewer.editing.is_none());
    let frame = viewer.frame();
    let footer = frame.lines().last().unwrap();
    assert!(!footer.contains("r run") && !footer.contains("e edit"), "{footer}");
    assert!(frame.contains("as viewer"), "{frame}");
    viewer.press("?");
    assert!(!viewer.frame().contains("run the job now"), "{}", viewer.frame());
    viewer.press("Esc : \"delete\"");
    assert!(viewer.frame().contains("no such action"), "{}", viewer.frame());
    viewer.press("Esc 2 j j j j Enter");
    assert!(!viewer.frame().contains("r runs the job"), "{}", viewer.frame());
    let mut operator = screen(Role::Operator);
    operator.press("r e Esc E n Esc ^r");
    assert_eq!(operator.engine_api.asked(), "run cleanup");
    operator.press(": \"delete\" Enter");
    assert_eq!(operator.notice(), "no action is named `delete`");
}

#[test]
fn colours_change_and_no_state_is_shown_by_colour_alone() {
    let mut screen = Screen::sample(80, 24);
    let before = screen.frame();
    for name in ["light", "high-contrast", "colour-blind", "dark"] {
        screen.press(&format!(": \"theme-{name}\" Enter"));
        assert!(screen.notice().starts_with("theme: "), "{}", screen.notice());
        screen.model.notices.clear();
        assert_eq!(screen.frame(), before, "only colours differ");
    }
}

#[test]
fn an_engine_elsewhere_is_named_and_its_loss_is_seen() {
    let mut screen = Screen::sample(200, 24);
    screen.model.attached = Some("at /run/crontower.sock".to_owned());
    assert!(screen.frame().starts_with(" crontower  db1 via its socket · up 3d 4h"));
    screen.model.attached = Some("at https://db1:7117".to_owned());
    assert!(screen.frame().starts_with(" crontower  db1 via https://db1:7117 · up 3d 4h"));
    screen.take(Message::Disconnected("connection refused".to_owned()));
    assert!(screen.frame().contains("○ reconnecting; no engine: connection refused"));
    screen.model.hosting = Hosting::Elsewhere;
    assert_eq!(screen.press("q").exit, Some(super::Exit::NoEngine), "it does not go on");
}

#[test]
fn the_graph_shows_both_directions_with_states_of_now() {
    let mut screen = Screen::sample(80, 24);
    screen.press("G Enter");
    let frame = screen.frame();
    assert!(
        frame.contains("├ ↻ data-sync  retrying") && frame.contains("└ ● log-processing"),
        "{frame}"
    );
    screen.press("Esc g j Enter");
    let frame = screen.frame();
    assert!(frame.contains(" dependents\n   └ ◌ report-generation  waiting"), "{frame}");
}
