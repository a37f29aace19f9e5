//! The API over TCP, with tokens, through the command line and as bytes.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::cli_engine::Engine;

/// What is answered to these bytes, up to the end of the connection.
fn raw(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(address: &str, path: &str, headers: &str) -> String {
    raw(address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n"))
}

#[test]
fn a_program_with_a_token_does_what_its_role_may() {
    let engine = Engine::start();
    let url = format!("http://{}", engine.address());
    let first = std::fs::read_to_string(engine.path().join("token")).unwrap();
    let viewer = engine.output(&["token", "create", "grafana", "--role", "viewer"]).stdout;
    let viewer = String::from_utf8(viewer).unwrap().trim().to_owned();
    let at = |token: &str, args: &[&str]| {
        engine.say(&[&["--server", &url, "--token", token], args].concat())
    };
    let said = at(&first, &["run", "hello", "--wait"]);
    assert!(said.starts_with("exit code 0\n-- stdout\nhello world\n"), "{said}");
    assert!(at(&viewer, &["jobs"]).contains("hello"));
    insta::assert_snapshot!(at(&viewer, &["run", "hello"]), @"
    exit code 5
    -- stderr
    error: a token with the role viewer may not do it: operator may
    ");
    insta::assert_snapshot!(at("nonsense", &["jobs"]), @"
    exit code 5
    -- stderr
    error: the token is not known here, or was revoked; `crontower token create` makes one
    hint: give a token with --token or CRONTOWER_TOKEN; the first one stands in the file `token` of the data folder
    ");
    assert!(engine.say(&["executions", "--json"]).contains("token:admin"));
    assert!(engine.say(&["token", "list"]).contains("grafana  viewer"));
    insta::assert_snapshot!(engine.say(&["token", "revoke", "grafana"]), @"exit code 0");
    assert!(at(&viewer, &["jobs"]).starts_with("exit code 5\n"), "at once");
    insta::assert_snapshot!(engine.say(&["token", "revoke", "grafana"]), @"
    exit code 4
    -- stderr
    error: no token named `grafana`
    ");
    insta::assert_snapshot!(engine.say(&["token", "create", "A B", "--role", "viewer"]), @"
    exit code 2
    -- stderr
    error: `A B` cannot name a token: it takes 1 to 64 of a-z, 0-9, `.`, `_`, `-`
    ");
    assert!(engine.say(&["token", "create", "x", "--role", "root"]).starts_with("exit code 2\n"));
    assert!(at(&first, &["token", "list"]).starts_with("exit code 2\n"));
}

#[test]
fn strangers_learn_that_the_engine_lives_and_no_more() {
    let engine = Engine::start();
    let address = engine.address();
    assert!(get(&address, "/healthz", "").starts_with("HTTP/1.1 200 OK\r\n"));
    let refused = get(&address, "/api/v1/status", "");
    assert!(refused.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{refused}");
    assert!(refused.contains("www-authenticate: Bearer realm=\"crontower\"\r\n"), "{refused}");
    let token = std::fs::read_to_string(engine.path().join("token")).unwrap();
    let shown = format!("Authorization: Bearer {}\r\n", token.trim());
    assert!(get(&address, "/api/v1/status", &shown).starts_with("HTTP/1.1 200 OK\r\n"));
    let twice = format!("{shown}{shown}");
    assert!(get(&address, "/api/v1/status", &twice).starts_with("HTTP/1.1 401 "));
    let huge = format!("Authorization: Bearer {}\r\n", "x".repeat(1 << 20));
    let mut stream = TcpStream::connect(&address).unwrap();
    // The engine may hang up before it has all of it.
    let _ = stream.write_all(format!("GET / HTTP/1.1\r\nHost: x\r\n{huge}\r\n").as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/1.1 2"));
    assert!(get(&address, "/healthz", "").starts_with("HTTP/1.1 200 OK\r\n"), "it still answers");
}
