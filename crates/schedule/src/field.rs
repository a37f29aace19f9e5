//! One field of a cron expression: its text into values, ranges, steps and specials, with the place
//! of every error.

use std::ops::Range;

use super::error::ScheduleError;
use super::field_kind::{DAYS, FieldKind, MONTHS};
use super::pattern::{DomSpecial, DowSpecial};
use super::set::Set;
use super::text::nearest;

/// One member of a field's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Stepped { low: u32, high: u32, step: u32 },
    Hash { low: u32, high: u32, step: Option<u32> },
    Dom(DomSpecial),
    Dow(DowSpecial),
}

/// A field as written: `H` is not yet a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    kind: FieldKind,
    /// Whether its text begins with `*` (or `?`).
    pub(super) star: bool,
    items: Vec<Item>,
}

/// What a field stands for once `H` is a number.
#[derive(Debug, Default)]
pub(super) struct Values {
    pub(super) set: Set,
    pub(super) doms: Vec<DomSpecial>,
    pub(super) dows: Vec<DowSpecial>,
}

impl Field {
    /// Reads `text`, which stands at byte `at` of the schedule.
    pub(super) fn parse(kind: FieldKind, text: &str, at: usize) -> Result<Self, ScheduleError> {
        let mut items = Vec::new();
        let mut start = at;
        for part in text.split(',') {
            let reader = Reader { kind, text: part, span: start..start + part.len() };
            let item = reader.item()?;
            if !items.contains(&item) {
                items.push(item);
            }
            start += part.len() + 1;
        }
        Ok(Self { kind, star: text.starts_with(['*', '?']), items })
    }

    /// A field that holds just `value`.
    pub(super) fn just(kind: FieldKind, value: u32) -> Self {
        Self { kind, star: false, items: vec![Item::Stepped { low: value, high: value, step: 1 }] }
    }

    /// The step of a field that goes through all of its unit in steps: `*/7`, `0-59/7`, `H/7`.
    pub(super) fn whole_step(&self) -> Option<(FieldKind, u32)> {
        let [item] = self.items.as_slice() else { return None };
        let all = self.kind.all();
        let is_whole = |low: u32, high: u32| all.first() == Some(low) && all.last() <= Some(high);
        let step = match *item {
            Item::Stepped { low, high, step } => Some(step).filter(|_| is_whole(low, high)),
            Item::Hash { low, high, step } => step.filter(|_| is_whole(low, high)),
            Item::Dom(_) | Item::Dow(_) => None,
        };
        step.filter(|step| *step > 1).map(|step| (self.kind, step))
    }

    pub(super) fn has_hash(&self) -> bool {
        self.items.iter().any(|item| matches!(item, Item::Hash { .. }))
    }

    /// The values, with each `H` taken from `hash`.
    pub(super) fn resolve(&self, hash: u64) -> Values {
        let mut values = Values::default();
        for item in &self.items {
            match *item {
                Item::Stepped { low, high, step } => {
                    values.set = values.set.union(Set::stepped(low, high, step));
                }
                Item::Hash { low, high, step } => {
                    let size = high - low + 1;
                    let spread = step.map_or(size, |step| step.min(size));
                    let start = low + u32::try_from(hash % u64::from(spread)).unwrap_or(0);
                    let set = step.map_or(Set::one(start), |step| Set::stepped(start, high, step));
                    values.set = values.set.union(set);
                }
                Item::Dom(special) => values.doms.push(special),
                Item::Dow(special) => values.dows.push(special),
            }
        }
        if self.kind == FieldKind::DayOfWeek && values.set.contains(7) {
            values.set.insert(0);
        }
        values.set = values.set.intersection(self.kind.all());
        values
    }
}

/// Reads one member of a list.
struct Reader<'a> {
    kind: FieldKind,
    text: &'a str,
    span: Range<usize>,
}

impl Reader<'_> {
    fn error(&self, message: impl Into<String>) -> ScheduleError {
        ScheduleError::new(message, self.span.clone())
    }

    fn item(&self) -> Result<Item, ScheduleError> {
        if self.text.is_empty() {
            return Err(self
                .error(format!("the {} field has an empty place in its list", self.kind.name())));
        }
        if let Some(special) = self.special()? {
            return Ok(special);
        }
        let (base, step) = match self.text.split_once('/') {
            Some((base, step)) => (base, Some(self.step(step)?)),
            None => (self.text, None),
        };
        let (low, high) = self.kind.bounds();
        if matches!(base, "*" | "?") {
            return Ok(Item::Stepped { low, high, step: step.unwrap_or(1) });
        }
        if base.starts_with(['H', 'h']) {
            return self.hash(&base[1..], step);
        }
        if let Some((first, last)) = base.split_once('~') {
            return Err(self.random(first, last));
        }
        if let Some((first, last)) = base.split_once('-') {
            let (low, high) = self.range(first, last)?;
            return Ok(Item::Stepped { low, high, step: step.unwrap_or(1) });
        }
        let value = self.value(base)?;
        let last = if self.kind == FieldKind::DayOfWeek { 6.max(value) } else { high };
        let high = if step.is_some() { last } else { value };
        Ok(Item::Stepped { low: value, high, step: step.unwrap_or(1) })
    }

    fn step(&self, text: &str) -> Result<u32, ScheduleError> {
        match digits(text) {
            Some(0) => Err(self.error(format!("a step of 0 in `{}` would never move", self.text))),
            Some(step) => Ok(step),
            None if text.is_empty() => Err(self.lacks("step")),
            None => Err(self.error(format!("`{text}` in `{}` is not a step", self.text))),
        }
    }

    fn hash(&self, text: &str, step: Option<u32>) -> Result<Item, ScheduleError> {
        let (low, high) = match text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            Some(range) => match range.split_once('-') {
                Some((first, last)) => self.range(first, last)?,
                None => return Err(self.error(format!("`({range})` is not a range for H"))),
            },
            None if text.is_empty() => self.kind.hash_bounds(),
            None => return Err(self.misread(self.text)),
        };
        Ok(Item::Hash { low, high, step })
    }

    /// cronie's `0~30`: any minute of these, which here the job's id decides.
    fn random(&self, first: &str, last: &str) -> ScheduleError {
        let message = format!("`{}` is a random number to cronie: here `H` is one", self.text);
        let error = self.error(message);
        let (low, high) = self.kind.bounds();
        let end = |text: &str, open: u32| {
            if text.is_empty() { Ok(open) } else { self.value(text) }
        };
        match (end(first, low), end(last, high), self.text.contains('/')) {
            (Ok(low), Ok(high), false) if low <= high => error.suggest(format!("H({low}-{high})")),
            _ => error,
        }
    }

    /// Both ends; a last `SUN` is 7 unless the first is Sunday too.
    fn range(&self, first: &str, last: &str) -> Result<(u32, u32), ScheduleError> {
        let (low, mut high) = (self.value(first)?, self.value(last)?);
        if self.kind == FieldKind::DayOfWeek && last.eq_ignore_ascii_case("sun") && low > 0 {
            high = 7;
        }
        if low > high {
            let error = self.error(format!("the range `{first}-{last}` runs backwards"));
            if self.text.starts_with(['H', 'h']) || self.text.contains('/') {
                return Err(error);
            }
            let (least, most) = self.kind.bounds();
            let most = if self.kind == FieldKind::DayOfWeek { 6 } else { most };
            let head = if low >= most { first.to_owned() } else { format!("{first}-{most}") };
            let tail = if high == least { last.to_owned() } else { format!("{least}-{last}") };
            return Err(error.suggest(format!("{head},{tail}")));
        }
        Ok((low, high))
    }

    fn value(&self, text: &str) -> Result<u32, ScheduleError> {
        if let Some(value) = self.kind.named(text) {
            return Ok(value);
        }
        let (low, high) = self.kind.bounds();
        match digits(text) {
            Some(value) if (low..=high).contains(&value) => Ok(value),
            Some(_) => {
                Err(self.error(format!("{} {text} is outside {low}-{high}", self.kind.name())))
            }
            None if text.is_empty() => Err(self.lacks(self.kind.name())),
            None => Err(self.misread(text)),
        }
    }

    fn lacks(&self, what: &str) -> ScheduleError {
        self.error(format!("{} is missing in `{}`", with_article(what), self.text))
    }

    fn misread(&self, text: &str) -> ScheduleError {
        let (low, high) = self.kind.bounds();
        let names = self.kind.names();
        let kind = with_article(self.kind.name());
        let error = self.error(format!("`{text}` is not {kind} ({low}-{high})"));
        // `MON` in the month field is no slip for `NOV`: it stands in the wrong field.
        let other = DAYS.iter().chain(&MONTHS).any(|name| text.eq_ignore_ascii_case(name));
        if other {
            return error;
        }
        let head: String = text.chars().take(3).collect();
        let meant = names.iter().find(|name| head.eq_ignore_ascii_case(name)).copied();
        match meant.or_else(|| nearest(text, names.iter().copied()).filter(|_| text.len() > 3)) {
            Some(name) if text.chars().all(char::is_alphabetic) => {
                error.suggest(self.text.replacen(text, name, 1))
            }
            _ => error,
        }
    }

    /// `L`, `L-3`, `LW`, `15W` in day-of-month; `MON#1`, `FRIL` in day-of-week.
    fn special(&self) -> Result<Option<Item>, ScheduleError> {
        match self.kind {
            FieldKind::DayOfMonth => self.dom_special(),
            FieldKind::DayOfWeek => self.dow_special(),
            _ => Ok(None),
        }
    }

    fn dom_special(&self) -> Result<Option<Item>, ScheduleError> {
        let upper = self.text.to_ascii_uppercase();
        if upper == "LW" {
            return Ok(Some(Item::Dom(DomSpecial::LastWeekday)));
        }
        if upper == "L" {
            return Ok(Some(Item::Dom(DomSpecial::Last { back: 0 })));
        }
        if let Some(back) = upper.strip_prefix("L-") {
            return match digits(back) {
                Some(back @ 0..=30) => Ok(Some(Item::Dom(DomSpecial::Last { back }))),
                Some(_) => Err(self.error(format!("`{}` goes back past every month", self.text))),
                None if back.is_empty() => Err(self.lacks("number")),
                None => Err(self.error(format!("`{back}` in `{}` is not a number", self.text))),
            };
        }
        if let Some(day) = upper.strip_suffix('W') {
            return match digits(day) {
                Some(day @ 1..=31) => Ok(Some(Item::Dom(DomSpecial::Nearest { day }))),
                Some(day) => {
                    Err(self.error(format!("day {day} in `{}` is outside 1-31", self.text)))
                }
                None => Err(self.error(format!("`{}` needs a day before the W", self.text))),
            };
        }
        Ok(None)
    }

    fn dow_special(&self) -> Result<Option<Item>, ScheduleError> {
        if let Some((day, nth)) = self.text.split_once('#') {
            let dow = self.value(day)? % 7;
            return match digits(nth) {
                Some(nth @ 1..=5) => Ok(Some(Item::Dow(DowSpecial::Nth { dow, nth }))),
                _ => Err(self.error(format!("`#{nth}` is outside #1-#5"))),
            };
        }
        let Some(day) = self.text.strip_suffix(['L', 'l']) else {
            return Ok(None);
        };
        if day.is_empty() {
            let message = "a bare `L` says nothing as a day of week: write it like `friL`";
            return Err(self.error(message));
        }
        Ok(Some(Item::Dow(DowSpecial::Last { dow: self.value(day)? % 7, back: 0 })))
    }
}

fn with_article(what: &str) -> String {
    format!("{} {what}", if what == "hour" { "an" } else { "a" })
}

/// A plain number; one too large to hold is as large as can be.
fn digits(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().unwrap_or(u32::MAX))
}
