//! A pattern as the cron expression it equals, where there is one.

use std::fmt::Write as _;

use super::pattern::{ClockRule, Days, DomSpecial, DowSpecial, Pattern, Times};
use super::set::Set;
use super::words::{joined, month_name};

/// The cron expression that equals a pattern, changes of clocks included.
pub(super) fn expression(pattern: &Pattern) -> Option<String> {
    let Pattern::Clock { times, days, rule } = pattern else {
        return None;
    };
    let Some(Times::Fields { seconds, minutes, hours }) = times.fields() else {
        return None;
    };
    if days.every.is_some() || !days.dates.is_empty() || !days.except.is_empty() {
        return None;
    }
    // No cron can count weeks back from the last.
    if days
        .dows
        .specials
        .iter()
        .any(|special| matches!(special, DowSpecial::Last { back: 1.., .. }))
    {
        return None;
    }
    let star = *rule == ClockRule::Wildcard;
    let (minute, hour) = (minutes.field_text(0, 59, star), hours.field_text(0, 23, star));
    if star && !minute.starts_with('*') && !hour.starts_with('*') && near_changes(hours) {
        return None;
    }
    let mut text = String::new();
    if seconds != Set::one(0) {
        let _ = write!(text, "{} ", seconds.field_text(0, 59, true));
    }
    let months = days.months.field_text(1, 12, true);
    let _ = write!(text, "{minute} {hour} {} {months} {}", dom_text(days), dow_text(days));
    Some(text)
}

/// Whether clocks are changed at such hours: there cron would take the times as fixed, and differ.
fn near_changes(hours: Set) -> bool {
    let night: Set = (0..=4).chain([23]).collect();
    !hours.intersection(night).is_empty()
}

fn dom_text(days: &Days) -> String {
    let specials = days.doms.specials.iter().map(|special| match special {
        DomSpecial::Last { back: 0 } => "L".to_owned(),
        DomSpecial::Last { back } => format!("L-{back}"),
        DomSpecial::LastWeekday => "LW".to_owned(),
        DomSpecial::Nearest { day } => format!("{day}W"),
    });
    list(days.doms.set.field_text(1, 31, days.doms.star), specials)
}

fn dow_text(days: &Days) -> String {
    let specials = days.dows.specials.iter().map(|special| match special {
        DowSpecial::Last { dow, back: 0 } => format!("{dow}L"),
        DowSpecial::Last { dow, back } => format!("{dow}L-{back}"),
        DowSpecial::Nth { dow, nth } => format!("{dow}#{nth}"),
    });
    list(days.dows.set.field_text(0, 6, days.dows.star), specials)
}

fn list(plain: String, specials: impl Iterator<Item = String>) -> String {
    let plain = Some(plain).filter(|text| !text.is_empty());
    plain.into_iter().chain(specials).collect::<Vec<_>>().join(",")
}

/// The days as cron writes them, for those who want to see the fields.
pub(super) fn day_fields(days: &Days) -> String {
    if !days.dates.is_empty() {
        let dates = days.dates.iter().map(|(month, day)| format!("{day} {}", month_name(*month)));
        return joined(dates, "or");
    }
    let joint = if days.doms.star || days.dows.star { "and" } else { "or" };
    format!("day of month {} {joint} day of week {}", dom_text(days), dow_text(days))
}
