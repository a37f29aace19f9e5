//! Whom a command runs as, where that is not whoever runs the worker process.
//!
//! Owns the look into the list of users, and the way a command is started for one of them: through setpriv(1), since a
//! process cannot change its own user without leave of every library in it. Users are looked up in /etc/passwd, and where
//! that does not know them, by getent(1), which asks whatever the machine asks (LDAP, sssd).

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::model::{PasswdEntry, passwd_entries};

/// Looked for in these folders, never in a job's PATH: it is started as root.
const FOLDERS: [&str; 5] = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/run/current-system/sw/bin"];

/// How long a directory service may take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

/// A user of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunAs {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) home: PathBuf,
}

impl RunAs {
    /// Looks a user up.
    ///
    /// # Errors
    /// A sentence that says why no command can be started for them.
    pub(super) async fn find(name: &str) -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err(format!("not started: `user: {name}` needs crontower to run as root"));
        }
        let legal = |c: char| c.is_ascii_alphanumeric() || "._-$".contains(c);
        let number = name.bytes().all(|byte| byte.is_ascii_digit());
        if name.is_empty() || name.starts_with('-') || number || !name.chars().all(legal) {
            return Err(format!("not started: `{name}` is not a valid user name"));
        }
        let known = fs::read_to_string("/etc/passwd").unwrap_or_default();
        if let Some(run_as) = Self::listed(&known, name) {
            return Ok(run_as);
        }
        let unknown = || format!("not started: user `{name}` does not exist on this machine");
        let getent = tool("getent").ok_or_else(unknown)?;
        let mut asking = Command::new(getent);
        asking.args(["passwd", name]).stdin(std::process::Stdio::null()).kill_on_drop(true);
        match timeout(LOOKUP_TIMEOUT, asking.output()).await {
            Ok(Ok(answer)) => {
                let answer = String::from_utf8_lossy(&answer.stdout);
                Self::listed(&answer, name).ok_or_else(unknown)
            }
            Ok(Err(error)) => {
                Err(format!("not started: user `{name}` cannot be looked up: {error}"))
            }
            Err(_) => Err(format!("not started: looking up user `{name}` takes too long")),
        }
    }

    /// The user in lines as /etc/passwd has them.
    fn listed(lines: &str, name: &str) -> Option<Self> {
        let PasswdEntry { uid, gid, home, .. } =
            passwd_entries(lines).find(|entry| entry.name == name)?;
        let home = if home.starts_with('/') { home } else { "/" };
        Some(Self { name: name.to_owned(), uid, gid, home: home.into() })
    }

    /// The program and first arguments that start what follows them as this user; with the variables that the dynamic
    /// linker obeys, which must not reach a program that runs as root.
    ///
    /// # Errors
    /// When a tool is missing.
    pub(super) fn prefix(
        &self,
        for_linker: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Vec<OsString>, String> {
        let needed = |name: &str, package: &str| {
            tool(name).ok_or_else(|| {
                let user = &self.name;
                format!("not started: `user: {user}` needs `{name}`; install {package}")
            })
        };
        let mut words: Vec<OsString> = vec![needed("setpriv", "util-linux")?.into()];
        let gid = self.gid.to_string();
        let options = ["--reuid", &self.name, "--regid", &gid, "--init-groups", "--"];
        words.extend(options.map(OsString::from));
        let mut for_linker = for_linker.into_iter().peekable();
        if for_linker.peek().is_some() {
            words.push(needed("env", "coreutils")?.into());
            words.push("--".into());
            words.extend(for_linker.map(|(mut name, value)| {
                name.push("=");
                name.push(value);
                name
            }));
        }
        Ok(words)
    }
}

/// Whether the dynamic linker or the C library obeys a variable before a program's own first instruction, or reads files
/// that it names.
pub(super) fn is_for_linker(name: &str) -> bool {
    let others = ["GLIBC_TUNABLES", "GCONV_PATH", "LOCPATH", "NLSPATH", "MALLOC_TRACE"];
    name.starts_with("LD_") || others.contains(&name)
}

fn tool(name: &str) -> Option<PathBuf> {
    FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_read_from_a_line() {
        let lines = "# comment\nbad\nroot:x:0:0:root:/root:/bin/sh\nann:x:7:8:Ann, x:/home/ann:/bin/sh\n\
            odd:x:x:8::/:\nnone:x:9:10:::\n";
        let found = |name| RunAs::listed(lines, name);
        let ann = RunAs { name: "ann".into(), uid: 7, gid: 8, home: "/home/ann".into() };
        assert_eq!(found("ann"), Some(ann));
        assert_eq!(found("none").unwrap().home, Path::new("/"));
        for nobody in ["an", "odd", "bad", "", "x"] {
            assert_eq!(found(nobody), None, "{nobody}");
        }
    }

    #[tokio::test]
    async fn who_is_no_user_is_reported() {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: needs root");
            return;
        }
        let mut messages = Vec::new();
        for name in ["", "-x", "0", "a b", "a:b", "ä", "no-such-user"] {
            messages.push(RunAs::find(name).await.unwrap_err());
        }
        insta::assert_snapshot!(messages.join("\n"), @r"
        not started: `` is not a valid user name
        not started: `-x` is not a valid user name
        not started: `0` is not a valid user name
        not started: `a b` is not a valid user name
        not started: `a:b` is not a valid user name
        not started: `ä` is not a valid user name
        not started: user `no-such-user` does not exist on this machine
        ");
        assert_eq!(RunAs::find("root").await.unwrap().uid, 0);
    }
}
