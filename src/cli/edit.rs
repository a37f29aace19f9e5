//! `crontower apply`, `set`, `enable`, `disable` and `delete`: definitions changed where they live, or what that would change.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use super::Context;
use super::exit::{Exit, Failure};
use super::reload::describe;
use crate::api::EditedJob;
use crate::api::client::{Client, ClientError, Method};
use crate::model::Source;

/// No definition that makes sense is larger.
const LARGEST: u64 = 1 << 20;

/// What every edit takes.
#[derive(Debug, clap::Args)]
pub(super) struct EditArgs {
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
    #[command(flatten)]
    edit: EditArgs,
}

/// Where a job lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Lives {
    /// In jobs.yaml
    File,
    /// In the engine's store
    Api,
}

/// Change keys of a job's definition.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crontower set hello schedule='weekdays at 9:30' timeout=10m
  crontower set hello 'retry={\"type\": \"fixed\", \"max_retries\": 2}' --dry-run
  crontower set hello timeout=               the key goes")]
pub(super) struct Set {
    /// The job's id
    job: String,
    /// KEY=VALUE with the keys of jobs.yaml; a value is JSON where it looks so, else text; an empty one takes the key away
    #[arg(required = true, value_name = "KEY=VALUE", value_parser = key_and_value)]
    changes: Vec<(String, Value)>,
    #[command(flatten)]
    edit: EditArgs,
}

/// Let the schedule of a job fire again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  crontower enable nightly-backup")]
pub(super) struct Enable {
    /// The job's id
    job: String,
    #[command(flatten)]
    edit: EditArgs,
}

/// Let the schedule of a job fire no more: a change of its definition, other than a pause.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  crontower disable nightly-backup --dry-run")]
pub(super) struct Disable {
    /// The job's id
    job: String,
    #[command(flatten)]
    edit: EditArgs,
}

/// Delete a job; its history stays.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  crontower delete old-report --dry-run")]
pub(super) struct Delete {
    /// The job's id
    job: String,
    #[command(flatten)]
    edit: EditArgs,
}

impl Apply {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let definition = read(&self.file)?;
        let id = definition.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let client = context.target.client()?;
        let source = match self.source {
            Lives::File => Source::File,
            Lives::Api => Source::Api,
        };
        let query = [("source", if source == Source::File { "file" } else { "api" })];
        // Whoever names a version means a job that is there.
        if self.edit.if_version.is_none() {
            let made = self.edit.send(&client, Method::POST, &["jobs"], &query, &definition).await;
            match made {
                Err(ClientError::Refused(problem)) if problem.name() == "job-exists" => {}
                made => return self.edit.tell(context, &client, &id, made?),
            }
        }
        let path = ["jobs", id.as_str()];
        let said = self.edit.send(&client, Method::PUT, &path, &[], &definition).await?;
        self.edit.tell(context, &client, &id, said)
    }
}

impl Set {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        let patch: Map<String, Value> = self.changes.into_iter().collect();
        let path = ["jobs", self.job.as_str()];
        let said = self.edit.send(&client, Method::PATCH, &path, &[], &patch).await?;
        self.edit.tell(context, &client, &self.job, said)
    }
}

impl Enable {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        self.edit.post(context, &self.job, &["jobs", &self.job, "enable"]).await
    }
}

impl Disable {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        self.edit.post(context, &self.job, &["jobs", &self.job, "disable"]).await
    }
}

impl Delete {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.target.client()?;
        let path = ["jobs", self.job.as_str()];
        let said = self.edit.send(&client, Method::DELETE, &path, &[], &json!({})).await?;
        self.edit.tell(context, &client, &self.job, said)
    }
}

impl EditArgs {
    /// An edit that takes no words.
    pub(super) async fn post(
        &self,
        context: &Context,
        job: &str,
        path: &[&str],
    ) -> Result<(), Failure> {
        let client = context.target.client()?;
        let said = self.send(&client, Method::POST, path, &[], &json!({})).await?;
        self.tell(context, &client, job, said)
    }

    async fn send<T: serde::Serialize + Sync>(
        &self,
        client: &Client,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: &T,
    ) -> Result<String, ClientError> {
        let mut query = query.to_vec();
        if self.dry_run {
            query.push(("dry_run", "true"));
        }
        client.send(method, path, &query, self.if_version, body).await
    }

    fn tell(
        &self,
        context: &Context,
        client: &Client,
        job: &str,
        text: String,
    ) -> Result<(), Failure> {
        if self.json {
            return context.terminal.say(&text);
        }
        let EditedJob { job: now, mut change } = client.parse(&text)?;
        // What is likely wrong with other jobs was there before, and is told by `validate` and `reload`.
        let name = format!("`{job}`");
        change.plan.warnings.retain(|warning| warning.contains(&name));
        let mut said = describe(&change.plan);
        if let Some(diff) = change.diff.filter(|_| self.dry_run) {
            said += &super::terminal::plain_lines(&diff);
        }
        let end = match now {
            _ if self.dry_run => "nothing was changed: this was a dry run".to_owned(),
            Some(now) => format!("job {job} has version {}", now.version),
            None => format!("job {job} is gone; its history stays"),
        };
        context.terminal.say(&said)?;
        context.terminal.note(&end);
        Ok(())
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
