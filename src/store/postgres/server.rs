//! A PostgreSQL server for tests: started once a process, in a folder of its own, as a user that is not root.
//!
//! A shell stands between: it holds the server's pid, and a pipe whose other end is in the process of the tests. However
//! that process ends, the pipe closes, and the shell stops the server and removes the folder.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Demands the server: without it, tests fail instead of being skipped.
const REQUIRE: &str = "CRONTOWER_REQUIRE_POSTGRES";
/// Names the folder of its binaries, to try another version.
const BINARIES: &str = "CRONTOWER_POSTGRES_BIN";
/// The superuser's password where it is asked for: over TCP.
pub(crate) const PASSWORD: &str = "s3cret-pass";
/// `nobody`, who owns nothing.
const NOBODY: u32 = 65_534;

/// $1 is the folder, $2 the binaries' folder, $3 the port. The server writes `pid` itself when it takes connections.
const RUN: &str = r#"
# Whoever waits for a word from here may be gone: that must not end the shell before the server.
trap '' PIPE
"$2/initdb" -D "$1/data" -U tester -E UTF8 --no-locale --auth-local=trust --auth-host=scram-sha-256 \
    --pwfile="$1/password" --no-sync >"$1/initdb.log" 2>&1 || { echo failed; exit 1; }
"$2/postgres" -D "$1/data" -k "$1" -p "$3" -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200 \
    -c shared_buffers=32MB -c ssl=on -c ssl_cert_file="$1/server.crt" -c ssl_key_file="$1/server.key" \
    -c log_min_messages=fatal >"$1/server.log" 2>&1 &
server=$!
until "$2/pg_isready" -q -h "$1" -p "$3"; do
    kill -0 "$server" 2>/dev/null || { echo failed; exit 1; }
done
echo ready
read -r _
kill -QUIT "$server"
wait "$server"
rm -rf "$1"
"#;

/// A server that runs as long as this process.
#[derive(Debug)]
pub(crate) struct Server {
    /// Where its socket, its log and its certificate are.
    pub(crate) folder: PathBuf,
    /// Its `psql`.
    pub(crate) psql: PathBuf,
    /// Its port on the loopback address.
    pub(crate) port: u16,
    /// It ends when its standard input is closed: when this process ends.
    _shell: Child,
}

impl Server {
    /// A URL of a schema over the socket, where no password is asked for.
    pub(crate) fn url(&self, schema: &str) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://tester@{folder}:{}/postgres?schema={schema}", self.port)
    }
}

/// The server; where it is not installed the test of that name says so and is skipped, or fails where it is required.
pub(crate) fn server(test: &str) -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(|| binaries().map(|binaries| start(&binaries))).as_ref();
    if server.is_none() {
        let reason = "PostgreSQL 14 or newer is not installed (Debian: apt-get install postgresql)";
        assert!(std::env::var_os(REQUIRE).is_none(), "{test} cannot run: {reason}");
        // Past what holds back the output of tests that pass.
        let _ = writeln!(std::io::stderr(), "skipped: {test}: {reason}");
    }
    server
}

/// The folder of the newest server that is installed.
fn binaries() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(BINARIES) {
        return Some(PathBuf::from(named));
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|entry| entry.path()).max_by_key(|path| number(path))?;
    let binaries = newest.join("bin");
    (number(&newest)? >= 14 && binaries.join("initdb").exists()).then_some(binaries)
}

fn start(binaries: &Path) -> Server {
    let folder = tempfile::Builder::new().prefix("pg-").tempdir().unwrap().keep();
    let root = rustix::process::getuid().is_root();
    let certificate = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = certificate.signing_key.serialize_pem();
    for (name, text) in
        [("password", PASSWORD), ("server.crt", &certificate.cert.pem()), ("server.key", &key)]
    {
        fs::write(folder.join(name), text).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        if root {
            chown(folder.join(name), Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    let mut shell = Command::new(if root { "setpriv" } else { "sh" });
    if root {
        chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
        shell.args(["--reuid=65534", "--regid=65534", "--clear-groups", "sh"]);
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut shell = shell
        .args(["-c", RUN, "sh"])
        .args([folder.as_os_str(), binaries.as_os_str()])
        .arg(port.to_string())
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut word = String::new();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(shell.stdout.take().unwrap()),
        &mut word,
    )
    .unwrap();
    if word.trim() != "ready" {
        let log = |name| fs::read_to_string(folder.join(name)).unwrap_or_default();
        panic!("PostgreSQL did not start:\n{}\n{}", log("initdb.log"), log("server.log"));
    }
    let psql = binaries.join("psql");
    Server { folder, psql, port, _shell: shell }
}
