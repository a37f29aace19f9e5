//! What /proc knows about the processes of this machine, and how a process group is ended reliably.
//!
//! Owns the reading of /proc and the proof that a process belongs to an attempt, so that a process
//! id that was used again is never hit. Never knows why something is ended.

use std::fs;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, getpid, kill_process_group, pidfd_open};

use crate::clock::Clock;
use crate::model::{AttemptKey, ON_FAILURE};

/// The unit of start times in /proc: 100 a second on every Linux (it is part of the kernel's ABI).
const TICK: Duration = Duration::from_millis(10);

/// How long a process may take to vanish after SIGKILL. One that takes longer hangs inside the
/// kernel; the signal is pending, so none of its own code runs again, and it may be called ended.
pub(super) const VANISH: Duration = Duration::from_secs(10);

/// The session or group whose leader lies outside of this pid namespace, as /proc shows it: many
/// unrelated processes may bear it, so it proves nothing.
const OUTSIDE: i32 = 0;

/// The session that this process is in, as /proc shows it: rustix 1.1 panics in getsid(2) and
/// getpgrp(2) when the leader lies outside of this pid namespace, as in a container that a process
/// was sent into.
pub(super) fn own_session() -> i32 {
    Process::own().map_or(OUTSIDE, |process| process.session)
}

/// The group that this process is in.
pub(super) fn own_group() -> i32 {
    Process::own().map_or(OUTSIDE, |process| process.group)
}

/// One process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: i32,
    pub(super) group: i32,
    pub(super) session: i32,
    /// Since the boot.
    pub(super) started: Duration,
    /// A zombie, or dead.
    pub(super) ended: bool,
}

impl Process {
    fn own() -> Option<Self> {
        Self::read(Pid::as_raw_pid(getpid()))
    }

    /// Reads a process; `None` if there is none of that id.
    pub(super) fn read(pid: i32) -> Option<Self> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        Self::parse(pid, &stat)
    }

    fn parse(pid: i32, stat: &[u8]) -> Option<Self> {
        // The second field is the program's name in parentheses and may hold anything, blanks and
        // parentheses included.
        let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
        let rest = str::from_utf8(stat.get(after_name..)?).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().take(20).collect();
        let ticks: u32 = u32::try_from(fields.get(19)?.parse::<u64>().ok()?).unwrap_or(u32::MAX);
        Some(Self {
            pid,
            group: fields.get(2)?.parse().ok()?,
            session: fields.get(3)?.parse().ok()?,
            started: TICK.saturating_mul(ticks),
            ended: matches!(*fields.first()?, "Z" | "X" | "x"),
        })
    }

    /// Every process that can be seen.
    pub(super) fn all() -> Vec<Self> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        entries
            .filter_map(Result::ok)
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter_map(Self::read)
            .collect()
    }

    /// Whether its environment says that it belongs to the attempt. That of an `on_failure` has the number of the attempt
    /// that failed, but is the only one that knows its state.
    pub(super) fn belongs_to(&self, key: AttemptKey) -> bool {
        let Ok(environment) = fs::read(format!("/proc/{}/environ", self.pid)) else {
            return false;
        };
        let execution = format!("CRONTOWER_EXECUTION_ID={}", key.execution_id);
        let attempt = format!("CRONTOWER_ATTEMPT={}", key.attempt);
        let has = |text: &str| environment.split(|b| *b == 0).any(|var| var == text.as_bytes());
        let state = b"CRONTOWER_STATE=";
        let has_state = || environment.split(|b| *b == 0).any(|var| var.starts_with(state));
        has(&execution) && if key.attempt == ON_FAILURE { has_state() } else { has(&attempt) }
    }
}

/// The processes that still live in a group of this session.
pub(super) fn alive_in_group(group: i32, session: i32) -> Vec<Process> {
    let mut processes = Process::all();
    processes
        .retain(|process| process.group == group && process.session == session && !process.ended);
    processes
}

/// Sends a signal to a group. A group that is gone, or that has become someone else's, is as good
/// as ended.
pub(super) fn signal_group(group: i32, signal: Signal) {
    if group > 1
        && let Some(group) = Pid::from_raw(group)
        && let Err(error) = kill_process_group(group, signal)
        && error != rustix::io::Errno::SRCH
    {
        tracing::warn!(group = group.as_raw_nonzero(), ?signal, %error, "a signal was refused");
    }
}

/// A group of an attempt whose worker process died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leftover {
    pub(super) key: AttemptKey,
    /// The group's id, unless the worker process died before it could write it down.
    pub(super) group: Option<i32>,
    /// The session of the dead worker process.
    pub(super) session: i32,
    /// When its leader was started, since the boot: not before, not after.
    pub(super) started: (Duration, Duration),
    /// Between SIGTERM and SIGKILL.
    pub(super) kill_grace: Duration,
}

impl Leftover {
    /// What is left of it, given all processes there are.
    fn alive<'a>(&self, all: &'a [Process]) -> Vec<&'a Process> {
        let Some(group) = self.group else {
            return all.iter().filter(|p| !p.ended && p.belongs_to(self.key)).collect();
        };
        let members: Vec<&Process> = all.iter().filter(|p| p.group == group && !p.ended).collect();
        // A group's id is not given away while the group has a member. So the leader, where it is
        // still there, decides for all; where it is gone, one member that is certainly of the attempt
        // does.
        let (earliest, latest) =
            (self.started.0.saturating_sub(2 * TICK), self.started.1 + 2 * TICK);
        let ours = match all.iter().find(|process| process.pid == group) {
            Some(leader) => (earliest..=latest).contains(&leader.started),
            None => members
                .iter()
                .filter(|member| member.started >= earliest)
                .any(|member| self.shares_its_session(member) || member.belongs_to(self.key)),
        };
        if ours { members } else { Vec::new() }
    }

    /// Whether anything is left of it.
    pub(super) fn is_alive(&self, all: &[Process]) -> bool {
        !self.alive(all).is_empty()
    }

    fn shares_its_session(&self, process: &Process) -> bool {
        self.session != OUTSIDE && process.session == self.session
    }
}

/// What is found while leftovers are ended.
pub(super) enum LeftoverNews<'a> {
    /// Nothing of it is alive.
    Gone,
    /// SIGKILL did not end these. Comes again when they change.
    Stuck(&'a [Process]),
}

/// Ends the groups that a dead worker process left behind, and comes back when nothing of any is alive. `news` hears of
/// each by its index. Blocks its thread.
pub(super) fn end_leftovers(
    leftovers: &[Leftover],
    own_group: i32,
    mut news: impl FnMut(usize, LeftoverNews<'_>),
) {
    let begin = Clock.now().monotonic;
    let mut over = vec![false; leftovers.len()];
    let mut terminated = vec![false; leftovers.len()];
    let mut stuck = vec![Vec::new(); leftovers.len()];
    loop {
        let all = Process::all();
        let elapsed = Clock.now().monotonic.saturating_sub(begin);
        let mut waiting_for: Vec<OwnedFd> = Vec::new();
        let mut next = Duration::from_millis(100);
        for (index, (leftover, terminated)) in leftovers.iter().zip(&mut terminated).enumerate() {
            if over[index] {
                continue;
            }
            let alive = leftover.alive(&all);
            if alive.is_empty() {
                over[index] = true;
                news(index, LeftoverNews::Gone);
                continue;
            }
            if elapsed > leftover.kill_grace.saturating_add(VANISH) {
                let now: Vec<Process> = alive.iter().map(|process| **process).collect();
                if stuck[index] != now {
                    news(index, LeftoverNews::Stuck(&now));
                    stuck[index] = now;
                }
                next = next.max(Duration::from_secs(1));
            }
            let signal = if elapsed >= leftover.kill_grace {
                Some(Signal::KILL)
            } else if *terminated {
                next = next.min(leftover.kill_grace.saturating_sub(elapsed));
                None
            } else {
                Some(Signal::TERM)
            };
            let mut groups: Vec<i32> = alive.iter().map(|process| process.group).collect();
            groups.sort_unstable();
            groups.dedup();
            for group in groups.into_iter().filter(|group| *group != own_group) {
                if let Some(signal) = signal {
                    signal_group(group, signal);
                    signal_group(group, Signal::CONT);
                }
            }
            *terminated = true;
            waiting_for.extend(alive.iter().take(64).filter_map(|process| {
                pidfd_open(Pid::from_raw(process.pid)?, PidfdFlags::empty()).ok()
            }));
        }
        if over.iter().all(|over| *over) {
            return;
        }
        wait_for_an_end(&waiting_for, next);
    }
}

/// Until one of the processes has ended, or `at_most`: a member that came after the look at /proc
/// has no descriptor here.
fn wait_for_an_end(processes: &[OwnedFd], at_most: Duration) {
    let mut fds: Vec<PollFd<'_>> =
        processes.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
    let at_most = Timespec::try_from(at_most.max(Duration::from_millis(1))).ok();
    // An interrupted or refused poll only brings the next look forward.
    if let Err(error) = poll(&mut fds, at_most.as_ref()) {
        tracing::debug!(%error, "poll on process descriptors");
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt as _;
    use std::process::{Command, Stdio};

    use super::*;

    const STAT: &[u8] =
        b"4711 (a) b (c) S 1 4711 99 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 1234 0 0\n";

    #[test]
    fn a_name_with_blanks_and_parentheses_does_not_shift_the_fields() {
        let process = Process::parse(4711, STAT).unwrap();
        assert_eq!((process.group, process.session, process.ended), (4711, 99, false));
        assert_eq!(process.started, Duration::from_millis(12_340));
        for garbage in [&b""[..], b"1 (x", b"1 (x) S", b"1 (x) S a b c d"] {
            assert_eq!(Process::parse(1, garbage), None);
        }
    }

    fn key() -> AttemptKey {
        AttemptKey { execution_id: "0192f0c123457abc8def0123456789ab".parse().unwrap(), attempt: 1 }
    }

    fn leftover(group: i32, session: i32, at: u64) -> Leftover {
        let at = Duration::from_secs(at);
        let kill_grace = Duration::from_millis(50);
        Leftover { key: key(), group: Some(group), session, started: (at, at), kill_grace }
    }

    #[test]
    fn a_process_id_that_was_used_again_is_not_taken_for_the_attempt() {
        let at = |pid, group, session, second| Process {
            pid,
            group,
            session,
            started: Duration::from_secs(second),
            ended: false,
        };
        let same_leader = [at(-10, -10, 5, 100), at(-11, -10, 5, 101)];
        assert_eq!(leftover(-10, 5, 100).alive(&same_leader).len(), 2);
        // Another process leads a group of that number, even in the same session: the old group is
        // gone.
        assert_eq!(leftover(-10, 5, 90).alive(&same_leader).len(), 0);
        // The leader is gone: the session of the dead worker process proves it.
        let no_leader = [at(-11, -10, 5, 101)];
        assert_eq!(leftover(-10, 5, 100).alive(&no_leader).len(), 1);
        assert_eq!(leftover(-10, 6, 100).alive(&no_leader).len(), 0);
        assert_eq!(leftover(-10, 5, 200).alive(&no_leader).len(), 0);
        // A session that leads from outside of this pid namespace proves nothing.
        let outside = [at(-11, -10, OUTSIDE, 101)];
        assert_eq!(leftover(-10, OUTSIDE, 100).alive(&outside).len(), 0);
    }

    #[test]
    fn leftovers_are_ended_even_if_they_ignore_sigterm() {
        let script = "trap '' TERM; sleep 1000 & echo up; wait; wait";
        let mut child = Command::new("/bin/sh")
            .args(["-c", script])
            .process_group(0)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut up = [0u8; 3];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut up).unwrap();
        let group = i32::try_from(child.id()).unwrap();
        let leader = Process::read(group).unwrap();
        let leftover = Leftover {
            key: key(),
            group: Some(group),
            session: leader.session,
            started: (leader.started, leader.started),
            kill_grace: Duration::from_millis(50),
        };
        assert_eq!(alive_in_group(group, leader.session).len(), 2);
        let mut gone = Vec::new();
        end_leftovers(&[leftover], 0, |index, news| {
            assert!(matches!(news, LeftoverNews::Gone));
            gone.push(index);
        });
        assert_eq!(gone, [0]);
        assert_eq!(alive_in_group(group, leader.session), []);
        child.wait().unwrap();
    }

    #[test]
    fn a_process_is_known_by_its_environment() {
        let mut child = Command::new("/bin/sh")
            .args(["-c", "echo up; read x"])
            .env("CRONTOWER_EXECUTION_ID", key().execution_id.to_string())
            .env("CRONTOWER_ATTEMPT", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut up = [0u8; 3];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut up).unwrap();
        let process = Process::read(i32::try_from(child.id()).unwrap()).unwrap();
        assert!(process.belongs_to(key()));
        assert!(!process.belongs_to(AttemptKey { attempt: 2, ..key() }));
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
