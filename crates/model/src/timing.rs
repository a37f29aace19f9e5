//! From a job and the settings to when it fires. Owns which keys of both make up a [`Timing`]; what they mean is
//! `schedule`'s.

use std::sync::Arc;

use chrono_tz::Tz;

use super::{CalendarRule, Job, Settings};
use crontower_schedule::{ScheduleError, Timetable, Timing};

impl Job {
    /// What decides when the job fires; `None` when it has no schedule.
    #[must_use]
    pub fn timing<'a>(&'a self, settings: &'a Settings) -> Option<Timing<'a>> {
        let calendars = settings.calendars.iter();
        Some(Timing {
            seed: self.id.as_str(),
            schedule: self.schedule.as_deref()?,
            reading: None,
            timezone: self.timezone.as_deref().or(settings.timezone.as_deref()),
            calendar: self.calendar.as_ref().map(|rule| match rule {
                CalendarRule::Skip(name) => crontower_schedule::CalendarRule::Skip(name),
                CalendarRule::Only(name) => crontower_schedule::CalendarRule::Only(name),
            }),
            calendars: calendars
                .map(|(name, calendar)| (name.as_str(), Arc::clone(&calendar.holidays)))
                .collect(),
            jitter: self.jitter,
            start_at: self.start_at,
            end_at: self.end_at,
        })
    }

    /// The timetable of the job; `None` when it has no schedule.
    ///
    /// # Errors
    /// When the schedule or zone cannot be read, the calendar is unknown, or it can never fire.
    pub fn timetable(
        &self,
        settings: &Settings,
        system_zone: Tz,
    ) -> Result<Option<Timetable>, ScheduleError> {
        self.timing(settings).map(|timing| Timetable::new(&timing, system_zone)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{JobCommand, JobId};

    #[test]
    fn the_jobs_zone_goes_before_the_files_and_the_systems() {
        let mut settings = Settings::default();
        let mut job = Job::new(JobId::new("job").unwrap(), JobCommand::script("true"));
        assert!(job.timetable(&settings, Tz::UTC).unwrap().is_none());
        job.schedule = Some("noon".to_owned());
        let zone = |job: &Job, settings: &Settings| {
            job.timetable(settings, Tz::Asia__Tokyo).unwrap().unwrap().zone()
        };
        assert_eq!(zone(&job, &settings), Tz::Asia__Tokyo);
        settings.timezone = Some("Europe/Paris".to_owned());
        assert_eq!(zone(&job, &settings), Tz::Europe__Paris);
        job.timezone = Some("America/Lima".to_owned());
        assert_eq!(zone(&job, &settings), Tz::America__Lima);
        job.timezone = Some("Mars/Base".to_owned());
        assert!(job.timetable(&settings, Tz::UTC).is_err());
    }

    #[test]
    fn a_job_obeys_the_calendar_it_names() {
        let mut settings = Settings::default();
        let day = "2026-12-25".parse().unwrap();
        let calendar = super::super::Calendar { holidays: Arc::new([day].into()) };
        settings.calendars.insert("de".to_owned(), calendar);
        let mut job = Job::new(JobId::new("job").unwrap(), JobCommand::script("true"));
        job.schedule = Some("daily at 9".to_owned());
        let first = |rule: CalendarRule| {
            job.calendar = Some(rule);
            let table = job.timetable(&settings, Tz::UTC).unwrap().unwrap();
            table.fire_time_after("2026-12-24T12:00:00Z".parse().unwrap()).unwrap().to_rfc3339()
        };
        let mut first = first;
        assert_eq!(first(CalendarRule::Only("de".to_owned())), "2026-12-25T09:00:00+00:00");
        assert_eq!(first(CalendarRule::Skip("de".to_owned())), "2026-12-26T09:00:00+00:00");
    }
}
