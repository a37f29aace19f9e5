//! Whether a crontab's entries name a user, as those of /etc/crontab do.
//!
//! Owns the look at its content. Read the wrong way a user becomes part of the command, and `root test -x F || work`
//! does the work that the test was to prevent: where the content leaves it open, the answer is a question.

use super::line::word;
use super::origin::{Kind, Machine};
use crate::jobfile::diagnostics::quoted;

/// Users that are the name of a program on many machines.
const BOTH: [&str; 26] = [
    "backup",
    "bin",
    "cron",
    "docker",
    "elasticsearch",
    "ftp",
    "games",
    "git",
    "irc",
    "list",
    "lp",
    "mail",
    "man",
    "mysql",
    "news",
    "nginx",
    "node",
    "ntp",
    "postgres",
    "proxy",
    "puppet",
    "redis",
    "rsync",
    "squid",
    "sync",
    "www",
];
/// Users that no program is named after, known here or not.
const USERS: [&str; 8] =
    ["root", "www-data", "nobody", "daemon", "apache", "_apt", "systemd-network", "messagebus"];
/// What a shell does by itself, and what stands at the begin of many commands.
const COMMANDS: [&str; 12] =
    ["cd", "test", "[", "[[", "{", "(", "if", "for", "while", "exec", "export", "."];

/// What the first word behind an entry's schedule can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    User,
    Command,
    Either,
}

/// What is known of the entries of a crontab.
#[derive(Debug, Default)]
pub(super) struct Evidence<'a> {
    /// The first entry that surely names a user, with its line.
    user: Option<(usize, &'a str)>,
    command: Option<(usize, &'a str)>,
    either: Option<(usize, &'a str)>,
    /// What the heading says: whether there is a column for the user.
    heading: Option<bool>,
}

impl<'a> Evidence<'a> {
    pub(super) fn comment(&mut self, comment: &str) {
        let words = || comment.split(|c: char| !c.is_ascii_alphanumeric());
        let says = |wanted: &[&str]| words().any(|word| wanted.contains(&word));
        if says(&["dow", "DOW"]) && says(&["dom", "DOM"]) && says(&["command", "cmd", "user"]) {
            self.heading = Some(says(&["user", "USER", "who"]));
        } else if comment.starts_with('*') && says(&["user"]) && says(&["command"]) {
            self.heading = Some(true);
        }
    }

    pub(super) fn entry(&mut self, line: usize, rest: &'a str, machine: &dyn Machine) {
        let (first, _) = word(rest);
        let slot = match first_word(rest, machine) {
            First::User => &mut self.user,
            First::Command => &mut self.command,
            First::Either => &mut self.either,
        };
        slot.get_or_insert((line, first));
    }

    /// # Errors
    /// Why it can be either.
    pub(super) fn verdict(&self) -> Result<Kind, String> {
        match (self.user, self.command, self.either, self.heading) {
            (None, None, None, _) | (None, Some(_), _, None | Some(false)) => Ok(Kind::User),
            (Some(_), None, _, _) | (None, None, Some(_), Some(true)) => Ok(Kind::System),
            (None, None, Some(_), Some(false)) => Ok(Kind::User),
            (Some((line, user)), Some((other, command)), _, _) => Err(format!(
                "line {line} seems to name a user ({}), line {other} does not ({})",
                quoted(user),
                quoted(command)
            )),
            (None, Some((line, command)), _, Some(true)) => Err(format!(
                "its heading has a column for the user, and line {line} names none ({})",
                quoted(command)
            )),
            (None, None, Some((line, word)), None) => {
                Err(format!("{} in line {line} can be a user or a command", quoted(word)))
            }
        }
    }
}

fn first_word(rest: &str, machine: &dyn Machine) -> First {
    let (first, behind) = word(rest);
    let (second, _) = word(behind);
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let can_be_user = first.chars().all(legal)
        && first.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    // A user is followed by a command, and none begins like this.
    let can_be_followed = second.starts_with(|c: char| !"-<>|&;".contains(c));
    if !can_be_user || !can_be_followed || COMMANDS.contains(&first) {
        return First::Command;
    }
    if USERS.contains(&first) {
        return First::User;
    }
    let is_command = machine.is_command(first);
    if machine.is_user(first) {
        let both = BOTH.contains(&first) || is_command;
        return if both { First::Either } else { First::User };
    }
    // A user of another machine stands before a command, too.
    let runs = COMMANDS.contains(&second)
        || machine.is_command(second)
        || (second.starts_with('/') && (second.contains("/bin/") || second.contains("/sbin/")));
    if !is_command && runs { First::Either } else { First::Command }
}
