//! Colours and glyphs: what a state looks like.
//!
//! Owns the one place where a state is given its glyph, word and colour. Colour never carries
//! meaning alone.

use ratatui::style::{Color, Modifier, Style};

use crate::model::{StateName, WorkerState};

/// How many colours the terminal is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colours {
    /// None: bold, dim and reverse only.
    None,
    /// The 16 that every terminal has, in the user's own palette.
    Sixteen,
    /// 24 bits a colour.
    True,
}

/// Which characters states and bars are drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charset {
    /// The locale is UTF-8.
    Unicode,
    /// It is not.
    Ascii,
}

/// How a state looks: its glyph, its word, its style.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Badge {
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
    palette: Palette,
}

/// Which colours stand for what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Palette {
    /// For a dark ground; it reads on a light one, too.
    #[default]
    Dark,
    /// For a light ground.
    Light,
    /// Nothing is dimmed.
    HighContrast,
    /// Without red and green.
    ColourBlind,
}

impl Palette {
    pub(crate) const ALL: [Self; 4] =
        [Self::Dark, Self::Light, Self::HighContrast, Self::ColourBlind];

    /// Its name in the config file.
    pub(crate) const fn id(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::ColourBlind => "colour-blind",
        }
    }

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::HighContrast => "high contrast",
            Self::ColourBlind => "colour-blind safe",
        }
    }
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
        Self { colours, charset, palette: Palette::Dark }
    }

    /// The same in other colours.
    pub(crate) const fn with(self, palette: Palette) -> Self {
        Self { palette, ..self }
    }

    /// Whether anything may be coloured.
    pub(crate) fn has_colours(self) -> bool {
        self.colours != Colours::None
    }

    /// Whether the terminal reads no UTF-8.
    pub(crate) fn is_ascii(self) -> bool {
        self.charset == Charset::Ascii
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
        use Palette::{ColourBlind, Dark, HighContrast, Light};
        let colour = match (self.colours, self.palette, tone) {
            (Colours::None, _, Tone::Bad) => return Style::new().add_modifier(Modifier::BOLD),
            (Colours::None, ..) => return Style::new(),
            (Colours::Sixteen, Dark | Light, Tone::Good) => Color::Green,
            (Colours::Sixteen, Dark | Light, Tone::Bad) => Color::Red,
            (Colours::Sixteen, Dark, Tone::Busy) => Color::Cyan,
            (Colours::Sixteen, Dark, Tone::Care) => Color::Yellow,
            (Colours::Sixteen, Light, Tone::Busy) => Color::Blue,
            (Colours::Sixteen, Light, Tone::Care) => Color::Magenta,
            (Colours::Sixteen, HighContrast, Tone::Good) => Color::LightGreen,
            (Colours::Sixteen, HighContrast, Tone::Bad) => Color::LightRed,
            (Colours::Sixteen, HighContrast, Tone::Busy) => Color::LightCyan,
            (Colours::Sixteen, HighContrast, Tone::Care) => Color::LightYellow,
            (Colours::Sixteen, ColourBlind, Tone::Good) => Color::LightBlue,
            (Colours::Sixteen, ColourBlind, Tone::Bad) => Color::LightYellow,
            (Colours::Sixteen, ColourBlind, Tone::Busy) => Color::Cyan,
            (Colours::Sixteen, ColourBlind, Tone::Care) => Color::Magenta,
            // Middle tones that read on dark and on light grounds alike.
            (Colours::True, Dark, Tone::Good) => Color::Rgb(88, 166, 92),
            (Colours::True, Dark, Tone::Bad) => Color::Rgb(224, 82, 82),
            (Colours::True, Dark, Tone::Busy) => Color::Rgb(56, 152, 190),
            (Colours::True, Dark, Tone::Care) => Color::Rgb(201, 146, 40),
            (Colours::True, Light, Tone::Good) => Color::Rgb(26, 120, 40),
            (Colours::True, Light, Tone::Bad) => Color::Rgb(178, 30, 30),
            (Colours::True, Light, Tone::Busy) => Color::Rgb(10, 90, 160),
            (Colours::True, Light, Tone::Care) => Color::Rgb(140, 84, 0),
            (Colours::True, HighContrast, Tone::Good) => Color::Rgb(120, 255, 120),
            (Colours::True, HighContrast, Tone::Bad) => Color::Rgb(255, 120, 120),
            (Colours::True, HighContrast, Tone::Busy) => Color::Rgb(120, 230, 255),
            (Colours::True, HighContrast, Tone::Care) => Color::Rgb(255, 230, 100),
            // Of the eight that Okabe and Ito chose.
            (Colours::True, ColourBlind, Tone::Good) => Color::Rgb(86, 180, 233),
            (Colours::True, ColourBlind, Tone::Bad) => Color::Rgb(230, 110, 0),
            (Colours::True, ColourBlind, Tone::Busy) => Color::Rgb(0, 158, 115),
            (Colours::True, ColourBlind, Tone::Care) => Color::Rgb(240, 228, 66),
        };
        let style = Style::new().fg(colour);
        // Where colours differ less, weight helps.
        let weighs = tone == Tone::Bad && matches!(self.palette, HighContrast | ColourBlind);
        if weighs { style.add_modifier(Modifier::BOLD) } else { style }
    }

    /// Something is wrong.
    pub(crate) fn bad(self) -> Style {
        self.tone(Tone::Bad)
    }

    /// Someone may want to know.
    pub(crate) fn care(self) -> Style {
        self.tone(Tone::Care)
    }

    /// All is ok.
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
            _ if matches!(self.palette, Palette::HighContrast) => Style::new(),
            Colours::None => Style::new().add_modifier(Modifier::DIM),
            Colours::True if matches!(self.palette, Palette::Light) => {
                Style::new().fg(Color::Rgb(95, 100, 108))
            }
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
            Colours::True if matches!(self.palette, Palette::Light) => {
                Style::new().fg(Color::Rgb(0, 0, 0)).bg(Color::Rgb(176, 208, 244))
            }
            Colours::True if matches!(self.palette, Palette::HighContrast) => {
                Style::new().fg(Color::Rgb(0, 0, 0)).bg(Color::Rgb(255, 255, 255))
            }
            Colours::True => Style::new().fg(Color::Rgb(255, 255, 255)).bg(Color::Rgb(44, 74, 110)),
            _ => Style::new().fg(Color::Reset).bg(Color::Reset).add_modifier(Modifier::REVERSED),
        }
        .remove_modifier(Modifier::DIM)
    }

    /// How an execution's state looks.
    pub(crate) fn state(self, state: StateName) -> Badge {
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
        Badge { glyph: self.glyph(unicode, ascii), word, style }
    }

    /// How a worker's state looks.
    pub(crate) fn worker(self, state: WorkerState) -> Badge {
        let (unicode, ascii, style) = match state {
            WorkerState::Online => ("●", "*", self.good()),
            WorkerState::Draining => ("◐", "%", self.care()),
            WorkerState::Suspect => ("?", "?", self.care()),
            WorkerState::Offline => ("○", "o", self.bad()),
        };
        Badge { glyph: self.glyph(unicode, ascii), word: state.as_str(), style }
    }
}
