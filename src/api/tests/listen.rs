//! Binding.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::api::{Listen, ListenError, Listeners};

async fn bind(path: &Path, listen: Listen) -> Result<Listeners, ListenError> {
    Listeners::tcp(listen, false).await?.with_socket(path)
}

#[tokio::test]
async fn the_socket_is_its_owners_alone_and_replaces_a_dead_ones() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("crontower.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let listeners = bind(&path, Listen::None).await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(listeners.tcp.is_none() && listeners.notice.is_none());
    tokio::net::UnixStream::connect(&path).await.unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_taken_port_is_an_error_only_where_it_was_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = bind(&path, Listen::At(address)).await.unwrap_err();
    assert!(matches!(error, ListenError::Tcp { .. }));
    assert!(error.to_string().contains("--listen"), "{error}");
    assert!(!path.exists(), "no socket is left behind");
    // Either this takes the port, or someone else has it: taken it is.
    let _default = std::net::TcpListener::bind(Listen::DEFAULT);
    let listeners = bind(&path, Listen::Default).await.unwrap();
    assert!(listeners.tcp.is_none() && listeners.socket.is_some());
    assert!(listeners.notice.unwrap().contains("127.0.0.1:7117"));
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_names_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x".repeat(120));
    let error = bind(&path, Listen::None).await.unwrap_err().to_string();
    assert!(error.contains("--data-dir"), "{error}");
}

#[test]
fn an_address_is_written_with_its_port() {
    assert_eq!("none".parse(), Ok(Listen::None));
    assert_eq!("[::1]:80".parse(), Ok(Listen::At("[::1]:80".parse().unwrap())));
    for text in ["", "7117", "localhost", "localhost:80", "1.2.3.4", "1.2.3.4:999999"] {
        assert!(text.parse::<Listen>().is_err(), "{text}");
    }
}

#[tokio::test]
async fn an_address_that_others_can_reach_is_taken_only_if_that_is_said() {
    for text in ["0.0.0.0:0", "[::]:0", "192.168.1.1:0", "[::ffff:10.0.0.1]:0"] {
        let error = Listeners::tcp(text.parse().unwrap(), false).await.unwrap_err();
        assert!(matches!(error, ListenError::Insecure { .. }), "{text}");
        assert!(error.to_string().contains("--insecure-listen"), "{error}");
    }
}
