//! Where things are: the data folder, the jobs file, the engine.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use etcetera::BaseStrategy;

use super::exit::{Exit, Failure};
use crate::api::client::Client;

/// Which engine is meant.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Target {
    /// The data folder [env: CRONTOWER_DATA_DIR; default: $XDG_DATA_HOME/crontower]
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,

    /// Speak to the engine at this URL instead of the data folder's socket [env: CRONTOWER_SERVER]
    #[arg(long, global = true, value_name = "URL")]
    pub(super) server: Option<String>,

    /// Show this token to the engine at a URL [env: CRONTOWER_TOKEN, which no other user of the machine can read]
    #[arg(long, global = true, value_name = "TOKEN")]
    pub(super) token: Option<String>,

    /// Trust the certificates in this PEM file, too, for an engine at https://… [env: CRONTOWER_TLS_CA]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) tls_ca: Option<PathBuf>,
}

impl Target {
    /// The data folder: as asked for, else by the environment, else the user's.
    pub(super) fn data_dir(&self) -> Result<PathBuf, Failure> {
        if let Some(dir) = &self.data_dir {
            return Ok(dir.clone());
        }
        if let Some(dir) = from_environment("CRONTOWER_DATA_DIR") {
            return Ok(dir.into());
        }
        let strategy = etcetera::base_strategy::Xdg::new().map_err(|error| {
            Failure::new(Exit::Usage, format!("cannot tell where your home folder is: {error}"))
                .hint("name a data folder with --data-dir DIR or CRONTOWER_DATA_DIR")
        })?;
        Ok(strategy.data_dir().join("crontower"))
    }

    /// Whether the engine is named by a URL.
    pub(super) fn names_a_server(&self) -> bool {
        self.server().is_some()
    }

    /// The file of certificates to trust beside the system's.
    pub(super) fn authorities(&self) -> Option<PathBuf> {
        let variable = || from_environment("CRONTOWER_TLS_CA").map(PathBuf::from);
        self.tls_ca.clone().or_else(variable)
    }

    fn server(&self) -> Option<String> {
        let variable = || from_environment("CRONTOWER_SERVER");
        self.server.clone().or_else(|| variable().map(|url| url.to_string_lossy().into_owned()))
    }

    fn token(&self) -> Option<String> {
        let variable = || from_environment("CRONTOWER_TOKEN");
        self.token.clone().or_else(|| variable().map(|token| token.to_string_lossy().into_owned()))
    }

    /// A client of the engine that is meant; what takes long is told on stderr.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        // There is nobody to tell when that fails.
        let tell = |at: &str| {
            let line = format!("no answer yet from the engine {at}: waiting");
            let _ = writeln!(std::io::stderr().lock(), "{line}");
        };
        Ok(self.silent_client()?.telling_silence(tell))
    }

    fn silent_client(&self) -> Result<Client, Failure> {
        match self.server() {
            Some(url) => {
                let mut client = Client::at_url(&url)?;
                if let Some(authorities) = self.authorities() {
                    client = client.with_authorities(&authorities)?;
                }
                match self.token() {
                    Some(token) => Ok(client.with_token(&token)?),
                    None => Ok(client),
                }
            }
            None => Ok(Client::over_socket(&self.data_dir()?.join("crontower.sock"))?),
        }
    }
}

/// The jobs file that was asked for: by a flag, else by the environment.
pub(super) fn jobs_file(flag: Option<PathBuf>) -> Option<PathBuf> {
    flag.or_else(|| from_environment("CRONTOWER_JOBS").map(PathBuf::from))
}

/// A variable that is there and not empty.
pub(super) fn from_environment(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
