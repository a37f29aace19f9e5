//! The whole screen without a terminal: keys in, frames out.

mod changes;
mod config;
mod engine_api;
pub(crate) mod fixtures;
mod flows;
mod hostile;
mod lists;
mod marks;
mod real;
mod snapshots;
mod wording;

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tokio_util::sync::CancellationToken;

use super::config::Config;
use super::keys::Tab;
use super::message::{Command, Editing, Message};
use super::model::Model;
use super::options::{Hosting, TuiOptions};
use super::theme::{Charset, Colours};
use super::update::{settle, update};
use super::{Exit, perform, view};
use crate::driver::{Batch, EngineApi, Feed};
use engine_api::FakeEngineApi;

/// A screen on a fake door: what the loop does, without terminal, threads and clock.
struct Screen {
    model: Model,
    engine_api: Arc<FakeEngineApi>,
    exit: Option<Exit>,
    copied: Option<String>,
    editing: Option<Box<Editing>>,
    suspended: bool,
}

impl Screen {
    fn new(engine_api: FakeEngineApi, width: u16, height: u16) -> Self {
        Self::with(engine_api, Config::default(), width, height)
    }

    fn with(engine_api: FakeEngineApi, config: Config, width: u16, height: u16) -> Self {
        let options = TuiOptions {
            clock: || fixtures::at(0),
            zone: chrono_tz::Tz::Europe__Berlin,
            colours: Colours::Sixteen,
            charset: Charset::Unicode,
            hosting: Hosting::ThisProcess,
            attached: None,
            host: "db1".to_owned(),
            config,
            editor: None,
            editing: Arc::default(),
            stop: CancellationToken::new(),
        };
        let model = Model::new(&options, fixtures::at(0), engine_api.snapshot.clone());
        let mut screen = Self {
            model,
            engine_api: Arc::new(engine_api),
            exit: None,
            copied: None,
            editing: None,
            suspended: false,
        };
        screen.take(Message::Resize(width, height));
        screen
    }

    fn sample(width: u16, height: u16) -> Self {
        Self::new(FakeEngineApi::new(fixtures::snapshot(), fixtures::executions()), width, height)
    }

    /// Takes a message in and carries out all that follows from it, as far as it goes.
    fn take(&mut self, message: Message) {
        let mut commands = update(&mut self.model, message);
        commands.extend(self.settle());
        while let Some(command) = commands.pop() {
            match command {
                Command::Quit(exit) => self.exit = Some(exit),
                Command::Copy(text) => self.copied = Some(text),
                Command::Edit(editing) => self.editing = Some(editing),
                Command::Suspend => self.suspended = true,
                Command::Subscribe | Command::Repaint | Command::Mouse(_) => {}
                Command::Ask(request) => {
                    let engine_api: Arc<dyn EngineApi> = self.engine_api.clone();
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    let answer = runtime.block_on(perform::perform(&engine_api, request));
                    commands.extend(update(&mut self.model, Message::Answer(answer)));
                    commands.extend(self.settle());
                }
            }
        }
    }

    fn settle(&mut self) -> Vec<Command> {
        let rows = view::layer_rows(&self.model);
        settle(&mut self.model, rows)
    }

    fn batch(&mut self, batch: Batch) {
        self.take(Message::Feed(Feed::Batch(Arc::new(batch))));
    }

    /// Presses keys: `j`, `Enter`, `^r`, and `"words"` typed letter by letter.
    fn press(&mut self, script: &str) -> &mut Self {
        for word in script.split_whitespace() {
            for key in keys_of(word) {
                self.take(Message::Key(key));
            }
        }
        self
    }

    fn frame(&self) -> String {
        let mut terminal =
            Terminal::new(TestBackend::new(self.model.size.width, self.model.size.height)).unwrap();
        terminal.draw(|frame| view::view(&self.model, frame)).unwrap();
        let buffer = terminal.backend().buffer();
        let mut text = String::new();
        for y in 0..buffer.area.height {
            let mut row = String::new();
            let mut skip = 0;
            for x in 0..buffer.area.width {
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                let symbol = buffer[(x, y)].symbol();
                skip = super::text::width(symbol).saturating_sub(1);
                row.push_str(symbol);
            }
            text.push_str(row.trim_end());
            text.push('\n');
        }
        text
    }

    /// The last line.
    fn footer(&self) -> String {
        self.frame().lines().last().unwrap_or_default().to_owned()
    }

    /// The row that is selected or the first that holds `part`.
    fn row(&self, part: &str) -> String {
        let frame = self.frame();
        let found = frame.lines().find(|line| line.contains(part));
        found.unwrap_or_default().trim().to_owned()
    }

    fn notice(&self) -> &str {
        self.model.notices.back().map_or("", |notice| &notice.text)
    }
}

fn keys_of(word: &str) -> Vec<KeyEvent> {
    let plain = |code| KeyEvent::new(code, KeyModifiers::NONE);
    if let Some(typed) = word.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return typed.replace('_', " ").chars().map(|c| plain(KeyCode::Char(c))).collect();
    }
    let mut chars = word.chars();
    let key = match (word, chars.next(), chars.next()) {
        ("Enter", ..) => plain(KeyCode::Enter),
        ("Esc", ..) => plain(KeyCode::Esc),
        ("space", ..) => plain(KeyCode::Char(' ')),
        ("Tab", ..) => plain(KeyCode::Tab),
        ("S-Tab", ..) => KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT),
        ("Up", ..) => plain(KeyCode::Up),
        ("Down", ..) => plain(KeyCode::Down),
        ("Left", ..) => plain(KeyCode::Left),
        ("Right", ..) => plain(KeyCode::Right),
        ("PgDn", ..) => plain(KeyCode::PageDown),
        ("PgUp", ..) => plain(KeyCode::PageUp),
        ("Home", ..) => plain(KeyCode::Home),
        ("Backspace", ..) => plain(KeyCode::Backspace),
        (_, Some('^'), Some(c)) => KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL),
        (_, Some(c), None) => plain(KeyCode::Char(c)),
        _ => panic!("no key is written {word}"),
    };
    vec![key]
}
