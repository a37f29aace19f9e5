//! Opening: whose file it is, how it is written and read, and which schema it has.
//!
//! Nothing of a file is changed before it is known to be ours.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{Connection, SqlSafeStr, SqliteConnection, SqlitePool};

use super::StoreError;
use super::failure::{cannot_open, is_busy};

/// The schema, step by step. A step that has landed is never edited: the next change is a new file.
const STEPS: [(i64, &str, &str); 3] = [
    (1, "first", include_str!("../../../migrations/sqlite/0001_first.sql")),
    (
        2,
        "orders notices retention",
        include_str!("../../../migrations/sqlite/0002_orders_notices_retention.sql"),
    ),
    (3, "jobs that went", include_str!("../../../migrations/sqlite/0003_jobs_that_went.sql")),
];

/// `PRAGMA application_id` of a file of ours, as the first step sets it: 'crtw'.
const APPLICATION_ID: i64 = 1_668_445_303;

/// How long to wait for another program's lock.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a new connection is made ready while another program is about to do the same.
const TRIES: u32 = 20;
/// Connections for reading.
const READERS: u32 = 3;

statements! {
    /// Whose file it is, and whether there is anything in it.
    const FACTS: &str = "SELECT (SELECT application_id FROM pragma_application_id), \
         (SELECT count(*) FROM sqlite_schema)";
    const HAS_STEPS: &str = "SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'";
    const NEWEST_STEP: &str = "SELECT max(version) FROM _sqlx_migrations";
}

fn options(path: &Path) -> SqliteConnectOptions {
    // Definitions outlive their jobs, so no row depends on another by a foreign key.
    SqliteConnectOptions::new().filename(path).busy_timeout(PATIENCE).foreign_keys(false)
}

/// The connection that writes.
pub(super) async fn writer(path: &Path, place: &str) -> Result<SqliteConnection, StoreError> {
    make_private(path).map_err(|(doing, error)| StoreError::Open {
        place: place.to_owned(),
        may_pass: passes(&error),
        message: format!("{doing}: {error}; check owner and rights, or name another data folder"),
    })?;
    let connection = SqliteConnection::connect_with(&options(path)).await;
    let mut connection = connection.map_err(|error| cannot_open(place, &error))?;
    check_owner(&mut connection, place).await?;
    let mut prepared = prepare(&mut connection).await;
    for _ in 0..TRIES {
        if !prepared.as_ref().is_err_and(is_busy) {
            break;
        }
        // The change to a write-ahead log is the one step that does not wait for another program's lock by itself;
        // a transaction does.
        let waited = sqlx::raw_sql("BEGIN IMMEDIATE; COMMIT").execute(&mut connection).await;
        prepared = match waited {
            Ok(_) => prepare(&mut connection).await,
            Err(error) => Err(error),
        };
    }
    prepared.map_err(|error| cannot_open(place, &error))?;
    Ok(connection)
}

/// Which file it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        Ok(Self { device: found.dev(), inode: found.ino() })
    }
}

/// Moves everything from the write-ahead log into the file itself.
pub(super) async fn empty_log(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(connection).await.map(drop)
}

/// Whether a failure of the file system may be over without anybody's doing but making room.
pub(super) fn passes(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}

/// Makes sure that there is a file which only its owner reads: SQLite gives its side files the
/// same mode.
fn make_private(path: &Path) -> Result<(), (&'static str, io::Error)> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| ("its folder cannot be made", error))?;
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        // The name must survive a power cut as surely as what is committed under it.
        Ok(_) => fs::File::open(folder).and_then(|folder| folder.sync_all()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => close_to_others(path),
        Err(error) => return Err(("it cannot be made", error)),
    }
    .map_err(|error| ("it cannot be made safe", error))
}

fn close_to_others(path: &Path) -> io::Result<()> {
    let found = fs::metadata(path)?;
    if found.is_file() && found.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// Whether the file is a crontower database, or empty and thus about to be one.
async fn check_owner(connection: &mut SqliteConnection, place: &str) -> Result<(), StoreError> {
    let (id, things): (i64, i64) = sqlx::query_as(FACTS)
        .fetch_one(connection)
        .await
        .map_err(|error| cannot_open(place, &error))?;
    if id == APPLICATION_ID || things == 0 {
        return Ok(());
    }
    Err(StoreError::Open {
        place: place.to_owned(),
        may_pass: false,
        message: "it is another program's database; name another data folder".to_owned(),
    })
}

/// How this connection writes: through a log that is on disk before a commit is answered and that
/// shrinks again, with room (in KiB) for the pages of a large commit, so that each is written once;
/// pages that many commits change go to the database itself once for all of them.
async fn prepare(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                   PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384; \
                   PRAGMA wal_autocheckpoint = 4000;";
    sqlx::raw_sql(pragmas).execute(connection).await.map(drop)
}

/// The connections that read, opened when first needed.
pub(super) fn readers(path: &Path) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options(path).read_only(true).row_buffer_size(500))
}

fn migrator() -> Migrator {
    let step = |(version, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(STEPS.map(step).into())
}

/// Takes the steps that the schema lacks: all or none, and one program at a time.
pub(super) async fn bring_up_to_date(
    connection: &mut SqliteConnection,
    place: &str,
) -> Result<(), StoreError> {
    let known = STEPS.iter().map(|(version, ..)| *version).max().unwrap_or_default();
    if schema(connection, place).await? == known {
        return Ok(());
    }
    let broken = |error| cannot_open(place, &error);
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(broken)?;
    let found = schema(&mut transaction, place).await?;
    if found > known {
        return Err(StoreError::TooNew { place: place.to_owned(), found, known });
    }
    migrator().run(&mut *transaction).await.map_err(|error| StoreError::Open {
        place: place.to_owned(),
        may_pass: false,
        message: format!("its schema {found} could not be brought to {known}: {error}"),
    })?;
    transaction.commit().await.map_err(broken)
}

/// The newest step that was taken; 0 in an empty file.
async fn schema(connection: &mut SqliteConnection, place: &str) -> Result<i64, StoreError> {
    let broken = |error| cannot_open(place, &error);
    let tables: i64 =
        sqlx::query_scalar(HAS_STEPS).fetch_one(&mut *connection).await.map_err(broken)?;
    if tables == 0 {
        return Ok(0);
    }
    let newest: Option<i64> =
        sqlx::query_scalar(NEWEST_STEP).fetch_one(connection).await.map_err(broken)?;
    Ok(newest.unwrap_or_default())
}
