//! Zones and their changes of clocks: the one file that maps wall times to instants and back.
//!
//! Owns the two rules for gaps and repeated hours. Which wall times are wanted is given by a
//! function from one wall time to the next; it never knows why.

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset, SubsecRound, TimeDelta, TimeZone};
use chrono::{NaiveDate, NaiveTime, Utc};
use chrono_tz::{GapInfo, TZ_VARIANTS, Tz};

use super::error::ScheduleError;
use super::text::nearest;

/// A fixed clock time inside a gap this long or longer is skipped, as Debian's cron does.
const LONG_GAP: TimeDelta = TimeDelta::hours(3);

/// The clocks of no zone change twice within this, and no hour is repeated later than this.
const BETWEEN_CHANGES: TimeDelta = TimeDelta::days(1);

/// A zone from its IANA name, in any case.
///
/// # Errors
/// When there is no such zone; the nearest name is offered.
pub fn parse_zone(name: &str) -> Result<Tz, ScheduleError> {
    if let Ok(zone) = name.parse() {
        return Ok(zone);
    }
    let any_case = TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(name));
    if let Some(zone) = any_case {
        return Ok(*zone);
    }
    let shown: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    let message = format!("`{shown}` is not a time zone: write it like Europe/Berlin or UTC");
    let error = ScheduleError::new(message, 0..name.len());
    let city = |zone: &Tz| zone.name().rsplit('/').next().unwrap_or_default();
    let by_city = || {
        let wanted = name.rsplit('/').next()?.replace(' ', "_");
        let city = nearest(&wanted, TZ_VARIANTS.iter().map(city))?;
        // `Mars` is no slip for `Paris`.
        let slip = strsim::osa_distance(&wanted.to_lowercase(), &city.to_lowercase()) < 2;
        let city = Some(city).filter(|city| slip || city.len() > 7)?;
        TZ_VARIANTS.iter().map(|zone| zone.name()).find(|name| name.ends_with(city))
    };
    Err(match nearest(name, TZ_VARIANTS.iter().map(|zone| zone.name())).or_else(by_city) {
        Some(zone) => error.suggest(zone),
        None => error,
    })
}

/// Why a text is not an instant, as the rest of a sentence that begins with the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstantError {
    /// It is written in none of the known forms.
    #[error("is not a time such as 2026-12-24 18:00 or 2026-12-24T18:00:00+01:00")]
    Unreadable,
    /// The clocks of the zone skip it.
    #[error("does not exist in {zone}: the clocks go forward to {end}")]
    Gap {
        /// IANA name of the zone.
        zone: &'static str,
        /// What the clocks show after the gap.
        end: String,
    },
}

/// An instant as written by a person: RFC 3339, where seconds may be left out; or a wall time or a
/// date in `zone`, the earlier one where it comes twice. A date is its first instant.
///
/// # Errors
/// What is wrong with the text, as the rest of a sentence that begins with it: `is not a time …`.
pub fn parse_instant(text: &str, zone: Tz) -> Result<DateTime<Utc>, InstantError> {
    let text = text.trim();
    if let Some(instant) = with_offset(text) {
        return Ok(tellable(instant));
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        let first = tellable(date.and_time(NaiveTime::MIN).and_utc());
        return Ok(start_of_day(zone, first.date_naive()));
    }
    let wall = wall_time(text).ok_or(InstantError::Unreadable)?;
    match resolve(zone, tellable(wall.and_utc()).naive_utc()) {
        Local::Once(instant) | Local::Twice { first: instant, .. } => Ok(instant),
        Local::Gap { end, .. } => {
            let end = end.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string();
            Err(InstantError::Gap { zone: zone.name(), end })
        }
    }
}

/// The offset is `Z`, `+01:00` or `+0100`.
fn with_offset(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.to_utc());
    }
    if let Some(wall) = text.strip_suffix(['Z', 'z']) {
        return wall_time(wall.trim_end()).map(|wall| wall.and_utc());
    }
    let read = |format: &&str| {
        let format = format!("{format}%z");
        DateTime::parse_from_str(text, &format).ok().map(|instant| instant.to_utc())
    };
    WALL_TIMES.iter().find_map(read)
}

fn wall_time(text: &str) -> Option<NaiveDateTime> {
    WALL_TIMES.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
}

/// A date and a time of day.
const WALL_TIMES: [&str; 4] =
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];

/// What a wall time is in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Local {
    /// One instant.
    Once(DateTime<Utc>),
    /// Two: the clocks went back over it.
    Twice { first: DateTime<Utc>, second: DateTime<Utc> },
    /// None: the clocks went forward over it.
    Gap { end: DateTime<Utc>, length: TimeDelta },
}

/// The instants of a wall time.
pub(super) fn resolve(zone: Tz, wall: NaiveDateTime) -> Local {
    match zone.from_local_datetime(&wall) {
        MappedLocalTime::Single(instant) => Local::Once(instant.to_utc()),
        MappedLocalTime::Ambiguous(one, other) => {
            let (one, other) = (one.to_utc(), other.to_utc());
            Local::Twice { first: one.min(other), second: one.max(other) }
        }
        MappedLocalTime::None => gap(zone, wall),
    }
}

fn gap(zone: Tz, wall: NaiveDateTime) -> Local {
    let info = GapInfo::new(&wall, &zone);
    match info.and_then(|info| Some((info.begin?.0, info.end?))) {
        Some((begin, end)) => {
            Local::Gap { end: end.to_utc(), length: end.naive_local().signed_duration_since(begin) }
        }
        // Before the first or after the last span that is known nothing changes: there is no gap.
        None => Local::Once(wall.and_utc()),
    }
}

/// The instant, or the nearest one whose wall time can be told in every zone.
pub(super) fn tellable(instant: DateTime<Utc>) -> DateTime<Utc> {
    let year = |year| NaiveDate::from_ymd_opt(year, 6, 1).map(|day| day.and_time(NaiveTime::MIN));
    let first = year(1).map_or(DateTime::UNIX_EPOCH, |wall| wall.and_utc());
    let last = year(9999).map_or(DateTime::UNIX_EPOCH, |wall| wall.and_utc());
    instant.clamp(first, last)
}

/// The wall time of an instant, to the second below.
pub(super) fn wall(zone: Tz, instant: DateTime<Utc>) -> NaiveDateTime {
    let floor = instant.trunc_subsecs(0);
    zone.from_utc_datetime(&floor.naive_utc()).naive_local()
}

/// Seconds east of UTC at an instant.
fn offset(zone: Tz, instant: DateTime<Utc>) -> i32 {
    zone.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc()
}

/// The first instant after `after` at which a fixed clock time fires: gaps give their end, a
/// repeated hour its first pass.
pub(super) fn next_fixed(
    zone: Tz,
    after: DateTime<Utc>,
    mut next_wall: impl FnMut(NaiveDateTime) -> Option<NaiveDateTime>,
) -> Option<DateTime<Utc>> {
    let mut from = wall(zone, after);
    loop {
        let wanted = next_wall(from)?;
        from = wanted;
        match resolve(zone, wanted) {
            Local::Once(instant) if instant > after => return Some(instant),
            Local::Twice { first, .. } if first > after => return Some(first),
            Local::Gap { end, length } if length < LONG_GAP && end > after => return Some(end),
            // All of a gap is one instant: go on behind it.
            Local::Gap { end, .. } => from = wall(zone, end) - TimeDelta::seconds(1),
            Local::Twice { first, second } => from = end_of_fold(zone, first, second, wanted),
            Local::Once(_) => {}
        }
    }
}

/// The first instant after `after` whose wall time is wanted: gaps give nothing, a repeated hour
/// both passes.
pub(super) fn next_wildcard(
    zone: Tz,
    after: DateTime<Utc>,
    mut next_wall: impl FnMut(NaiveDateTime) -> Option<NaiveDateTime>,
) -> Option<DateTime<Utc>> {
    let mut from = wall(zone, after);
    if let Local::Twice { first, second } = resolve(zone, from)
        && after.trunc_subsecs(0) == first
    {
        // Inside the first pass: the rest of it comes before the second pass begins.
        if let Some(wanted) = next_wall(from)
            && let Local::Twice { first, .. } = resolve(zone, wanted)
            && first > after
        {
            return Some(first);
        }
        from = wall(zone, change_between(zone, first, second)) - TimeDelta::seconds(1);
    }
    loop {
        let wanted = next_wall(from)?;
        from = match resolve(zone, wanted) {
            Local::Once(instant) => return Some(instant),
            Local::Twice { first, .. } if first > after => return Some(first),
            Local::Twice { second, .. } => return Some(second),
            Local::Gap { end, .. } => wall(zone, end) - TimeDelta::seconds(1),
        };
    }
}

/// The last second of wall time that is repeated.
fn end_of_fold(
    zone: Tz,
    first: DateTime<Utc>,
    second: DateTime<Utc>,
    within: NaiveDateTime,
) -> NaiveDateTime {
    let left = change_between(zone, first, second) - first;
    within + left - TimeDelta::seconds(1)
}

/// The instant between two others at which the clocks change: the first with the new offset.
fn change_between(zone: Tz, from: DateTime<Utc>, to: DateTime<Utc>) -> DateTime<Utc> {
    let (mut before, mut after) = (from.timestamp(), to.timestamp());
    let old = offset(zone, from);
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        let instant = DateTime::from_timestamp(middle, 0).unwrap_or(to);
        if offset(zone, instant) == old { before = middle } else { after = middle }
    }
    DateTime::from_timestamp(after, 0).unwrap_or(to)
}

/// A change of clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    /// The first instant of the new offset.
    pub(super) at: DateTime<Utc>,
    /// The wall time at which the old offset ended.
    pub(super) from: NaiveDateTime,
    /// The wall time at which the new one began.
    pub(super) to: NaiveDateTime,
}

/// The changes of clocks between two instants, looked for once in `step`.
pub(super) fn changes(
    zone: Tz,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    step: TimeDelta,
) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut here = from;
    while here < to && step > TimeDelta::zero() {
        let there = (here + step).min(to);
        let (old, new) = (offset(zone, here), offset(zone, there));
        if old != new {
            let at = change_between(zone, here, there);
            let wall_time = |seconds: i32| at.naive_utc() + TimeDelta::seconds(i64::from(seconds));
            changes.push(Change { at, from: wall_time(old), to: wall_time(offset(zone, at)) });
        }
        here = there;
    }
    changes
}

/// A span of time in which the clocks do not change, in seconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Its first instant.
    pub(super) from: i64,
    /// Its last instant.
    pub(super) to: i64,
    /// Seconds east of UTC: a wall time is an instant and these.
    pub(super) offset: i64,
    /// It is a gap, told as if the clocks had gone on: whatever is wanted in it (its end included)
    /// gives one instant, its first.
    pub(super) gap: bool,
}

/// The same rules as [`next_wildcard`], for all of a span: each second of it in the order of time.
pub(super) fn stretches(zone: Tz, from: i64, to: i64) -> Vec<Stretch> {
    stretches_by(zone, from, to, |_, _| (0, None))
}

/// The same rules as [`next_fixed`], for all of a span: second passes are left out, gaps shorter
/// than [`LONG_GAP`] stand for their end.
pub(super) fn fixed_stretches(zone: Tz, from: i64, to: i64) -> Vec<Stretch> {
    stretches_by(zone, from, to, |at, [old, new]| match new - old {
        back if back < 0 => (-back, None),
        length if length < LONG_GAP.num_seconds() => {
            (1, Some(Stretch { from: at, to: at + length, offset: old, gap: true }))
        }
        _ => (0, None),
    })
}

/// The stretches of a span. `rule` says of a change, given with its old and its new offset, for how
/// many seconds behind it nothing is to be had, and what stands in their place.
fn stretches_by(
    zone: Tz,
    from: i64,
    to: i64,
    rule: impl Fn(i64, [i64; 2]) -> (i64, Option<Stretch>),
) -> Vec<Stretch> {
    let instant = |second| DateTime::from_timestamp(second, 0).unwrap_or_default();
    // A repeated hour may reach into the span from before it.
    let before = instant(from) - BETWEEN_CHANGES;
    let mut stretches = Vec::new();
    let mut begin = before.timestamp();
    let mut current = i64::from(offset(zone, before));
    for change in changes(zone, before, instant(to), BETWEEN_CHANGES) {
        let at = change.at.timestamp();
        stretches.push(Stretch { from: begin, to: at - 1, offset: current, gap: false });
        let new = (change.to - change.at.naive_utc()).num_seconds();
        let (without, gap) = rule(at, [current, new]);
        stretches.extend(gap);
        (begin, current) = (at + without, new);
    }
    stretches.push(Stretch { from: begin, to, offset: current, gap: false });
    let clipped = stretches.into_iter().filter_map(|stretch| {
        if stretch.gap {
            return (from..=to).contains(&stretch.from).then_some(stretch);
        }
        let clipped = Stretch { from: stretch.from.max(from), to: stretch.to.min(to), ..stretch };
        (clipped.from <= clipped.to).then_some(clipped)
    });
    clipped.collect()
}

/// The first instant of a local day.
pub(super) fn start_of_day(zone: Tz, date: NaiveDate) -> DateTime<Utc> {
    match resolve(zone, date.and_time(NaiveTime::MIN)) {
        Local::Once(instant) | Local::Twice { first: instant, .. } => instant,
        Local::Gap { end, .. } => end,
    }
}

/// Whether a local day, entered before `instant`, is left again for the one before it: the clocks
/// go back over its midnight.
pub(super) fn begins_again(zone: Tz, date: NaiveDate, instant: DateTime<Utc>) -> bool {
    match resolve(zone, date.and_time(NaiveTime::MIN)) {
        Local::Twice { second, .. } => instant < second,
        Local::Once(_) | Local::Gap { .. } => false,
    }
}
