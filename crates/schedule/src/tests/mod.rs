//! Tests of the room as a whole: each file holds it to another witness.

mod canonical;
mod count;
mod cron;
mod croner;
mod debian;
mod descriptions;
mod english;
mod guide;
mod hostile;
mod offers;
mod phrases;
mod timetable;
mod words;
mod zones;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::cron::mix;
use super::{Schedule, ScheduleError, Timetable, Timing};

/// A schedule without modifiers.
fn timing(schedule: &str) -> Timing<'_> {
    Timing { seed: "job", schedule, ..Timing::default() }
}

fn try_table(schedule: &str, zone: Tz) -> Result<Timetable, ScheduleError> {
    Timetable::new(&timing(schedule), zone)
}

fn table(schedule: &str, zone: Tz) -> Timetable {
    try_table(schedule, zone).unwrap_or_else(|error| panic!("{schedule}: {error}"))
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The fire times in `(from, until]`, each asked for with the one before.
fn between(table: &Timetable, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let next = |after: &DateTime<Utc>| table.fire_time_after(*after);
    let fires = std::iter::successors(next(&from), next);
    fires.take_while(|fire| *fire <= until).collect()
}

/// The next `count` fire times as local times.
fn local(schedule: &str, zone: Tz, from: &str, count: usize) -> Vec<String> {
    let table = table(schedule, zone);
    let next = |after: &DateTime<Utc>| table.fire_time_after(*after);
    let fires = std::iter::successors(next(&at(from)), next).take(count);
    fires.map(|fire| fire.with_timezone(&zone).format("%a %Y-%m-%d %H:%M %z").to_string()).collect()
}

fn words(schedule: &str) -> String {
    Schedule::parse(schedule).unwrap_or_else(|error| panic!("{schedule}: {error}")).in_words()
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = mix(self.0);
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}
