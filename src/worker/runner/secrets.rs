//! Reading the files of secrets when an attempt starts.
//!
//! Owns what may be in such a file. Its content goes to the attempt and to the redactor, and nowhere else: no error repeats it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::timeout;

use crate::model::EnvValue;

/// A larger file is no secret; the kernel takes no variable beyond 128 KiB.
const LARGEST: u64 = 64 << 10;

/// How long a disk (or a network behind it) may take.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// The environment of a job, and which of its variables are secret.
#[derive(Debug, Default)]
pub(super) struct Values {
    pub(super) all: BTreeMap<String, OsString>,
    pub(super) secret: Vec<String>,
    /// Why the others are missing.
    pub(super) missing: Vec<String>,
}

/// Whether an attempt goes on without the secrets that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// It does not start.
    Refused,
    /// It starts without them.
    LeftOut,
}

/// Reads what is to be read of a job's environment; relative paths are meant from `dir`.
///
/// # Errors
/// A sentence that names the variable and the file, unless what is missing is left out.
pub(super) async fn read(
    env: &BTreeMap<String, EnvValue>,
    dir: &Path,
    missing: Missing,
) -> Result<Values, String> {
    let mut values = Values::default();
    let mut files = Vec::new();
    for (name, value) in env {
        match value {
            EnvValue::Text(text) => _ = values.all.insert(name.clone(), text.into()),
            EnvValue::SecretFile { secret_file } => {
                files.push((name.clone(), dir.join(secret_file)))
            }
        }
    }
    if files.is_empty() {
        return Ok(values);
    }
    // File work; a task of its own, since a disk that hangs must not hold up the runtime.
    let reading = tokio::task::spawn_blocking(move || {
        let read = |(name, path): (String, PathBuf)| match content(&path) {
            Ok(content) => Ok((name, content)),
            Err(why) => Err(sentence(&name, &path, &why)),
        };
        files.into_iter().map(read).collect::<Vec<_>>()
    });
    let secrets = match timeout(READ_TIMEOUT, reading).await {
        Ok(Ok(secrets)) => secrets,
        Ok(Err(_)) => vec![Err("the secret files could not be read".to_owned())],
        Err(_) => vec![Err("the disk of the secret files does not respond".to_owned())],
    };
    for secret in secrets {
        match secret {
            Ok((name, content)) => {
                values.secret.push(name.clone());
                values.all.insert(name, OsString::from_vec(content));
            }
            Err(why) if missing == Missing::LeftOut => values.missing.push(why),
            Err(why) => return Err(format!("not started: {why}")),
        }
    }
    Ok(values)
}

fn sentence(name: &str, path: &Path, why: &str) -> String {
    format!("secret_file `{}` of `{name}` {why}", path.display())
}

/// What a file holds, without the line ends at its end, as `$(cat file)` gives it.
fn content(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read by the worker process".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    // Opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err("is not a file".to_owned());
    }
    let mut content = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(LARGEST + 1).read_to_end(&mut content).map_err(unreadable)?;
    if content.len() as u64 > LARGEST {
        return Err("is larger than 64 KiB".to_owned());
    }
    if content.contains(&0) {
        return Err("contains a NUL character, which a variable cannot hold".to_owned());
    }
    while content.last().is_some_and(|byte| *byte == b'\n') {
        content.pop();
        if content.last() == Some(&b'\r') {
            content.pop();
        }
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn line_ends_at_the_end_are_no_part_of_a_secret() {
        let dir = tempfile::tempdir().unwrap();
        let env = |file: &str| {
            let secret = EnvValue::SecretFile { secret_file: file.to_owned() };
            BTreeMap::from([
                ("KEY".to_owned(), secret),
                ("PLAIN".to_owned(), EnvValue::Text("text\n".to_owned())),
            ])
        };
        for (content, value) in [
            (&b"pw"[..], &b"pw"[..]),
            (b"pw\n", b"pw"),
            (b" p\nw \r\n\n", b" p\nw "),
            (b"", b""),
            (b"\xff\xfe\n", b"\xff\xfe"),
        ] {
            fs::write(dir.path().join("key"), content).unwrap();
            let values = read(&env("key"), dir.path(), Missing::Refused).await.unwrap();
            assert_eq!(values.all["KEY"].as_encoded_bytes(), value);
            assert_eq!(
                (&*values.all["PLAIN"], values.secret),
                ("text\n".as_ref(), vec!["KEY".to_owned()])
            );
        }
        let whole = dir.path().join("key").display().to_string();
        read(&env(&whole), Path::new("/nowhere"), Missing::Refused).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_no_secret_is_reported_by_its_name_and_never_by_its_content() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("nul"), "content\0").unwrap();
        fs::write(at("large"), "content".repeat(10_000)).unwrap();
        fs::create_dir(at("folder")).unwrap();
        let mut messages = String::new();
        for name in ["missing", "nul", "large", "folder", "nul/below"] {
            let secret_file = name.to_owned();
            let env = BTreeMap::from([("KEY".to_owned(), EnvValue::SecretFile { secret_file })]);
            messages += &read(&env, dir.path(), Missing::Refused).await.unwrap_err();
            messages += "\n";
        }
        assert!(!messages.contains("content"));
        insta::assert_snapshot!(messages.replace(dir.path().to_str().unwrap(), "DIR"), @r"
        not started: secret_file `DIR/missing` of `KEY` does not exist
        not started: secret_file `DIR/nul` of `KEY` contains a NUL character, which a variable cannot hold
        not started: secret_file `DIR/large` of `KEY` is larger than 64 KiB
        not started: secret_file `DIR/folder` of `KEY` is not a file
        not started: secret_file `DIR/nul/below` of `KEY` cannot be read: Not a directory (os error 20)
        ");
    }
}
