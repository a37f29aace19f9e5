//! `crontower attach`: the screen of an engine in another process.

use super::exit::Failure;
use super::target::Target;
use super::{Context, screen};

/// Open the screen of a running engine.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crontower attach
  CRONTOWER_TOKEN=… crontower attach http://127.0.0.1:7117
  CRONTOWER_TOKEN=… crontower attach https://db1:7117 --tls-ca ca.pem
  ssh -N -L 7118:/home/me/.local/share/crontower/crontower.sock db1 &
  crontower attach http://127.0.0.1:7118")]
pub(super) struct Attach {
    /// Where the engine is (default: on the data folder's socket)
    url: Option<String>,
}

impl Attach {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = match self.url {
            Some(url) => Target { server: Some(url), ..context.target.clone() }.client()?,
            None => context.target.client()?,
        };
        screen::attach(context, client).await
    }
}
