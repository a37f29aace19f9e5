//! Warnings: schedules that are legal, but likely not what was meant.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

use super::field_kind::FieldKind;
use super::pattern::{ClockRule, Days, DowSpecial, Pattern, Times};
use super::set::Set;
use super::timetable::{Parts, Timetable};
use super::zone::Change;
use super::{words, zone};

/// How far ahead changes of clocks are looked for.
const AHEAD: TimeDelta = TimeDelta::days(400);
/// How many fire times a search for pile-ups looks at.
const MOST_FIRE_TIMES: usize = 50_000;
/// How many of them may be those of one job.
const MOST_FIRE_TIMES_OF_A_JOB: usize = 1_500;
/// How many pile-ups are told.
const MOST_PILE_UPS: usize = 3;

/// Something that is likely not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Warning {
    /// What it is.
    pub kind: WarningKind,
    /// It as a sentence.
    pub message: String,
}

/// The kinds of warnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum WarningKind {
    /// Some months have no such day.
    SkipsMonths,
    /// A step that does not divide its unit.
    UnevenStep,
    /// A time that a change of clocks leaves out.
    InsideGap,
    /// A time that a change of clocks repeats.
    TwiceInOverlap,
    /// On 29 February only.
    LeapDayOnly,
    /// Both day fields are restricted, and either one is enough.
    EitherDay,
    /// Every minute of single hours, or every second of single minutes.
    Burst,
    /// It reads like an expression of a scheduler whose fields mean something else.
    Dialect,
    /// It will not fire again.
    NeverAgain,
    /// More jobs at one second than slots.
    PileUp,
}

impl Timetable {
    /// What is likely not meant, seen from `now`. For many timetables an [`Outlook`] is cheaper.
    #[must_use]
    pub fn warnings(&self, now: DateTime<Utc>) -> Vec<Warning> {
        Outlook::from(now).warnings(self)
    }
}

/// An instant and the changes of clocks ahead of it, looked up once a zone: for the warnings of
/// many timetables.
#[derive(Debug, Clone)]
pub struct Outlook {
    now: DateTime<Utc>,
    changes: HashMap<Tz, Vec<Change>>,
}

impl From<DateTime<Utc>> for Outlook {
    fn from(now: DateTime<Utc>) -> Self {
        Self { now: zone::tellable(now), changes: HashMap::new() }
    }
}

impl Outlook {
    /// What is likely not meant by a timetable.
    pub fn warnings(&mut self, table: &Timetable) -> Vec<Warning> {
        let parts = table.parts();
        let now = self.now;
        let mut warnings = Vec::new();
        let mut warn = |kind, message: String| warnings.push(Warning { kind, message });
        if let Pattern::Clock { times, days, rule } = &parts.wall_times().pattern {
            for (kind, step) in parts.schedule.steps() {
                step_warning(*kind, *step, times, &mut warn);
            }
            days_warnings(days, &mut warn);
            if parts.schedule.is_cron() {
                cron_warnings(parts.schedule.text(), times, days, &mut warn);
            }
            if *times != hourly(times) {
                clock_warnings(parts, *rule, self.changes(parts.zone), &mut warn);
            }
        }
        if !table.is_reboot() && table.fire_time_after(now).is_none() {
            let message = match parts.end_at {
                Some(end) if end <= now => {
                    format!("end_at {end} lies in the past: it does not fire again")
                }
                _ => "it does not fire again: all of its fire times lie in the past".to_owned(),
            };
            warn(WarningKind::NeverAgain, message);
        }
        warnings
    }

    /// The changes of a zone's clocks that are looked at.
    fn changes(&mut self, zone: Tz) -> &[Change] {
        let now = self.now;
        let until = now.checked_add_signed(AHEAD).unwrap_or(now);
        let changes = || zone::changes(zone, now, until, TimeDelta::days(5));
        self.changes.entry(zone).or_insert_with(changes)
    }
}

/// What people who know another cron write, and what cron reads otherwise than they mean it.
fn cron_warnings(
    text: &str,
    times: &Times,
    days: &Days,
    warn: &mut impl FnMut(WarningKind, String),
) {
    if !days.doms.star && !days.dows.star {
        let week = days.doms.set.first().filter(|first| first % 7 == 1 && *first < 29);
        let week = week.filter(|first| days.doms.set == Set::range(*first, first + 6));
        let offer = match (week, days.dows.set.iter().collect::<Vec<_>>().as_slice()) {
            (Some(first), [dow]) => {
                let day = words::day_name(*dow).get(..3).unwrap_or_default().to_uppercase();
                format!("; for that day of the month write `{day}#{}` alone", first / 7 + 1)
            }
            _ => "; for both to match, begin one of them with `*`".to_owned(),
        };
        let message =
            "it fires on each of the days of the month and on each of the days of the week";
        warn(WarningKind::EitherDay, format!("{message}{offer}"));
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    if let Times::Fields { seconds, minutes, hours } = times {
        let alone = |set: Set, all: Set| set != all && set.runs().iter().all(|(a, b)| a == b);
        let all = |kind: FieldKind| kind.all();
        let burst = if *minutes == all(FieldKind::Minute) && alone(*hours, all(FieldKind::Hour)) {
            Some("minute of the hour")
        } else if *seconds == all(FieldKind::Second) && alone(*minutes, all(FieldKind::Minute)) {
            Some("second of the minute")
        } else {
            None
        };
        if let Some(unit) = burst {
            let message = format!("it fires in every {unit}: sixty times in a row; is `0` meant?");
            warn(WarningKind::Burst, message);
        }
    }
    if fields.len() != 6 {
        return;
    }
    let numbered = fields[5].contains(|c: char| c.is_ascii_digit());
    if fields[2] == "?" || fields[4] == "?" {
        let message = "`?` stands where AWS has its day fields: here the six fields are second, \
                       minute, hour, day of month, month and day of week";
        warn(WarningKind::Dialect, message.to_owned());
    } else if fields[3] == "?" && numbered {
        let message = "`?` is from Quartz, which counts Sunday as 1: here Sunday is 0 or 7, and 1 \
                       is Monday; names such as `FRI` are the same in both";
        warn(WarningKind::Dialect, message.to_owned());
    }
}

/// The same times in every hour: what a change of clocks does to them surprises nobody.
fn hourly(times: &Times) -> Times {
    match times {
        Times::Fields { seconds, minutes, .. } => {
            Times::Fields { seconds: *seconds, minutes: *minutes, hours: Set::range(0, 23) }
        }
        Times::List(_) | Times::Window { .. } => Times::List(Vec::new()),
    }
}

fn days_warnings(days: &Days, warn: &mut impl FnMut(WarningKind, String)) {
    for special in &days.dows.specials {
        if let DowSpecial::Nth { dow, nth: 5 } = special {
            let day = words::day_name(*dow);
            let message = format!("most months have no fifth {day}; the last one is `{dow}L`");
            warn(WarningKind::SkipsMonths, message);
        }
    }
    if days.dates == [(2, 29)] {
        warn(WarningKind::LeapDayOnly, "29 February comes once in four years".to_owned());
        return;
    }
    let plain = days.dows.star && days.dows.set == FieldKind::DayOfWeek.all();
    if !plain || days.doms.star || !days.dates.is_empty() {
        return;
    }
    let clauses = days.clauses();
    // The one year is common, the other a leap year.
    let lacks = |month: u32, year: i32| {
        let dates = (1..=31).filter_map(|day| NaiveDate::from_ymd_opt(year, month, day));
        !dates.into_iter().any(|date| clauses.iter().any(|clause| clause.matches(date)))
    };
    let short: Vec<u32> = days.months.iter().filter(|month| lacks(*month, 2023)).collect();
    let leap = short.iter().any(|month| !lacks(*month, 2024));
    if days.months == Set::one(2) && leap {
        warn(WarningKind::LeapDayOnly, "29 February comes once in four years".to_owned());
    } else if !short.is_empty() {
        let (count, s) = (short.len(), if short.len() == 1 { "" } else { "s" });
        let subject = match days.doms.set.first() {
            Some(first) if days.doms.specials.is_empty() => format!("day {first}"),
            _ => "it".to_owned(),
        };
        let message = format!(
            "{subject} skips {count} month{s}{}: {}; `L` is the last day of every month",
            if leap { " (but for leap years)" } else { "" },
            words::joined(short.into_iter().map(words::month_name), "and")
        );
        warn(WarningKind::SkipsMonths, message);
    }
}

/// A step that does not divide its unit, or reaches past it.
fn step_warning(
    kind: FieldKind,
    step: u32,
    times: &Times,
    warn: &mut impl FnMut(WarningKind, String),
) {
    let Times::Fields { seconds, minutes, hours } = times else { return };
    let clock = match kind {
        FieldKind::Second => Some(("minute", seconds, 60)),
        FieldKind::Minute => Some(("hour", minutes, 60)),
        FieldKind::Hour => Some(("day", hours, 24)),
        FieldKind::DayOfMonth | FieldKind::Month | FieldKind::DayOfWeek => None,
    };
    let name = kind.name();
    let message = match (kind, clock) {
        (_, Some((_, _, size))) if size % step == 0 => return,
        (_, Some((unit, set, size))) if step > size => {
            let only = set.first().unwrap_or_default();
            let message = format!(
                "a step of {step} {name}s reaches past the {unit}: it is {name} {only} only"
            );
            // A phrase that could be taken, and meant.
            let phrase = format!("; `every {step} {name}s` goes on");
            if step <= 1440 { message + &phrase } else { message }
        }
        (_, Some((unit, set, size))) => {
            let (first, last) = (set.first().unwrap_or_default(), set.last().unwrap_or_default());
            format!(
                "a step of {step} {name}s does not divide the {unit}: from {name} {last} to the \
                 next {unit}'s {first} it is only {}",
                size - last + first
            )
        }
        (FieldKind::Month, _) if 12 % step == 0 => return,
        (FieldKind::Month, _) => format!("a step of {step} months begins anew in January"),
        (FieldKind::DayOfWeek, _) => {
            format!("a step of {step} days of the week begins anew on Sunday")
        }
        _ => format!("a step of {step} days begins anew on the 1st of each month"),
    };
    warn(WarningKind::UnevenStep, message);
}

/// Times that the coming changes of clocks leave out or repeat.
fn clock_warnings(
    parts: &Parts,
    rule: ClockRule,
    changes: &[Change],
    warn: &mut impl FnMut(WarningKind, String),
) {
    let (mut gap, mut fold) = (false, false);
    for change in changes {
        let forward = change.to > change.from;
        let (from, to) = if forward { (change.from, change.to) } else { (change.to, change.from) };
        let touched =
            parts.wall_times().next(from - TimeDelta::seconds(1), parts.holidays.as_ref());
        let Some(wall) = touched.filter(|wall| *wall < to) else {
            continue;
        };
        let (day, time) = (change.at.with_timezone(&parts.zone).date_naive(), wall.time());
        if forward && !gap {
            gap = true;
            let what = match rule {
                ClockRule::Fixed => "it fires at the first instant after the gap",
                ClockRule::Wildcard => "it does not fire at such times then",
            };
            let message =
                format!("{time} does not exist on {day} in {}: {what}", parts.zone.name());
            warn(WarningKind::InsideGap, message);
        } else if !forward && !fold && rule == ClockRule::Wildcard {
            fold = true;
            let message = format!(
                "{time} comes twice on {day} in {}: it fires both times",
                parts.zone.name()
            );
            warn(WarningKind::TwiceInOverlap, message);
        }
    }
}

/// Seconds from `from` on, within `horizon`, at which more jobs are due than there are slots: the
/// worst first, each set of jobs once. The work is bounded: of very many fire times only the first
/// are looked at.
#[must_use]
pub fn pile_ups(
    tables: &[(&str, Timetable)],
    slots: u32,
    from: DateTime<Utc>,
    horizon: TimeDelta,
) -> Vec<Warning> {
    let most = usize::try_from(slots).unwrap_or(usize::MAX);
    if tables.len() <= most {
        return Vec::new();
    }
    let until = from.checked_add_signed(horizon).unwrap_or(from);
    let share = (MOST_FIRE_TIMES / tables.len()).clamp(1, MOST_FIRE_TIMES_OF_A_JOB);
    let mut due: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
    for (job, table) in tables.iter().take(MOST_FIRE_TIMES) {
        let mut last = None;
        let times =
            std::iter::successors(table.fire_time_after(from), |last| table.fire_time_after(*last));
        for time in times.take(share).take_while(|time| *time <= until) {
            // Within a second a job counts once.
            if last.replace(time.timestamp()) != Some(time.timestamp()) {
                due.entry(time.timestamp()).or_default().push(job);
            }
        }
    }
    // The same jobs meet again and again: the first time is enough.
    let mut seen = HashSet::new();
    let mut piles: Vec<(i64, Vec<&str>)> = due
        .into_iter()
        .filter(|(_, jobs)| jobs.len() > most && seen.insert(jobs.clone()))
        .collect();
    piles.sort_by_key(|(_, jobs)| Reverse(jobs.len()));
    piles.truncate(MOST_PILE_UPS);
    piles.iter().map(|(second, jobs)| pile_up(*second, jobs, slots)).collect()
}

fn pile_up(second: i64, jobs: &[&str], slots: u32) -> Warning {
    let at = DateTime::from_timestamp(second, 0).unwrap_or_default();
    let names: Vec<&str> = jobs.iter().take(5).copied().collect();
    let more = if jobs.len() > names.len() { ", …" } else { "" };
    let s = if slots == 1 { "" } else { "s" };
    let message = format!(
        "{} jobs are due at {at} for {slots} slot{s}: {}{more}; spread them with `H` or `jitter`",
        jobs.len(),
        names.join(", ")
    );
    Warning { kind: WarningKind::PileUp, message }
}
