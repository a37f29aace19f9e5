//! What a job wants of the machine and does not find there: the file of a secret, a folder, a program, a user.
//!
//! Owns the checks that look at the machine. What they find are warnings, for a file may be written on another machine, or
//! before what it names is there. Never reads what a secret file holds.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::model::passwd_entries;

/// What is wrong with the file of a secret, as far as can be seen without reading it.
pub(super) fn problem_with_secret(path: &Path) -> Option<String> {
    let metadata = match look(path) {
        Ok(metadata) => metadata,
        Err(problem) => return Some(problem),
    };
    let mode = metadata.permissions().mode();
    if !metadata.is_file() {
        return Some("is not a file: attempts will fail".to_owned());
    }
    let others = "is readable by every user of this machine: run `chmod o-r` on it";
    (mode & 0o004 != 0).then(|| others.to_owned())
}

/// What is wrong with a folder that commands are to start in.
pub(super) fn problem_with_folder(path: &Path) -> Option<String> {
    match look(path) {
        Ok(metadata) => {
            (!metadata.is_dir()).then(|| "is not a folder: attempts will fail".to_owned())
        }
        Err(problem) => Some(problem),
    }
}

/// What is wrong with the program of a shell. `path` is the PATH to look for a bare name in; without one, and of a path
/// that is meant from the folder that commands start in, nothing is said.
pub(super) fn problem_with_program(program: &str, path: Option<&OsStr>) -> Option<String> {
    let cannot_start = "is not executable: attempts will fail";
    if program.starts_with('/') {
        let startable = look(Path::new(program)).map(|metadata| is_program(&metadata));
        return match startable {
            Ok(startable) => (!startable).then(|| cannot_start.to_owned()),
            Err(problem) => Some(problem),
        };
    }
    if program.contains('/') {
        return None;
    }
    let found = std::env::split_paths(path?).any(|folder| {
        fs::metadata(folder.join(program)).is_ok_and(|metadata| is_program(&metadata))
    });
    (!found).then(|| "is not in PATH: attempts will fail until it is".to_owned())
}

/// What is wrong with a user. Where the machine asks a directory service, too, nothing is said.
pub(super) fn problem_with_user(name: &str) -> Option<String> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let known = is_listed(&read("/etc/passwd"), name) || asks_others(&read("/etc/nsswitch.conf"));
    (!known).then(|| "is not a user of this machine: attempts will fail until it is".to_owned())
}

fn look(path: &Path) -> Result<fs::Metadata, String> {
    fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "does not exist: attempts will fail until it does".to_owned(),
        _ => format!("cannot be checked: {error}"),
    })
}

fn is_program(metadata: &fs::Metadata) -> bool {
    metadata.is_file() && metadata.permissions().mode() & 0o111 != 0
}

fn is_listed(passwd: &str, name: &str) -> bool {
    passwd_entries(passwd).any(|entry| entry.name == name)
}

/// Whether users may be listed elsewhere than in /etc/passwd.
fn asks_others(nsswitch: &str) -> bool {
    let sources = nsswitch.lines().find_map(|line| line.trim().strip_prefix("passwd:"));
    let mut words = sources.unwrap_or("").split_whitespace();
    words.any(|word| !matches!(word, "files" | "compat" | "systemd") && !word.starts_with('['))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_a_directory_service_are_not_doubted() {
        assert!(!asks_others("# x\npasswd:  files systemd\ngroup: files ldap\n"));
        assert!(!asks_others(""));
        assert!(asks_others("passwd: files [NOTFOUND=continue] sss\n"));
        assert!(is_listed("root:x:0:0::/root:/bin/sh\n", "root"));
        assert!(!is_listed("root:x:0:0::/root:/bin/sh\n", "roo"));
    }
}
