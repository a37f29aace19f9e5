//! The client of the API, over a unix socket or a URL: what the command line speaks through, and, as a
//! [`EngineApi`](crate::driver::EngineApi), what a screen in another process is attached to.

mod cause;
mod engine_api;
mod lines;

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, Url, header};
use serde::de::DeserializeOwned;

pub(crate) use lines::Lines;

use super::problem::ProblemDetails;
use crate::control::{Command, http};
use crate::model::Refusal;

/// Connecting takes no longer on any network that works.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// An answer that takes longer is told to be awaited.
const SILENCE: Duration = Duration::from_secs(3);
/// An answer that is no stream takes no longer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Why there is no answer, or not the one hoped for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers.
    #[error("no engine is reachable {at}: {message}")]
    Unreachable {
        /// Where one was looked for.
        at: String,
        /// What the system said.
        message: String,
    },
    /// Someone is there, and answers nothing in time.
    #[error("no engine is reachable {at}: no answer in time")]
    Silent {
        /// Who was asked.
        at: String,
    },
    /// The data folder is another user's.
    #[error("the engine {at} belongs to {owner}: you may not speak to it")]
    NotYours {
        /// Where it was looked for.
        at: String,
        /// The other user.
        owner: String,
    },
    /// The certificate names other hosts.
    #[error("the certificate {at} is for {}, not for {host}", .names.join(", "))]
    WrongHost {
        /// Who showed it.
        at: String,
        /// As the host was called.
        host: String,
        /// What the certificate is for.
        names: Vec<String>,
    },
    /// The certificate is not trusted.
    #[error("no engine is reachable {at}: {message}")]
    Untrusted {
        /// Who showed it.
        at: String,
        /// Why.
        message: String,
    },
    /// TLS is spoken where none is, or the other way round.
    #[error("{}", scheme(.url, *.tls))]
    Scheme {
        /// As it has to be written.
        url: String,
        /// Whether TLS is spoken there.
        tls: bool,
    },
    /// The engine says no.
    #[error("{}", .0.detail)]
    Refused(Box<ProblemDetails>),
    /// There can be no engine at such a URL.
    #[error("`{url}` is no URL of an engine: {message}; write it like http://127.0.0.1:7117")]
    Url {
        /// As it was given.
        url: String,
        /// What is wrong.
        message: String,
    },
    /// The certificates to trust cannot be read.
    #[error("cannot trust {}: {message}", .path.display())]
    Authorities {
        /// Their file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// What was given as a token can be none.
    #[error("the token holds a character that no token has")]
    Token,
    /// What came is not what an engine says.
    #[error("{at} did not answer as an engine does: {message}")]
    NotUnderstood {
        /// Who answered.
        at: String,
        /// What is wrong.
        message: String,
    },
}

fn scheme(url: &str, tls: bool) -> String {
    let tls = if tls { "TLS" } else { "no TLS" };
    format!("this port speaks {tls}: use {url}")
}

impl From<ClientError> for Refusal {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Silent { at } => Self::Unreachable(format!("{at}: no answer in time")),
            ClientError::Unreachable { at, message } | ClientError::Untrusted { at, message } => {
                Self::Unreachable(format!("{at}: {message}"))
            }
            ClientError::Refused(problem) => {
                problem.refusal().unwrap_or_else(|| Self::Other(problem.detail.clone()))
            }
            ClientError::Url { .. }
            | ClientError::NotYours { .. }
            | ClientError::WrongHost { .. }
            | ClientError::Scheme { .. }
            | ClientError::Authorities { .. }
            | ClientError::Token
            | ClientError::NotUnderstood { .. } => Self::Other(error.to_string()),
        }
    }
}

/// Speaks to one engine.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    at: String,
    token: Option<header::HeaderValue>,
    authorities: Vec<reqwest::Certificate>,
    socket: Option<PathBuf>,
    on_silence: Option<fn(&str)>,
}

impl Client {
    /// Over the unix socket of a data folder.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub(crate) fn over_socket(path: &Path) -> Result<Self, ClientError> {
        let at = format!("at {}", path.display());
        let http = builder().unix_socket(path).build().map_err(|error| broken(&at, &error))?;
        let base = Url::parse("http://localhost/").map_err(|error| broken(&at, &error))?;
        let (socket, authorities) = (Some(path.to_owned()), Vec::new());
        Ok(Self { http, base, at, token: None, authorities, socket, on_silence: None })
    }

    /// At a URL such as `http://127.0.0.1:7117`.
    ///
    /// # Errors
    /// When it is no such URL.
    pub(crate) fn at_url(url: &str) -> Result<Self, ClientError> {
        let wrong = |message: String| ClientError::Url { url: url.to_owned(), message };
        let mut base = Url::parse(url).map_err(|error| wrong(error.to_string()))?;
        base.set_query(None);
        base.set_fragment(None);
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(wrong("its scheme is neither http nor https".to_owned()));
        }
        let at = format!("at {}", shown(&base));
        let http = builder().build().map_err(|error| broken(&at, &error))?;
        let authorities = Vec::new();
        Ok(Self { http, base, at, token: None, authorities, socket: None, on_silence: None })
    }

    /// The same, calling `tell` with the place of the engine whenever an answer takes long.
    #[must_use]
    pub(crate) fn telling_silence(self, tell: fn(&str)) -> Self {
        Self { on_silence: Some(tell), ..self }
    }

    /// The same, waiting without a word.
    #[must_use]
    pub(crate) fn without_telling(self) -> Self {
        Self { on_silence: None, ..self }
    }

    /// The same, showing a bearer token.
    ///
    /// # Errors
    /// When the token holds what no header can.
    pub(crate) fn with_token(self, token: &str) -> Result<Self, ClientError> {
        let value = header::HeaderValue::from_str(&format!("Bearer {}", token.trim()));
        let mut value = value.map_err(|_| ClientError::Token)?;
        value.set_sensitive(true);
        Self { token: Some(value), ..self }.rebuilt()
    }

    /// The same, trusting the certificates of a PEM file beside the system's.
    ///
    /// # Errors
    /// When the file holds none.
    pub(crate) fn with_authorities(self, path: &Path) -> Result<Self, ClientError> {
        let wrong = |message: String| ClientError::Authorities { path: path.to_owned(), message };
        let text = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let authorities = reqwest::Certificate::from_pem_bundle(&text);
        let authorities = authorities.map_err(|error| wrong(root(&error)))?;
        if authorities.is_empty() {
            return Err(wrong("it holds no certificate".to_owned()));
        }
        Self { authorities, ..self }.rebuilt()
    }

    fn rebuilt(self) -> Result<Self, ClientError> {
        let token = self.token.iter().map(|token| (header::AUTHORIZATION, token.clone()));
        let builder = builder().default_headers(token.collect());
        let http = match self.authorities.is_empty() {
            true => builder.build(),
            false => builder.tls_certs_merge(self.authorities.iter().cloned()).build(),
        };
        Ok(Self { http: http.map_err(|error| broken(&self.at, &error))?, ..self })
    }

    /// Where the engine is looked for: `at /path/to/socket`.
    #[must_use]
    pub(crate) fn place(&self) -> &str {
        &self.at
    }

    /// The text that the API answers at `/api/v1/` + `path` (its segments unescaped).
    ///
    /// # Errors
    /// When nobody answers, or no is answered.
    pub(crate) async fn get(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<String, ClientError> {
        check_ids(path)?;
        self.text(self.request(Method::GET, path, query, "application/json")).await
    }

    /// Asks a verb and gives the answer's text; where that is empty, there is nothing to say.
    ///
    /// # Errors
    /// When nobody answers, or no is answered.
    pub(crate) async fn ask_verb<C: Command>(&self, command: &C) -> Result<String, ClientError> {
        let parts = http::split(command)
            .map_err(|refusal| ClientError::Refused(Box::new(ProblemDetails::from(refusal))))?;
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(&parts.segments);
        }
        if !parts.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&parts.query);
        }
        let method = Method::from_bytes(C::METHOD.as_str().as_bytes()).unwrap_or(Method::GET);
        let mut request = self.http.request(method, url).header(header::ACCEPT, "application/json");
        if let Some(version) = parts.if_version {
            request = request.header(header::IF_MATCH, format!("\"{version}\""));
        }
        if let Some(body) = &parts.body {
            request = request.json(body);
        }
        self.text(request).await
    }

    /// What came is not what an engine says.
    pub(crate) fn not_understood(&self, error: &serde_json::Error) -> ClientError {
        broken(&self.at, error)
    }

    /// An answer that is read while it grows.
    ///
    /// # Errors
    /// When nobody answers, or no is answered.
    pub(crate) async fn stream(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        accept: &str,
    ) -> Result<Response, ClientError> {
        check_ids(path)?;
        self.answer(self.request(Method::GET, path, query, accept)).await
    }

    /// Reads what the API answered.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn parse<T: DeserializeOwned>(&self, text: &str) -> Result<T, ClientError> {
        serde_json::from_str(text).map_err(|error| broken(&self.at, &error))
    }

    fn request(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        accept: &str,
    ) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.http.request(method, url).header(header::ACCEPT, accept)
    }

    async fn text(&self, request: RequestBuilder) -> Result<String, ClientError> {
        let mut answer = std::pin::pin!(self.answer(request.timeout(ANSWER_TIMEOUT)));
        let answer = match (tokio::time::timeout(SILENCE, answer.as_mut()).await, self.on_silence) {
            (Ok(answer), _) => answer?,
            (Err(_), None) => answer.await?,
            (Err(_), Some(tell)) => {
                tell(&self.at);
                answer.await?
            }
        };
        answer.text().await.map_err(|error| broken(&self.at, &error))
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return Err(self.unreachable(&error).await),
        };
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.text().await.unwrap_or_default();
        match serde_json::from_str::<ProblemDetails>(&text) {
            Ok(problem) => Err(ClientError::Refused(Box::new(problem))),
            Err(_) => Err(ClientError::NotUnderstood {
                at: self.at.clone(),
                message: format!("it answered {status} without saying why"),
            }),
        }
    }

    async fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        let at = self.at.clone();
        if error.is_timeout() && !error.is_connect() {
            return ClientError::Silent { at };
        }
        if let Some(socket) = &self.socket
            && cause::is_refused_access(error)
        {
            return ClientError::NotYours { at, owner: cause::owner(socket) };
        }
        let host = || self.base.host_str().unwrap_or_default().to_owned();
        match cause::of_tls(error) {
            Some(cause::Tls::NotSpoken) => return self.scheme(false),
            Some(cause::Tls::WrongHost(names)) => {
                return ClientError::WrongHost { at, host: host(), names };
            }
            Some(cause::Tls::Untrusted) => {
                return ClientError::Untrusted { at, message: root(error) };
            }
            None => {}
        }
        // The other scheme is tried where someone is there who does not understand this one.
        let tls = self.base.scheme() == "https";
        let heard = self.socket.is_none() && !error.is_timeout() && !cause::is_nobody(error);
        if heard && (tls || !error.is_connect()) && self.answers_over(!tls).await {
            return self.scheme(!tls);
        }
        let message = if error.is_timeout() { "no answer in time".to_owned() } else { root(error) };
        ClientError::Unreachable { at, message }
    }

    /// That it has to be written with the other scheme.
    fn scheme(&self, tls: bool) -> ClientError {
        let shown = shown(&self.base);
        let rest = shown.split_once("://").map_or("", |(_, rest)| rest);
        let scheme = if tls { "https" } else { "http" };
        ClientError::Scheme { url: format!("{scheme}://{}", rest.trim_end_matches('/')), tls }
    }

    /// Whether whoever listens there answers with TLS, or without it. It is shown no token.
    async fn answers_over(&self, tls: bool) -> bool {
        let mut url = self.base.clone();
        let blind = builder().tls_danger_accept_invalid_certs(true).build();
        match (url.set_scheme(if tls { "https" } else { "http" }), blind) {
            (Ok(()), Ok(http)) => http.head(url).timeout(CONNECT_TIMEOUT).send().await.is_ok(),
            _ => false,
        }
    }
}

/// Refuses what a URL swallows: another route would answer.
fn check_ids(path: &[&str]) -> Result<(), ClientError> {
    match path.iter().find(|segment| matches!(**segment, "" | "." | "..")) {
        None => Ok(()),
        Some(no_id) => {
            let refusal = Refusal::Malformed(format!("`{no_id}` is no id"));
            Err(ClientError::Refused(Box::new(ProblemDetails::from(refusal))))
        }
    }
}

pub(super) fn builder() -> reqwest::ClientBuilder {
    // One provider of cryptography for the whole process; a second call changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
}

/// A URL without what may be secret in it.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url.to_string()
}

fn broken(at: &str, error: &(dyn std::error::Error + 'static)) -> ClientError {
    ClientError::NotUnderstood { at: at.to_owned(), message: root(error) }
}

/// The innermost cause: `Connection refused`, not "error sending request".
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
