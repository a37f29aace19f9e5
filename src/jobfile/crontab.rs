//! A crontab as jobs: what cron would do with it, in the words of jobs.yaml.
//!
//! Owns the reading of crontabs as Debian's cron(8) and crontab(5) have it, and what of them has no counterpart here.
//! Everything that goes another way than in cron is told; a line that cannot be read is an error.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use super::diagnostics::{printable, quoted};
use super::{Rules, SourceText, parse, write};
use crate::model::{CatchUp, EnvValue, Job, JobCommand, JobId, Overlap, Settings};

/// What is known about where a crontab comes from.
pub struct Origin<'a> {
    /// Its name, for messages.
    pub name: String,
    /// Whether its entries name a user, as those of /etc/crontab do.
    pub system: bool,
    /// Who imports it: whose crontab it is, unless it is a system's.
    pub user: Option<String>,
    /// The home folder of a user (`None` = of who imports it), where cron starts commands.
    pub home: &'a dyn Fn(Option<&str>) -> Option<String>,
}

impl std::fmt::Debug for Origin<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Origin").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A crontab as a jobs file.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// The jobs file.
    pub yaml: String,
    /// How many jobs are in it.
    pub jobs: usize,
    /// What to look at, each with its place.
    pub notes: Vec<String>,
    /// Lines that cannot be read, each with its place: they are left out.
    pub errors: Vec<String>,
}

const REBOOT: &str = "@reboot: it runs at the engine's first start after each boot of the machine: the first time as soon as an \
                      engine has it, however long ago that boot was";

/// What holds for the entries below.
#[derive(Default)]
struct Reader {
    env: BTreeMap<String, String>,
    shell: Option<String>,
    timezone: Option<String>,
    comment: Vec<String>,
    ids: BTreeSet<String>,
    jobs: Vec<(usize, Job)>,
    errors: Vec<(usize, String)>,
    told: Imported,
}

/// Reads a crontab. Each job is judged by the rules of a jobs file.
#[must_use]
pub fn import_crontab(text: &str, origin: &Origin<'_>, rules: &Rules<'_>) -> Imported {
    let mut reader = Reader::default();
    for (number, line) in (1..).zip(text.lines()) {
        if let Err(problem) = reader.line(line.trim(), number, origin) {
            reader.errors.push((number, printable(&problem, 500)));
        }
    }
    let Reader { mut jobs, mut told, mut errors, .. } = reader;
    // Judged one by one, so that a wrong one is told with its line.
    jobs.retain(|(number, job)| {
        let sources = [SourceText { name: String::new(), text: file(origin, &[job]) }];
        let Err(found) = parse(&sources, rules) else { return true };
        let problems = found.0.iter().map(|error| error.message.as_str());
        let problems = problems.collect::<Vec<_>>().join("; ");
        errors.push((*number, problems));
        false
    });
    errors.sort();
    let place = |(number, problem)| format!("{}:{number}: {problem}", origin.name);
    told.errors = errors.into_iter().map(place).collect();
    let jobs: Vec<&Job> = jobs.iter().map(|(_, job)| job).collect();
    (told.jobs, told.yaml) = (jobs.len(), file(origin, &jobs));
    told
}

impl Reader {
    fn note(&mut self, origin: &Origin<'_>, number: usize, message: &str) {
        self.told.notes.push(format!("{}:{number}: {message}", origin.name));
    }

    fn line(&mut self, line: &str, number: usize, origin: &Origin<'_>) -> Result<(), String> {
        if line.is_empty() {
            self.comment.clear();
        } else if let Some(comment) = line.strip_prefix('#') {
            let comment = comment.trim();
            if is_entry(comment) || is_heading(comment) {
                self.comment.clear();
            } else {
                self.comment.push(comment.to_owned());
            }
        } else if let Some((name, value)) = variable(line) {
            self.comment.clear();
            self.variable(name, value, number, origin);
        } else {
            let comment = std::mem::take(&mut self.comment).join("\n");
            let mut job = self.entry(line, number, origin)?;
            let said = !comment.trim().is_empty();
            job.description = said.then(|| comment.trim().to_owned());
            self.jobs.push((number, job));
        }
        Ok(())
    }

    fn variable(&mut self, name: &str, value: &str, number: usize, origin: &Origin<'_>) {
        match name {
            "SHELL" => self.shell = Some(value.to_owned()).filter(|shell| shell != "/bin/sh"),
            "CRON_TZ" => self.timezone = Some(value.to_owned()).filter(|zone| !zone.is_empty()),
            "MAILTO" if value.is_empty() => {}
            "MAILTO" => {
                let message = format!(
                    "MAILTO: crontower sends no mail; to hear of failures, give the jobs an `on_failure` such as {{run: \
                     'echo \"$CRONTOWER_OUTPUT_TAIL\" | mail -s \"$CRONTOWER_JOB_ID: $CRONTOWER_REASON\" {}'}}",
                    printable(value, 100)
                );
                self.note(origin, number, &message);
            }
            "MAILFROM" | "RANDOM_DELAY" | "START_HOURS_RANGE" => {
                self.note(origin, number, &format!("{name} has no counterpart and is left out"));
            }
            _ => {
                self.env.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    fn entry(&mut self, line: &str, number: usize, origin: &Origin<'_>) -> Result<Job, String> {
        let line = line.strip_prefix('-').unwrap_or(line);
        let (schedule, mut rest) = schedule(line)?;
        if schedule == "@reboot" {
            self.note(origin, number, REBOOT);
        }
        let mut user = None;
        if origin.system {
            let (name, behind) = word(rest);
            (user, rest) = (Some(name), behind);
        }
        if rest.is_empty() {
            let missing = if user.is_some() { "a user and a command" } else { "a command" };
            return Err(format!("{} lacks {missing}", quoted(line)));
        }
        let (command, stdin) = split_percent(rest);
        let name = self.id(&command);
        let id = JobId::new(&name).map_err(|problem| problem.to_string())?;
        let (run, shell) = (with_stdin(&command, stdin.as_deref()), self.shell.clone());
        let is_shell = |shell: &String| shell.ends_with("sh") && !shell.ends_with("csh");
        if stdin.is_some() && shell.as_ref().is_some_and(|shell| !is_shell(shell)) {
            self.note(origin, number, "what stands behind % is written for a POSIX shell");
        }
        let shell = shell.map_or_else(JobCommand::default_shell, |s| vec![s, "-c".to_owned()]);
        let mut job = Job::new(id, JobCommand::Run { run, shell });
        (job.schedule, job.timezone) = (Some(schedule), self.timezone.clone());
        (job.overlap, job.catch_up) = (Overlap::Allow, CatchUp::None);
        let home = self.env.get("HOME").cloned();
        job.working_dir = home.or_else(|| (origin.home)(user));
        if job.working_dir.is_none() {
            let whose = quoted(user.unwrap_or("the user"));
            self.note(
                origin,
                number,
                &format!("the home folder of {whose} is not known: it works in /"),
            );
            job.working_dir = Some("/".to_owned());
        }
        job.user = user.filter(|user| origin.user.as_deref() != Some(user)).map(str::to_owned);
        let env = self.env.iter().map(|(k, v)| (k.clone(), EnvValue::Text(v.clone())));
        job.env = env.collect();
        Ok(job)
    }

    /// A legal id, made of the command, that no other job has.
    fn id(&mut self, command: &str) -> String {
        let mut id: String = name_of(command)
            .to_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' })
            .take(58)
            .collect();
        id = id.trim_matches(['.', '_', '-']).to_owned();
        if id.is_empty() {
            "job".clone_into(&mut id);
        }
        let numbered = (2..).map(|number| format!("{id}-{number}"));
        let free = std::iter::once(id.clone()).chain(numbered).find(|id| !self.ids.contains(id));
        let id = free.unwrap_or(id);
        self.ids.insert(id.clone());
        id
    }
}

/// The first word, and what follows behind blanks.
fn word(text: &str) -> (&str, &str) {
    let end = text.find([' ', '\t']).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

/// `NAME = value`, as cron reads it: quotes around either are taken off.
fn variable(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = match line.chars().next()? {
        quote @ ('"' | '\'') => line[1..].split_once(quote)?,
        _ => line.split_at(line.find(['=', ' ', '\t'])?),
    };
    let value = rest.trim_start().strip_prefix('=')?.trim();
    let unquoted = ['"', '\''].iter().find_map(|quote| {
        value.strip_prefix(*quote)?.strip_suffix(*quote).filter(|inner| !inner.contains(*quote))
    });
    (!name.is_empty()).then_some((name, unquoted.unwrap_or(value)))
}

/// The schedule of an entry, and what follows it.
fn schedule(line: &str) -> Result<(String, &str), String> {
    const NAMES: [&str; 8] = [
        "@reboot",
        "@yearly",
        "@annually",
        "@monthly",
        "@weekly",
        "@daily",
        "@midnight",
        "@hourly",
    ];
    if line.starts_with('@') {
        let (name, rest) = word(line);
        if NAMES.contains(&name) {
            return Ok((name.to_owned(), rest));
        }
        return Err(format!("{} is none of {}", quoted(name), NAMES.join(", ")));
    }
    let (mut fields, mut rest) = (Vec::new(), line);
    for _ in 0..5 {
        let (field, behind) = word(rest);
        if field.is_empty() {
            return Err(format!("{} has fewer than five fields and a command", quoted(line)));
        }
        fields.push(field);
        rest = behind;
    }
    Ok((fields.join(" "), rest))
}

/// Whether a comment is an entry that someone has put out of force.
fn is_entry(comment: &str) -> bool {
    let field = |field: &str| field.starts_with(|c: char| c.is_ascii_digit() || c == '*');
    let fields: Vec<&str> = comment.split_whitespace().take(6).collect();
    comment.starts_with('@') || (fields.len() == 6 && fields[..5].iter().all(|f| field(f)))
}

/// Whether a comment is the heading that crontabs come with: `m h dom mon dow command`, and the
/// picture of the fields.
fn is_heading(comment: &str) -> bool {
    let words: Vec<&str> = comment.split_whitespace().take(3).collect();
    words == ["m", "h", "dom"] || comment.starts_with(['|', '.']) || comment.starts_with("* * ")
}

/// The command and its standard input: the first `%` parts them, each further one is a line end;
/// `\%` is a `%`.
fn split_percent(text: &str) -> (String, Option<String>) {
    let (mut command, mut stdin): (String, Option<String>) = (String::new(), None);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let c = match c {
            '\\' if chars.next_if_eq(&'%').is_some() => '%',
            '%' if stdin.is_none() => {
                stdin = Some(String::new());
                continue;
            }
            '%' => '\n',
            other => other,
        };
        stdin.as_mut().unwrap_or(&mut command).push(c);
    }
    (command.trim_end().to_owned(), stdin)
}

/// The script that gives a command its standard input.
fn with_stdin(command: &str, stdin: Option<&str>) -> String {
    let Some(stdin) = stdin.filter(|stdin| !stdin.is_empty()) else { return command.to_owned() };
    let mut end = "STDIN".to_owned();
    while stdin.lines().any(|line| line == end) {
        end.push('_');
    }
    let stdin = stdin.strip_suffix('\n').unwrap_or(stdin);
    format!("{{ {command}\n}} <<'{end}'\n{stdin}\n{end}\n")
}

/// What a command is called: the script or program that does the work.
fn name_of(command: &str) -> String {
    const AROUND: [&str; 24] = [
        "test", "[", "cd", "&&", "||", ";", "]", "!", "exec", "nice", "ionice", "env", "sudo",
        "timeout", "flock", "chronic", "sh", "bash", "python", "python3", "perl", "php", "ruby",
        "node",
    ];
    let base = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    // What stands behind the last `&&` does the work, what is before it looks whether it should.
    let work = command.split("&&").last().unwrap_or(command);
    let work = work.split("||").last().unwrap_or(work);
    let words = work.split([' ', '\t', ';', '|', '(', ')', '"', '\'']);
    let words = words.filter(|word| !word.is_empty() && !word.contains(['=', '>', '<']));
    let mut words = words.filter(|word| !word.starts_with(['-', '{', '$']));
    let name = words.find(|word| {
        let number = word.chars().all(|c| c.is_ascii_digit() || c == '.');
        !AROUND.contains(&base(word).as_str()) && !number
    });
    let name = name.map(base).unwrap_or_default();
    if name == "run-parts" {
        return words.next_back().map_or(name, base);
    }
    let endings = [".sh", ".py", ".pl", ".rb", ".php", ".js"];
    let short = endings.iter().find_map(|ending| name.strip_suffix(ending));
    short.filter(|short| !short.is_empty()).unwrap_or(&name).to_owned()
}

/// What all jobs of a file say alike: it stands in `defaults`, once.
#[derive(Default)]
struct Shared {
    working_dir: Option<String>,
    timezone: Option<String>,
    shell: Option<Vec<String>>,
    /// `env` is laid under entry by entry, so that each can be shared by itself.
    env: BTreeMap<String, EnvValue>,
}

impl Shared {
    fn of(jobs: &[&Job]) -> Self {
        let Some((first, others)) = jobs.split_first() else { return Self::default() };
        let all = |alike: &dyn Fn(&Job) -> bool| others.iter().all(|job| alike(job));
        let folder = first.working_dir.clone();
        let working_dir = folder.filter(|_| all(&|job| job.working_dir == first.working_dir));
        if others.is_empty() {
            return Self { working_dir, ..Self::default() };
        }
        let zone = first.timezone.clone();
        let unusual = shell(first).filter(|shell| *shell != &JobCommand::default_shell());
        let alike =
            |(name, value): &(&String, &EnvValue)| all(&|job| job.env.get(*name) == Some(*value));
        let env = first.env.iter().filter(alike).map(|(name, value)| (name.clone(), value.clone()));
        Self {
            working_dir,
            timezone: zone.filter(|_| all(&|job| job.timezone == first.timezone)),
            shell: unusual.filter(|_| all(&|job| shell(job) == shell(first))).cloned(),
            env: env.collect(),
        }
    }

    fn keys(&self) -> Vec<(&'static str, write::Yaml)> {
        let text = |text: &String| write::Yaml::Text(text.clone());
        let mut keys = Vec::new();
        keys.extend(self.working_dir.as_ref().map(|folder| ("working_dir", text(folder))));
        keys.extend(self.timezone.as_ref().map(|zone| ("timezone", text(zone))));
        let shell = self.shell.as_ref().map(|shell| shell.iter().map(text).collect());
        keys.extend(shell.map(|shell| ("shell", write::Yaml::List(shell))));
        let env = self.env.iter().filter_map(|(name, value)| match value {
            EnvValue::Text(value) => Some((name.clone(), text(value))),
            // A crontab holds texts only.
            EnvValue::SecretFile { .. } => None,
        });
        let env: Vec<_> = env.collect();
        keys.extend((!env.is_empty()).then_some(("env", write::Yaml::Map(env))));
        keys
    }

    /// What is left for a job to say.
    fn without(&self, job: &Job) -> Job {
        let mut job = job.clone();
        (job.overlap, job.catch_up) = (Overlap::default(), CatchUp::default());
        job.working_dir = job.working_dir.filter(|_| self.working_dir.is_none());
        job.timezone = job.timezone.filter(|_| self.timezone.is_none());
        if let (JobCommand::Run { shell, .. }, Some(_)) = (&mut job.command, &self.shell) {
            *shell = JobCommand::default_shell();
        }
        job.env.retain(|name, _| !self.env.contains_key(name));
        job
    }
}

fn shell(job: &Job) -> Option<&Vec<String>> {
    match &job.command {
        JobCommand::Run { shell, .. } => Some(shell),
        JobCommand::Named { .. } => None,
    }
}

/// The jobs as a file.
fn file(origin: &Origin<'_>, jobs: &[&Job]) -> String {
    let mut out =
        format!("# Made by `crontower import crontab` from {}.\n\n", printable(&origin.name, 200));
    out += "# As under cron: runs of a job may overlap, and what was missed is not made up for.\n";
    out += "defaults:\n  overlap: allow\n  catch_up: none\n";
    let shared = Shared::of(jobs);
    for (key, value) in shared.keys() {
        let _ = writeln!(out, "  {key}: {}", write::one_line(&value));
    }
    out += if jobs.is_empty() { "\njobs: []\n" } else { "\njobs:\n" };
    for (number, job) in jobs.iter().enumerate() {
        let job = shared.without(job);
        out += if number == 0 { "" } else { "\n" };
        out += &write::as_item(&job);
    }
    out
}

/// The top of a jobs file, so far as it differs from what holds without it: each key on a line.
#[must_use]
pub fn as_top(settings: &Settings) -> String {
    let pairs = |settings: &Settings| match serde_json::to_value(settings) {
        Ok(Value::Object(pairs)) => pairs,
        // Settings are made of texts, numbers and lists: they can always be written.
        _ => serde_json::Map::new(),
    };
    let usual = pairs(&Settings::default());
    let said = pairs(settings).into_iter().filter(|(key, value)| usual.get(key) != Some(value));
    // What is JSON is YAML, too.
    said.map(|(key, value)| format!("{key}: {value}\n")).collect()
}

/// All jobs as one file, whatever they came from.
#[must_use]
pub fn as_file(jobs: &[&Job]) -> String {
    let mut out = String::from(if jobs.is_empty() { "jobs: []\n" } else { "jobs:\n" });
    for (number, job) in jobs.iter().enumerate() {
        out += if number == 0 { "" } else { "\n" };
        out += &write::as_item(job);
    }
    out
}
