//! What a schedule means before there is a job that has it: read with the settings in force, by the engine's own rules.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::door::Preview;
use crate::clock::Clock;
use crate::model::{Job, JobCommand, JobId, Problem, Refusal, Settings};
use crate::schedule::{Schedule, ScheduleError, parse_zone};

/// At most so many fire times are told.
const MOST: usize = 1_000;

/// Reads a schedule in a zone (`None` = the settings', else the system's), seen from now.
///
/// # Errors
/// What is wrong with either, at `schedule` or `timezone`.
pub(super) fn preview(
    text: &str,
    timezone: Option<&str>,
    count: usize,
    settings: &Settings,
    system_zone: Tz,
) -> Result<Preview, Refusal> {
    let now = Clock.now().wall;
    let wrong = |path: &'static str| move |error| invalid(path, &error);
    let schedule = Schedule::parse(text).map_err(wrong("schedule"))?;
    if let Some(zone) = timezone {
        parse_zone(zone).map_err(wrong("timezone"))?;
    }
    let id = JobId::new("preview").map_err(|error| Refusal::Other(error.to_string()))?;
    let mut job = Job::new(id, JobCommand::script("true"));
    job.schedule = Some(text.to_owned());
    job.timezone = timezone.map(str::to_owned);
    let table = job.timetable(settings, system_zone).map_err(wrong("schedule"))?;
    let table = table.ok_or_else(|| Refusal::Other("a schedule without a timetable".to_owned()))?;
    let mut warnings: Vec<String> =
        table.warnings(now).into_iter().map(|warning| warning.message).collect();
    let fire_times: Vec<DateTime<Utc>> = if schedule.depends_on_job() {
        warnings
            .push("each H is a number fixed by the job's id: fire times come with the job".into());
        Vec::new()
    } else {
        let next = |last: &DateTime<Utc>| table.fire_time_after(*last);
        std::iter::successors(table.fire_time_after(now), next).take(count.min(MOST)).collect()
    };
    Ok(Preview {
        in_words: schedule.in_words(),
        cron: schedule.as_cron(),
        timezone: table.zone().name().to_owned(),
        warnings,
        fire_times,
    })
}

fn invalid(path: &str, error: &ScheduleError) -> Refusal {
    let problem = Problem { path: path.to_owned(), message: error.to_string() };
    Refusal::Invalid(vec![problem])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, timezone: Option<&str>) -> Result<Preview, Refusal> {
        let timezone_of_file = Some("Europe/Berlin".to_owned());
        let settings = Settings { timezone: timezone_of_file, ..Settings::default() };
        preview(text, timezone, 3, &settings, Tz::UTC)
    }

    #[test]
    fn a_schedule_is_told_in_words_and_instants() {
        let told = read("weekdays at 9:30", None).unwrap();
        assert_eq!((told.timezone.as_str(), told.fire_times.len()), ("Europe/Berlin", 3));
        assert_eq!(told.in_words, "At 09:30 on weekdays");
        assert_eq!(told.cron.as_deref(), Some("30 9 * * 1-5"));
        assert_eq!(read("0 0 * * *", Some("Asia/Tokyo")).unwrap().timezone, "Asia/Tokyo");
        assert!(read("0 0 31 * *", None).unwrap().warnings[0].contains("31"));
        let boot = read("@reboot", None).unwrap();
        assert_eq!((boot.fire_times.len(), boot.warnings.len()), (0, 0));
    }

    #[test]
    fn what_only_a_job_could_tell_is_not_told() {
        let told = read("H * * * *", None).unwrap();
        assert!(told.fire_times.is_empty());
        insta::assert_snapshot!(told.warnings.join("\n"), @"each H is a number fixed by the job's id: fire times come with the job");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let mut wrong = String::new();
        for (text, zone) in [("every elephant", None), ("", None), ("@daily", Some("Mars"))] {
            wrong += &read(text, zone).unwrap_err().to_string();
            wrong.push('\n');
        }
        insta::assert_snapshot!(wrong, @"
        schedule: `elephant` was not understood: an interval or a day comes here
        schedule: an empty schedule
        timezone: `Mars` is not a time zone: write it like Europe/Berlin or UTC
        ");
    }
}
