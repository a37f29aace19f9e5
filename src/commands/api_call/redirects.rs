//! Redirects of `api_call`: where an answer leads, and what goes along.
//!
//! Owns the rule that nothing which may be secret leaves the origin it was meant for. Knows nothing of TLS or of what is
//! expected of the last answer.

use reqwest::header::{self, HeaderMap};
use reqwest::{Client, Method, Response, StatusCode, Url};

use super::args::Body;
use super::words::{failure, shown};
use crate::commands::command::CommandError;

/// What is sent.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
}

/// Headers that say nothing about who asks. All others may: there are as many names for a key as there are services.
const HARMLESS: [header::HeaderName; 3] =
    [header::ACCEPT, header::ACCEPT_LANGUAGE, header::USER_AGENT];

/// Sends a request and follows at most so many redirects; with 0, a redirect is the answer.
pub(super) async fn send(
    client: &Client,
    mut request: Request,
    most: usize,
) -> Result<Response, CommandError> {
    let target = shown(&request.url);
    let mut followed = 0;
    loop {
        let mut sent = client.request(request.method.clone(), request.url.clone());
        sent = sent.headers(request.headers.clone());
        sent = match &request.body {
            Body::None => sent,
            Body::Text(text) => sent.body(text.clone()),
            // `json` leaves a content type alone that the headers gave.
            Body::Json(value) => sent.json(value),
        };
        let response = sent.send().await.map_err(|fault| failure(&target, fault))?;
        let status = response.status();
        let Some(location) = location(&response) else { return Ok(response) };
        if most == 0 {
            return Ok(response);
        }
        if followed == most {
            let message = format!("{target} redirects too often (see `max_redirects`)");
            return Err(CommandError(message));
        }
        let next =
            request.url.join(location).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let Some(next) = next else {
            return Err(CommandError(format!("{target} redirects to what is no http address")));
        };
        request.follow(status, next);
        followed += 1;
    }
}

/// Where an answer leads, if it is a redirect.
fn location(response: &Response) -> Option<&str> {
    let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(header::LOCATION).filter(|_| redirects)?;
    location.to_str().ok()
}

impl Request {
    /// Becomes the request that follows a redirect, as the fetch standard has it; to another origin (scheme, host, port)
    /// without its body and without any header that may hold a secret, and it never gets them back.
    fn follow(&mut self, status: StatusCode, next: Url) {
        let to_get = match status.as_u16() {
            301 | 302 => self.method == Method::POST,
            303 => !matches!(self.method, Method::GET | Method::HEAD),
            _ => false,
        };
        let elsewhere = next.origin() != self.url.origin();
        if to_get {
            self.method = Method::GET;
        }
        if to_get || elsewhere {
            self.body = Body::None;
            for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING] {
                self.headers.remove(name);
            }
        }
        if elsewhere {
            let kept = HARMLESS.map(|name| (self.headers.remove(&name), name));
            self.headers.clear();
            for (value, name) in kept {
                self.headers.extend(value.map(|value| (name, value)));
            }
        }
        self.url = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str) -> Request {
        let mut headers = HeaderMap::new();
        for name in ["x-api-key", "authorization", "content-type", "accept"] {
            headers.insert(name, "value".parse().unwrap());
        }
        let (url, body) = (url.parse().unwrap(), Body::Text("secret".to_owned()));
        Request { method: Method::POST, url, headers, body }
    }

    fn followed(status: u16, to: &str) -> (String, Vec<String>, bool) {
        let mut request = request("https://a.example/in");
        request.follow(StatusCode::from_u16(status).unwrap(), to.parse().unwrap());
        let mut names: Vec<String> = request.headers.keys().map(ToString::to_string).collect();
        names.sort();
        (request.method.to_string(), names, matches!(request.body, Body::Text(_)))
    }

    #[test]
    fn nothing_secret_leaves_its_origin() {
        for to in ["https://b.example/", "http://a.example/", "https://a.example:8443/"] {
            assert_eq!(
                followed(307, to),
                ("POST".to_owned(), vec!["accept".to_owned()], false),
                "{to}"
            );
            assert_eq!(
                followed(302, to),
                ("GET".to_owned(), vec!["accept".to_owned()], false),
                "{to}"
            );
        }
    }

    #[test]
    fn all_goes_along_within_an_origin() {
        let (method, names, body) = followed(308, "https://a.example:443/other");
        assert_eq!((method.as_str(), names.len(), body), ("POST", 4, true));
        let (method, names, body) = followed(303, "https://a.example/other");
        assert_eq!((method.as_str(), body), ("GET", false));
        assert_eq!(names, ["accept", "authorization", "x-api-key"]);
    }
}
