//! Entries and variables as jobs: what cron would do with them.
//!
//! Owns what becomes of each, by the rules of Debian's cron(8) and crontab(5), and what is reported of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{NaiveDate, NaiveDateTime, TimeZone as _};
use chrono_tz::Tz;

use super::columns::Columns;
use super::file;
use super::kind::Evidence;
use super::line::{self, Command, Line, word};
use super::name;
use super::origin::{Imported, Kind, Origin, Unclear};
use crate::jobfile::check::parse;
use crate::jobfile::diagnostics::{printable, quoted};
use crate::jobfile::rules::Rules;
use crate::jobfile::source::SourceText;
use crate::model::{CatchUp, EnvValue, Job, JobCommand, JobId, Overlap};
use crate::schedule::parse_zone;

const REBOOT: &str = "@reboot: runs at the engine's first start after each boot; the first time as soon as an engine \
                      has the job, however long ago that boot was";
const COLUMNS: &str = "columns of seconds or years: cron(8) has none, so this crontab is another program's: `%` means \
                       nothing, and jobs get the engine's environment";
const BUSYBOX: &str =
    "a crontab of busybox' crond: `%` means nothing, and jobs get the engine's environment";
const HALVED: &str = "`\\\\` is read as one `\\`, as Debian's cron does; cronie leaves both";
const FLAGS: &str =
    "flags of OpenBSD's cron: -s becomes `overlap: skip`; -n and -q have nothing to change";
const RANDOM: &str = "`~` is a random time; it becomes `H`, a time that is fixed by the job's id";
/// What cron gives to commands.
const PATH: &str = "/usr/bin:/bin";

/// Reads a crontab. Each job is checked by the rules of a jobs file.
///
/// # Errors
/// When it has two readings.
pub(crate) fn import_crontab(
    text: &str,
    origin: &Origin<'_>,
    rules: &Rules<'_>,
) -> Result<Imported, Unclear> {
    let text = text.trim_start_matches('\u{feff}');
    let lines: Vec<(usize, Line<'_>)> = (1..).zip(text.split('\n').map(Line::read)).collect();
    let mut reader = Reader::new(origin, rules);
    let mut columns = BTreeMap::new();
    let mut evidence = Evidence::default();
    for (number, line) in &lines {
        match line {
            Line::Comment(comment) => evidence.comment(comment),
            Line::Variable { name: "START_HOURS_RANGE", .. } => return Err(anacrontab(origin)),
            Line::Variable { .. } | Line::Blank => {}
            Line::Entry(line) => {
                // SuSE's cron logs nothing of an entry that begins with a minus.
                let entry = line.strip_prefix('-').unwrap_or(line);
                let read = Columns::read(entry, origin.sixth, origin.machine);
                if let Ok(columns) = &read {
                    evidence.entry(*number, columns.rest, origin.machine);
                    reader.is_cron &= columns.is_cron;
                }
                columns.insert(*number, read);
            }
        }
    }
    reader.kind = kind(&evidence, columns.len(), origin)?;
    for (number, line) in &lines {
        if let Err(problem) = reader.line(line, *number, columns.remove(number)) {
            reader.errors.push((*number, printable(&problem, 500)));
        }
    }
    reader.look_at_ends(text);
    Ok(reader.finish())
}

fn anacrontab(origin: &Origin<'_>) -> Unclear {
    Unclear {
        message: format!("{} is an anacrontab, which is not supported", origin.name),
        hint: "write its jobs with `schedule: daily at …` and `catch_up: latest`, which does what anacron does".to_owned(),
    }
}

fn kind(evidence: &Evidence<'_>, entries: usize, origin: &Origin<'_>) -> Result<Kind, Unclear> {
    let kind = match origin.kind {
        Some(kind) => kind,
        None => evidence.verdict().map_err(|why| Unclear {
            message: format!("{}: is this a system crontab? {why}", origin.name),
            hint: "say --system if its entries name a user, or --user NAME if they are all NAME's"
                .to_owned(),
        })?,
    };
    if kind == Kind::User && entries > 0 && origin.owners.len() > 1 {
        let names: Vec<String> = origin.owners.iter().map(|name| quoted(name)).collect();
        return Err(Unclear {
            message: format!("{}: whose crontab is it, {}?", origin.name, names.join(" or ")),
            hint: "say --user NAME".to_owned(),
        });
    }
    Ok(kind)
}

/// What holds for the entries below.
struct Reader<'a> {
    origin: &'a Origin<'a>,
    rules: &'a Rules<'a>,
    kind: Kind,
    /// Whether it is for cron(8): all entries have a form that it knows.
    is_cron: bool,
    env: BTreeMap<String, String>,
    timezone: Option<String>,
    jitter: Option<Duration>,
    comment: Vec<&'a str>,
    ids: BTreeSet<String>,
    /// The last number that was added to an id.
    numbers: BTreeMap<String, usize>,
    jobs: Vec<Job>,
    notes: Vec<(usize, String)>,
    noted: BTreeSet<String>,
    errors: Vec<(usize, String)>,
}

impl<'a> Reader<'a> {
    fn new(origin: &'a Origin<'a>, rules: &'a Rules<'a>) -> Self {
        Self {
            origin,
            rules,
            kind: Kind::User,
            is_cron: !origin.is_busybox,
            env: BTreeMap::new(),
            timezone: None,
            jitter: None,
            comment: Vec::new(),
            ids: BTreeSet::new(),
            numbers: BTreeMap::new(),
            jobs: Vec::new(),
            notes: Vec::new(),
            noted: BTreeSet::new(),
            errors: Vec::new(),
        }
    }

    /// Reports what is to be looked at: the same once, where it is met first.
    fn note(&mut self, number: usize, message: impl Into<String>) {
        let message = message.into();
        if self.noted.insert(message.clone()) {
            self.notes.push((number, message));
        }
    }

    fn line(
        &mut self,
        line: &Line<'a>,
        number: usize,
        columns: Option<Result<Columns<'_>, String>>,
    ) -> Result<(), String> {
        match *line {
            Line::Blank => self.comment.clear(),
            Line::Comment(comment) if line::is_entry(comment) || line::is_heading(comment) => {
                self.comment.clear();
            }
            Line::Comment(comment) => self.comment.push(comment),
            Line::Variable { name, value } => {
                self.comment.clear();
                return self.variable(name, value, number);
            }
            Line::Entry(line) => {
                let comment = std::mem::take(&mut self.comment).join("\n");
                if line::has_bad_quotes(line) {
                    return Err(format!(
                        "the quotes in {} do not match, or something follows them: cron refuses it",
                        quoted(line)
                    ));
                }
                let Some(columns) = columns else { return Ok(()) };
                let mut job = self.entry(line, columns?, number)?;
                job.description = Some(comment.trim().to_owned()).filter(|text| !text.is_empty());
                self.check(&job)?;
                self.jobs.push(job);
            }
        }
        Ok(())
    }

    fn variable(&mut self, name: &str, value: &str, number: usize) -> Result<(), String> {
        match name {
            "MAILTO" if value.is_empty() => {}
            "MAILTO" => {
                let message = format!(
                    "MAILTO: crontower sends no mail; to report failures, give the jobs an `on_failure` such as {{run: \
                     'echo \"$CRONTOWER_OUTPUT_TAIL\" | mail -s \"$CRONTOWER_JOB_ID: $CRONTOWER_REASON\" {}'}}",
                    printable(value, 100)
                );
                self.note(number, message);
            }
            "MAILFROM" => self.note(number, "MAILFROM: crontower sends no mail; left out"),
            "LOGNAME" => self.note(number, "LOGNAME cannot be changed under cron; left out"),
            "TZ" | "CRON_TZ" if value.contains([' ', '\t']) => {
                return Err(format!(
                    "{name}: {} is not a time zone: write it on a line of its own",
                    quoted(value)
                ));
            }
            "CRON_TZ" => {
                self.timezone = Some(value.to_owned()).filter(|zone| !zone.is_empty());
                if self.timezone.is_some() {
                    let message = "CRON_TZ: the entries below are scheduled in this zone, as cronie does; Debian's cron \
                                   ignores it and uses the system's";
                    self.note(number, message);
                }
            }
            "RANDOM_DELAY" => match value.parse::<u64>() {
                Ok(0) => self.jitter = None,
                Ok(minutes @ 1..=1440) => {
                    self.jitter = Some(Duration::from_secs(minutes * 60));
                    self.note(number, "RANDOM_DELAY becomes `jitter`: up to as many minutes, always the same for a fire time");
                }
                _ => {
                    return Err(format!(
                        "RANDOM_DELAY: {} is not a number of minutes",
                        quoted(value)
                    ));
                }
            },
            _ => {
                self.env.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(())
    }

    fn entry(&mut self, line: &str, columns: Columns<'_>, number: usize) -> Result<Job, String> {
        let Columns { schedule, years, mut rest, .. } = columns;
        let mut user = self.origin.owners.first().cloned();
        if self.kind == Kind::System {
            let (name, behind) = word(rest);
            (user, rest) = (Some(name.to_owned()), behind);
        }
        let mut overlap = Overlap::Allow;
        while let Some(flags) = flags(word(rest).0) {
            self.note(number, FLAGS);
            overlap = if flags.contains('s') { Overlap::Skip } else { overlap };
            rest = word(rest).1;
        }
        if rest.is_empty() {
            let missing =
                if self.kind == Kind::System { "a user and a command" } else { "a command" };
            return Err(format!("{} lacks {missing}", quoted(line)));
        }
        let command = if self.is_cron { Command::split(rest) } else { Command::plain(rest) };
        if command.is_cut_inside_quotes() {
            return Err(format!(
                "a `%` cuts {} inside its quotes: under cron it fails; write `\\%` for a percent sign",
                quoted(rest)
            ));
        }
        self.note_entry(&schedule, &command, user.as_deref(), number);
        let name = self.id(&command.text);
        let id = JobId::new(&name).map_err(|problem| problem.to_string())?;
        let shell = match self.env.get("SHELL").filter(|shell| *shell != "/bin/sh") {
            Some(shell) => vec![shell.clone(), "-c".to_owned()],
            None => JobCommand::default_shell(),
        };
        let mut job = Job::new(id, JobCommand::Run { run: command.script(), shell });
        (job.schedule, job.timezone) = (Some(schedule), self.timezone.clone());
        (job.overlap, job.catch_up, job.jitter) = (overlap, CatchUp::None, self.jitter);
        job.working_dir = Some(self.folder(user.as_deref(), number));
        let foreign = |user: &String| self.origin.importer.as_ref() != Some(user);
        job.user = user.clone().filter(foreign);
        job.env = self.environment(user, job.user.is_some());
        if let Some(years) = years {
            self.bound(&mut job, years, number)?;
        }
        Ok(job)
    }

    fn note_entry(&mut self, schedule: &str, command: &Command, user: Option<&str>, number: usize) {
        if schedule == "@reboot" {
            self.note(number, REBOOT);
        }
        if schedule.starts_with("every ") {
            self.note(number, "@every: spacing is counted from midnight UTC on 1970-01-01, not from the program's start");
        }
        if schedule.split(' ').any(|field| field == "H" || field.starts_with("H(")) {
            self.note(number, RANDOM);
        }
        if !self.is_cron {
            self.note(number, if self.origin.is_busybox { BUSYBOX } else { COLUMNS });
        }
        if command.halved {
            self.note(number, HALVED);
        }
        let is_shell = |shell: &str| shell.ends_with("sh") && !shell.ends_with("csh");
        if command.stdin.is_some() && self.env.get("SHELL").is_some_and(|shell| !is_shell(shell)) {
            self.note(number, "what stands behind % is written for a POSIX shell");
        }
        if let Some(user) = user.filter(|user| !self.origin.machine.is_user(user)) {
            self.note(number, format!("{} is not a user of this machine", quoted(user)));
        }
    }

    /// Where cron would start a command: HOME, or where cron is itself if there is no such folder.
    fn folder(&mut self, user: Option<&str>, number: usize) -> String {
        let machine = self.origin.machine;
        let home = self.env.get("HOME").cloned().or_else(|| machine.home(user?));
        let whose = || user.map_or_else(String::new, |user| format!(" of {}", quoted(user)));
        let problem = match home {
            Some(home) if home.starts_with('/') && machine.is_folder(&home) => return home,
            Some(home) => format!("the home folder{} ({}) does not exist", whose(), quoted(&home)),
            None => format!("the home folder{} is not known", whose()),
        };
        self.note(number, format!("{problem}: its jobs start in /"));
        "/".to_owned()
    }

    /// What crontab(5) says that cron sets, and what the crontab sets. With `user` the worker sets HOME and LOGNAME.
    fn environment(&self, user: Option<String>, with_user: bool) -> BTreeMap<String, EnvValue> {
        let mut env = BTreeMap::new();
        if self.is_cron {
            env.insert("PATH", PATH.to_owned());
            env.insert("SHELL", "/bin/sh".to_owned());
            if let Some(user) = user.filter(|_| !with_user) {
                env.extend(self.origin.machine.home(&user).map(|home| ("HOME", home)));
                env.insert("LOGNAME", user);
            }
        }
        env.extend(self.env.iter().map(|(name, value)| (name.as_str(), value.clone())));
        env.into_iter().map(|(name, value)| (name.to_owned(), EnvValue::Text(value))).collect()
    }

    /// Years as the time between two instants, in the job's zone.
    fn bound(&mut self, job: &mut Job, years: (u16, u16), number: usize) -> Result<(), String> {
        let zone = match &job.timezone {
            Some(name) => parse_zone(name).map_err(|problem| format!("`timezone`: {problem}"))?,
            None => self.rules.system_zone,
        };
        let (first, last) = (i32::from(years.0), i32::from(years.1));
        let begin = NaiveDate::from_ymd_opt(first, 1, 1).and_then(|day| day.and_hms_opt(0, 0, 0));
        let end = NaiveDate::from_ymd_opt(last, 12, 31).and_then(|day| day.and_hms_opt(23, 59, 59));
        job.start_at = begin.and_then(|wall| instant(zone, wall));
        job.end_at = end.and_then(|wall| instant(zone, wall));
        if job.end_at.is_some_and(|end| end < self.rules.now) {
            self.note(number, format!("the year {last} has passed: it never runs again"));
        }
        Ok(())
    }

    /// A legal id, made of the command, that no other job has.
    fn id(&mut self, command: &str) -> String {
        let id = name::id_of(command);
        let mut free = id.clone();
        while !self.ids.insert(free.clone()) {
            let number = self.numbers.entry(id.clone()).or_insert(1);
            *number += 1;
            free = format!("{id}-{number}");
        }
        free
    }

    /// Checks a job by itself, so that what is wrong is reported with its line.
    fn check(&self, job: &Job) -> Result<(), String> {
        let text = file::jobs_file(&self.origin.name, &[job]);
        let read = parse(&[SourceText { name: String::new(), text }], self.rules);
        let Err(found) = read else { return Ok(()) };
        let problems: Vec<&str> = found.0.iter().map(|error| error.message.as_str()).collect();
        Err(problems.join("; "))
    }

    /// Reports how the file ends and its lines end.
    fn look_at_ends(&mut self, text: &str) {
        let last = text.lines().count();
        if !text.is_empty() && !text.ends_with('\n') {
            self.note(
                last,
                "the last line does not end: Debian's cron ignores such a file, or the line",
            );
        }
        if text.contains("\r\n") {
            self.note(
                1,
                "lines end with CR LF: cron passes the CR on to commands; it is removed here",
            );
        }
    }

    fn finish(mut self) -> Imported {
        self.errors.sort();
        self.notes.sort();
        let name = &self.origin.name;
        let place = |(number, text): (usize, String)| format!("{name}:{number}: {text}");
        let jobs: Vec<&Job> = self.jobs.iter().collect();
        Imported {
            yaml: file::jobs_file(name, &jobs),
            jobs: jobs.len(),
            notes: self.notes.into_iter().map(place).collect(),
            errors: self.errors.into_iter().map(place).collect(),
        }
    }
}

/// The flags that stand before a command in OpenBSD's crontabs.
fn flags(word: &str) -> Option<&str> {
    let flags = word.strip_prefix('-').filter(|flags| !flags.is_empty())?;
    flags.chars().all(|flag| "nqs".contains(flag)).then_some(flags)
}

fn instant(zone: Tz, wall: NaiveDateTime) -> Option<chrono::DateTime<chrono::Utc>> {
    let at = zone.from_local_datetime(&wall);
    Some(at.earliest().unwrap_or_else(|| zone.from_utc_datetime(&wall)).to_utc())
}
