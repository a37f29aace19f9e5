//! The tokens of a data folder: `token` holds the first admin token itself, `tokens.json` the hashes of all others. Both are
//! their owner's alone.
//!
//! The files are read at each question, so a token that was revoked is refused from that instant on, whoever revoked it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::Role;
use crate::atomic_file::AtomicFile;

/// The name of the token that a data folder begins with.
const FIRST: &str = "admin";
/// What every token begins with, so that one that leaked can be searched for.
const PREFIX: &str = "crontower_";
/// No token is longer, and no file of tokens larger.
const LONGEST: usize = 200;
const LARGEST_FILE: u64 = 1 << 20;

/// The tokens of a data folder.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    dir: PathBuf,
}

/// A token without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenInfo {
    /// Its name: events call its holder `token:NAME`.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// SHA-256 of it, in hex.
    sha256: String,
}

/// Why something cannot be done with tokens.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// It cannot be a name.
    #[error("`{0}` cannot name a token: it takes 1 to 64 of a-z, 0-9, `.`, `_`, `-`")]
    Name(String),
    /// There is one of that name.
    #[error("there is a token named `{0}` already; revoke it first, or take another name")]
    Taken(String),
    /// There is none.
    #[error("no token named `{0}`")]
    Unknown(String),
    /// A file cannot be read or written.
    #[error("cannot use {}: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Tokens {
    /// The tokens of a data folder.
    #[must_use]
    pub(crate) fn of(data_dir: &Path) -> Self {
        Self { dir: data_dir.to_owned() }
    }

    /// Makes the first admin token if there is none.
    ///
    /// # Errors
    /// When its file cannot be made, or holds something that is no token.
    pub(crate) fn ensure_first(&self) -> Result<(), TokenError> {
        let path = self.first_path();
        let failed = |source| TokenError::File { path: path.clone(), source };
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        match made {
            Ok(mut file) => {
                let token = fresh().map_err(failed)?;
                file.write_all(format!("{token}\n").as_bytes()).map_err(failed)?;
                file.sync_all().map_err(failed)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
                let broken = || io::Error::other("it holds no token; remove it to get a new one");
                let found = self.first().map_err(failed)?;
                found.is_some().then_some(()).ok_or_else(|| failed(broken()))
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Whose token this is. Every one that is known is compared, in constant time.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub(crate) fn holder(&self, token: &str) -> Result<Option<(String, Role)>, TokenError> {
        if token.is_empty() || token.len() > LONGEST {
            return Ok(None);
        }
        let asked = hash(token);
        let path = self.first_path();
        let first = self.first().map_err(|source| TokenError::File { path, source })?;
        let first = first.map(|first| (hash(&first), FIRST.to_owned(), Role::Admin));
        let others = self.read()?.into_iter().map(|info| (info.sha256, info.name, info.role));
        let mut holder = None;
        for (known, name, role) in first.into_iter().chain(others) {
            if bool::from(known.as_bytes().ct_eq(asked.as_bytes())) {
                holder = Some((name, role));
            }
        }
        Ok(holder)
    }

    /// Makes a token. It is told this once; only its hash is kept.
    ///
    /// # Errors
    /// When the name is not legal or taken, or the files cannot be used.
    pub(crate) fn create(
        &self,
        name: &str,
        role: Role,
        at: DateTime<Utc>,
    ) -> Result<String, TokenError> {
        if !is_name(name) {
            return Err(TokenError::Name(name.chars().take(64).collect()));
        }
        let _lock = self.lock()?;
        let mut tokens = self.read()?;
        if name == FIRST || tokens.iter().any(|known| known.name == name) {
            return Err(TokenError::Taken(name.to_owned()));
        }
        let path = self.path();
        let token = fresh().map_err(|source| TokenError::File { path, source })?;
        let sha256 = hash(&token);
        tokens.push(TokenInfo { name: name.to_owned(), role, created_at: at, sha256 });
        self.write(&tokens)?;
        Ok(token)
    }

    /// All tokens but the first, in the order in which they were made.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn list(&self) -> Result<Vec<TokenInfo>, TokenError> {
        self.read()
    }

    /// Ends a token.
    ///
    /// # Errors
    /// When there is none of that name, or the files cannot be used.
    pub(crate) fn revoke(&self, name: &str) -> Result<(), TokenError> {
        let _lock = self.lock()?;
        let mut tokens = self.read()?;
        let before = tokens.len();
        tokens.retain(|known| known.name != name);
        if tokens.len() == before {
            return Err(TokenError::Unknown(name.chars().take(64).collect()));
        }
        self.write(&tokens)
    }

    fn first_path(&self) -> PathBuf {
        self.dir.join("token")
    }

    fn path(&self) -> PathBuf {
        self.dir.join("tokens.json")
    }

    /// The first admin token; `None` where the file is gone or holds none.
    fn first(&self) -> io::Result<Option<String>> {
        let Some(text) = read_small(&self.first_path())? else { return Ok(None) };
        let token = text.trim();
        let is_one =
            (32..=LONGEST).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_graphic());
        Ok(is_one.then(|| token.to_owned()))
    }

    fn read(&self) -> Result<Vec<TokenInfo>, TokenError> {
        let path = self.path();
        let failed = |source| TokenError::File { path: path.clone(), source };
        let Some(text) = read_small(&path).map_err(failed)? else { return Ok(Vec::new()) };
        serde_json::from_str(&text).map_err(|error| failed(io::Error::other(error)))
    }

    fn write(&self, tokens: &[TokenInfo]) -> Result<(), TokenError> {
        let (path, beside) = (self.path(), self.dir.join("tokens.new"));
        let write = || -> io::Result<()> {
            let text = serde_json::to_vec_pretty(tokens)?;
            let mut file = AtomicFile::replace_leftover(beside.clone(), path.clone(), 0o600)?;
            file.write_all(&text)?;
            // A token that was revoked stays so after a power cut.
            file.commit()
        };
        write().map_err(|source| TokenError::File { path: path.clone(), source })
    }

    /// Keeps others from changing the tokens meanwhile.
    fn lock(&self) -> Result<File, TokenError> {
        let path = self.dir.join("tokens.lock");
        let take = || -> io::Result<File> {
            let mut options = OpenOptions::new();
            let file = options.write(true).create(true).truncate(false).mode(0o600).open(&path)?;
            flock(&file, FlockOperation::LockExclusive)?;
            Ok(file)
        };
        take().map_err(|source| TokenError::File { path: path.clone(), source })
    }
}

fn is_name(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    (1..=64).contains(&name.len()) && name.bytes().all(legal)
}

fn hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

/// 256 random bits, as a token.
///
/// # Errors
/// When the system gives none.
pub(crate) fn fresh() -> io::Result<String> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{PREFIX}{}", hex(&bytes)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A text file of reasonable size; `None` if there is none.
fn read_small(path: &Path) -> io::Result<Option<String>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut text = String::new();
    file.take(LARGEST_FILE).read_to_string(&mut text)?;
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_folder_begins_with_one_admin_token_and_keeps_it() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::of(dir.path());
        assert_eq!(tokens.holder("").unwrap(), None);
        tokens.ensure_first().unwrap();
        let path = dir.path().join("token");
        let first = fs::read_to_string(&path).unwrap();
        assert_eq!((mode(&path), first.trim().len()), (0o600, 74));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        tokens.ensure_first().unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap(), mode(&path)), (first.clone(), 0o600));
        let holder = tokens.holder(first.trim()).unwrap();
        assert_eq!(holder, Some(("admin".to_owned(), Role::Admin)));
        fs::write(&path, "\n").unwrap();
        assert_eq!(tokens.holder("").unwrap(), None, "an empty token file lets nobody in");
        assert!(tokens.ensure_first().unwrap_err().to_string().contains("remove it"));
    }

    #[test]
    fn only_hashes_are_kept_and_a_revoked_token_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::of(dir.path());
        let token = tokens.create("grafana", Role::Viewer, noon()).unwrap();
        let path = dir.path().join("tokens.json");
        let kept = fs::read_to_string(&path).unwrap();
        assert!(!kept.contains(&token) && !kept.contains(&token[PREFIX.len()..]), "{kept}");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(
            Tokens::of(dir.path()).holder(&token).unwrap(),
            Some(("grafana".to_owned(), Role::Viewer))
        );
        let hash = tokens.list().unwrap()[0].sha256.clone();
        for wrong in [&token[1..], &token.to_uppercase(), &format!("{token} "), &hash] {
            assert_eq!(tokens.holder(wrong).unwrap(), None, "{wrong}");
        }
        assert!(matches!(tokens.create("grafana", Role::Admin, noon()), Err(TokenError::Taken(_))));
        tokens.revoke("grafana").unwrap();
        assert_eq!(tokens.holder(&token).unwrap(), None);
        assert!(matches!(tokens.revoke("grafana"), Err(TokenError::Unknown(_))));
    }

    #[test]
    fn names_are_plain_and_the_first_one_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::of(dir.path());
        for bad in ["", "A", "a b", "ü", "a\n", &"x".repeat(65)] {
            assert!(matches!(tokens.create(bad, Role::Viewer, noon()), Err(TokenError::Name(_))));
        }
        assert!(matches!(tokens.create("admin", Role::Viewer, noon()), Err(TokenError::Taken(_))));
        assert!(matches!(tokens.revoke("admin"), Err(TokenError::Unknown(_))));
    }

    #[test]
    fn files_that_cannot_be_read_let_nobody_in() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::of(dir.path());
        let token = tokens.create("a", Role::Admin, noon()).unwrap();
        for broken in ["", "{", "[{}]", "null"] {
            fs::write(dir.path().join("tokens.json"), broken).unwrap();
            assert!(tokens.holder(&token).is_err(), "{broken}");
        }
    }
}
