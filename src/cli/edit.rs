//! `crontower apply` and `set`, and what the answers of all edits say.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::{Map, Value};

use super::Context;
use super::exit::{Exit, Failure};
use super::reload::describe;
use super::verb::{Describe, ask, print};
use crate::api::client::ClientError;
use crate::control::{
    CreateJob, DeleteJob, DisableJob, EditedJob, EnableJob, PatchJob, ReplaceJob, RollBackJob,
};
use crate::model::Source;

/// No definition that makes sense is larger.
const LARGEST: u64 = 1 << 20;

/// Make a job out of a file, or let one that is there say what the file says.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crontower apply job.yaml                   a new job lives in the engine's store
  crontower apply job.json --source file     a new job is written into jobs.yaml
  crontower show hello --json | crontower apply - --dry-run")]
pub(super) struct Apply {
    /// One job, as YAML or JSON with the keys of jobs.yaml; `-` = stdin
    file: PathBuf,
    /// Where a new job is to live
    #[arg(long, default_value = "api")]
    source: Lives,
    /// Tell what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Refuse unless the job has this version
    #[arg(long, value_name = "VERSION")]
    if_version: Option<u32>,
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

/// Where a job lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Lives {
    /// In jobs.yaml
    File,
    /// In the engine's store
    Api,
}

#[derive(Debug, clap::Args)]
pub(super) struct Set {
    #[command(flatten)]
    command: PatchJob,
    /// KEY=VALUE with the keys of jobs.yaml; a value is JSON where it looks so, else text; an empty one takes the key away
    #[arg(required = true, value_name = "KEY=VALUE", value_parser = key_and_value)]
    changes: Vec<(String, Value)>,
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

impl Apply {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { file, source, dry_run, if_version, json } = self;
        let definition = read(&file)?;
        let id = definition.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let client = context.target.client()?;
        // Whoever names a version means a job that is there.
        if if_version.is_none() {
            let source = Some(match source {
                Lives::File => Source::File,
                Lives::Api => Source::Api,
            });
            let create = CreateJob { definition: definition.clone(), source, dry_run };
            match client.ask_verb(&create).await {
                Err(ClientError::Refused(problem)) if problem.name() == "job-exists" => {}
                made => return print(context, &client, &create, &made?, json),
            }
        }
        let replace = ReplaceJob { id, definition, dry_run, if_version };
        ask(context, &client, &replace, json).await
    }
}

impl Set {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        let command = PatchJob { patch: self.changes.into_iter().collect(), ..self.command };
        ask(context, &client, &command, self.json).await
    }
}

/// Words for what an edit answers.
macro_rules! describes_edits {
    ($($verb:ty),*) => {
        $(impl Describe for $verb {
            fn describe(&self, edited: EditedJob) -> String {
                changes(self.job(), edited, self.dry_run)
            }

            fn note(&self, edited: &EditedJob) -> Option<String> {
                Some(end(self.job(), edited, self.dry_run))
            }
        })*
    };
}

describes_edits!(CreateJob, ReplaceJob, PatchJob, DeleteJob, EnableJob, DisableJob, RollBackJob);

/// An edit of one job.
trait Edits {
    fn job(&self) -> &str;
}

macro_rules! edits_by_id {
    ($($verb:ty),*) => {
        $(impl Edits for $verb {
            fn job(&self) -> &str {
                &self.id
            }
        })*
    };
}

edits_by_id!(ReplaceJob, PatchJob, DeleteJob, EnableJob, DisableJob, RollBackJob);

impl Edits for CreateJob {
    fn job(&self) -> &str {
        self.definition.get("id").and_then(Value::as_str).unwrap_or_default()
    }
}

fn changes(job: &str, EditedJob { mut change, .. }: EditedJob, dry_run: bool) -> String {
    // What is likely wrong with other jobs was there before, and `validate` and `reload` say it.
    let name = format!("`{job}`");
    change.plan.warnings.retain(|warning| warning.contains(&name));
    let mut said = describe(&change.plan);
    if let Some(diff) = change.diff.filter(|_| dry_run) {
        said += &super::terminal::plain_lines(&diff);
    }
    said
}

fn end(job: &str, edited: &EditedJob, dry_run: bool) -> String {
    match &edited.job {
        _ if dry_run => "nothing was changed: this was a dry run".to_owned(),
        Some(now) => format!("job {job} has version {}", now.version),
        None => format!("job {job} is gone; its history stays"),
    }
}

/// The definition in a file, or on stdin.
fn read(file: &Path) -> Result<Map<String, Value>, Failure> {
    let shown = file.display();
    let wrong = |what: String| Failure::new(Exit::Usage, format!("{shown}: {what}"));
    let mut text = String::new();
    let taken = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(LARGEST + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text))
    };
    taken.map_err(|error| wrong(error.to_string()))?;
    if text.len() as u64 > LARGEST {
        return Err(wrong("a job has at most 1 MiB".to_owned()));
    }
    let parsed: Result<Value, _> = serde_yaml::from_str(&text);
    let parsed = parsed.map_err(|error| {
        let said = error.to_string();
        wrong(said.trim_start_matches("error: ").to_owned())
    });
    match parsed? {
        Value::Object(definition) => Ok(definition),
        _ => Err(wrong(
            "it holds no job: a map with keys such as `id`, `schedule`, `run`".to_owned(),
        )
        .hint("a whole jobs file is given to an engine with --jobs")),
    }
}

fn key_and_value(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or("write it KEY=VALUE")?;
    let value = match value {
        "" => Value::Null,
        value => serde_json::from_str(value).unwrap_or_else(|_| value.into()),
    };
    Ok((key.trim().to_owned(), value))
}
