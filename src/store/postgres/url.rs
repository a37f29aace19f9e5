//! What a URL of a PostgreSQL store says: where, as whom, which schema, how it is encrypted.
//!
//! Owns the reading of the URL, and the only text about it that is ever shown: without password. Never connects.

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::StoreError;

/// The schema where the URL names none.
const SCHEMA: &str = "crontower";
/// What PostgreSQL makes of a longer name is another name.
const LONGEST_NAME: usize = 63;

/// The parameters of a URL that mean something. Any other is refused: a misspelt `sslmode` must not be passed over.
const KNOWN: &[&str] = &[
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
];

/// A URL that was read.
#[derive(Clone)]
pub(super) struct Target {
    /// How to connect; it may hold a password, so it is never shown.
    pub(super) options: PgConnectOptions,
    /// Where everything of the store is kept.
    pub(super) schema: String,
    /// What people are shown of all that.
    pub(super) place: String,
}

/// Whether that names a store of PostgreSQL.
pub(crate) fn is_url(kind: &str) -> bool {
    kind.starts_with("postgres://") || kind.starts_with("postgresql://")
}

/// What of a URL people may be shown: all but its password and what else stands in its parameters.
pub(crate) fn shown(url: &str) -> String {
    Target::read(url).map_or_else(|_| "postgres://".to_owned(), |target| target.place)
}

/// Whether a URL can be read.
///
/// # Errors
/// As [`Target::read`].
pub(crate) fn check(url: &str) -> Result<(), StoreError> {
    Target::read(url).map(drop)
}

fn refused(message: impl Into<String>) -> StoreError {
    // What could not be read may hold the password anywhere.
    StoreError::Open {
        place: "postgres://…".to_owned(), message: message.into(), may_pass: false
    }
}

impl Target {
    /// Reads a URL. The password may be in it, in PGPASSWORD, or in the file that PGPASSFILE names (else `~/.pgpass`).
    ///
    /// # Errors
    /// [`StoreError::Open`] with what is wrong, never with the URL's own text.
    pub(super) fn read(url: &str) -> Result<Self, StoreError> {
        let mut url = url::Url::parse(url).map_err(|error| {
            refused(format!(
                "it is no URL: {error}; write postgres://USER:PASSWORD@HOST:PORT/DATABASE, with special characters of the \
                 password as %XX"
            ))
        })?;
        let mut schema = SCHEMA.to_owned();
        let mut rest = Vec::new();
        for (key, value) in url.query_pairs() {
            match &*key {
                "schema" => schema = value.into_owned(),
                known if KNOWN.contains(&known) => {
                    rest.push((key.into_owned(), value.into_owned()))
                }
                unknown => {
                    let shown: String =
                        unknown.chars().filter(|c| c.is_ascii_alphanumeric()).take(30).collect();
                    let known = KNOWN.join(", ");
                    return Err(refused(format!(
                        "its parameter `{shown}` means nothing here: use schema, {known}"
                    )));
                }
            }
        }
        check_schema(&schema)?;
        url.set_query(None);
        if !rest.is_empty() {
            url.query_pairs_mut().extend_pairs(rest);
        }
        let options = url.as_str().parse::<PgConnectOptions>().map_err(|_| {
            refused(
                "one of its parameters cannot be read: `sslmode` is one of disable, allow, prefer, require, verify-ca, \
                 verify-full, `port` a number, `hostaddr` an address",
            )
        })?;
        let place = place(&options, &schema);
        Ok(Self { options, schema, place })
    }

    /// Whether the server is on this machine, or what is said to it is encrypted.
    pub(super) fn is_private(&self) -> bool {
        let host = self.options.get_host();
        let local = self.options.get_socket().is_some()
            || host.starts_with('/')
            || host == "localhost"
            || host
                .trim_matches(['[', ']'])
                .parse()
                .is_ok_and(|it: std::net::IpAddr| it.is_loopback());
        let always = match self.options.get_ssl_mode() {
            PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull => true,
            PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer => false,
        };
        local || always
    }
}

/// A name that needs no quotes, so that it means the same everywhere.
fn check_schema(schema: &str) -> Result<(), StoreError> {
    let first = schema.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
    let all = schema.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if first && all && schema.len() <= LONGEST_NAME && !schema.starts_with("pg_") {
        return Ok(());
    }
    Err(refused(
        "its `schema` is no name of a schema: use lower-case letters, digits and `_`, not more than 63, and not `pg_` first",
    ))
}

fn place(options: &PgConnectOptions, schema: &str) -> String {
    let host = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => options.get_host().to_owned(),
    };
    let database = options.get_database().unwrap_or(options.get_username());
    let place =
        format!("postgres://{}@{host}:{}/{database}", options.get_username(), options.get_port());
    match schema {
        SCHEMA => place,
        other => format!("{place}?schema={other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        let error = Target::read(url).map(|target| target.place).unwrap_err().to_string();
        assert!(!error.contains("s3cret"), "{error}");
        error
    }

    #[test]
    fn a_place_shows_where_and_never_the_password() {
        let place = |url| Target::read(url).unwrap().place;
        assert_eq!(
            place("postgres://me:s3cret@db.example.org:5433/app?sslmode=require"),
            "postgres://me@db.example.org:5433/app"
        );
        let url = "postgresql://me@x/app?schema=night&password=s3cret&port=7";
        assert_eq!(place(url), "postgres://me@x:7/app?schema=night");
        assert_eq!(place("postgres://me@%2Frun%2Fpg/app"), "postgres://me@/run/pg:5432/app");
        assert_eq!(place("postgres://me:s3cret@h"), "postgres://me@h:5432/me");
        assert_eq!(shown("postgres://me:s3cret@[/x"), "postgres://");
    }

    #[test]
    fn what_cannot_be_read_is_refused_without_repeating_it() {
        for (url, part) in [
            ("postgres://me:s3cret@[::/x", "it is no URL"),
            ("postgres://me:s3cret#4@h/x", "it is no URL"),
            ("postgres://me:s3cret@h/x?sslmoed=require", "parameter `sslmoed`"),
            ("postgres://me@h/x?pasword=s3cret", "parameter `pasword`"),
            ("postgres://me@h/x?sslmode=s3cret", "`sslmode` is one of"),
            ("postgres://me@h/x?port=s3cret", "`port` a number"),
            ("postgres://me:s3cret@h/x?schema=a-b", "no name of a schema"),
            ("postgres://me:s3cret@h/x?schema=", "no name of a schema"),
            ("postgres://me:s3cret@h/x?schema=pg_x", "no name of a schema"),
            ("postgres://me:s3cret@h/x?schema=Tower", "no name of a schema"),
        ] {
            let error = refusal(url);
            assert!(error.contains(part), "{url}: {error}");
        }
        let long = format!("postgres://me@h/x?schema={}", "a".repeat(64));
        assert!(refusal(&long).contains("no name of a schema"));
    }

    #[test]
    fn a_password_on_an_open_wire_is_noticed() {
        let private = |url| Target::read(url).unwrap().is_private();
        assert!(private("postgres://me@localhost/x") && private("postgres://me@127.0.0.1/x"));
        assert!(
            private("postgres://me@%2Frun/x") && private("postgres://me@db/x?sslmode=verify-full")
        );
        assert!(
            !private("postgres://me@db/x") && !private("postgres://me@10.0.0.1/x?sslmode=prefer")
        );
    }
}
