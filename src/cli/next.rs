//! `crontower next`: when a schedule fires, in the words and by the rules of the engine, without one.

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde_json::json;

use super::Context;
use super::exit::{Exit, Failure};
use super::times::{Span, instant, now};
use crate::driver::system_zone;
use crate::model::text::printable;
use crate::model::{Calendar, Job, JobCommand, JobId, Settings};
use crate::schedule::{
    Explanation, FIRST_YEAR, LAST_YEAR, Schedule, ScheduleError, Timetable, parse_zone,
};

/// Tell when a schedule fires next.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crontower next '*/15 9-17 * * 1-5'
  crontower next every 2 hours between 9 AM and 5 PM on weekdays --tz Europe/Berlin
  crontower next '30 2 * * *' --tz Europe/Berlin --from 2026-03-28T12:00:00Z --explain")]
pub(super) struct Next {
    /// A cron expression (in quotes) or an English phrase
    #[arg(required = true, num_args = 1..)]
    schedule: Vec<String>,
    /// The zone it is read in (default: the system's)
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// Fire times after this instant, itself left out (default: now): a time, without an offset in the zone, or a span like 2h
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// How many
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    /// The job whose id fixes the numbers of `H`
    #[arg(long, value_name = "ID", default_value = "job")]
    job: String,
    /// Say how the schedule is read, and with --from, why that instant is a fire time or not
    #[arg(long)]
    explain: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// `except holidays` outside of a jobs file.
const NO_HOLIDAYS: &str = "no calendar is known here: no day is left out as a holiday";

/// A schedule that was read, and what it names.
struct Preview {
    schedule: Schedule,
    table: Timetable,
    fire_times: Vec<String>,
    warnings: Vec<String>,
    /// Of the instant given with --from.
    explanation: Option<Explanation>,
}

impl Next {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let preview = self.preview()?;
        if self.json {
            return context.terminal.say(&preview.json().to_string());
        }
        // What is not a fire time never stands among them.
        if self.explain {
            context.terminal.note(&preview.explained());
        } else {
            for warning in &preview.warnings {
                context.terminal.note(&format!("warning: {warning}"));
            }
        }
        context.terminal.say(&preview.fire_times.join("\n"))
    }

    fn preview(&self) -> Result<Preview, Failure> {
        let text = self.schedule.join(" ");
        let wrong = |error: ScheduleError| {
            let message = format!("cannot read the schedule\n{}", error.pretty(&text));
            Failure::new(Exit::Usage, message)
        };
        let zone = self.zone()?;
        let from = self.start(zone)?;
        let schedule = Schedule::parse(&text).map_err(wrong)?;
        let table = self.table(&text, zone)?.map_err(wrong)?;
        if table.is_reboot() {
            let message = "@reboot has no fire times: it fires at the first start after a boot";
            return Err(Failure::new(Exit::Usage, message));
        }
        let times =
            std::iter::successors(table.fire_time_after(from), |last| table.fire_time_after(*last));
        let shown = |at: DateTime<Utc>| {
            at.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::AutoSi, false)
        };
        let count = usize::try_from(self.count).unwrap_or(usize::MAX);
        let fire_times: Vec<String> = times.take(count).map(shown).collect();
        let ends = fire_times.len() < count && !schedule.is_once();
        if fire_times.is_empty() {
            let text = printable(&text);
            let message = format!("`{text}` has no fire time after {}", shown(from));
            let message = if ends {
                format!("{message}: the calendar ends with {LAST_YEAR}")
            } else {
                message
            };
            return Err(Failure::new(Exit::Usage, message));
        }
        let table_warnings = table.warnings(from).into_iter().map(|warning| warning.message);
        let before_all = from.with_timezone(&zone).year() < FIRST_YEAR;
        let begins = before_all.then(|| format!("the calendar begins with {FIRST_YEAR}"));
        let ends = ends.then(|| format!("the calendar ends with {LAST_YEAR}"));
        let holidays = schedule.excepts_holidays().then(|| NO_HOLIDAYS.to_owned());
        let warnings = table_warnings.chain(begins).chain(ends).chain(holidays).collect();
        let explanation = (self.explain && self.from.is_some()).then(|| table.explain(from));
        Ok(Preview { schedule, table, fire_times, warnings, explanation })
    }

    fn start(&self, zone: Tz) -> Result<DateTime<Utc>, Failure> {
        let Some(text) = &self.from else { return Ok(now()) };
        instant(text, now(), zone, Span::Ahead).map_err(|problem| {
            let described: String = printable(text).chars().take(60).collect();
            Failure::new(Exit::Usage, format!("--from: `{described}` {problem}"))
        })
    }

    fn zone(&self) -> Result<Tz, Failure> {
        let Some(name) = &self.tz else { return Ok(system_zone()) };
        parse_zone(name).map_err(|error| Failure::new(Exit::Usage, error.to_string()))
    }

    fn table(&self, text: &str, zone: Tz) -> Result<Result<Timetable, ScheduleError>, Failure> {
        let id = JobId::new(&self.job)
            .map_err(|error| Failure::new(Exit::Usage, format!("--job: {error}")))?;
        let mut job = Job::new(id, JobCommand::script(""));
        job.schedule = Some(text.to_owned());
        let missing = || Failure::new(Exit::Usage, "an empty schedule");
        // The holidays are those of some jobs file: here there are none.
        let holidays = ("holidays".to_owned(), Calendar::default());
        let settings = Settings { calendars: [holidays].into(), ..Settings::default() };
        match job.timetable(&settings, zone) {
            Ok(table) => table.map(Ok).ok_or_else(missing),
            Err(error) => Ok(Err(error)),
        }
    }
}

impl Preview {
    fn json(&self) -> serde_json::Value {
        json!({
            "schedule": self.schedule.text(),
            "timezone": self.table.zone().name(),
            "in_words": self.table.in_words(),
            "cron": self.schedule.as_cron(),
            "items": self.fire_times,
            "next_cursor": null,
            "warnings": self.warnings,
            "explanation": self.explanation,
        })
    }

    fn explained(&self) -> String {
        let mut lines = vec![self.table.in_words()];
        lines.extend(self.schedule.as_cron().map(|cron| format!("as cron: {cron}")));
        lines.extend(self.warnings.iter().map(|warning| format!("warning: {warning}")));
        lines.extend(self.explanation.as_ref().map(ToString::to_string));
        lines.join("\n")
    }
}
