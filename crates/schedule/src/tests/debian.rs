//! Debian's cron, stated again: its parser of fields and its loop over real minutes, as simply as
//! can be. Whatever the layer above the `cron` crate does, the fire times must be the same, in UTC
//! and on every day on which clocks change.

use chrono::{DateTime, Datelike, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

use super::{Dice, at, between, table};

/// Real minutes and the wall time that each of them shows.
pub(super) struct Window(Vec<(DateTime<Utc>, NaiveDateTime)>);

impl Window {
    pub(super) fn new(zone: Tz, from: DateTime<Utc>, until: DateTime<Utc>) -> Self {
        let mut minutes = Vec::new();
        let mut minute = from;
        while minute <= until {
            let offset = zone.offset_from_utc_datetime(&minute.naive_utc()).fix();
            let wall = minute.naive_utc() + TimeDelta::seconds(offset.local_minus_utc().into());
            minutes.push((minute, wall));
            minute += TimeDelta::minutes(1);
        }
        Self(minutes)
    }

    /// The fire times after the first minute, by the loop of Debian's cron.
    pub(super) fn run(
        &self,
        wildcard: bool,
        wanted: impl Fn(NaiveDateTime) -> bool,
    ) -> Vec<DateTime<Utc>> {
        let mut fires = Vec::new();
        let mut done = self.0[0].1;
        for (instant, clock) in &self.0[1..] {
            let ahead = (*clock - done).num_minutes();
            let fire = if ahead == 1 || !(-180..=180).contains(&ahead) {
                done = *clock;
                wanted(*clock)
            } else if ahead > 1 {
                // Forward by less than three hours: fixed times that were jumped over run now.
                let mut missed = false;
                while done < *clock {
                    done += TimeDelta::minutes(1);
                    missed |= wanted(done);
                }
                if wildcard { wanted(*clock) } else { missed }
            } else {
                // Back: until the clock has caught up only wildcard jobs run.
                wildcard && wanted(*clock)
            };
            if fire {
                fires.push(*instant);
            }
        }
        fires
    }
}

/// One field's values, by the letter of crontab(5).
fn values(text: &str, low: u32, high: u32) -> Vec<u32> {
    let mut values = Vec::new();
    for item in text.split(',') {
        let (base, step) = item.split_once('/').unwrap_or((item, "1"));
        let (first, last) = match base.split_once('-') {
            _ if base == "*" => (low, high),
            Some((first, last)) => (first.parse().unwrap(), last.parse().unwrap()),
            None if item.contains('/') => (base.parse().unwrap(), high),
            None => (base.parse().unwrap(), base.parse().unwrap()),
        };
        values.extend((first..=last).step_by(step.parse().unwrap()));
    }
    values
}

/// Whether an expression wants a wall time.
pub(super) struct Crontab {
    fields: [Vec<u32>; 5],
    and: bool,
    pub(super) wildcard: bool,
}

impl Crontab {
    pub(super) fn new(text: &str) -> Self {
        let parts: Vec<&str> = text.split(' ').collect();
        let bounds = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];
        let mut fields =
            parts.iter().zip(bounds).map(|(part, (low, high))| values(part, low, high));
        Self {
            fields: std::array::from_fn(|_| fields.next().unwrap()),
            and: parts[2].starts_with('*') || parts[4].starts_with('*'),
            wildcard: parts[0].starts_with('*') || parts[1].starts_with('*'),
        }
    }

    pub(super) fn wants(&self, wall: NaiveDateTime) -> bool {
        let [minute, hour, dom, month, dow] = &self.fields;
        let day = dom.contains(&wall.day());
        let weekday = wall.weekday().num_days_from_sunday();
        let week = dow.contains(&weekday) || (weekday == 0 && dow.contains(&7));
        minute.contains(&wall.minute())
            && hour.contains(&wall.hour())
            && month.contains(&wall.month())
            && if self.and { day && week } else { day || week }
    }
}

/// A random field; mostly plain, so that expressions fire.
pub(super) fn random_field(dice: &mut Dice, low: u32, high: u32) -> String {
    let count = usize::try_from(high - low + 1).unwrap();
    let mut value = || low + u32::try_from(dice.below(count)).unwrap();
    let (one, two) = (value(), value());
    let (first, last) = (one.min(two), one.max(two));
    let step = 1 + dice.below(count.min(20));
    match dice.below(12) {
        0..=4 => "*".to_owned(),
        5 => format!("*/{step}"),
        6 => format!("{first}-{last}"),
        7 => format!("{first}-{last}/{step}"),
        8 => format!("{first},{last}"),
        9 => format!("*,{first}"),
        10 => format!("{first}/{step}"),
        _ => first.to_string(),
    }
}

/// Expressions about the hours at which clocks change.
fn random_expression(dice: &mut Dice) -> String {
    let hour = match dice.below(4) {
        0 => random_field(dice, 0, 23),
        1 => "*".to_owned(),
        2 => dice.below(5).to_string(),
        _ => format!("{},{}", dice.below(3), 1 + dice.below(4)),
    };
    let days = match dice.below(3) {
        0 => (random_field(dice, 1, 31), random_field(dice, 1, 12), random_field(dice, 0, 6)),
        _ => ("*".to_owned(), "*".to_owned(), "*".to_owned()),
    };
    format!("{} {hour} {} {} {}", random_field(dice, 0, 59), days.0, days.1, days.2)
}

#[test]
fn in_utc_every_minute_of_weeks_agrees() {
    let mut dice = Dice(1);
    for round in 0..150 {
        let from = at("2024-02-20T00:00:00Z") + TimeDelta::days(37 * round);
        let until = from + TimeDelta::days(12);
        let minutes = Window::new(Tz::UTC, from, until);
        let fields = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];
        let text = fields.map(|(low, high)| random_field(&mut dice, low, high)).join(" ");
        let crontab = Crontab::new(&text);
        let expected = minutes.run(crontab.wildcard, |wall| crontab.wants(wall));
        let Ok(table) = super::try_table(&text, Tz::UTC) else {
            assert!(expected.is_empty(), "{text} was refused but fires at {}", expected[0]);
            continue;
        };
        assert_eq!(between(&table, from, until), expected, "{text} from {from}");
    }
}

#[test]
fn on_days_of_changed_clocks_every_minute_agrees() {
    // Gaps and repeats of one hour, of half an hour, of a whole day (skipped), at midnight, of two
    // hours.
    let changes = [
        (Tz::Europe__Berlin, "2026-03-29T01:00:00Z"),
        (Tz::Europe__Berlin, "2026-10-25T01:00:00Z"),
        (Tz::America__New_York, "2026-03-08T07:00:00Z"),
        (Tz::America__New_York, "2026-11-01T06:00:00Z"),
        (Tz::Australia__Lord_Howe, "2026-04-04T15:00:00Z"),
        (Tz::Australia__Lord_Howe, "2026-10-03T15:30:00Z"),
        (Tz::Asia__Beirut, "2026-03-28T22:00:00Z"),
        (Tz::Pacific__Apia, "2011-12-30T10:00:00Z"),
        (Tz::Africa__Cairo, "2026-10-29T21:00:00Z"),
        (Tz::Antarctica__Troll, "2026-03-29T01:00:00Z"),
        (Tz::Antarctica__Troll, "2026-10-25T01:00:00Z"),
    ];
    let mut dice = Dice(2);
    for (zone, change) in changes {
        let (from, until) = (at(change) - TimeDelta::hours(30), at(change) + TimeDelta::hours(30));
        let minutes = Window::new(zone, from, until);
        for _ in 0..60 {
            let text = random_expression(&mut dice);
            let crontab = Crontab::new(&text);
            let expected = minutes.run(crontab.wildcard, |wall| crontab.wants(wall));
            let Ok(table) = super::try_table(&text, zone) else {
                assert!(expected.is_empty(), "{text} was refused but fires");
                continue;
            };
            assert_eq!(between(&table, from, until), expected, "{text} in {zone} at {change}");
        }
    }
}

#[test]
fn the_oracle_knows_the_famous_cases() {
    let spring = ("2026-03-28T20:00:00Z", "2026-03-29T10:00:00Z");
    let run = |text: &str| {
        let (from, until) = (at(spring.0), at(spring.1));
        let crontab = Crontab::new(text);
        Window::new(Tz::Europe__Berlin, from, until)
            .run(crontab.wildcard, |wall| crontab.wants(wall))
    };
    assert_eq!(run("30 2 * * *"), [at("2026-03-29T01:00:00Z")]);
    assert!(run("*/15 2 * * *").is_empty());
    assert_eq!(run("0,30 2,3 * * *"), [at("2026-03-29T01:00:00Z"), at("2026-03-29T01:30:00Z")]);
    let twice = table("*/30 2 * * *", Tz::Europe__Berlin);
    let fires = between(&twice, at("2026-10-24T22:00:00Z"), at("2026-10-25T10:00:00Z"));
    assert_eq!(fires.len(), 4, "a wildcard fires in both passes: {fires:?}");
}
