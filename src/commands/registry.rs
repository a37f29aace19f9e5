//! The registry: every command that a job can name, built-in or added by an embedding program.
//!
//! Owns the list of built-in commands, and checks arguments when a job is loaded. Never starts anything by itself.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::builtin::BuiltIn;
use super::command::{ArgProblem, Args, Command, CommandError, Context};
use super::{api_call, backup, calculate, data_processing, echo, shell, sleep};
use crate::model::text;

/// Checks the arguments of a command when a job is loaded.
///
/// # Errors
/// Everything that is wrong with them.
pub(super) type ArgCheck = fn(&Args) -> Result<(), Vec<ArgProblem>>;

/// Who carries a command out.
#[derive(Clone)]
pub enum Entry {
    /// The process runner, as a process of the operating system; only its arguments are checked
    /// here.
    Process(ArgCheck),
    /// The worker process, inside itself.
    BuiltIn(Arc<dyn Command>),
    /// The engine's own process: an embedding program added it.
    Embedded(Arc<dyn Command>),
}

impl Entry {
    /// Checks arguments when a job is loaded.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn check(&self, args: &Args) -> Result<(), Vec<ArgProblem>> {
        match self {
            Self::Process(check) => check(args),
            Self::BuiltIn(command) | Self::Embedded(command) => command.check(args),
        }
    }
}

/// Commands by name.
#[derive(Clone, Default)]
pub struct Registry {
    entries: BTreeMap<String, Entry>,
}

impl Registry {
    /// The commands that every crontower has.
    #[must_use]
    pub fn builtin() -> Self {
        Self { entries: builtin().map(|(name, entry)| (name.to_owned(), entry)).collect() }
    }

    /// Adds a command of the embedding program; one of the same name is replaced.
    pub fn register(&mut self, name: &str, command: Arc<dyn Command>) {
        self.entries.insert(name.to_owned(), Entry::Embedded(command));
    }

    /// Adds an async closure as a command of the embedding program. Its arguments are taken as
    /// they are; a closure that wants them checked at load implements [`Command`] instead.
    pub fn register_async<Work, Answer>(&mut self, name: &str, work: Work)
    where
        Work: Fn(Context, Args) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<Value, CommandError>> + Send + 'static,
    {
        self.register(name, Arc::new(AsyncCommand(work)));
    }

    /// The entry of that name: which command, and who carries it out.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// The command of that name, if it runs inside a process (`shell` does not).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Command>> {
        match self.entries.get(name)? {
            Entry::Process(_) => None,
            Entry::BuiltIn(command) | Entry::Embedded(command) => Some(command),
        }
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The names of the embedding program's own commands, sorted.
    pub fn embedded(&self) -> impl Iterator<Item = &str> {
        let own = self.entries.iter().filter(|(_, entry)| matches!(entry, Entry::Embedded(_)));
        own.map(|(name, _)| name.as_str())
    }

    /// Checks the arguments of the command of that name when a job is loaded.
    ///
    /// # Errors
    /// Everything that is wrong with them; for an unknown command, the nearest known one.
    pub fn check(&self, command: &str, args: &Args) -> Result<(), Vec<ArgProblem>> {
        match self.entries.get(command) {
            Some(entry) => entry.check(args),
            None => Err(vec![ArgProblem { path: String::new(), message: self.unknown(command) }]),
        }
    }

    fn unknown(&self, command: &str) -> String {
        let shown: String = command.chars().take(70).collect();
        match text::nearest(command, self.names()) {
            Some(near) => format!("no command named `{shown}`: did you mean `{near}`?"),
            None => {
                let names: Vec<_> = self.names().collect();
                format!("no command named `{shown}`: there are {}", names.join(", "))
            }
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.entries.keys()).finish()
    }
}

/// An async closure as a command.
struct AsyncCommand<Work>(Work);

#[async_trait]
impl<Work, Answer> Command for AsyncCommand<Work>
where
    Work: Fn(Context, Args) -> Answer + Send + Sync,
    Answer: Future<Output = Result<Value, CommandError>> + Send + 'static,
{
    fn check(&self, _args: &Args) -> Result<(), Vec<ArgProblem>> {
        Ok(())
    }

    async fn run(&self, context: Context, args: Args) -> Result<Value, CommandError> {
        (self.0)(context, args).await
    }
}

/// Every built-in command by name.
fn builtin() -> impl Iterator<Item = (&'static str, Entry)> {
    [
        ("api_call", in_process(api_call::ApiCall)),
        ("backup", in_process(backup::Backup)),
        ("calculate", in_process(calculate::Calculate)),
        ("data_processing", in_process(data_processing::DataProcessing)),
        ("echo", in_process(echo::Echo)),
        ("shell", Entry::Process(|args| shell::Shell::parse(args).map(drop))),
        ("sleep", in_process(sleep::Sleep)),
    ]
    .into_iter()
}

fn in_process(command: impl BuiltIn) -> Entry {
    Entry::BuiltIn(Arc::new(command))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing::{Bench, args};
    use serde_json::json;

    #[test]
    fn every_command_of_the_contract_is_there_and_only_shell_is_a_process() {
        let registry = Registry::builtin();
        insta::assert_snapshot!(registry.names().collect::<Vec<_>>().join(" "),
            @"api_call backup calculate data_processing echo shell sleep");
        for name in registry.names() {
            let process = matches!(registry.entry(name), Some(Entry::Process(_)));
            assert_eq!(process, name == "shell", "{name}");
            assert_eq!(registry.get(name).is_none(), process, "{name}");
        }
    }

    #[test]
    fn an_unknown_command_names_the_nearest_or_all() {
        let registry = Registry::builtin();
        let message = |name| registry.check(name, &Args::new()).unwrap_err()[0].message.clone();
        insta::assert_snapshot!(message("ehco"), @"no command named `ehco`: did you mean `echo`?");
        insta::assert_snapshot!(message("elephant").replace(", ", "\n"), @r"
        no command named `elephant`: there are api_call
        backup
        calculate
        data_processing
        echo
        shell
        sleep
        ");
    }

    #[tokio::test]
    async fn an_async_closure_becomes_a_command_of_the_embedding_program() {
        let mut registry = Registry::builtin();
        registry.register_async("double", |context, args| async move {
            context.say("doubling");
            let n = args.get("n").and_then(Value::as_i64);
            n.map(|n| json!(2 * n)).ok_or_else(|| CommandError("no `n`".to_owned()))
        });
        assert!(matches!(registry.entry("double"), Some(Entry::Embedded(_))));
        assert_eq!(registry.embedded().collect::<Vec<_>>(), ["double"]);
        let command = registry.get("double").unwrap();
        let bench = Bench::new();
        let answer = command.run(bench.context(), args(json!({"n": 21}))).await;
        assert_eq!(answer, Ok(json!(42)));
        assert_eq!(bench.output(), "doubling\n");
        let answer = command.run(bench.context(), Args::new()).await;
        assert_eq!(answer, Err(CommandError("no `n`".to_owned())));
    }
}
