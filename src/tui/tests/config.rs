//! The screen as its config file makes it: other keys, colours, the mouse.

use super::engine_api::FakeEngineApi;
use super::*;
use crate::tui::keys::{BINDINGS, Scope};
use crate::tui::terminal::Mouse;
use crate::tui::theme::Palette;

fn screen(config: &str, width: u16, height: u16) -> Screen {
    let engine_api = FakeEngineApi::new(fixtures::snapshot(), fixtures::executions());
    Screen::with(engine_api, Config::parse("config.yaml", config), width, height)
}

fn mouse(screen: &mut Screen, what: Mouse, x: u16, y: u16) {
    screen.take(Message::Mouse(what, x, y));
}

#[test]
fn dispatch_footer_help_palette_and_sentences_take_the_keys_of_the_config() {
    let mut screen = screen("keys: {run: [M, ^t], keys: H, filter: f, clear: C}", 80, 24);
    let footer = screen.footer();
    assert!(footer.contains("M run") && footer.contains("H keys"), "{footer}");
    screen.press("r");
    assert_eq!(screen.engine_api.asked(), "");
    screen.press("M");
    assert_eq!(screen.engine_api.asked(), "run cleanup");
    screen.press("^t");
    assert_eq!(screen.engine_api.asked(), "run cleanup");
    screen.press("f \"zzz\" Enter");
    assert!(screen.frame().contains("C clears it"), "{}", screen.frame());
    screen.press("C H");
    assert!(screen.row("run the job now").starts_with("M  ^t "), "{}", screen.frame());
    screen.press("Esc : \"run\"");
    assert!(screen.row(" run the job now").contains("M ^t"), "{}", screen.frame());
}

#[test]
fn a_config_with_errors_opens_the_screen_with_the_usual_keys_and_tells_them() {
    let mut screen = screen("theme: light\nkeys:\n  run: x\n  stop: y\n", 80, 24);
    assert!(screen.footer().contains("config.yaml:4:3: no action is named `stop`"));
    screen.press("r");
    assert_eq!(screen.engine_api.asked(), "run cleanup");
    // The notices tell all of all.
    let config = "theme: lihgt\nkeys:\n  run: x\n";
    let mut screen = self::screen(config, 80, 24);
    let footer = screen.footer();
    assert!(footer.contains("2 errors (:notices): config.yaml:1:8: expected"), "{footer}");
    screen.press(": \"notices\" Enter");
    let frame = screen.frame();
    assert!(frame.contains("mean `light`?") && frame.contains("or [] for none"), "{frame}");
    let mut screen = self::screen("keys: {\n  stop: y}\n", 80, 24);
    screen.press(": \"notices\" Enter");
    assert!(screen.frame().contains("config.yaml:2:3"), "{}", screen.frame());
}

#[test]
fn utc_mouse_and_theme_hold_from_the_start() {
    let screen = screen("{utc: true, mouse: true, theme: high-contrast}", 80, 24);
    assert!(screen.frame().contains("13:03:18 UTC"), "{}", screen.frame());
    assert!(screen.model.mouse);
}

#[test]
fn the_mouse_selects_opens_scrolls_and_changes_tabs_where_it_is_on() {
    let mut screen = screen("", 80, 24);
    let selected = |screen: &Screen| screen.model.jobs.selected().map(ToString::to_string);
    let first = selected(&screen);
    mouse(&mut screen, Mouse::Press, 5, 5);
    assert_eq!(selected(&screen), first, "it is off");
    screen.press(": \"mouse\" Enter");
    mouse(&mut screen, Mouse::Press, 5, 4);
    assert_ne!(selected(&screen), first);
    assert!(screen.model.layers.is_empty());
    mouse(&mut screen, Mouse::Press, 5, 4);
    assert_eq!(screen.model.layers.len(), 1, "what is selected already is opened");
    let before = screen.frame();
    mouse(&mut screen, Mouse::WheelDown, 5, 9);
    assert_ne!(screen.frame(), before);
    mouse(&mut screen, Mouse::WheelUp, 5, 9);
    assert_eq!(screen.frame(), before);
    for (x, tab) in [(1, Tab::Jobs), (12, Tab::Executions), (27, Tab::Workers), (42, Tab::System)] {
        mouse(&mut screen, Mouse::Press, x, 1);
        assert_eq!(screen.model.tab, tab, "{}", screen.frame());
    }
    mouse(&mut screen, Mouse::Press, 75, 1);
    assert_eq!(screen.model.tab, Tab::System);
    screen.press("2");
    mouse(&mut screen, Mouse::WheelDown, 5, 9);
    assert_eq!(screen.model.executions.cursor.at, 3);
    // Below the last row, on the titles and while something is asked nothing happens.
    screen.press("1 Home");
    for y in [2, 20] {
        mouse(&mut screen, Mouse::Press, 5, y);
        assert_eq!(selected(&screen), first);
    }
    screen.press("q");
    mouse(&mut screen, Mouse::Press, 12, 1);
    assert_eq!(screen.model.tab, Tab::Jobs);
    assert!(screen.model.question.is_some());
}

/// The table of keys as the guide shows it.
fn table_of_keys() -> String {
    let places = |scope: Scope| {
        let all = (0..11).map(|bit| Scope::nth(bit).unwrap());
        let missing: Vec<_> = all.clone().filter(|one| !one.meets(scope)).collect();
        let name = |one: &Scope| one.words().trim_start_matches("in ").to_owned();
        let names = |scopes: Vec<Scope>| scopes.iter().map(name).collect::<Vec<_>>().join(", ");
        match missing.len() {
            0 => "everywhere".to_owned(),
            1..=4 => format!("everywhere but {}", names(missing)),
            _ => names(all.filter(|one| one.meets(scope)).collect()),
        }
    };
    let mut table = String::from("| action | keys | does | where |\n|---|---|---|---|\n");
    for binding in BINDINGS {
        let keys: Vec<String> =
            binding.keys.iter().map(|key| format!("`{}`", key.name())).collect();
        let keys = if keys.is_empty() { "–".to_owned() } else { keys.join(" ") };
        let (name, help, places) = (binding.name, binding.help, places(binding.scope));
        table.push_str(&format!("| `{name}` | {keys} | {help} | {places} |\n"));
    }
    table
}

#[test]
fn the_guide_has_the_table_of_keys_as_it_is() {
    let guide = include_str!("../../../docs/screen.md");
    let shown_text = guide.split("<!-- keys -->\n").nth(1).unwrap_or_default();
    let shown_text = shown_text.split("<!-- end of keys -->").next().unwrap_or_default();
    assert!(shown_text == table_of_keys(), "docs/screen.md should say:\n{}", table_of_keys());
}

#[test]
fn the_config_file_of_the_guide_is_right() {
    let guide = include_str!("../../../docs/screen.md");
    let examples: Vec<&str> = guide.split("```yaml\n").skip(1).collect();
    assert!(!examples.is_empty());
    for example in examples {
        let text = example.split("```").next().unwrap_or_default();
        let config = Config::parse("config.yaml", text);
        assert_eq!(config.errors().collect::<Vec<_>>(), [""; 0]);
    }
    for theme in Palette::ALL {
        assert!(guide.contains(&format!("`{}`", theme.id())), "{}", theme.id());
    }
}
