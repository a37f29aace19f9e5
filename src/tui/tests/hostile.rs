//! Any size, any keys, any text: nothing panics, and no control character reaches a cell.

use std::sync::Arc;

use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::engine_api::FakeEngineApi;
use super::fixtures::{at, execution, snapshot, workers};
use super::{Message, Screen, keys_of};
use crate::driver::Snapshot;
use crate::model::{
    Acknowledgement, AttemptProgress, Drain, Execution, Job, Pause, Refusal, SkipNext, StateName,
};
use crate::tui::theme::Theme;
use crate::tui::theme::{Charset, Colours};
use crate::tui::view;

const KEYS: &[&str] = &[
    "1",
    "2",
    "3",
    "4",
    "Tab",
    "S-Tab",
    "j",
    "k",
    "g",
    "G",
    "^d",
    "^u",
    "PgDn",
    "PgUp",
    "Enter",
    "Enter",
    "Esc",
    "/",
    ":",
    "?",
    "l",
    "r",
    "x",
    "p",
    "F",
    "s",
    "S",
    "y",
    "f",
    "w",
    "t",
    "n",
    "N",
    "o",
    "[",
    "]",
    "Left",
    "Right",
    "Up",
    "Down",
    "^r",
    "q",
    "Backspace",
    "e",
    "E",
    "K",
    "P",
    "R",
    "z",
    "D",
    "V",
    "Tab",
    "Enter",
    "a",
    "漢",
];

fn hostile_text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("\x1b[2J\x1b]0;owned\x07\r\n\u{202e}evil\u{9b}31m".to_owned()),
        Just("漢字かな交じり文".repeat(30)),
        Just("e\u{301}\u{301}\u{301}👩‍👩‍👧‍👦🏳️‍🌈".repeat(8)),
        "\\PC{0,40}",
        proptest::string::string_regex("(?s).{0,80}").unwrap(),
    ]
}

/// The sample world with this text wherever text comes from outside.
fn world(text: &str) -> (Snapshot, Vec<Arc<Execution>>) {
    let mut world = snapshot();
    for job in &mut world.jobs {
        let status = Arc::make_mut(job);
        let mut definition = Job::clone(&status.definition);
        definition.name = Some(text.to_owned());
        definition.description = Some(text.to_owned());
        definition.tags = vec![text.to_owned()];
        status.definition = Arc::new(definition);
        status.schedule_in_words = Some(text.to_owned());
        let by = crate::model::Actor::named(text);
        status.skip_next = Some(SkipNext { fire_time: at(60), at: at(0), by: by.clone() });
        status.acknowledged = Some(Acknowledgement {
            execution_id: Some(super::fixtures::execution_id(1)),
            kinds: vec![crate::model::WrongKind::Failure],
            at: at(0),
            by: by.clone(),
            note: Some(text.to_owned()),
            until: Some(at(9)),
        });
        status.paused = Some(Pause { at: at(0), until: None, reason: Some(text.to_owned()), by });
    }
    world.workers = workers();
    for worker in &mut world.workers {
        worker.host = text.to_owned();
        worker.alias = Some(text.to_owned());
        worker.labels = vec![text.to_owned(); 3];
        worker.capacity = u32::MAX;
        let by = crate::model::Actor::named(text);
        worker.drained = Some(Drain { at: at(0), by, reason: Some(text.to_owned()) });
    }
    world.engine.host = text.to_owned();
    world.engine.store = text.to_owned();
    let states = StateName::ALL.into_iter().cycle();
    let executions: Vec<_> = (0..60)
        .zip(states)
        .map(|(number, state)| {
            let mut it = execution(
                3_000 - number,
                "cleanup",
                state,
                i64::try_from(number).unwrap() * -7_777,
            );
            it.reason = text.into();
            it.args = vec![text.to_owned()];
            it.result = Some(serde_json::json!({ text: [text, 1, null] }));
            for attempt in &mut it.attempts {
                if let AttemptProgress::Ended { error, .. } = &mut attempt.progress {
                    *error = Some(text.to_owned());
                }
            }
            for step in &mut it.history {
                step.reason = text.into();
            }
            Arc::new(it)
        })
        .collect();
    world.live = executions.iter().rev().filter(|it| !it.state.is_final()).cloned().collect();
    (world, executions)
}

fn check_frame(screen: &Screen) {
    let size = screen.model.size;
    let mut terminal = Terminal::new(TestBackend::new(size.width, size.height)).unwrap();
    terminal.draw(|frame| view::view(&screen.model, frame)).unwrap();
    for cell in terminal.backend().buffer().content() {
        let symbol = cell.symbol();
        assert!(!symbol.chars().any(char::is_control), "a cell holds {symbol:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_view_at_any_size_with_any_text(
        size in (1_u16..=200, 1_u16..=70),
        text in hostile_text(),
        keys in proptest::collection::vec(proptest::sample::select(KEYS), 0..24),
        later in prop_oneof![Just(0_i64), Just(-9_999_999), Just(4_000_000_000)],
        ascii in any::<bool>(),
    ) {
        let (world, executions) = world(&text);
        let mut engine_api = FakeEngineApi::new(world, executions);
        engine_api.output = text.lines().map(str::to_owned).chain([text.clone()]).collect();
        engine_api.plan = Err(Refusal::File(text.clone()));
        let mut screen = Screen::new(engine_api, size.0, size.1);
        if ascii {
            screen.model.theme = Theme::new(Colours::None, Charset::Ascii);
        }
        check_frame(&screen);
        screen.take(Message::Tick(at(later)));
        // Nothing is written into the folder of the tests.
        for key in keys.into_iter().filter(|key| *key != "o") {
            for event in keys_of(key) {
                screen.take(Message::Key(event));
            }
            screen.take(Message::Paste(text.clone()));
            check_frame(&screen);
        }
        screen.take(Message::Resize(500, 200));
        check_frame(&screen);
        screen.take(Message::Resize(1, 1));
        check_frame(&screen);
    }
}

#[test]
fn a_screen_that_is_too_small_says_so_and_can_be_left() {
    let mut screen = Screen::sample(39, 9);
    insta::assert_snapshot!(screen.frame().trim_end(), @"needs 40x10; q quits");
    screen.press("j r x");
    assert_eq!(screen.engine_api.asked(), "");
    screen.press("q");
    assert_eq!(screen.exit, Some(super::Exit::LeaveHeadless));
}

#[test]
fn without_unicode_all_is_ascii() {
    let mut screen = Screen::sample(200, 50);
    screen.model.theme = Theme::new(Colours::None, Charset::Ascii);
    for keys in [
        "1", "2", "3", "4", "1 Enter", "2 Enter", "l", "?", "Esc q", "Esc :", "Esc e", "Esc R",
        "Esc n", "Esc V",
    ] {
        screen.press(keys);
        let frame = screen.frame();
        let odd: String = frame.chars().filter(|c| !c.is_ascii()).collect();
        assert_eq!(odd, "", "after {keys}");
    }
}
