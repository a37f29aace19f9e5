use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use wiremock::matchers::{body_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::commands::testing::{Bench, check};

async fn server(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(path("/rates")).respond_with(answer).mount(&server).await;
    server
}

#[tokio::test]
async fn status_time_and_body_are_the_result() {
    let answer = ResponseTemplate::new(200).set_body_string("one\ntwo\n");
    let server = server(answer).await;
    let bench = Bench::new();
    let url = format!("{}/rates", server.uri());
    let mut result = bench.run("api_call", json!({ "url": url })).await.unwrap();
    assert!(result["time_ms"].as_u64().unwrap() < 60_000);
    result["time_ms"] = Value::Null;
    assert_eq!(
        result,
        json!({
            "status": 200, "time_ms": null, "url": url, "content_type": "text/plain",
            "body": "one\ntwo\n", "body_truncated": false,
        })
    );
    let output = bench.output();
    assert!(output.starts_with(&format!("GET {url}\n200 OK in ")), "{output}");
    assert!(output.ends_with("\none\ntwo\n"), "{output}");
}

#[tokio::test]
async fn a_map_is_sent_as_json_with_the_headers_asked_for() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(header("content-type", "application/json"))
        .and(header("x-token", "7"))
        .and(body_json(json!({ "a": [1, "x"] })))
        .respond_with(ResponseTemplate::new(201))
        .mount(&server)
        .await;
    let result = Bench::new()
        .run(
            "api_call",
            json!({
                "url": server.uri(), "headers": { "X-Token": 7 }, "body": { "a": [1, "x"] },
                "expect_status": [200, 201],
            }),
        )
        .await;
    assert_eq!(result.unwrap()["status"], 201);
}

#[tokio::test]
async fn an_unexpected_status_fails_and_secrets_are_not_shown() {
    let answer = ResponseTemplate::new(503).set_body_string("down for maintenance");
    let server = server(answer).await;
    let bench = Bench::new();
    let host = server.address();
    let url = format!("http://ann:hunter2@{host}/rates?key=hunter2");
    let failed = bench.run("api_call", json!({ "url": url })).await.unwrap_err();
    assert_eq!(
        failed,
        format!("http://{host}/rates?… answered 503 Service Unavailable, expected 200-299")
    );
    assert!(bench.output().contains("down for maintenance"));
    assert!(!bench.output().contains("hunter2"));
    // The user info did its work all the same.
    let sent = &server.received_requests().await.unwrap()[0];
    assert_eq!(sent.headers["authorization"], "Basic YW5uOmh1bnRlcjI=");
}

#[tokio::test]
async fn a_huge_body_is_cut_and_not_received() {
    let answer = ResponseTemplate::new(200).set_body_bytes(vec![b'x'; 40 << 20]);
    let server = server(answer).await;
    let bench = Bench::new();
    let url = format!("{}/rates", server.uri());
    let result = bench.run("api_call", json!({ "url": url })).await.unwrap();
    assert_eq!(result["body"].as_str().unwrap().len(), super::MAX_RESULT_BODY);
    assert_eq!((&result["body_truncated"], &result["status"]), (&json!(true), &json!(200)));
    assert!(bench.output().ends_with("(cut after 64KiB)\n"));
}

#[tokio::test]
async fn a_body_that_is_no_text_does_not_fill_the_output() {
    let server = server(ResponseTemplate::new(200).set_body_bytes(b"\x89PNG\0\x1b[2J")).await;
    let bench = Bench::new();
    let url = format!("{}/rates", server.uri());
    let result = bench.run("api_call", json!({ "url": url })).await.unwrap();
    assert_eq!(result["body"], "\u{fffd}PNG\0\u{1b}[2J");
    assert!(bench.output().ends_with("\n(9B of binary data)\n"), "{}", bench.output());
}

#[tokio::test]
async fn redirects_are_followed_up_to_their_bound() {
    let server = MockServer::start().await;
    let to = |target: &str| ResponseTemplate::new(302).insert_header("location", target);
    Mock::given(path("/a")).respond_with(to("/b")).mount(&server).await;
    Mock::given(path("/b")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    Mock::given(path("/round")).respond_with(to("/round")).mount(&server).await;
    let bench = Bench::new();
    let url = |path: &str| format!("{}{path}", server.uri());

    let followed = bench.run("api_call", json!({ "url": url("/a") })).await.unwrap();
    assert_eq!((&followed["status"], &followed["url"]), (&json!(200), &json!(url("/b"))));
    let unfollowed = json!({ "url": url("/a"), "max_redirects": 0, "expect_status": 302 });
    assert_eq!(bench.run("api_call", unfollowed).await.unwrap()["status"], 302);
    let failed = bench.run("api_call", json!({ "url": url("/round") })).await.unwrap_err();
    assert!(failed.contains("redirects too often"), "{failed}");
}

#[tokio::test]
async fn silence_and_a_stop_both_end_it() {
    // Connections are taken by the system's backlog, and never answered.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let bench = Bench::new();
    let failed = bench.run("api_call", json!({ "url": url, "timeout": "50ms" })).await;
    assert_eq!(failed, Err(format!("{url} did not answer within 50ms")));
    bench.stop_at("GET");
    let stopped = bench.run("api_call", json!({ "url": url, "timeout": "1h" })).await;
    assert_eq!(stopped, Err("stopped before it was done".to_owned()));
}

#[tokio::test]
async fn a_closed_port_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let failed = Bench::new().run("api_call", json!({ "url": url })).await.unwrap_err();
    assert!(failed.starts_with(&format!("{url} cannot be reached: ")), "{failed}");
    assert!(failed.contains("refused"), "{failed}");
}

/// Answers one TLS connection on loopback with the certificate in `fixtures`; the thread tells
/// what was asked.
fn tls_server() -> (SocketAddr, JoinHandle<std::io::Result<String>>) {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("fixtures/loopback.crt"));
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("fixtures/loopback.key"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.unwrap()], key.unwrap())
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let session = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = rustls::StreamOwned::new(session, listener.accept()?.0);
        let mut asked = Vec::new();
        let mut buffer = [0; 1024];
        while !asked.ends_with(b"\r\n\r\n") {
            let read = stream.read(&mut buffer)?;
            asked.extend_from_slice(&buffer[..read]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret")?;
        stream.flush()?;
        Ok(String::from_utf8_lossy(&asked).into_owned())
    });
    (address, thread)
}

#[tokio::test]
async fn https_is_spoken_with_a_server_whose_certificate_is_trusted() {
    let (address, thread) = tls_server();
    let bench = Bench::new();
    bench.write("ca.pem", include_bytes!("fixtures/loopback.crt"));
    let url = format!("https://{address}/over-tls");
    let result = bench.run("api_call", json!({ "url": url, "ca_file": "ca.pem" })).await.unwrap();
    assert_eq!((&result["status"], &result["body"]), (&json!(200), &json!("secret")));
    assert!(thread.join().unwrap().unwrap().starts_with("GET /over-tls HTTP/1.1\r\n"));
}

#[tokio::test]
async fn https_is_refused_to_a_server_that_nobody_vouches_for() {
    let (address, thread) = tls_server();
    let bench = Bench::new();
    // A machine without roots of its own would fail for another reason.
    bench.write("ca.pem", OTHER_CA);
    let url = format!("https://{address}/");
    let failed = bench.run("api_call", json!({ "url": url, "ca_file": "ca.pem" })).await;
    let failed = failed.unwrap_err();
    assert!(failed.contains("invalid peer certificate"), "{failed}");
    assert!(thread.join().unwrap().is_err());
}

#[tokio::test]
async fn a_file_of_certificates_that_is_none_is_named() {
    let bench = Bench::new();
    bench.write("ca.pem", "no certificate");
    let args = json!({ "url": "https://127.0.0.1:1/", "ca_file": "ca.pem" });
    let failed = bench.run("api_call", args).await.unwrap_err();
    assert!(failed.contains("ca.pem: holds no certificate"), "{failed}");
}

#[test]
fn wrong_arguments_are_reported_without_the_secret_in_the_address() {
    insta::assert_snapshot!(check("api_call", json!({
        "url": "htps://ann:hunter2@example.com",
        "headers": { "a b": "x", "ok": "line\nbreak", "list": [] },
        "body": 5, "expect_status": [200, "ok"], "timeout": "0s", "max_redirects": 21,
        "urll": 1, "method": "FETCH",
    })), @r"
    url: must begin with http:// or https://, not htps:
    method: `FETCH` is unknown: did you mean PATCH?
    headers.a b: is not a valid header name
    headers.list: must be text, not a list
    headers.ok: has a value that no header can hold (a line break?)
    body: must be text, or a map or list to send as JSON, not a number
    expect_status: must be a status 100-599 or a list of them, such as 200 or [200, 204]
    timeout: is zero: no answer comes in no time
    max_redirects: must be a whole number 0-20, not 21
    urll: is not an argument of this command: did you mean `url`?
    ");
    let bad_port = check("api_call", json!({ "url": "http://ann:hunter2@example.com:99999" }));
    assert!(bad_port.starts_with("url: is not a URL: invalid port"), "{bad_port}");
    assert!(!bad_port.contains("hunter2"));
    insta::assert_snapshot!(check("api_call", json!({})),
        @"url: is missing: write it like https://example.com/path");
}

/// A root of nobody: its key was thrown away.
const OTHER_CA: &str = include_str!("fixtures/other.crt");

#[tokio::test]
async fn a_body_that_grows_as_json_still_leaves_room_for_status_and_time() {
    let server = server(ResponseTemplate::new(200).set_body_bytes(vec![1; 64 << 10])).await;
    let bench = Bench::new();
    let result =
        bench.run("api_call", json!({ "url": format!("{}/rates", server.uri()) })).await.unwrap();
    assert_eq!((&result["status"], &result["body_truncated"]), (&json!(200), &json!(true)));
    assert!(result["time_ms"].is_u64());
    assert!(serde_json::to_vec(&result).unwrap().len() < 64 << 10);
    assert!(result["body"].as_str().unwrap().len() > 9_000);
}
