//! Jobs as the text of a jobs file: those of a crontab with what they share written once, and those in force.
//!
//! Owns what a file says about all of its jobs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::jobfile::diagnostics::printable;
use crate::jobfile::write;
use crate::model::{CatchUp, EnvValue, Job, JobCommand, Overlap, Settings};

/// cron starts every entry at once, however many run: so many are as good as no bound.
const SLOTS: u32 = 1000;

/// What all jobs of a file say alike: it stands in `defaults`, once.
#[derive(Default)]
struct Shared {
    working_dir: Option<String>,
    timezone: Option<String>,
    user: Option<String>,
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
        let user = first.user.clone().filter(|_| all(&|job| job.user == first.user));
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
            user,
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
        keys.extend(self.user.as_ref().map(|user| ("user", text(user))));
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
        job.user = job.user.filter(|_| self.user.is_none());
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

/// The jobs of a crontab as a file; `name` is where they came from.
pub(super) fn jobs_file(name: &str, jobs: &[&Job]) -> String {
    let mut out =
        format!("# Made by `crontower import crontab` from {}.\n\n", printable(name, 200));
    out += "# As under cron: all due jobs start at once, runs of a job may overlap,\n\
            # and missed runs are not made up for.\n";
    let _ = writeln!(out, "workers: [{{id: local, capacity: {SLOTS}}}]");
    out += "defaults:\n  overlap: allow\n  catch_up: none\n";
    let shared = Shared::of(jobs);
    for (key, value) in shared.keys() {
        let _ = writeln!(out, "  {key}: {}", write::one_line(&value));
    }
    out += if jobs.is_empty() { "\njobs: []\n" } else { "\njobs:\n" };
    for (number, job) in jobs.iter().enumerate() {
        out += if number == 0 { "" } else { "\n" };
        out += &write::as_item(&shared.without(job));
        if job.overlap == Overlap::Skip {
            // What is the default everywhere else is not written by itself.
            out += "    overlap: skip\n";
        }
    }
    out
}

/// The top of a jobs file, so far as it differs from what holds without it: each key on a line.
#[must_use]
pub(crate) fn as_top(settings: &Settings) -> String {
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
pub(crate) fn as_file(jobs: &[&Job]) -> String {
    let mut out = String::from(if jobs.is_empty() { "jobs: []\n" } else { "jobs:\n" });
    for (number, job) in jobs.iter().enumerate() {
        out += if number == 0 { "" } else { "\n" };
        out += &write::as_item(job);
    }
    out
}
