//! When does it fire? Cron expressions and English schedules, with calendars, time zones and
//! daylight saving.
//!
//! A text becomes a [`Schedule`]; a schedule in its zone, with its modifiers, a [`Timetable`], which
//! goes from any instant to the next fire time. Nothing here asks the clock or does I/O: every
//! instant is an argument, so that the answers are the same on every machine.
//!
//! ```
//! use chrono::{DateTime, Utc};
//! use crontower_schedule::{Timetable, Timing};
//!
//! let timing = Timing {
//!     seed: "backup",
//!     schedule: "weekdays at 9:30",
//!     timezone: Some("Europe/Berlin"),
//!     ..Timing::default()
//! };
//! let table = Timetable::new(&timing, chrono_tz::Tz::UTC)?;
//! assert_eq!(table.in_words(), "At 09:30 on weekdays, Europe/Berlin");
//!
//! let now: DateTime<Utc> = "2026-11-28T12:00:00Z".parse().unwrap();
//! let next = table.fire_time_after(now).unwrap();
//! assert_eq!(next.to_rfc3339(), "2026-11-30T08:30:00+00:00");
//! # Ok::<(), crontower_schedule::ScheduleError>(())
//! ```
//!
//! Inside: `cron` and `english` both read a text into one `pattern`; `wall_times` goes from one wall
//! time to the next, `zone` from wall times to instants, `count` takes whole days of them at once;
//! `words`, `warn` and `explain` say it to people, `canonical` to stores.

mod as_cron;
mod canonical;
mod count;
mod cron;
mod english;
mod error;
mod explain;
mod field;
mod field_kind;
mod intern;
mod pattern;
mod schedule;
mod set;
#[cfg(test)]
mod tests;
#[doc(hidden)]
pub mod text;
mod timetable;
mod wall_times;
mod warn;
mod words;
mod zone;

pub use count::FireTimes;
#[doc(hidden)]
pub use cron::mix;
pub use error::ScheduleError;
pub use explain::{Explanation, Verdict};
pub use schedule::Schedule;
pub use timetable::{CalendarDays, CalendarRule, Calendars, Timetable, Timing};
pub use wall_times::{FIRST_YEAR, LAST_YEAR};
pub use warn::{Outlook, Warning, WarningKind, pile_ups};
pub use zone::{InstantError, parse_instant, parse_zone};

/// The README's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
