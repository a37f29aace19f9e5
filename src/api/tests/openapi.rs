//! The description of the API is complete, and true to what is answered.

use std::collections::BTreeSet;

use super::*;
use crate::api::openapi::document;
use crate::api::router::routes;
use crate::model::{Execution, ExecutionState};

fn described() -> Value {
    serde_json::to_value(document()).unwrap()
}

#[test]
fn every_route_of_the_table_is_described_and_nothing_else() {
    let document = described();
    let mut found = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            found.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let table = routes().into_iter().map(|route| format!("{} {}", route.method, route.path));
    let mut wanted: BTreeSet<String> = table.collect();
    wanted.extend(["GET /healthz", "GET /readyz"].map(str::to_owned));
    assert_eq!(found, wanted);
    assert_eq!(document["openapi"], "3.1.0");
}

#[test]
fn every_operation_says_who_may_ask_what_it_takes_and_how_it_fails() {
    let document = described();
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let place = format!("{method} {path}");
            assert!(names.insert(operation["operationId"].as_str().unwrap()), "{place}");
            assert!(operation["summary"].as_str().is_some_and(|said| said.len() > 5), "{place}");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["description"].is_string(), "{place}: {parameter}");
            }
            if path.starts_with("/api") || path == "/metrics" {
                assert_eq!(operation["security"][0], serde_json::json!({"token": []}), "{place}");
                assert!(operation["description"].as_str().unwrap().contains("role"), "{place}");
                let unknown = &operation["responses"]["401"]["content"];
                assert!(unknown["application/problem+json"].is_object(), "{place}");
            }
        }
    }
}

#[test]
fn references_lead_somewhere() {
    let document = described();
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}

/// The schema of an answer, with all that it refers to.
fn validator(document: &Value, method: &str, path: &str, status: u16) -> jsonschema::Validator {
    let answers = &document["paths"][path][method.to_lowercase()]["responses"];
    let answer = &answers[status.to_string()];
    let kind = if status < 400 { "application/json" } else { "application/problem+json" };
    let mut schema = answer["content"][kind]["schema"].clone();
    assert!(schema.is_object(), "{method} {path} {status} is not described: {answers}");
    schema["components"] = document["components"].clone();
    jsonschema::validator_for(&schema).unwrap()
}

#[tokio::test]
async fn answers_are_as_described() {
    let document = described();
    let world = World::new();
    let mut waiting = Execution {
        state: ExecutionState::Waiting { waiting_for: Vec::new(), fresh_after: Some(noon()) },
        ..(*world.engine_api.find(engine_api::execution_id(1))).clone()
    };
    waiting.id = engine_api::execution_id(3);
    world.engine_api.change(waiting);
    let note = r#"{"note": "seen", "until": "2026-12-24T00:00:00Z"}"#;
    for (method, route, uri, body, status) in [
        ("GET", "/jobs", "/jobs?limit=2", "", 200),
        ("GET", "/jobs", "/jobs?limit=0", "", 400),
        ("POST", "/jobs", "/jobs", r#"{"id": "new"}"#, 201),
        ("POST", "/jobs", "/jobs?dry_run=true", r#"{"id": "new"}"#, 200),
        ("POST", "/jobs", "/jobs", r#"{"id": "backup"}"#, 409),
        ("POST", "/jobs", "/jobs", "{}", 422),
        ("GET", "/jobs/{id}", "/jobs/backup", "", 200),
        ("GET", "/jobs/{id}", "/jobs/nothing", "", 404),
        ("PUT", "/jobs/{id}", "/jobs/backup", "{}", 200),
        ("PATCH", "/jobs/{id}", "/jobs/backup", "{}", 200),
        ("DELETE", "/jobs/{id}", "/jobs/backup", "", 200),
        ("POST", "/jobs/{id}/enable", "/jobs/backup/enable", "", 200),
        ("GET", "/jobs/{id}/versions", "/jobs/backup/versions", "", 200),
        ("GET", "/jobs/{id}/next", "/jobs/backup/next", "", 200),
        ("GET", "/jobs/{id}/why", "/jobs/backup/why", "", 200),
        ("GET", "/jobs/{id}/ledger", "/jobs/backup/ledger", "", 200),
        ("POST", "/jobs/{id}/run", "/jobs/backup/run", "{}", 202),
        ("POST", "/jobs/{id}/pause", "/jobs/backup/pause", "", 200),
        ("POST", "/jobs/{id}/resume", "/jobs/backup/resume", "", 409),
        ("POST", "/jobs/{id}/skip-next", "/jobs/backup/skip-next", "", 200),
        ("GET", "/executions", "/executions", "", 200),
        ("GET", "/executions/{id}", "/executions/00000003", "", 200),
        ("GET", "/executions/{id}/output", "/executions/00000001/output", "", 200),
        ("POST", "/executions/{id}/cancel", "/executions/00000002/cancel", "", 202),
        ("POST", "/executions/{id}/retry", "/executions/00000001/retry", "", 202),
        ("POST", "/executions/{id}/acknowledge", "/executions/00000001/acknowledge", note, 200),
        ("GET", "/counts", "/counts", "", 200),
        ("GET", "/workers", "/workers", "", 200),
        ("PATCH", "/workers/{id}", "/workers/worker-1", r#"{"capacity": null}"#, 200),
        ("DELETE", "/workers/{id}", "/workers/worker-1", "", 409),
        ("POST", "/workers/{id}/drain", "/workers/worker-1/drain", "", 200),
        ("GET", "/status", "/status", "", 200),
        ("GET", "/settings", "/settings", "", 200),
        ("GET", "/schedule/preview", "/schedule/preview?expr=daily", "", 200),
        ("GET", "/schedule/preview", "/schedule/preview?expr=nonsense", "", 422),
        ("POST", "/reload", "/reload?dry_run=true", "", 200),
        ("POST", "/reload", "/reload", "", 422),
        ("GET", "/events", "/events", "", 200),
    ] {
        let json = [("Accept", "application/json")];
        let response = world.ask(method, &format!("/api/v1{uri}"), &json, body).await;
        let (found, answer) = json_of(response).await;
        assert_eq!(found.as_u16(), status, "{method} {uri}: {answer}");
        let schema = validator(&document, method, &format!("/api/v1{route}"), status);
        let errors: Vec<String> = schema.iter_errors(&answer).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{method} {uri}: {errors:?}\n{answer:#}");
    }
}

#[tokio::test]
async fn the_document_and_its_pages_are_served_and_load_nothing_from_elsewhere() {
    let world = World::new();
    let (status, document) = world.get("/api/openapi.json").await;
    assert_eq!((status, document), (StatusCode::OK, described()));
    let response = world.ask("GET", "/docs", &[], "").await;
    assert_eq!(response.headers()[header::LOCATION], "/docs/");
    for (name, kind) in [
        ("", "text/html"),
        ("index.html", "text/html"),
        ("swagger-initializer.js", "text/javascript"),
        ("swagger-ui-bundle.js", "text/javascript"),
        ("swagger-ui.css", "text/css"),
    ] {
        let response = world.ask("GET", &format!("/docs/{name}"), &[], "").await;
        assert_eq!(response.status(), StatusCode::OK, "{name}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], kind, "{name}");
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'self'"));
        let text = to_bytes(response.into_body(), 8 << 20).await.unwrap();
        let text = String::from_utf8_lossy(&text);
        assert!(!text.is_empty(), "{name}");
        if name.ends_with("html") || name.is_empty() {
            assert!(!text.contains("https://") && !text.contains("http://"), "{text}");
        }
        if name == "swagger-initializer.js" {
            assert!(text.contains("/api/openapi.json"), "{text}");
        }
    }
    for name in ["nothing.js", "../api/v1/jobs", "%2e%2e/%2e%2e/etc/passwd"] {
        let (status, _) = world.get(&format!("/docs/{name}")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{name}");
    }
}

/// Programs are generated from the document: a change of it is one that somebody wanted.
#[test]
fn the_document_is_the_one_that_was_published() {
    let mut document = described();
    // The version changes with each release.
    document["info"]["version"] = "0.0.0".into();
    insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap());
}
