//! Every view at 80x24 and at 200x50, with a fixed clock.

use super::engine_api::FakeEngineApi;
use super::{Screen, fixtures};

fn both(name: &str, keys: &str) {
    for (width, height) in [(80, 24), (200, 50)] {
        let mut screen = Screen::sample(width, height);
        screen.press(keys);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), screen.frame());
    }
}

#[test]
fn jobs() {
    both("jobs", "j");
}

#[test]
fn executions() {
    both("executions", "2 j j");
}

#[test]
fn workers() {
    both("workers", "3 j");
}

#[test]
fn system() {
    both("system", "4");
}

#[test]
fn job() {
    both("job", "j Enter");
}

#[test]
fn execution() {
    both("execution", "2 j j j j Enter");
}

#[test]
fn output() {
    both("output", "2 j j l t");
}

#[test]
fn help() {
    both("help", "?");
}

#[test]
fn quit() {
    both("quit", "q");
}

#[test]
fn palette() {
    both("palette", ": \"re\"");
}

#[test]
fn filter() {
    both("filter", "/ \"sync\"");
}

#[test]
fn nothing() {
    for (name, keys) in [("jobs", "1"), ("executions", "2"), ("workers", "3"), ("system", "4")] {
        let mut screen = Screen::new(FakeEngineApi::new(fixtures::nothing(), Vec::new()), 80, 24);
        screen.press(keys);
        insta::assert_snapshot!(format!("nothing_{name}_80x24"), screen.frame());
    }
}
