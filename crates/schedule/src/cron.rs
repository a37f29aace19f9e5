//! Cron expressions: the text with its fields, aliases and specials into a [`Pattern`].
//!
//! The semantics are Debian cron's. What a field may hold is `field`'s; which dates and times that
//! comes to is `calendar`'s.

use std::ops::Range;

use super::error::ScheduleError;
use super::field::Field;
use super::field_kind::FieldKind;
use super::pattern::{ClockRule, DayField, Days, Except, Pattern, Times};
use super::text::nearest;

/// The nicknames and what they stand for.
const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

const SIX: [FieldKind; 6] = [
    FieldKind::Second,
    FieldKind::Minute,
    FieldKind::Hour,
    FieldKind::DayOfMonth,
    FieldKind::Month,
    FieldKind::DayOfWeek,
];

/// A cron expression as written: `H` is not yet a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CronText {
    /// `@reboot`.
    Reboot,
    /// Second, minute, hour, day of month, month, day of week.
    Fields(Box<[Field; 6]>),
}

impl CronText {
    /// Reads an expression.
    pub(super) fn parse(text: &str) -> Result<Self, ScheduleError> {
        let words = words(text);
        if let [(span, word)] = words.as_slice()
            && word.starts_with('@')
        {
            return Self::nickname(word, span.clone());
        }
        if let [(span, word), _, ..] = words.as_slice()
            && word.starts_with('@')
        {
            return Err(not_alone(word, span.start..text.trim_end().len()));
        }
        let kinds = match words.len() {
            5 => &SIX[1..],
            6 => &SIX[..],
            count => return Err(wrong_count(count, &words)),
        };
        let mut fields = Vec::with_capacity(6);
        if words.len() == 5 {
            fields.push(Field::just(FieldKind::Second, 0));
        }
        for (kind, (span, word)) in kinds.iter().zip(&words) {
            let field = Field::parse(*kind, word, span.start);
            fields.push(field.map_err(|error| teach(text, error, kinds, &words))?);
        }
        match <Box<[Field; 6]>>::try_from(fields) {
            Ok(fields) => Ok(Self::Fields(fields)),
            Err(_) => Err(wrong_count(words.len(), &words)),
        }
    }

    fn nickname(word: &str, span: Range<usize>) -> Result<Self, ScheduleError> {
        if word == "@reboot" {
            return Ok(Self::Reboot);
        }
        if let Some((_, text)) = NICKNAMES.iter().find(|(name, _)| *name == word) {
            return Self::parse(text);
        }
        let names = NICKNAMES.iter().map(|(name, _)| *name).chain(["@reboot"]);
        let error = ScheduleError::new(format!("`{word}` is not a nickname of cron"), span);
        Err(match nearest(word, names) {
            Some(name) => error.suggest(name),
            None => error,
        })
    }

    /// Whether some number depends on the job's id.
    pub(super) fn has_hash(&self) -> bool {
        match self {
            Self::Reboot => false,
            Self::Fields(fields) => fields.iter().any(Field::has_hash),
        }
    }

    /// The fields that go through all of their unit in steps, with the step.
    pub(super) fn steps(&self) -> Vec<(FieldKind, u32)> {
        match self {
            Self::Reboot => Vec::new(),
            Self::Fields(fields) => fields.iter().filter_map(Field::whole_step).collect(),
        }
    }

    /// What it says for the job whose id hashes to `seed`.
    pub(super) fn pattern(&self, seed: u64) -> Pattern {
        let Self::Fields(fields) = self else {
            return Pattern::Reboot;
        };
        let [second, minute, hour, dom, month, dow] = fields.as_ref();
        let values = |field: &Field, salt: u64| field.resolve(mix(seed ^ mix(salt)));
        let (dom_values, dow_values) = (values(dom, 3), values(dow, 5));
        let rule = if minute.star || hour.star { ClockRule::Wildcard } else { ClockRule::Fixed };
        Pattern::Clock {
            times: Times::Fields {
                seconds: values(second, 0).set,
                minutes: values(minute, 1).set,
                hours: values(hour, 2).set,
            },
            days: Days {
                doms: DayField { star: dom.star, set: dom_values.set, specials: dom_values.doms },
                months: values(month, 4).set,
                dows: DayField { star: dow.star, set: dow_values.set, specials: dow_values.dows },
                dates: Vec::new(),
                every: None,
                except: Except::default(),
            },
            rule,
        }
    }
}

/// An expression with single blanks and its nickname spelled out.
pub(super) fn normal(text: &str) -> String {
    let words: Vec<&str> = words(text).into_iter().map(|(_, word)| word).collect();
    let joined = words.join(" ");
    let known = NICKNAMES.iter().find(|(name, _)| *name == joined);
    known.map_or(joined, |(_, fields)| (*fields).to_owned())
}

/// The words of a text with their places; blanks and tabs may repeat.
pub(super) fn words(text: &str) -> Vec<(Range<usize>, &str)> {
    let mut words = Vec::new();
    let mut start = 0;
    for (at, blank) in text.match_indices([' ', '\t', '\n', '\r']).chain([(text.len(), "")]) {
        if at > start {
            words.push((start..at, &text[start..at]));
        }
        start = at + blank.len();
    }
    words
}

/// Adds the fields before the wrong one, and makes a suggestion for a part one for the whole.
fn teach(
    text: &str,
    mut error: ScheduleError,
    kinds: &[FieldKind],
    words: &[(Range<usize>, &str)],
) -> ScheduleError {
    if let Some(part) = error.suggestion.take() {
        let (head, tail) = (&text[..error.span.start], &text[error.span.end..]);
        let whole = format!("{head}{part}{tail}");
        error.suggestion = CronText::parse(&whole).is_ok().then_some(whole);
    }
    let before: Vec<String> = kinds
        .iter()
        .zip(words)
        .take_while(|(_, (span, _))| span.end <= error.span.start)
        .map(|(kind, (_, word))| format!("{} {word}", kind.name()))
        .collect();
    if before.is_empty() { error } else { error.understanding(before.join(", ")) }
}

/// Something follows a nickname.
fn not_alone(word: &str, span: Range<usize>) -> ScheduleError {
    ScheduleError::new(format!("nothing can follow the nickname `{word}`"), span)
}

fn wrong_count(count: usize, words: &[(Range<usize>, &str)]) -> ScheduleError {
    let span = match (words.get(6).or(words.first()), words.last()) {
        (Some((first, _)), Some((last, _))) => first.start..last.end,
        _ => 0..0,
    };
    let fields = if count == 1 { "field" } else { "fields" };
    let words: Vec<&str> = words.iter().map(|(_, word)| *word).collect();
    let nearest = match count {
        // A star is missing, and wherever it stood the text would be the same.
        4 if words[2..].iter().all(|word| *word == "*") => format!("{} *", words.join(" ")),
        // The year of Quartz, where it is any; a comment.
        7 if words[6] == "*" => words[..6].join(" "),
        _ => match words.iter().position(|word| word.starts_with('#')) {
            Some(comment) => words[..comment].join(" "),
            // Blanks of other scripts are none to cron.
            None => words.join(" ").split_whitespace().collect::<Vec<_>>().join(" "),
        },
    };
    let taken = (5..=6).contains(&nearest.split(' ').count()) && CronText::parse(&nearest).is_ok();
    let error = ScheduleError::new(
        format!(
            "a cron expression has 5 fields (minute, hour, day of month, month, day of week) \
             or 6 with leading seconds, not {count} {fields}"
        ),
        span,
    );
    if taken { error.suggest(nearest) } else { error }
}

/// A number for a text, the same on every machine and in every version (FNV-1a, then [`mix`]).
pub(super) fn seed(text: &str) -> u64 {
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    mix(text.bytes().fold(0xcbf2_9ce4_8422_2325, fold))
}

/// Spreads every bit over all others (the finisher of splitmix64).
#[must_use]
pub const fn mix(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
