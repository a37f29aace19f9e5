//! `crontower migrate`: the schema of a PostgreSQL store is brought up to date before an engine does it, or what that would
//! do is printed.

use super::Context;
use super::exit::{Exit, Failure};
use super::store::StoreName;
use crate::store::{self, PostgresStore};

/// Bring the schema of a PostgreSQL store up to date; an engine does the same when it starts.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  crontower migrate --dry-run --store postgres://me@db.example.org/app"
)]
pub(super) struct Migrate {
    /// The store's URL [env: CRONTOWER_STORE, or the file that CRONTOWER_STORE_FILE names]
    #[arg(long, value_name = "URL")]
    store: Option<StoreName>,
    /// Say what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Migrate {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let name = StoreName::meant(self.store.as_ref())?;
        let url = name.as_str();
        if !store::is_postgres(url) {
            let message = format!(
                "the store `{url}` needs no migration: an engine brings it up to date when it starts"
            );
            return Err(Failure::new(Exit::Usage, message)
                .hint("name a PostgreSQL store with --store postgres://… or CRONTOWER_STORE"));
        }
        let failed = |error: store::StoreError| Failure::new(Exit::Failed, error.to_string());
        let plan = PostgresStore::migration(url).await.map_err(failed)?;
        let (place, found, known) = (&plan.place, plan.found, plan.known);
        if plan.missing.is_empty() {
            return context.terminal.say(&format!("{place}: schema {found} is up to date\n"));
        }
        let steps: Vec<String> =
            plan.missing.iter().map(|(number, name)| format!("{number} ({name})")).collect();
        let steps = steps.join(", ");
        if self.dry_run {
            let text = format!("{place}: schema {found} would become {known}: steps {steps}\n");
            return context.terminal.say(&text);
        }
        PostgresStore::migrate(url).await.map_err(failed)?;
        context.terminal.say(&format!("{place}: schema {found} became {known}: steps {steps}\n"))
    }
}
