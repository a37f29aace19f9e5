//! The options of the screen, and the way in which it was left.
//!
//! Owns the reading of locale and colour variables. Never reads the environment itself: that comes
//! in as a function.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use tokio_util::sync::CancellationToken;

use super::config::Config;
use super::theme::{Charset, Colours};

/// Where the engine lives that the screen looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hosting {
    /// In this process: leaving the screen asks what becomes of it.
    ThisProcess,
    /// In another process: leaving the screen leaves it alone.
    Elsewhere,
}

/// The options of the screen.
#[derive(Debug, Clone)]
pub(crate) struct TuiOptions {
    /// Reads the wall clock.
    pub clock: fn() -> DateTime<Utc>,
    /// The zone that times are shown in.
    pub zone: Tz,
    /// How many colours.
    pub colours: Colours,
    /// Which characters.
    pub charset: Charset,
    /// Where the engine lives.
    pub hosting: Hosting,
    /// By which way an engine elsewhere is reached: a socket, an address.
    pub attached: Option<String>,
    /// The name of this machine: the engine's files are at hand only where it runs on it.
    pub host: String,
    /// What the config file says; see [`Config::load`].
    pub config: Config,
    /// The editor, as a line for the shell.
    pub editor: Option<String>,
    /// Set while an editor has the terminal: a SIGINT is then meant for what runs in it.
    pub editing: Arc<AtomicBool>,
    /// Ends the screen from outside (SIGTERM): the terminal is restored and `run` answers
    /// [`Exit::Cancelled`].
    pub stop: CancellationToken,
}

impl TuiOptions {
    /// Reads locale, zone and colours from the environment that `variable` answers for.
    #[must_use]
    pub(crate) fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
        clock: fn() -> DateTime<Utc>,
        hosting: Hosting,
        stop: CancellationToken,
    ) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
        let colours = if set("NO_COLOR").is_some() || set("TERM").as_deref() == Some("dumb") {
            Colours::None
        } else if matches!(set("COLORTERM").as_deref(), Some("truecolor" | "24bit")) {
            Colours::True
        } else {
            Colours::Sixteen
        };
        Self {
            clock,
            zone: viewer_zone(set("TZ").as_deref()),
            colours,
            charset: charset_of(locale.as_deref()),
            hosting,
            attached: None,
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            config: Config::default(),
            editor: set("VISUAL").or_else(|| set("EDITOR")),
            editing: Arc::default(),
            stop,
        }
    }
}

/// The charset of a locale such as `de_DE.UTF-8`; without one it is the POSIX locale, which is
/// ASCII.
#[must_use]
pub(super) fn charset_of(locale: Option<&str>) -> Charset {
    let codeset = locale.unwrap_or_default().to_ascii_lowercase();
    if codeset.contains("utf-8") || codeset.contains("utf8") {
        Charset::Unicode
    } else {
        Charset::Ascii
    }
}

/// The zone of the user: `TZ` if it names one, else the system's, else UTC.
#[must_use]
pub(super) fn viewer_zone(tz_variable: Option<&str>) -> Tz {
    tz_variable
        .and_then(|name| name.trim_start_matches(':').parse().ok())
        .or_else(|| iana_time_zone::get_timezone().ok()?.parse().ok())
        .unwrap_or(Tz::UTC)
}

/// How the screen was left. The caller acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The screen of an engine elsewhere, which goes on; or of one in this process that has ended.
    Quit,
    /// The screen of an engine elsewhere, which no longer answered.
    NoEngine,
    /// The engine goes on without a screen.
    LeaveHeadless,
    /// The engine stops; running commands go on by themselves.
    Stop,
    /// The engine stops when running commands have ended.
    Wait,
    /// The engine stops and running commands are cancelled.
    Cancel,
    /// The terminal is gone (line cut, window closed): nobody was there to ask.
    TerminalLost,
    /// [`TuiOptions::stop`] was set.
    Cancelled,
}

/// Why there is no screen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TuiError {
    /// No terminal to draw on.
    #[error("no terminal to draw on ({source}): use --headless, or run it in a terminal")]
    NoTerminal {
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The terminal does not obey.
    #[error("cannot {doing} the terminal: {source}")]
    Terminal {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The engine did not answer at the start.
    #[error("the engine does not answer: {0}")]
    Engine(#[from] crate::model::Refusal),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> TuiOptions {
        TuiOptions::from_environment(
            |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()),
            || DateTime::<Utc>::MIN_UTC,
            Hosting::ThisProcess,
            CancellationToken::new(),
        )
    }

    #[test]
    fn the_first_locale_variable_that_is_set_decides() {
        assert_eq!(options(&[("LANG", "de_DE.UTF-8")]).charset, Charset::Unicode);
        assert_eq!(options(&[("LC_ALL", "C"), ("LANG", "en.utf8")]).charset, Charset::Ascii);
        assert_eq!(options(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8")]).charset, Charset::Unicode);
        assert_eq!(options(&[]).charset, Charset::Ascii);
    }

    #[test]
    fn no_color_wins_over_colorterm() {
        assert_eq!(options(&[("COLORTERM", "truecolor")]).colours, Colours::True);
        let both = options(&[("COLORTERM", "truecolor"), ("NO_COLOR", "1")]);
        assert_eq!(both.colours, Colours::None);
        assert_eq!(options(&[("NO_COLOR", "")]).colours, Colours::Sixteen);
    }

    #[test]
    fn tz_names_the_viewers_zone() {
        assert_eq!(options(&[("TZ", ":Europe/Berlin")]).zone, Tz::Europe__Berlin);
    }
}
