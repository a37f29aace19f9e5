//! Connections that are slow, silent, or lose their socket; and TLS.

use std::path::Path;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use crate::api::client::{Client, ClientError};
use crate::api::serve::converse;
use crate::api::{Access, Listen, Listeners, Service, Tls, Tokens, serve};
use crate::driver::EngineApi;

use super::*;

/// The other end of a connection to the API that holds so many bytes.
fn connection(world: &World, bytes: usize) -> DuplexStream {
    let (near, far) = tokio::io::duplex(bytes);
    tokio::spawn(converse(far, world.router.clone(), world.stopping.clone()));
    near
}

async fn all(stream: &mut DuplexStream) -> String {
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_head_that_never_ends_is_given_up() {
    let mut stream = connection(&World::new(), 1 << 16);
    let begun = tokio::time::Instant::now();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.unwrap();
    let answer = all(&mut stream).await;
    assert!(!answer.contains("200"), "{answer}");
    assert!(begun.elapsed() < std::time::Duration::from_secs(31));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_given_up() {
    let world = World::new();
    let mut stream = connection(&world, 1 << 16);
    let begun = tokio::time::Instant::now();
    let head = "POST /api/v1/jobs/backup/run HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("/problems/too-slow"), "{answer}");
    assert!(begun.elapsed() < std::time::Duration::from_secs(31));
    assert!(world.engine_api.state().runs.is_empty());
}

/// A request for events after the first five.
const EVENTS: &[u8] = b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 5\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_reads_nothing_is_dropped_and_the_others_get_everything() {
    const COUNT: u64 = 2_000;
    let world = World::new();
    let (mut silent, far) = tokio::io::duplex(1 << 10);
    let served = tokio::spawn(converse(far, world.router.clone(), world.stopping.clone()));
    silent.write_all(EVENTS).await.unwrap();
    let mut readers = Vec::new();
    for _ in 0..3 {
        let mut stream = connection(&world, 1 << 10);
        stream.write_all(EVENTS).await.unwrap();
        let last = format!("id: {COUNT}\n");
        readers.push(tokio::spawn(async move {
            let (mut text, mut buffer) = (String::new(), [0; 4096]);
            while !text.contains(&last) {
                let read = stream.read(&mut buffer).await.unwrap();
                text += std::str::from_utf8(&buffer[..read]).unwrap();
            }
            let ids = text.lines().filter_map(|line| line.strip_prefix("id: "));
            ids.map(|id| id.parse::<u64>().unwrap()).collect::<Vec<_>>()
        }));
    }
    while world.engine_api.state().seq < COUNT {
        world.engine_api.publish();
        tokio::time::advance(std::time::Duration::from_millis(10)).await;
    }
    for reader in readers {
        assert_eq!(reader.await.unwrap(), (6..=COUNT).collect::<Vec<_>>());
    }
    // The connection ends although its other end is still there, and holds what was never read.
    served.await.unwrap();
    drop(silent);
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_was_deleted_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let listeners = Listeners::tcp(Listen::None, false).await.unwrap().with_socket(&path).unwrap();
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(serve(service(None, None), listeners, shutdown.clone()));
    for _ in 0..2 {
        tokio::net::UnixStream::connect(&path).await.unwrap();
        std::fs::remove_file(&path).unwrap();
        while !path.exists() {
            tokio::time::advance(std::time::Duration::from_secs(5)).await;
        }
    }
    shutdown.cancel();
    server.await.unwrap();
}

fn service(access: Option<Access>, tls: Option<Tls>) -> Service {
    let engine_api = Arc::new(PlayedEngineApi::sample());
    Service { engine_api, access, tls, metrics: Arc::default(), clock: clock() }
}

/// Writes a new certificate for `localhost` and its key.
fn certify(dir: &Path) -> (std::path::PathBuf, std::path::PathBuf) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    std::fs::write(&certificate, cert.pem()).unwrap();
    std::fs::write(&key, signing_key.serialize_pem()).unwrap();
    (certificate, key)
}

#[tokio::test]
async fn tls_is_verified_and_a_new_certificate_is_taken_without_a_break() {
    let dir = tempfile::tempdir().unwrap();
    let (cert, key) = certify(dir.path());
    let tls = Tls::load(&cert, &key).unwrap();
    let tokens = Tokens::of(dir.path());
    tokens.ensure_first().unwrap();
    let token = std::fs::read_to_string(dir.path().join("token")).unwrap();
    let engine_api: Arc<dyn EngineApi> = Arc::new(PlayedEngineApi::sample());
    let access = Access { tokens, engine_api_of: Arc::new(move |_, _| engine_api.clone()) };
    let listeners = Listeners::tcp("127.0.0.1:0".parse().unwrap(), true).await.unwrap();
    let address = listeners.tcp_address().unwrap();
    let shutdown = CancellationToken::new();
    let served = service(Some(access), Some(tls.clone()));
    let server = tokio::spawn(serve(served, listeners, shutdown.clone()));

    let url = format!("https://localhost:{}", address.port());
    let stranger = Client::at_url(&url).unwrap().with_token(&token).unwrap();
    let error = stranger.get(&["jobs"], &[]).await.unwrap_err();
    assert!(matches!(error, ClientError::Untrusted { .. }), "{error}");
    let plain = Client::at_url(&format!("http://{address}")).unwrap();
    let error = plain.get(&["jobs"], &[]).await.unwrap_err().to_string();
    assert_eq!(error, format!("this port speaks TLS: use https://{address}"));
    let trusting = |cert: &Path| {
        Client::at_url(&url).unwrap().with_authorities(cert).unwrap().with_token(&token).unwrap()
    };
    let first = trusting(&cert);
    let mut far = first.subscribe().await.unwrap();
    assert!(first.get(&["jobs"], &[]).await.unwrap().contains("backup"));
    let nobody = Client::at_url(&url).unwrap().with_authorities(&cert).unwrap();
    let error = nobody.get(&["jobs"], &[]).await.unwrap_err();
    assert!(matches!(error, ClientError::Refused(problem) if problem.status == 401));

    // Half a renewal changes nothing; a whole one counts for new connections, and breaks none.
    std::fs::write(&key, "nonsense").unwrap();
    let error = tls.reload().unwrap_err().to_string();
    assert!(error.contains("key.pem") && !error.contains("nonsense"), "{error}");
    assert!(trusting(&cert).get(&["jobs"], &[]).await.is_ok());
    let old = std::fs::read(&cert).unwrap();
    certify(dir.path());
    tls.reload().unwrap();
    assert!(trusting(&cert).get(&["jobs"], &[]).await.is_ok());
    std::fs::write(dir.path().join("old.pem"), old).unwrap();
    assert!(trusting(&dir.path().join("old.pem")).get(&["jobs"], &[]).await.is_err());
    assert!(
        far.feed
            .try_recv()
            .is_err_and(|error| error == tokio::sync::broadcast::error::TryRecvError::Empty)
    );
    shutdown.cancel();
    server.await.unwrap();
}

#[tokio::test]
async fn a_scheme_or_a_certificate_that_is_another_one_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["db1".to_owned()]).unwrap();
    let (pem, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    std::fs::write(&pem, cert.pem()).unwrap();
    std::fs::write(&key, signing_key.serialize_pem()).unwrap();
    let shutdown = CancellationToken::new();
    let (mut addresses, mut servers) = (Vec::new(), Vec::new());
    for tls in [None, Some(Tls::load(&pem, &key).unwrap())] {
        let listeners = Listeners::tcp("127.0.0.1:0".parse().unwrap(), true).await.unwrap();
        addresses.push(listeners.tcp_address().unwrap());
        let tokens = Tokens::of(dir.path());
        let engine_api_of =
            Arc::new(|_, _| -> Arc<dyn EngineApi> { Arc::new(PlayedEngineApi::sample()) });
        let access = Some(Access { tokens, engine_api_of });
        servers.push(tokio::spawn(serve(service(access, tls), listeners, shutdown.clone())));
    }
    let ask = async |url: String| {
        let client = Client::at_url(&url).unwrap().with_authorities(&pem).unwrap();
        client.get(&["jobs"], &[]).await.unwrap_err().to_string()
    };
    let [plain, secret] = addresses[..] else { panic!("two servers") };
    let described = ask(format!("https://{plain}")).await;
    assert_eq!(described, format!("this port speaks no TLS: use http://{plain}"));
    let described = ask(format!("https://{secret}")).await;
    let wanted = format!("the certificate at https://{secret}/ is for db1, not for 127.0.0.1");
    assert_eq!(described, wanted);
    shutdown.cancel();
    for server in servers {
        server.await.unwrap();
    }
}

#[test]
fn files_that_hold_no_certificate_and_key_are_reported() {
    let dir = tempfile::tempdir().unwrap();
    let (cert, key) = certify(dir.path());
    let nothing = dir.path().join("nothing.pem");
    for (cert, key, said) in [
        (&nothing, &key, "nothing.pem"),
        (&key, &key, "no certificate"),
        (&cert, &cert, "no private key"),
    ] {
        let error = Tls::load(cert, key).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    std::fs::create_dir(dir.path().join("other")).unwrap();
    let (_, other) = certify(&dir.path().join("other"));
    let error = Tls::load(&cert, &other).unwrap_err().to_string();
    assert!(error.contains("cannot use"), "{error}");
}
