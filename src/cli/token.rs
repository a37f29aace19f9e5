//! `crontower token`: who may use the API over TCP. Works on the data folder's files, so the engine need not run.

use serde_json::json;

use super::Context;
use super::exit::{Exit, Failure};
use super::table::{Column, Table};
use super::times::{local, now};
use crate::api::{Role, TokenError, Tokens};
use crate::driver::data_dir::DataDir;

/// Make, list and revoke the tokens that let programs in over TCP.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crontower token create grafana --role viewer
  crontower token list
  crontower token revoke grafana

A viewer looks, an operator runs, cancels, retries, pauses and resumes, an admin also reloads. The
first admin token stands in the file `token` of the data folder; another is made when an engine
starts without that file.")]
pub(super) struct Token {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Make a token and print it: it is told this once only
    Create {
        /// What events call its holder
        name: String,
        /// What its holder may do: viewer, operator or admin
        #[arg(long)]
        role: Role,
    },
    /// List the tokens without their secrets
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// End a token: it is refused from now on
    Revoke {
        /// Its name
        name: String,
    },
}

const COLUMNS: [Column; 3] =
    [Column::new("NAME", 0), Column::new("ROLE", 0), Column::new("CREATED", 0).names_zone()];

impl Token {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        if context.target.names_a_server() {
            let message = "tokens are made on the machine of the engine, in its data folder";
            return Err(Failure::new(Exit::Usage, message).hint("leave --server out"));
        }
        let data_dir = DataDir::open(&context.target.data_dir()?)
            .map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
        let tokens = Tokens::of(data_dir.root());
        match self.what {
            What::Create { name, role } => {
                let token = tokens.create(&name, role, now()).map_err(failure)?;
                context.terminal.say(&token)
            }
            What::List { json } => list(context, &tokens, json),
            What::Revoke { name } => tokens.revoke(&name).map_err(failure),
        }
    }
}

fn list(context: &Context, tokens: &Tokens, json: bool) -> Result<(), Failure> {
    let items = tokens.list().map_err(failure)?;
    if json {
        let shown = items.iter().map(|token| {
            let (name, role, created_at) = (&token.name, token.role, token.created_at);
            json!({ "name": name, "role": role, "created_at": created_at })
        });
        let shown: Vec<_> = shown.collect();
        return context.terminal.say(&json!({ "items": shown, "next_cursor": null }).to_string());
    }
    let mut table = Table::new(&COLUMNS);
    for token in &items {
        table.row(vec![
            token.name.as_str().into(),
            token.role.as_str().into(),
            local(token.created_at).into(),
        ]);
    }
    context.terminal.say(&table.render(context.terminal.width, context.terminal.colour))
}

fn failure(error: TokenError) -> Failure {
    let exit = match &error {
        TokenError::Name(_) => Exit::Usage,
        TokenError::Unknown(_) => Exit::NotFound,
        TokenError::Taken(_) | TokenError::File { .. } => Exit::Failed,
    };
    Failure::new(exit, error.to_string())
}
