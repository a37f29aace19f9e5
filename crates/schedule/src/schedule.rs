//! A text read: a cron expression or an English phrase, and which of the two it is.
//!
//! Owns the choice of the language and the sharing of readings; when a schedule fires is
//! `timetable`'s.

use std::sync::Arc;

use super::cron::CronText;
use super::error::ScheduleError;
use super::field_kind::FieldKind;
use super::intern::Interned;
use super::pattern::Pattern;
use super::wall_times::WallTimes;
use super::{as_cron, canonical, cron, english, field_kind, text, words};

/// A text longer than this is no schedule.
const LONGEST: usize = 256;

/// One text, read: a cron expression or an English phrase. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Schedule(Arc<Reading>);

#[derive(Debug)]
struct Reading {
    text: Box<str>,
    wall_times: Arc<WallTimes>,
    language: Language,
    /// The fields of cron that go through all of their unit in steps.
    steps: Vec<(FieldKind, u32)>,
}

/// Which of the two languages a text is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Cron,
    /// Cron with an `H`, read for one job.
    CronOfOneJob,
    /// Cron with an `H` that is not known, because no job was named.
    CronOfSomeJob,
    English,
}

/// Texts in use; those with an `H` mean something else for each job.
static KNOWN: Interned<Box<str>, Reading> = Interned::new();

impl Schedule {
    /// Reads a cron expression or an English phrase.
    ///
    /// # Errors
    /// When a word is not understood, or when it can never fire.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        Self::parse_for(text, None)
    }

    /// Reads it for the job whose id hashes to `seed`.
    pub(super) fn parse_for(text: &str, seed: Option<u64>) -> Result<Self, ScheduleError> {
        if let Some(reading) = KNOWN.find(text) {
            return Ok(Self(reading));
        }
        let (pattern, language, steps) = read(text, seed).map_err(|mut error| {
            // What can be read may still never fire.
            let fires = |offer: &String| Self::parse_for(offer, seed).is_ok();
            error.suggestion = error.suggestion.take().filter(fires);
            if !error.readings.iter().all(fires) {
                error.readings.clear();
            }
            error
        })?;
        let wall_times = WallTimes::of(pattern);
        let schedule = Self(Arc::new(Reading { text: text.into(), wall_times, language, steps }));
        if schedule.wall_times().first.is_none() && !schedule.is_reboot() {
            let message = words::why_never(&schedule.wall_times().pattern);
            let error = ScheduleError::new(message, 0..text.len());
            let error = match words::leap_days(text, &schedule.wall_times().pattern) {
                Some(offer) => error.suggest(offer),
                None => error,
            };
            return Err(error.understanding(schedule.in_words()));
        }
        if matches!(language, Language::Cron | Language::English) {
            KNOWN.keep(text.into(), &schedule.0);
        }
        Ok(schedule)
    }

    /// Reads a canonical form.
    ///
    /// # Errors
    /// When the text is not a canonical form that this version knows, or can never fire.
    pub fn from_canonical(canonical: &str) -> Result<Self, ScheduleError> {
        Self::accepted(canonical, canonical)
    }

    /// The schedule that `text` was accepted as.
    pub(super) fn accepted(text: &str, canonical: &str) -> Result<Self, ScheduleError> {
        let pattern = canonical::read(canonical).ok_or_else(|| {
            let message = format!("{} is not a canonical schedule", text::quoted(canonical));
            ScheduleError::new(message, 0..text.len())
        })?;
        let language = Language::English;
        let wall_times = WallTimes::of(pattern);
        let schedule =
            Self(Arc::new(Reading { text: text.into(), wall_times, language, steps: Vec::new() }));
        if schedule.wall_times().first.is_none() && !schedule.is_reboot() {
            let message = words::why_never(&schedule.wall_times().pattern);
            return Err(ScheduleError::new(message, 0..text.len()));
        }
        Ok(schedule)
    }

    /// A text that reads the same in every version, for a store to keep beside the text; see
    /// [`Timing::reading`](crate::Timing::reading). `None` where fire times depend on a job that is not named
    /// ([`Schedule::depends_on_job`]).
    #[must_use]
    pub fn canonical(&self) -> Option<String> {
        (!self.depends_on_job()).then(|| canonical::write(&self.wall_times().pattern))
    }

    /// A cron expression or an English phrase that this version reads as this schedule: what to
    /// write where its own text is read otherwise.
    #[must_use]
    pub fn same_in_words(&self) -> Option<String> {
        let canonical = self.canonical()?;
        let cron = as_cron::expression(&self.wall_times().pattern);
        let texts = [Some(self.text().to_owned()), cron, Some(self.in_words())];
        let same = |text: &String| {
            let read = Self::parse(text).ok().and_then(|schedule| schedule.canonical());
            read.as_ref() == Some(&canonical)
        };
        texts.into_iter().flatten().find(same)
    }

    /// The text as given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// What it says in plain English: `At 09:30 on weekdays`.
    #[must_use]
    pub fn in_words(&self) -> String {
        if self.0.language == Language::CronOfSomeJob {
            let text = cron::normal(&self.0.text);
            return format!("By the cron expression {text}, each H a number fixed by the job's id");
        }
        words::pattern(&self.wall_times().pattern)
    }

    /// The cron expression that says the same, where there is one.
    #[must_use]
    pub fn as_cron(&self) -> Option<String> {
        match self.0.language {
            Language::Cron | Language::CronOfOneJob | Language::CronOfSomeJob => {
                Some(cron::normal(&self.0.text))
            }
            Language::English => as_cron::expression(&self.wall_times().pattern),
        }
    }

    /// Whether it fires once per boot of the machine.
    #[must_use]
    pub fn is_reboot(&self) -> bool {
        self.wall_times().pattern == Pattern::Reboot
    }

    /// Whether its fire times depend on the id of the job: it has an `H`, and no job was named.
    #[must_use]
    pub fn depends_on_job(&self) -> bool {
        self.0.language == Language::CronOfSomeJob
    }

    /// The fields of cron that go through all of their unit in steps.
    pub(super) fn steps(&self) -> &[(FieldKind, u32)] {
        &self.0.steps
    }

    /// Whether its text is a cron expression.
    pub(super) fn is_cron(&self) -> bool {
        self.0.language != Language::English
    }

    pub(super) fn wall_times(&self) -> &WallTimes {
        &self.0.wall_times
    }

    /// Whether it fires once only.
    #[must_use]
    pub fn is_once(&self) -> bool {
        matches!(self.wall_times().pattern, Pattern::Once(_))
    }

    /// Whether it says `except holidays`, and so needs a calendar.
    #[must_use]
    pub fn excepts_holidays(&self) -> bool {
        self.wall_times().pattern.days().is_some_and(|days| days.except.holidays)
    }
}

/// What a text says, in which language, and the steps of its cron fields.
type Read = (Pattern, Language, Vec<(FieldKind, u32)>);

/// Reads either language; an `H` is that of the job whose id hashes to `seed`.
fn read(text: &str, seed: Option<u64>) -> Result<Read, ScheduleError> {
    if text.chars().count() > LONGEST {
        let message = format!("a schedule has at most {LONGEST} characters");
        return Err(ScheduleError::new(message, 0..text.len()));
    }
    if text.trim().is_empty() {
        return Err(ScheduleError::new("an empty schedule", 0..text.len()));
    }
    let first = text.split_whitespace().next().unwrap_or_default();
    if first.starts_with("CRON_TZ=") || first.starts_with("TZ=") {
        let message =
            format!("`{first}` is a time zone: it belongs to `timezone:`, beside the schedule");
        let start = text.len() - text.trim_start().len();
        return Err(ScheduleError::new(message, start..start + first.len()));
    }
    if first.eq_ignore_ascii_case("@every") {
        // What crontabs of Go programs write; a blank for the sign keeps every place.
        return Ok((english::parse(&text.replacen('@', " ", 1))?, Language::English, Vec::new()));
    }
    if !looks_like_cron(text) {
        return Ok((english::parse(text)?, Language::English, Vec::new()));
    }
    let cron = CronText::parse(text)?;
    let language = match (cron.has_hash(), seed) {
        (false, _) => Language::Cron,
        (true, Some(_)) => Language::CronOfOneJob,
        (true, None) => Language::CronOfSomeJob,
    };
    Ok((cron.pattern(seed.unwrap_or_default()), language, cron.steps()))
}

/// Whether a text is meant as cron: by its look alone, so that an error speaks the language of its
/// author.
pub(super) fn looks_like_cron(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let Some(first) = words.first() else {
        return false;
    };
    if first.starts_with('@') {
        return true;
    }
    let dated = first.len() >= 10 && first.get(4..5) == Some("-") && first.get(7..8) == Some("-");
    if dated || (english::is_known(first) && !looks_like_field(first)) {
        return false;
    }
    let stars = words.iter().filter(|word| word.starts_with(['*', '?'])).count();
    let fields = words.iter().filter(|word| looks_like_field(word)).count();
    let numbers = words.iter().all(|word| !word.contains(|c: char| c.is_alphabetic()));
    stars > 0 || (fields == words.len() && (words.len() >= 3 || numbers))
}

/// Whether a word could stand in a cron expression: digits and signs, `H`, `L`, `W`, names of three
/// letters.
fn looks_like_field(word: &str) -> bool {
    let mut letters = word.split(|c: char| !c.is_alphabetic()).filter(|part| !part.is_empty());
    let signs = word.chars().all(|c| c.is_alphanumeric() || "*?,-/#()_+~".contains(c));
    let named = |part: &str| {
        let lower = part.to_ascii_lowercase();
        let name = lower.strip_suffix('l').filter(|rest| rest.len() == 3).unwrap_or(&lower);
        matches!(name, "l" | "w" | "lw" | "h" | "x")
            || field_kind::DAYS.contains(&name)
            || field_kind::MONTHS.contains(&lower.as_str())
    };
    signs && letters.all(named)
}
