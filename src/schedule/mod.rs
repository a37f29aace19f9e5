//! When a job fires: cron and English, calendars, zones.
//!
//! Owns every rule of SEMANTICS.md under "Schedules". Never asks the clock, never does I/O.
