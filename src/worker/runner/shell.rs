//! The life of an attempt's process group, from its start until nothing of it is left that should
//! not be.
//!
//! Owns the order of things at the end: an attempt is over when its main process has ended; after a
//! kill, and after a failure, when its group is empty. Never decides what the end means for the
//! execution.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rustix::process::{Pid, Signal, test_kill_process_group};
use tokio::process::Child;

use super::environment::Environment;
use super::launch::Launched;
use super::named::Bounds;
use super::pipes::Pipes;
use super::stop::{Cause, Stop};
use super::verdict::Verdict;
use super::{Report, Runner};
use crate::clock::Clock;
use crate::model::{Assignment, Ended, Outcome, StuckProcess, describe_exit_code};
use crate::worker::output_log::OutputLog;
use crate::worker::processes::{VANISH, alive_in_group, own_session, signal_group};
use crate::worker::stuck;
use crate::worker::wait;

/// How long until a line without an end is shown to readers.
const PARTIAL_LINE: Duration = Duration::from_millis(500);

/// The shortest and the longest time between two looks at a group that is being ended.
const POLL_INTERVALS: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(100));

/// A process group that runs.
struct Group<'a> {
    id: i32,
    child: Child,
    pipes: Pipes,
    log: &'a Arc<OutputLog>,
    bounds: Bounds,
    stop: &'a Stop,
    exit: Option<ExitStatus>,
    ending: Option<Ending>,
    /// When a line that has begun is shown to others.
    partial_due: Option<Duration>,
    /// Processes that SIGKILL did not end, as they were last reported.
    stuck: Vec<StuckProcess>,
    /// Tells who holds the attempt of them.
    report_stuck: ReportStuck<'a>,
}

/// Reports processes that cannot be ended: since when, why they are to end, which.
type ReportStuck<'a> = Box<dyn Fn(DateTime<Utc>, String, Vec<StuckProcess>) + Send + Sync + 'a>;

/// A group that is being ended.
struct Ending {
    /// `None` = the main process failed and left others behind.
    cause: Option<Cause>,
    /// When SIGKILL follows, or has followed; then when it is given up. Since the boot.
    due: Duration,
    killed: bool,
    next_poll: Duration,
    /// Wall time of the SIGKILL.
    killed_at: Option<DateTime<Utc>>,
}

impl Runner {
    pub(super) async fn run_shell(
        &self,
        assignment: &Assignment,
        process: Launched,
        environment: &Environment,
        log: &Arc<OutputLog>,
        bounds: Bounds,
        stop: &Stop,
    ) -> Ended {
        let redact = environment.redact.as_deref();
        let Launched { child, pipes, invocation } = process;
        let started_at = Clock.now().wall;
        let pid = child.id();
        self.started(assignment, pid, started_at).await;
        let id = pid.and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default();
        let (exit, ending, partial_due) = (None, None, None);
        let key = assignment.key;
        let report_stuck: ReportStuck<'_> = Box::new(move |since, reason, processes| {
            let report = Report::CannotStop { key, since, reason, processes };
            if self.reports.try_send(report).is_err() {
                tracing::warn!(execution = %key.execution_id, "processes that cannot be ended were not reported");
            }
        });
        let stuck = Vec::new();
        let mut group = Group {
            id,
            child,
            pipes,
            log,
            bounds,
            stop,
            exit,
            ending,
            partial_due,
            stuck,
            report_stuck,
        };
        let verdict = group.supervise(&assignment.success_exit_codes).await;
        let mut ended = verdict.redacted(redact).ended(assignment, Some(started_at));
        log.settle().await;
        ended.output_lost = log.lost();
        if group.pipes.is_open() {
            self.draining.spawn(group.pipes.drain(log.clone()));
        } else {
            log.close();
        }
        drop(invocation);
        ended
    }
}

impl Group<'_> {
    /// Supervises the group until the attempt is over.
    async fn supervise(&mut self, success: &[i32]) -> Verdict {
        loop {
            if let Some(exit) = self.exit
                && self.is_over(exit, success)
            {
                self.pipes.read_rest(self.log).await;
                return self.verdict(exit, success);
            }
            let wake = self.wake();
            tokio::select! {
                exit = self.child.wait(), if self.exit.is_none() => {
                    // Waiting for a child of ours fails only if someone else took its status: that
                    // is no success.
                    self.exit = Some(exit.unwrap_or_else(|_| ExitStatus::from_raw(255 << 8)));
                }
                () = self.pipes.pump(Some(self.log)), if self.pipes.is_open() => {}
                () = self.stop.token().cancelled(), if self.ending.is_none() => {
                    self.begin_ending(self.stop.cause());
                }
                // Suspend has no event, nor has a group that becomes empty, nor a line that does
                // not end.
                () = wait::at_most(wake) => self.woken(),
                () = self.stop.abandoned().cancelled(), if !self.stuck.is_empty() => {}
            }
        }
    }

    /// Whether the attempt is over, now that the main process has ended.
    fn is_over(&mut self, exit: ExitStatus, success: &[i32]) -> bool {
        if self.ending.is_none() {
            if succeeded(exit, success) || self.is_empty() {
                return true;
            }
            // Nothing of a failed attempt may run on beside its retry.
            self.begin_ending(None);
        }
        // What cannot be ended keeps the attempt open, until someone gives it up: nothing may run beside it unasked.
        self.is_empty() || (self.is_vanish_over() && self.stop.abandoned().is_cancelled())
    }

    /// Whether SIGKILL was sent so long ago that whatever still lives cannot be ended.
    fn is_vanish_over(&self) -> bool {
        let now = Clock.now().monotonic;
        self.ending.as_ref().is_some_and(|ending| ending.killed && ending.due <= now)
    }

    /// Looks which processes SIGKILL did not end, reports them if they are others than before, and tries again: one may
    /// have become another user's, or have been stopped inside the kernel.
    fn look_for_stuck(&mut self) {
        let Some(Ending { killed_at: Some(since), cause, .. }) = self.ending else { return };
        let stuck = stuck::describe(&alive_in_group(self.id, own_session()));
        if stuck == self.stuck || stuck.is_empty() {
            return;
        }
        let reason = cause.map_or_else(|| "the main process failed".to_owned(), Cause::reason);
        tracing::warn!(group = self.id, %reason, "cannot end an attempt: {}", crate::model::stuck(&stuck));
        (self.report_stuck)(since, reason, stuck.clone());
        self.stuck = stuck;
    }

    /// Whether no process of the group is alive.
    fn is_empty(&self) -> bool {
        let Some(group) = Pid::from_raw(self.id) else { return true };
        if test_kill_process_group(group) == Err(rustix::io::Errno::SRCH) {
            return true;
        }
        // Zombies count for that signal, but not for us. No group spans two sessions, so one of
        // another session is a stranger's that took over the number.
        alive_in_group(self.id, own_session()).is_empty()
    }

    fn begin_ending(&mut self, cause: Option<Cause>) {
        signal_group(self.id, Signal::TERM);
        // A stopped process would not see it.
        signal_group(self.id, Signal::CONT);
        let due = Clock.now().monotonic.saturating_add(self.bounds.kill_grace);
        let (killed_at, next_poll) = (None, POLL_INTERVALS.0);
        self.ending = Some(Ending { cause, due, killed: false, next_poll, killed_at });
    }

    /// How long nothing needs to be looked at, if nothing happens.
    fn wake(&mut self) -> Option<Duration> {
        let partial = match self.log.has_partial() {
            true => Some(*self.partial_due.get_or_insert(Clock.now().monotonic + PARTIAL_LINE)),
            false => None,
        };
        self.partial_due = partial;
        let is_vanish_over = self.is_vanish_over();
        let due = match &mut self.ending {
            Some(_) if is_vanish_over && self.exit.is_some() => Some(STUCK_POLL),
            None => wait::until(self.bounds.due),
            Some(ending) if self.exit.is_none() => wait::until(Some(ending.due)),
            Some(ending) => {
                let look = ending.next_poll;
                ending.next_poll = (look * 2).min(POLL_INTERVALS.1);
                wait::until(Some(ending.due)).map(|due| due.min(look))
            }
        };
        [wait::until(partial), due].into_iter().flatten().min()
    }

    fn woken(&mut self) {
        let now = Clock.now().monotonic;
        if self.partial_due.take_if(|due| *due <= now).is_some() {
            self.log.flush_partial();
        }
        match &mut self.ending {
            None => {
                if let Some(cause) = self.bounds.passed() {
                    self.stop.set(cause);
                }
            }
            Some(ending) if ending.due <= now && !ending.killed => {
                ending.killed = true;
                ending.killed_at = Some(Clock.now().wall);
                ending.due = now + VANISH;
                ending.next_poll = POLL_INTERVALS.0;
                signal_group(self.id, Signal::KILL);
            }
            Some(ending) if ending.due <= now && self.exit.is_none() => {
                // The main process hangs inside the kernel with the signal pending: none of its
                // code runs again.
                self.exit = Some(ExitStatus::from_raw(Signal::KILL.as_raw()));
            }
            Some(ending) if ending.due <= now => {
                signal_group(self.id, Signal::KILL);
                self.look_for_stuck();
            }
            Some(_) => {}
        }
    }

    /// How it was ended, behind the reason.
    fn how(&self, killed: bool) -> String {
        if self.stop.abandoned().is_cancelled() && !self.stuck.is_empty() {
            return format!("; given up: {}", crate::model::stuck(&self.stuck));
        }
        if killed { "; ended by SIGKILL".to_owned() } else { String::new() }
    }

    fn verdict(&self, exit: ExitStatus, success: &[i32]) -> Verdict {
        let exit_code = exit.code();
        if let Some(Ending { cause: Some(cause), killed, .. }) = self.ending {
            let error = Some(cause.reason() + &self.how(killed));
            return Verdict { outcome: cause.outcome(), exit_code, error, result: None };
        }
        if succeeded(exit, success) {
            return Verdict { outcome: Outcome::Succeeded, exit_code, error: None, result: None };
        }
        Verdict { exit_code, ..Verdict::failed(describe(exit)) }
    }
}

/// How long between two looks at processes that SIGKILL did not end.
const STUCK_POLL: Duration = Duration::from_secs(1);

fn succeeded(exit: ExitStatus, success: &[i32]) -> bool {
    exit.code().is_some_and(|code| success.contains(&code))
}

/// An exit that is no success, in words.
fn describe(exit: ExitStatus) -> String {
    match (exit.code(), exit.signal()) {
        (Some(code), _) => describe_exit_code(code),
        (None, Some(signal)) => match signal_name(signal) {
            Some(name) => format!("killed by signal {signal} ({name})"),
            None => format!("killed by signal {signal}"),
        },
        (None, None) => "ended without an exit code".to_owned(),
    }
}

fn signal_name(signal: i32) -> Option<&'static str> {
    let named = [
        (Signal::HUP, "SIGHUP"),
        (Signal::INT, "SIGINT"),
        (Signal::QUIT, "SIGQUIT"),
        (Signal::ILL, "SIGILL"),
        (Signal::TRAP, "SIGTRAP"),
        (Signal::ABORT, "SIGABRT"),
        (Signal::BUS, "SIGBUS"),
        (Signal::FPE, "SIGFPE"),
        (Signal::KILL, "SIGKILL"),
        (Signal::USR1, "SIGUSR1"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::USR2, "SIGUSR2"),
        (Signal::PIPE, "SIGPIPE"),
        (Signal::ALARM, "SIGALRM"),
        (Signal::TERM, "SIGTERM"),
        (Signal::XCPU, "SIGXCPU"),
        (Signal::XFSZ, "SIGXFSZ"),
        (Signal::SYS, "SIGSYS"),
    ];
    named.iter().find(|(known, _)| known.as_raw() == signal).map(|(_, name)| *name)
}
