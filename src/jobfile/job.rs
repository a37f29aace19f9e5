//! Reading a job: each key into the model, with `defaults` laid under it.
//!
//! Owns what the keys of a job mean by themselves. What needs the other jobs (ids, dependencies) is
//! checked in `graph`, what needs the command catalog in `command`, when it fires in `timing`, as
//! whom and with what around it in `environment`.

use super::command;
use super::context::{Context, Origin};
use super::diagnostics::{Diagnostics, Mark, quoted};
use super::environment;
use super::fields::{Fields, Slot, set, set_some};
use super::keys::Scope;
use super::placement;
use super::timing::{self, ScheduleText};
use super::tree::{Content, Node};
use crate::model::{
    CatchUp, Condition, Dependency, Job, JobCommand, JobId, NamedCause, Overlap, Priority, Retry,
    RetryCause, RunArgs,
};

/// What a job is before its own keys are read.
#[derive(Debug, Clone)]
pub(super) struct Base {
    pub(super) job: Job,
    pub(super) shell: Vec<String>,
    pub(super) schedule: Option<ScheduleText>,
}

/// A job that was read, with the places that later checks point at.
#[derive(Debug)]
pub(super) struct Read {
    /// The job; under a stand-in id if its own is missing or illegal.
    pub(super) job: Job,
    /// Its id, if it has a legal one, and where that stands.
    pub(super) id: Option<(JobId, Mark)>,
    /// Where errors about the job as a whole are reported.
    pub(super) home: Mark,
    /// Where each of its dependencies stands.
    pub(super) dependencies_at: Vec<Mark>,
    pub(super) schedule: Option<ScheduleText>,
}

/// Reads `defaults`, or gives the defaults of the house.
pub(super) fn defaults(
    slot: Option<Slot<'_>>,
    context: &Context<'_>,
    out: &mut Diagnostics,
) -> Base {
    #[expect(clippy::expect_used, reason = "a literal that a test reads, too")]
    let stand_in = JobId::new("unnamed").expect("a legal id");
    let job = Job::new(stand_in, JobCommand::script(""));
    let mut base = Base { job, shell: JobCommand::default_shell(), schedule: None };
    if context.origin == Origin::File {
        base.job.working_dir = context.rules.base_dir.to_str().map(str::to_owned);
        if base.job.working_dir.is_none() {
            let top = Mark { source: 0, line: 1, column: 1 };
            out.error(top, "the path of the jobs file's folder is not valid UTF-8");
        }
    }
    let Some(slot) = slot else { return base };
    let what = "a map of keys of a job, such as {timeout: 1h}";
    let Some(fields) = slot.fields(Scope::Job, what, out) else { return base };
    for own in fields.iter().filter(|slot| slot.key.own) {
        let message =
            format!("`{}` is not allowed in `defaults`: it belongs to one job", own.key.name);
        own.wrong_key(message, out);
    }
    shared(&mut base, &fields, context, out);
    base
}

/// Reads one job.
pub(super) fn read(
    node: &Node,
    base: &Base,
    context: &Context<'_>,
    out: &mut Diagnostics,
) -> Option<Read> {
    let what = "a job: a map with `id`, and `run` or `command`";
    let fields = Fields::read(node, Scope::Job, what, out)?;
    let mut base = base.clone();
    let id = fields.get("id");
    let home = match (id, context.origin) {
        (Some(id), Origin::File) => id.key_at,
        _ => fields.at,
    };
    if id.is_none() {
        fields.missing("id", home, "a job needs an `id`", out);
    }
    let id = id.and_then(|slot| {
        let text = slot.line(out)?;
        let id = JobId::new(&text).map_err(|problem| slot.wrong(problem.to_string(), out)).ok()?;
        Some((id, slot.node.at))
    });
    if let Some((id, _)) = &id {
        base.job.id = id.clone();
    }
    shared(&mut base, &fields, context, out);
    let Base { mut job, shell, schedule } = base;
    job.name = fields.line("name", out);
    command::read(&mut job, shell, &fields, home, context, out);
    timing::bounds(&mut job, &fields, context, out);
    let mut dependencies_at = Vec::new();
    if let Some(slot) = fields.get("dependencies") {
        (job.dependencies, dependencies_at) = dependencies(slot, out);
    }
    Some(Read { job, id, home, dependencies_at, schedule })
}

/// The keys that a job and `defaults` share.
fn shared(base: &mut Base, fields: &Fields<'_>, context: &Context<'_>, out: &mut Diagnostics) {
    let job = &mut base.job;
    set_some(&mut job.description, fields.text("description", out));
    if let Some(slot) = fields.get("shell") {
        match slot.lines(out) {
            Some(shell) if !shell.is_empty() => base.shell = shell,
            Some(_) => slot.wrong("must name a program, as in [/bin/sh, -c]", out),
            None => {}
        }
    }
    timing::rules(job, &mut base.schedule, fields, context, out);
    policies(job, fields, out);
    retries(job, fields, out);
    placement::read(job, fields, context, out);
    environment::read(job, fields, context, out);
    if let Some(slot) = fields.get("shell") {
        environment::look_for_shell(slot, &base.shell, job, out);
    }
}

fn policies(job: &mut Job, fields: &Fields<'_>, out: &mut Diagnostics) {
    let words = [("high", Priority::High), ("medium", Priority::Medium), ("low", Priority::Low)];
    set(&mut job.priority, fields.get("priority").and_then(|slot| slot.one_of(&words, out)));
    set(&mut job.priority_aging, fields.positive_duration("priority_aging", out));
    set(&mut job.enabled, fields.flag("enabled", out));
    set_some(&mut job.timeout, fields.positive_duration("timeout", out));
    set_some(&mut job.deadline, fields.positive_duration("deadline", out));
    set_some(&mut job.dependency_timeout, fields.positive_duration("dependency_timeout", out));
    set_some(&mut job.start_timeout, fields.positive_duration("start_timeout", out));
    set(&mut job.kill_grace, fields.duration("kill_grace", out));
    let words = [
        ("skip", Overlap::Skip),
        ("queue", Overlap::Queue),
        ("queue_all", Overlap::QueueAll),
        ("allow", Overlap::Allow),
        ("replace", Overlap::Replace),
    ];
    set(&mut job.overlap, fields.get("overlap").and_then(|slot| slot.one_of(&words, out)));
    let words = [("allowed", RunArgs::Allowed), ("refused", RunArgs::Refused)];
    set_some(&mut job.run_args, fields.get("run_args").and_then(|slot| slot.one_of(&words, out)));
    let words = [("none", CatchUp::None), ("latest", CatchUp::Latest), ("all", CatchUp::All)];
    set(&mut job.catch_up, fields.get("catch_up").and_then(|slot| slot.one_of(&words, out)));
    set(&mut job.catch_up_window, fields.duration("catch_up_window", out));
    if let Some(slot) = fields.get("success_exit_codes") {
        let items = slot.list("a list such as [0, 3]", out);
        let codes = items.map(|items| {
            let codes = items.iter().filter_map(|item| exit_code(slot.item(item), out));
            codes.collect::<Vec<i32>>()
        });
        match codes {
            Some(codes) if codes.is_empty() && items.is_some_and(<[Node]>::is_empty) => {
                slot.wrong("must list at least one exit code, or the job can never succeed", out);
            }
            codes => set(&mut job.success_exit_codes, codes),
        }
    }
}

fn exit_code(slot: Slot<'_>, out: &mut Diagnostics) -> Option<i32> {
    slot.integer(0, 255, out).and_then(|code| i32::try_from(code).ok())
}

fn retries(job: &mut Job, fields: &Fields<'_>, out: &mut Diagnostics) {
    set(&mut job.retry, fields.get("retry").and_then(|slot| retry(slot, out)));
    for (name, causes) in [("retry_on", &mut job.retry_on), ("no_retry_on", &mut job.no_retry_on)] {
        let Some(slot) = fields.get(name) else { continue };
        let Some(items) = slot.list("a list such as [75, timeout]", out) else { continue };
        *causes = items.iter().filter_map(|item| cause(slot.item(item), out)).collect();
    }
}

fn retry(slot: Slot<'_>, out: &mut Diagnostics) -> Option<Retry> {
    let what = "a map such as {type: fixed, max_retries: 3, delay: 10s}";
    let fields = slot.fields(Scope::Retry, what, out)?;
    let max_retries = fields.get("max_retries").map(|slot| slot.integer(0, 10_000, out));
    let max_retries = max_retries.map_or(Some(3), |number| u32::try_from(number?).ok());
    let second = std::time::Duration::from_secs(1);
    let delay = fields.duration("delay", out).unwrap_or(second);
    let max_delay = fields.duration("max_delay", out).unwrap_or(second * 300);
    let jitter = fields.get("jitter").and_then(|slot| slot.fraction(out)).unwrap_or(0.0);
    let Some(kind) = fields.get("type") else {
        let message = "`retry` needs a `type`: none, fixed or exponential";
        fields.missing("type", slot.key_at, message, out);
        return None;
    };
    let words = [("none", 0), ("fixed", 1), ("exponential", 2)];
    let kind = kind.one_of(&words, out)?;
    let max_retries = max_retries?;
    Some(match kind {
        0 => Retry::None,
        1 => Retry::Fixed { max_retries, delay, jitter },
        _ => Retry::Exponential { max_retries, delay, max_delay, jitter },
    })
}

fn cause(slot: Slot<'_>, out: &mut Diagnostics) -> Option<RetryCause> {
    match &slot.node.content {
        Content::Scalar(scalar) if scalar.plain && scalar.text.parse::<i64>().is_ok() => {
            exit_code(slot, out).map(RetryCause::ExitCode)
        }
        _ => {
            let words = [
                ("timeout", NamedCause::Timeout),
                ("worker_lost", NamedCause::WorkerLost),
                ("not_started", NamedCause::NotStarted),
            ];
            slot.one_of(&words, out).map(RetryCause::Named)
        }
    }
}

/// The dependencies and where each stands.
fn dependencies(slot: Slot<'_>, out: &mut Diagnostics) -> (Vec<Dependency>, Vec<Mark>) {
    let items = slot.list("a list of job ids such as [fetch, load]", out).unwrap_or(&[]);
    let read = items.iter().filter_map(|item| {
        let dependency = dependency(slot.item(item), out)?;
        Some((dependency, item.at))
    });
    let mut read: Vec<(Dependency, Mark)> = read.collect();
    let mut seen = std::collections::HashSet::new();
    read.retain(|(dependency, at)| {
        let fresh = seen.insert(dependency.job.clone());
        if !fresh {
            let id = quoted(dependency.job.as_str());
            let message = format!("`dependencies`: {id} is listed twice");
            out.error_about(slot.subject(), *at, message);
        }
        fresh
    });
    read.into_iter().unzip()
}

fn dependency(slot: Slot<'_>, out: &mut Diagnostics) -> Option<Dependency> {
    let id = |slot: Slot<'_>, out: &mut Diagnostics| {
        let text = slot.line(out)?;
        JobId::new(&text).map_err(|problem| slot.wrong(problem.to_string(), out)).ok()
    };
    let Content::Map(_) = &slot.node.content else {
        return Some(Dependency { job: id(slot, out)?, on: Condition::Success, within: None });
    };
    let fields = slot.fields(Scope::Dependency, "a job id", out)?;
    let words = [
        ("success", Condition::Success),
        ("failure", Condition::Failure),
        ("completion", Condition::Completion),
    ];
    let on = fields.get("on").and_then(|slot| slot.one_of(&words, out)).unwrap_or_default();
    let within = fields.positive_duration("within", out);
    let Some(job) = fields.get("job") else {
        fields.missing("job", fields.at, "a dependency needs a `job`", out);
        return None;
    };
    Some(Dependency { job: id(job, out)?, on, within })
}
