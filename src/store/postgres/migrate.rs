//! The schema: which steps there are, which a database has, and how it gets those that it lacks.
//!
//! One program at a time changes it, in one transaction: all missing steps or none.

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqlSafeStr};

use super::StoreError;
use super::connect::{Session, connect};
use super::failure::{cannot_open, is_locked};
use super::url::Target;

/// The schema, step by step. A step that has landed is never edited: the next change is a new file.
pub(super) const STEPS: [(i64, &str, &str); 2] = [
    (1, "first", include_str!("../../../migrations/postgres/0001_first.sql")),
    (2, "leader_address", include_str!("../../../migrations/postgres/0002_leader_address.sql")),
];

/// How often a change of the schema waits for a lock before it gives up; each wait is half a second.
const TRIES: u32 = 20;

statements! {
    /// Whether there is a schema of that name, whether the search path leads to it, and whether a store is in it.
    const FOUND: &str = "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1), \
         to_regclass(quote_ident($1) || '._sqlx_migrations') IS NOT NULL, \
         (SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = $1)";
    const NEWEST_STEP: &str = "SELECT max(version) FROM _sqlx_migrations";
    /// Held to the end of the transaction.
    const ONE_AT_A_TIME: &str = "SELECT pg_advisory_xact_lock(hashtext('crontower ' || $1))";
}

/// The steps that a database lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MigrationPlan {
    /// Where it is, for people.
    pub place: String,
    /// The newest step that it has; 0 = none.
    pub found: i64,
    /// The newest that this program knows.
    pub known: i64,
    /// Number and name of those that are missing, in their order.
    pub missing: Vec<(i64, &'static str)>,
}

/// What a database has of the schema.
enum Found {
    /// No schema of that name.
    Nothing,
    /// A schema without any table.
    Empty,
    /// Other people's tables.
    Foreign,
    /// So many steps.
    Steps(i64),
}

fn known() -> i64 {
    STEPS.iter().map(|(version, ..)| *version).max().unwrap_or_default()
}

fn migrator() -> Migrator {
    let step = |(version, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    let mut migrator = Migrator::with_migrations(STEPS.map(step).into());
    // The lock is taken already, in the transaction that all of it happens in.
    migrator.set_locking(false);
    migrator
}

async fn look(connection: &mut PgConnection, target: &Target) -> Result<Found, StoreError> {
    let broken = |error| cannot_open(&target.place, &error);
    let (schema, steps, things): (bool, bool, i64) = sqlx::query_as(FOUND)
        .bind(&target.schema)
        .fetch_one(&mut *connection)
        .await
        .map_err(broken)?;
    if !steps {
        return Ok(match (schema, things) {
            (false, _) => Found::Nothing,
            (true, 0) => Found::Empty,
            (true, _) => Found::Foreign,
        });
    }
    let newest: Option<i64> =
        sqlx::query_scalar(NEWEST_STEP).fetch_one(connection).await.map_err(broken)?;
    Ok(Found::Steps(newest.unwrap_or_default()))
}

fn steps_of(found: &Found, target: &Target) -> Result<i64, StoreError> {
    match found {
        Found::Nothing | Found::Empty => Ok(0),
        Found::Foreign => Err(StoreError::Open {
            place: target.place.clone(),
            message: format!(
                "its schema `{}` holds another program's tables; name another with ?schema=",
                target.schema
            ),
            may_pass: false,
        }),
        Found::Steps(steps) if *steps > known() => {
            Err(StoreError::TooNew { place: target.place.clone(), found: *steps, known: known() })
        }
        Found::Steps(steps) => Ok(*steps),
    }
}

/// What a migration would do.
///
/// # Errors
/// When the server cannot be used, or holds something newer or something else.
pub(super) async fn plan(target: &Target) -> Result<MigrationPlan, StoreError> {
    let mut connection = connect(target, Session::Migration).await?;
    let found = steps_of(&look(&mut connection, target).await?, target)?;
    let missing = STEPS.iter().filter(|(version, ..)| *version > found);
    let missing = missing.map(|(version, name, _)| (*version, *name)).collect();
    Ok(MigrationPlan { place: target.place.clone(), found, known: known(), missing })
}

/// Takes the steps that the schema lacks, and makes it where there is none. Says how many it took.
///
/// # Errors
/// As [`plan`], and when a step fails: nothing has been changed then.
pub(super) async fn bring_up_to_date(target: &Target) -> Result<usize, StoreError> {
    let mut connection = connect(target, Session::Migration).await?;
    if steps_of(&look(&mut connection, target).await?, target)? == known() {
        return Ok(0);
    }
    let mut tries = 0;
    loop {
        tries += 1;
        match take_steps(&mut connection, target).await {
            Ok(taken) => return Ok(taken),
            Err(Failed::Locked) if tries < TRIES => {}
            Err(Failed::Locked) => {
                let message = "its schema could not be changed: other sessions use it all the time; stop them or try \
                               again"
                    .to_owned();
                return Err(StoreError::Open {
                    place: target.place.clone(),
                    message,
                    may_pass: true,
                });
            }
            Err(Failed::Store(error)) => return Err(error),
        }
    }
}

enum Failed {
    /// Another session's lock was in the way.
    Locked,
    Store(StoreError),
}

async fn take_steps(connection: &mut PgConnection, target: &Target) -> Result<usize, Failed> {
    let broken = |error: sqlx::Error| match is_locked(&error) {
        true => Failed::Locked,
        false => Failed::Store(cannot_open(&target.place, &error)),
    };
    let mut transaction = connection.begin().await.map_err(broken)?;
    let lock = sqlx::query(ONE_AT_A_TIME).bind(&target.schema);
    lock.execute(&mut *transaction).await.map_err(broken)?;
    // Another program may have taken them while this one waited.
    let state = look(&mut transaction, target).await.map_err(Failed::Store)?;
    let found = steps_of(&state, target).map_err(Failed::Store)?;
    if let Found::Nothing = state {
        let create = format!("CREATE SCHEMA \"{}\"", target.schema);
        let create = sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut *transaction);
        create.await.map_err(broken)?;
    }
    migrator().run(&mut *transaction).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)
            if is_locked(&error) =>
        {
            Failed::Locked
        }
        error => Failed::Store(StoreError::Open {
            place: target.place.clone(),
            may_pass: false,
            message: format!("its schema {found} could not be brought to {}: {error}", known()),
        }),
    })?;
    transaction.commit().await.map_err(broken)?;
    Ok(STEPS.iter().filter(|(version, ..)| *version > found).count())
}
