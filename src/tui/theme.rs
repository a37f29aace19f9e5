//! Colours and glyphs: what a state looks like.
//!
//! Owns the one place where a state is given its glyph, word and colour. Colour never carries
//! meaning alone.

use ratatui::style::{Color, Modifier, Style};

use super::options::{Charset, Colours};
use crate::model::{StateName, WorkerState};

/// How a thing is told: its glyph, its word, its style.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// One cell.
    pub(crate) glyph: &'static str,
    /// One word.
    pub(crate) word: &'static str,
    /// For both.
    pub(crate) style: Style,
}

/// Colours and glyphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Theme {
    colours: Colours,
    charset: Charset,
}

/// What a colour is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tone {
    Good,
    Bad,
    Busy,
    Care,
}

impl Theme {
    pub(crate) const fn new(colours: Colours, charset: Charset) -> Self {
        Self { colours, charset }
    }

    /// Whether anything may be coloured.
    pub(crate) fn has_colours(self) -> bool {
        self.colours != Colours::None
    }

    /// The glyph of this charset.
    pub(crate) const fn glyph(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        match self.charset {
            Charset::Unicode => unicode,
            Charset::Ascii => ascii,
        }
    }

    /// Stands where text was cut.
    pub(crate) const fn ellipsis(self) -> &'static str {
        self.glyph("…", "~")
    }

    /// Between facts on a line.
    pub(crate) const fn dot(self) -> &'static str {
        self.glyph(" · ", " - ")
    }

    fn tone(self, tone: Tone) -> Style {
        let colour = match (self.colours, tone) {
            (Colours::None, Tone::Bad) => return Style::new().add_modifier(Modifier::BOLD),
            (Colours::None, _) => return Style::new(),
            (Colours::Sixteen, Tone::Good) => Color::Green,
            (Colours::Sixteen, Tone::Bad) => Color::Red,
            (Colours::Sixteen, Tone::Busy) => Color::Cyan,
            (Colours::Sixteen, Tone::Care) => Color::Yellow,
            // Middle tones that read on dark and on light grounds alike.
            (Colours::True, Tone::Good) => Color::Rgb(88, 166, 92),
            (Colours::True, Tone::Bad) => Color::Rgb(224, 82, 82),
            (Colours::True, Tone::Busy) => Color::Rgb(56, 152, 190),
            (Colours::True, Tone::Care) => Color::Rgb(201, 146, 40),
        };
        Style::new().fg(colour)
    }

    /// Something is wrong.
    pub(crate) fn bad(self) -> Style {
        self.tone(Tone::Bad)
    }

    /// Someone may want to know.
    pub(crate) fn care(self) -> Style {
        self.tone(Tone::Care)
    }

    /// All is well.
    pub(crate) fn good(self) -> Style {
        self.tone(Tone::Good)
    }

    /// Under way.
    pub(crate) fn busy(self) -> Style {
        self.tone(Tone::Busy)
    }

    /// Present, but not what the eye should go to.
    pub(crate) const fn quiet(self) -> Style {
        match self.colours {
            Colours::None => Style::new().add_modifier(Modifier::DIM),
            Colours::Sixteen => Style::new().fg(Color::DarkGray),
            Colours::True => Style::new().fg(Color::Rgb(128, 134, 142)),
        }
    }

    /// Titles and what is chosen.
    pub(crate) const fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The selected row: one bar, whatever the colours in it were.
    pub(crate) const fn selected(self) -> Style {
        match self.colours {
            Colours::True => Style::new().fg(Color::Rgb(255, 255, 255)).bg(Color::Rgb(44, 74, 110)),
            _ => Style::new().fg(Color::Reset).bg(Color::Reset).add_modifier(Modifier::REVERSED),
        }
        .remove_modifier(Modifier::DIM)
    }

    /// How an execution's state looks.
    pub(crate) fn state(self, state: StateName) -> Look {
        let (unicode, ascii, word, style) = match state {
            StateName::Waiting => ("◌", ".", "waiting", self.quiet()),
            StateName::Queued => ("○", "o", "queued", self.care()),
            StateName::Running => ("●", "*", "running", self.busy()),
            StateName::Retrying => ("↻", "~", "retrying", self.care()),
            StateName::Succeeded => ("✓", "+", "succeeded", self.good()),
            StateName::Failed => ("✗", "x", "failed", self.bad()),
            StateName::TimedOut => ("⊗", "T", "timed out", self.bad()),
            StateName::Cancelled => ("⊘", "/", "cancelled", self.care()),
            StateName::Skipped => ("–", "-", "skipped", self.quiet()),
        };
        Look { glyph: self.glyph(unicode, ascii), word, style }
    }

    /// How a worker's state looks.
    pub(crate) fn worker(self, state: WorkerState) -> Look {
        let (unicode, ascii, style) = match state {
            WorkerState::Online => ("●", "*", self.good()),
            WorkerState::Draining => ("◐", "%", self.care()),
            WorkerState::Suspect => ("?", "?", self.care()),
            WorkerState::Offline => ("○", "o", self.bad()),
        };
        Look { glyph: self.glyph(unicode, ascii), word: state.as_str(), style }
    }
}
