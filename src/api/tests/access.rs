//! Who gets through over TCP: every route of the table, every role, every way to write a header wrongly.

use super::*;
use crate::api::access::{Access, Role, Tokens};
use crate::api::tests::engine_api::execution_id;
use crate::driver::EngineApi;
use crate::model::{Actor, Health};

/// What a standby of the same store shows.
const PEER_SECRET: &str = "crontower_peer";

/// A door, and TCP's router before it, with a token for each role.
struct Guarded {
    engine_api: Arc<PlayedEngineApi>,
    router: Router,
    tokens: Tokens,
    actors: Arc<std::sync::Mutex<Vec<Actor>>>,
    _dir: tempfile::TempDir,
}

impl Guarded {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::of(dir.path());
        tokens.ensure_first().unwrap();
        let engine_api = Arc::new(PlayedEngineApi::sample());
        let actors = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (far, seen) = (engine_api.clone(), actors.clone());
        let engine_api_of = Arc::new(move |actor: Actor, _| -> Arc<dyn EngineApi> {
            seen.lock().unwrap().push(actor);
            far.clone()
        });
        let app = app(engine_api.clone(), CancellationToken::new());
        let access = Access {
            tokens: tokens.clone(),
            engine_api_of,
            peer_secret: Some(PEER_SECRET.to_owned()),
        };
        Self { engine_api, router: router::tcp(app, access), tokens, actors, _dir: dir }
    }

    fn token(&self, role: Role) -> String {
        self.tokens
            .create(role.as_str(), role, noon())
            .unwrap_or_else(|_| self.tokens.create("other-admin", role, noon()).unwrap())
    }

    async fn ask(&self, method: &str, path: &str, authorization: &[&[u8]]) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path);
        for value in authorization {
            let value = axum::http::HeaderValue::from_bytes(value).unwrap();
            request = request.header(header::AUTHORIZATION, value);
        }
        self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }
}

/// A path of the table with things that are there.
fn filled(path: &str) -> String {
    let id = match path.split('/').nth(3) {
        Some("executions") => "00000002",
        Some("workers") => "worker-1",
        _ => "backup",
    };
    path.replace("{id}", id).replace("{version}", "1").replace("{*file}", "index.html")
}

#[tokio::test]
async fn the_probes_say_how_the_engine_is_and_whether_it_answers() {
    let guarded = Guarded::new();
    let probe = async |path: &'static str| {
        let response = guarded.ask("GET", path, &[]).await;
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1_024).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    assert_eq!(probe("/healthz").await, (StatusCode::OK, "ok\n".to_owned()));
    assert_eq!(probe("/readyz").await, (StatusCode::OK, "leader\n".to_owned()));
    let problems = vec!["a worker is away".to_owned()];
    guarded.engine_api.state().health = Health::Degraded { problems };
    assert_eq!(probe("/healthz").await, (StatusCode::OK, "degraded\n".to_owned()));
    assert_eq!(probe("/readyz").await, (StatusCode::OK, "leader\n".to_owned()));
    guarded.engine_api.state().store_is_down = true;
    assert_eq!(probe("/healthz").await, (StatusCode::OK, "down\n".to_owned()));
    assert_eq!(probe("/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn nothing_but_health_answers_without_a_token() {
    let guarded = Guarded::new();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(guarded.ask("GET", path, &[]).await.status(), StatusCode::OK, "{path}");
    }
    let routes: Vec<_> = router::routes().into_iter().chain(router::pages()).collect();
    assert!(routes.len() > 40);
    let mut asked: Vec<(String, String)> =
        routes.iter().map(|route| (route.method.to_string(), filled(route.path))).collect();
    for path in ["/", "/api/v1", "/nothing", "/healthz/", "/healthz/../api/v1/jobs", "//healthz"] {
        asked.push(("GET".to_owned(), path.to_owned()));
    }
    asked.push(("DELETE".to_owned(), "/api/v1/jobs/backup".to_owned()));
    asked.push(("OPTIONS".to_owned(), "/api/v1/jobs".to_owned()));
    for (method, path) in asked {
        let response = guarded.ask(&method, &path, &[]).await;
        assert!(response.headers().contains_key(header::WWW_AUTHENTICATE), "{method} {path}");
        let (status, _) = json_of(response).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    assert!(guarded.actors.lock().unwrap().is_empty());
}

#[tokio::test]
async fn each_role_may_do_what_the_table_says_and_nothing_more() {
    let guarded = Guarded::new();
    for role in Role::ALL {
        let header = format!("Bearer {}", guarded.token(role));
        for route in router::routes() {
            let method = route.method.as_str();
            let response = guarded.ask(method, &filled(route.path), &[header.as_bytes()]).await;
            let refused = response.status() == StatusCode::FORBIDDEN;
            assert_eq!(refused, role < route.role, "{role} {method} {}", route.path);
            assert_ne!(response.status(), StatusCode::UNAUTHORIZED, "{role} {}", route.path);
            let changes = route.method != axum::http::Method::GET;
            assert!(!changes || route.role > Role::Viewer, "a viewer only looks: {}", route.path);
        }
    }
    let actors = guarded.actors.lock().unwrap();
    assert_eq!(actors[0], Actor::named("token:viewer"));
    // The operator's run, the admin's run, and their retries of what is final: none by the viewer.
    assert!(guarded.engine_api.state().runs.len() >= 2);
    assert_eq!(guarded.engine_api.state().reloads, 1, "the admin's");
}

#[tokio::test]
async fn a_token_shown_wrongly_is_none() {
    let guarded = Guarded::new();
    let token = guarded.token(Role::Operator);
    let first = std::fs::read_to_string(guarded._dir.path().join("token")).unwrap();
    let right = format!("Bearer {token}").into_bytes();
    for good in [
        &right,
        &format!("bearer  {token} ").into_bytes(),
        &format!("BEARER {}", first.trim()).into_bytes(),
    ] {
        assert_eq!(guarded.ask("GET", "/api/v1/jobs", &[good]).await.status(), StatusCode::OK);
    }
    let huge = format!("Bearer {}", "x".repeat(100_000)).into_bytes();
    let wrong: [&[&[u8]]; 12] = [
        &[b""],
        &[b"Bearer"],
        &[b"Bearer "],
        &[token.as_bytes()],
        &[&[b"Basic ", token.as_bytes()].concat()],
        &[&[b"Bearer ", &token.as_bytes()[..token.len() - 1]].concat()],
        &[&[b"Bearer ", token.as_bytes(), b", x"].concat()],
        &[b"Bearer \xff\xfe"],
        &[&huge],
        &[&right, &right],
        &[b"Bearer x", &right],
        &[&right, b""],
    ];
    for values in wrong {
        let (status, problem) = json_of(guarded.ask("GET", "/api/v1/jobs", values).await).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(!problem.to_string().contains(&token[12..]), "{problem}");
    }
    let uri = format!("/api/v1/jobs?token={token}&access_token={token}");
    assert_eq!(guarded.ask("GET", &uri, &[]).await.status(), StatusCode::UNAUTHORIZED);
    guarded.tokens.revoke("operator").unwrap();
    assert_eq!(guarded.ask("GET", "/api/v1/jobs", &[&right]).await.status(), 401);
}

#[tokio::test]
async fn tokens_that_cannot_be_read_let_nobody_in() {
    let guarded = Guarded::new();
    let token = format!("Bearer {}", guarded.token(Role::Admin));
    std::fs::write(guarded._dir.path().join("tokens.json"), "{").unwrap();
    let (status, problem) =
        json_of(guarded.ask("GET", "/api/v1/jobs", &[token.as_bytes()]).await).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let path = guarded._dir.path().to_str().unwrap();
    assert!(!problem.to_string().contains(path), "{problem}");
}

#[tokio::test]
async fn a_feed_says_what_its_reader_may_do() {
    let guarded = Guarded::new();
    for role in Role::ALL {
        let token = format!("Bearer {}", guarded.token(role));
        let response = guarded.ask("GET", "/api/v1/feed", &[token.as_bytes()]).await;
        let mut body = response.into_body().into_data_stream();
        let line = futures_util::StreamExt::next(&mut body).await.unwrap().unwrap();
        let line: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(line["snapshot"]["role"], role.as_str());
    }
}

#[tokio::test]
async fn a_browser_may_show_a_token_as_a_password_where_the_pages_are_and_nowhere_else() {
    use base64::Engine as _;
    let guarded = Guarded::new();
    let basic = |text: String| {
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text)).into_bytes()
    };
    let token = guarded.token(Role::Viewer);
    let right = basic(format!("anyone:{token}"));
    for path in ["/docs", "/docs/", "/docs/index.html", "/api/openapi.json"] {
        let status = guarded.ask("GET", path, &[&right]).await.status();
        assert!(status.is_success() || status.is_redirection(), "{path}: {status}");
        for wrong in
            [basic(format!("{token}:")), basic("anyone:x".to_owned()), b"Basic !!".to_vec()]
        {
            let response = guarded.ask("GET", path, &[&wrong]).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
            let asked = response.headers().get_all(header::WWW_AUTHENTICATE).iter();
            assert!(asked.into_iter().any(|ask| ask.to_str().unwrap().starts_with("Basic")));
        }
    }
    for path in ["/api/v1/jobs", "/metrics", "/docs2", "/api/openapi.json/x", "/docs/../metrics"] {
        let response = guarded.ask("GET", path, &[&right]).await;
        assert_ne!(response.status(), StatusCode::OK, "{path}");
    }
    assert_eq!(guarded.ask("GET", "/api/v1/jobs", &[&right]).await.status(), 401);
}

#[tokio::test]
async fn a_browser_of_another_site_is_reported_nothing() {
    let guarded = Guarded::new();
    let token = format!("Bearer {}", guarded.token(Role::Admin));
    let request = Request::get("/api/v1/jobs")
        .header(header::ORIGIN, "http://evil.example")
        .header(header::AUTHORIZATION, token)
        .body(Body::empty())
        .unwrap();
    let response = guarded.router.clone().oneshot(request).await.unwrap();
    assert!(!response.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
}

#[tokio::test]
async fn only_an_admin_gives_an_attempt_up() {
    let uri = "/api/v1/executions/00000002/cancel";
    for (role, body, status) in [
        (Role::Operator, r#"{"abandon": true}"#, StatusCode::FORBIDDEN),
        (Role::Operator, "null", StatusCode::ACCEPTED),
    ] {
        let guarded = Guarded::new();
        let token = guarded.token(role);
        let request = Request::post(uri).header(header::AUTHORIZATION, format!("Bearer {token}"));
        let request = request.body(Body::from(body)).unwrap();
        assert_eq!(
            guarded.router.clone().oneshot(request).await.unwrap().status(),
            status,
            "{body}"
        );
    }
    let guarded = Guarded::new();
    let token = guarded.token(Role::Admin);
    let request = Request::post(uri).header(header::AUTHORIZATION, format!("Bearer {token}"));
    let request = request.body(Body::from(r#"{"abandon": true}"#)).unwrap();
    let status = guarded.router.clone().oneshot(request).await.unwrap().status();
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(guarded.engine_api.state().abandoned, [execution_id(2)]);
}

#[tokio::test]
async fn a_standby_speaks_for_whoever_asked_it_and_nobody_else_can() {
    let guarded = Guarded::new();
    let ask = async |path: &str, secret: &str, actor: &str, role: &str| {
        let request = Request::post(path)
            .header("x-crontower-peer", secret)
            .header("x-crontower-actor", actor)
            .header("x-crontower-role", role)
            .body(Body::empty());
        guarded.router.clone().oneshot(request.unwrap()).await.unwrap().status()
    };
    let (reload, pause) = ("/api/v1/reload", "/api/v1/jobs/backup/pause");
    let admin = guarded.token(Role::Admin);
    for wrong in ["", "crontower_pee", "crontower_peer2", admin.as_str()] {
        let status = ask(pause, wrong, "token:x", "admin").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{wrong}");
    }
    assert!(guarded.actors.lock().unwrap().is_empty());
    assert_eq!(ask(reload, PEER_SECRET, "token:bob", "operator").await, StatusCode::FORBIDDEN);
    assert_eq!(ask(pause, PEER_SECRET, "token:bob", "root").await, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(pause, PEER_SECRET, "token:eve", "operator").await, StatusCode::OK);
    let actors: Vec<_> = guarded.actors.lock().unwrap().iter().map(Actor::to_string).collect();
    assert_eq!(actors, ["token:bob", "token:eve"]);
}
