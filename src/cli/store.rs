//! Which store is meant: by an argument, the environment, or a file that only its owner reads.
//!
//! Owns the name of a store as it was given, which may hold a password: it is shown without.

use std::fmt;
use std::path::Path;

use super::exit::{Exit, Failure};
use super::place::from_environment;
use crate::store;

/// The variable that names a store.
pub(super) const VARIABLE: &str = "CRONTOWER_STORE";
/// The variable that names a file with the name of a store.
const FILE_VARIABLE: &str = "CRONTOWER_STORE_FILE";

/// A store as it was named; no text of a person's is refused here, for a refusal would repeat it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct StoreName(String);

impl From<String> for StoreName {
    fn from(name: String) -> Self {
        Self(name)
    }
}

impl fmt::Debug for StoreName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreName({})", store::shown(&self.0))
    }
}

impl StoreName {
    /// The store that is meant: that of a flag, else of the environment, else SQLite in the data folder.
    pub(super) fn meant(flag: Option<&Self>) -> Result<Self, Failure> {
        let name = match (flag, from_environment(VARIABLE), from_environment(FILE_VARIABLE)) {
            (Some(name), ..) => name.clone(),
            (None, Some(name), _) => Self(name.into_string().map_err(|_| {
                Failure::new(Exit::Usage, format!("{VARIABLE} is no text in UTF-8"))
            })?),
            (None, None, Some(file)) => Self(read(Path::new(&file))?),
            (None, None, None) => Self("sqlite".to_owned()),
        };
        store::check_name(&name.0).map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
        Ok(name)
    }

    /// The name, password and all.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it ends with the process.
    pub(super) fn is_memory(&self) -> bool {
        self.0 == "memory"
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::new(Exit::Usage, format!("{FILE_VARIABLE}: {}: {error}", path.display()))
            .hint("name a file whose only line is the URL of the store")
    })?;
    Ok(text.trim().to_owned())
}
