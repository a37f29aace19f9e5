//! Reading what a job does: `run` with `shell`, or `command` with `args`, checked by the catalog of
//! commands.
//!
//! Owns the choice between the two, and the other system's `metadata.commandArgs`. Knows no command
//! by name.

use serde_json::Map;

use super::context::Context;
use super::diagnostics::{Diagnostics, Mark, Subject, quoted};
use super::fields::{Fields, Slot};
use super::tree::{Content, Node};
use crate::model::{Job, JobCommand};

/// How many command names an error lists.
const MOST_NAMES: usize = 20;
/// Where the other system keeps a command's arguments, inside `metadata`.
const FOREIGN_ARGS: &str = "commandArgs";

/// Sets the job's command.
pub(super) fn read(
    job: &mut Job,
    shell: Vec<String>,
    fields: &Fields<'_>,
    home: Mark,
    context: &Context<'_>,
    out: &mut Diagnostics,
) {
    match (fields.get("run"), fields.get("command")) {
        (Some(_), Some(command)) => {
            command.wrong_key("a job has `run` or `command`, not both", out);
        }
        (None, None) => {
            let message = "a job needs `run` (a script) or `command` (the name of a command)";
            fields.missing("run", home, message, out);
        }
        (Some(run), None) => {
            if let Some(args) = fields.get("args") {
                let message = "`args` is only allowed with `command`";
                args.wrong_key(message, out);
            }
            let Some(run) = script(run, out) else { return };
            job.command = JobCommand::Run { run, shell };
        }
        (None, Some(command)) => {
            if let Some(shell) = fields.get("shell") {
                shell.wrong_key("`shell` is only allowed with `run`", out);
            }
            named(job, command, fields, context, out);
        }
    }
    warn_of_run_args(job, fields, out);
}

/// Warns of a program that got the arguments of a run as its own and gets them only with a key now.
fn warn_of_run_args(job: &Job, fields: &Fields<'_>, out: &mut Diagnostics) {
    let key = match &job.command {
        JobCommand::Run { .. } => fields.get("shell").or_else(|| fields.get("run")),
        JobCommand::Named { args, .. } if args.contains_key("argv") => fields.get("args"),
        JobCommand::Named { .. } => None,
    };
    if let (Some(slot), None, false) = (key, job.run_args, job.command.is_script()) {
        let message = "the arguments of a run would be options of this program, so they are refused: say \
                       `run_args: allowed` to let them pass, `run_args: refused` to stop this warning";
        out.warning_about(slot.subject(), slot.key_at, message);
    }
}

/// A script that says something.
pub(super) fn script(slot: Slot<'_>, out: &mut Diagnostics) -> Option<String> {
    let run = slot.text(out)?;
    if run.trim().is_empty() {
        slot.wrong("the script is empty", out);
        return None;
    }
    Some(run)
}

fn named(
    job: &mut Job,
    command: Slot<'_>,
    fields: &Fields<'_>,
    context: &Context<'_>,
    out: &mut Diagnostics,
) {
    let foreign = fields.get("metadata").and_then(|slot| foreign_args(slot.node));
    job.metadata.remove(FOREIGN_ARGS);
    let (args, key, at, node) = match (fields.get("args"), foreign) {
        (Some(args), Some((_, foreign_at))) => {
            let message = "`args` and `metadata.commandArgs` are the same: use only one";
            out.error_about(Subject::Key("metadata"), foreign_at, message);
            (args.map(out), "args", args.key_at, Some(args.node))
        }
        (Some(args), None) => (args.map(out), "args", args.key_at, Some(args.node)),
        (None, Some((node, at))) => (command.item(node).map(out), "metadata", at, Some(node)),
        (None, None) => (Some(Map::new()), "command", command.key_at, None),
    };
    let Some(name) = command.line(out) else { return };
    if !context.commands.contains(&name) {
        unknown(command, &name, context, out);
        return;
    }
    let Some(args) = args else { return };
    if let Err(problems) = context.rules.catalog.check(&name, &args) {
        for problem in problems {
            let at = node.and_then(|node| locate(node, &problem.path)).unwrap_or(at);
            let place = if problem.path.is_empty() {
                String::new()
            } else {
                format!("argument {} ", quoted(&problem.path))
            };
            let message = format!("command `{name}`: {place}{}", problem.message);
            out.error_about(Subject::Key(key), at, message);
        }
    }
    job.command = JobCommand::Named { command: name, args };
}

fn unknown(slot: Slot<'_>, name: &str, context: &Context<'_>, out: &mut Diagnostics) {
    let hint = out.did_you_mean(name, context.commands.iter().map(String::as_str));
    let hint = if hint.is_empty() {
        let names: Vec<&str> =
            context.commands.iter().take(MOST_NAMES).map(String::as_str).collect();
        format!(": available commands are {}; put a shell command in `run`", names.join(", "))
    } else {
        hint
    };
    slot.wrong(format!("unknown command {}{hint}", quoted(name)), out);
}

/// `metadata.commandArgs` and where its key stands.
fn foreign_args(metadata: &Node) -> Option<(&Node, Mark)> {
    let Content::Map(entries) = &metadata.content else { return None };
    let entry = entries.iter().find(|entry| entry.key == FOREIGN_ARGS)?;
    Some((&entry.value, entry.key_at))
}

/// The place of `aggregate.op` or `paths[2]` within the arguments: of the deepest part of it that
/// is there.
fn locate(args: &Node, path: &str) -> Option<Mark> {
    let mut node = args;
    let mut found = None;
    for part in path.split(['.', '[']).filter(|part| !part.is_empty()) {
        let next = match &node.content {
            Content::Map(entries) => {
                entries.iter().find(|entry| entry.key == part).map(|entry| &entry.value)
            }
            Content::List(items) => {
                part.trim_end_matches(']').parse().ok().and_then(|index: usize| items.get(index))
            }
            Content::Scalar(_) => None,
        };
        let Some(next) = next else { break };
        node = next;
        found = Some(node.at);
    }
    found
}
