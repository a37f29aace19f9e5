//! Reading what is around a job's command: its environment, its folder, its user, what follows a
//! failure; and the words that are only kept.
//!
//! Owns what paths are meant from. Never reads what a secret file holds.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::context::{Context, Origin};
use super::diagnostics::{Diagnostics, quoted};
use super::fields::{Fields, Slot, set, set_some};
use super::keys::Scope;
use super::tree::Content;
use super::{command, machine};
use crate::model::{EnvValue, Job, OnFailure};

/// Reads the keys.
pub(super) fn read(
    job: &mut Job,
    fields: &Fields<'_>,
    context: &Context<'_>,
    out: &mut Diagnostics,
) {
    if let Some(slot) = fields.get("env") {
        env(slot, &mut job.env, context, out);
    }
    if let Some(slot) = fields.get("working_dir") {
        let folder = path(slot, "folder", context, out);
        if let Some(folder) = &folder
            && let Some(problem) = machine::problem_with_folder(Path::new(folder))
        {
            slot.warn(format!("{} {problem}", quoted(folder)), out);
        }
        set_some(&mut job.working_dir, folder);
    }
    set(&mut job.output_limit, fields.size("output_limit", out));
    set(&mut job.tags, fields.lines("tags", out));
    if let Some(metadata) = fields.map("metadata", out) {
        job.metadata.extend(metadata);
    }
    if let Some(slot) = fields.get("on_failure") {
        set_some(&mut job.on_failure, on_failure(slot, out));
    }
    if let Some(slot) = fields.get("user") {
        set_some(&mut job.user, user(slot, context, out));
    }
}

fn env(
    slot: Slot<'_>,
    env: &mut BTreeMap<String, EnvValue>,
    context: &Context<'_>,
    out: &mut Diagnostics,
) {
    let entries = slot.entries("a map such as {LANG: C}", out).unwrap_or(&[]);
    for entry in entries {
        let name = &entry.key;
        if name.is_empty() || name.contains(['=', '\0']) {
            let name = quoted(name);
            let message = format!("`env`: {name} is not a valid variable name");
            out.error_about(slot.subject(), entry.key_at, message);
            continue;
        }
        let value = match &entry.value.content {
            _ if entry.value.is_null() => {
                let message = format!("{} has no value: write \"\" for an empty one", quoted(name));
                out.error_about(slot.subject(), entry.key_at, format!("`env`: {message}"));
                None
            }
            Content::Map(_) => secret(slot.item(&entry.value), context, out),
            _ => slot.item(&entry.value).text(out).map(EnvValue::Text),
        };
        if let Some(value) = value {
            env.insert(name.clone(), value);
        }
    }
}

/// A value that a file holds. What is in it is read by the worker, when an attempt starts.
fn secret(slot: Slot<'_>, context: &Context<'_>, out: &mut Diagnostics) -> Option<EnvValue> {
    let fields = slot.fields(Scope::EnvValue, "a text", out)?;
    let Some(file) = fields.get("secret_file") else {
        slot.wrong("a value must be text or a map such as {secret_file: /etc/secrets/db}", out);
        return None;
    };
    let secret_file = path(file, "file", context, out)?;
    if let Some(problem) = machine::problem_with_secret(Path::new(&secret_file)) {
        file.warn(format!("{} {problem}", quoted(&secret_file)), out);
    }
    Some(EnvValue::SecretFile { secret_file })
}

/// A path, absolute from here on: a relative one is meant from the jobs file's folder. `what` is
/// "folder" or "file".
fn path(
    slot: Slot<'_>,
    what: &str,
    context: &Context<'_>,
    out: &mut Diagnostics,
) -> Option<String> {
    let text = slot.line(out)?;
    if text == "~" || text.starts_with("~/") {
        slot.wrong("`~` is not expanded: write the full path", out);
        return None;
    }
    let path = Path::new(&text);
    if path.is_relative() && context.origin == Origin::Program {
        slot.wrong("must be an absolute path", out);
        return None;
    }
    let joined = context.rules.base_dir.join(path);
    let plain: PathBuf = joined.components().filter(|part| *part != Component::CurDir).collect();
    let text = plain.into_os_string().into_string();
    text.map_err(|_| slot.wrong(format!("the name of the {what} is not UTF-8"), out)).ok()
}

/// What is started once per failed execution.
fn on_failure(slot: Slot<'_>, out: &mut Diagnostics) -> Option<OnFailure> {
    let what = "a map such as {run: ./tell.sh} or {url: \"https://example.com/hook\"}";
    let fields = slot.fields(Scope::OnFailure, what, out)?;
    match (fields.get("run"), fields.get("url")) {
        (Some(run), None) => command::script(run, out).map(|run| OnFailure::Run { run }),
        (None, Some(url)) => address(url, out).map(|url| OnFailure::Url { url }),
        _ => {
            slot.wrong("needs exactly one of `run` and `url`", out);
            None
        }
    }
}

/// The address of a hook.
fn address(slot: Slot<'_>, out: &mut Diagnostics) -> Option<String> {
    let text = slot.line(out)?;
    let problem = match url::Url::parse(&text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            format!("must begin with http:// or https://, not {}:", url.scheme())
        }
        Ok(_) => return Some(text),
        Err(error) => {
            format!("is not a valid URL ({error}): write it like https://example.com/hook")
        }
    };
    slot.wrong(format!("{} {problem}", quoted(&text)), out);
    None
}

/// Whom the commands run as.
fn user(slot: Slot<'_>, context: &Context<'_>, out: &mut Diagnostics) -> Option<String> {
    let name = slot.line(out)?;
    let legal = |c: char| c.is_alphanumeric() || "._-@$".contains(c);
    if !name.chars().all(legal) || name.starts_with('-') || name.len() > 256 {
        slot.wrong(format!("{} is not a valid user name", quoted(&name)), out);
        return None;
    }
    if !context.rules.is_root {
        let message = "only an engine that runs as root can start commands as another user: remove \
                       this key, or run crontower as root";
        slot.wrong(message, out);
        return None;
    }
    if let Some(problem) = machine::problem_with_user(&name) {
        slot.warn(format!("{} {problem}", quoted(&name)), out);
    }
    Some(name)
}

/// Warns of a shell whose program is not there.
pub(super) fn look_for_shell(slot: Slot<'_>, shell: &[String], job: &Job, out: &mut Diagnostics) {
    // A PATH of the job's own may be another at each attempt: it can come from a file.
    let path = (!job.env.contains_key("PATH")).then(|| std::env::var_os("PATH")).flatten();
    let Some(program) = shell.first() else { return };
    if let Some(problem) = machine::problem_with_program(program, path.as_deref()) {
        slot.warn(format!("{} {problem}", quoted(program)), out);
    }
}
