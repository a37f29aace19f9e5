//! What the tests of commands share: a context whose output can be read, in a folder of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use chrono::DateTime;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::command::{ArgProblem, Args, CommandError, Context, OutputSink};
use super::registry::Registry;
use crate::model::Stream;
use crate::model::{AttemptKey, ExecutionId, JobId, Trigger};

/// Keeps what a command says and can stop it at a given word.
#[derive(Default)]
struct Listener {
    text: Mutex<String>,
    stop_at: Mutex<Option<String>>,
    stop: CancellationToken,
}

impl OutputSink for Listener {
    fn write(&self, _stream: Stream, bytes: &[u8]) {
        let said = String::from_utf8_lossy(bytes);
        if self.stop_at.lock().unwrap().as_ref().is_some_and(|word| said.contains(word)) {
            self.stop.cancel();
        }
        self.text.lock().unwrap().push_str(&said);
    }
}

/// A folder, an output and a stop for one test.
pub(crate) struct Bench {
    folder: TempDir,
    listener: Arc<Listener>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), listener: Arc::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// The names in a folder of the bench, sorted.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(self.path().join(name))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// The context of the `nth` execution of the job `job`, an hour after the one before.
    pub(crate) fn nth_context(&self, job: &str, nth: u32) -> Context {
        let milliseconds = 1_790_000_000_000 + u64::from(nth) * 3_600_000;
        let bytes = std::array::from_fn(|index| nth.to_be_bytes()[index % 4]);
        let id = uuid::Builder::from_unix_timestamp_millis(milliseconds, &bytes).into_uuid();
        Context { job_id: JobId::new(job).unwrap(), ..self.of(id) }
    }

    pub(crate) fn context(&self) -> Context {
        self.of(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001))
    }

    fn of(&self, execution: Uuid) -> Context {
        Context {
            key: AttemptKey { execution_id: ExecutionId::from_uuid(execution), attempt: 1 },
            job_id: JobId::new("nightly").unwrap(),
            fire_time: DateTime::from_timestamp(1_790_000_000, 0).unwrap(),
            trigger: Trigger::Schedule,
            working_dir: self.path().to_owned(),
            env: BTreeMap::new(),
            output: self.listener.clone(),
            stop: self.listener.stop.clone(),
        }
    }

    /// What was said so far.
    pub(crate) fn output(&self) -> String {
        self.listener.text.lock().unwrap().clone()
    }

    /// Stops the command as soon as it says a line that contains `word`.
    pub(crate) fn stop_at(&self, word: &str) {
        *self.listener.stop_at.lock().unwrap() = Some(word.to_owned());
    }

    /// Carries out a built-in command.
    pub(crate) async fn run(&self, command: &str, given: Value) -> Result<Value, String> {
        self.run_in(self.context(), command, given).await
    }

    /// Carries out a built-in command in a context of its own.
    pub(crate) async fn run_in(
        &self,
        context: Context,
        command: &str,
        given: Value,
    ) -> Result<Value, String> {
        let registry = Registry::builtin();
        let command = registry.get(command).unwrap();
        command.run(context, args(given)).await.map_err(|CommandError(sentence)| sentence)
    }
}

/// A JSON map as arguments.
pub(crate) fn args(given: Value) -> Args {
    given.as_object().expect("arguments are a map").clone()
}

/// The problems of arguments, one a line, or `fine`.
pub(crate) fn problems_text<T>(judged: Result<T, Vec<ArgProblem>>) -> String {
    match judged {
        Ok(_) => "fine".to_owned(),
        Err(problems) => {
            let line = |problem: &ArgProblem| format!("{}: {}", problem.path, problem.message);
            problems.iter().map(line).collect::<Vec<_>>().join("\n")
        }
    }
}

/// The problems that a built-in command finds in arguments.
pub(crate) fn check(command: &str, given: Value) -> String {
    problems_text(Registry::builtin().check(command, &args(given)))
}
