//! Processes of an attempt that is being ended and that SIGKILL did not end: they cannot be signalled (another user's,
//! as under sudo), or they hang inside the kernel.
//!
//! Owns finding out which of the two, and whose they are. Never signals anything.

use std::fs;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::processes::Process;
use crate::model::{StuckProcess, passwd_entries};

/// At most so many are reported: an attempt may leave thousands.
const MOST_REPORTED: usize = 20;

/// What is known about processes that should have ended.
pub(super) fn describe(processes: &[Process]) -> Vec<StuckProcess> {
    processes.iter().take(MOST_REPORTED).filter_map(one).collect()
}

fn one(process: &Process) -> Option<StuckProcess> {
    let is_refused = test_kill_process(Pid::from_raw(process.pid)?) == Err(Errno::PERM);
    let owner = owner(process.pid)?;
    Some(StuckProcess { pid: u32::try_from(process.pid).ok()?, owner, is_refused })
}

/// The name of the user that a process runs as, or the number where that has no name; `None` of one that is gone.
fn owner(pid: i32) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let uid = uid_in(&status)?;
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = passwd_entries(&users).find(|user| user.uid == uid).map(|user| user.name.to_owned());
    Some(name.unwrap_or_else(|| uid.to_string()))
}

/// The real user id.
fn uid_in(status: &str) -> Option<u32> {
    status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_a_process_is_named() {
        let own = i32::try_from(std::process::id()).unwrap();
        let uid = rustix::process::getuid().as_raw();
        let name = owner(own).unwrap();
        assert!(name == uid.to_string() || uid != 0 || name == "root", "{name}");
        assert_eq!(uid_in("Name:\tx\nUid:\t1000\t0\t0\t0\n"), Some(1000));
        assert_eq!((uid_in("Name:\tUid: 7\n"), uid_in("")), (None, None));
        assert_eq!(owner(i32::MAX), None);
    }
}
