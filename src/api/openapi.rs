//! The OpenAPI 3.1 document: made of what stands at the handlers of reads, of the list of verbs, and of what holds for all
//! of them.
//!
//! A handler says its path, its parameters by name and its good answers. What the table of routes and the parameters'
//! readers decide is said here once: roles, problems, and what a parameter takes. A test compares the document with the table.

mod verbs;

use std::borrow::Cow;

use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, OpenApi, PathItem, Ref, RefOr, Required, Response, ResponseBuilder,
    SecurityRequirement,
};
use utoipa::{OpenApi as _, PartialSchema, ToSchema};

use super::access::Role;
use super::problem::ProblemDetails;
use super::router::{Route, routes};
use super::{
    events, executions, feed, health, jobs, metrics, output, preview, settings, status, why,
    workers,
};
use crate::model::{JsonType, Scope, keys_of};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "crontower",
        description = "Jobs, their executions and the workers that carry them out."
    ),
    paths(
        jobs::list,
        jobs::show,
        jobs::versions,
        jobs::next,
        why::job,
        jobs::ledger,
        executions::list,
        executions::show,
        output::read,
        why::execution,
        executions::counts,
        workers::list,
        workers::show,
        status::status,
        settings::settings,
        preview::preview,
        events::events,
        feed::feed,
        metrics::metrics,
        health::healthz,
        health::readyz,
    ),
    components(schemas(ProblemDetails))
)]
struct Handlers;

/// The name of the way to show a token.
const TOKEN: &str = "token";

/// What a parameter is and takes. Each name means the same wherever it stands.
const PARAMETERS: &[(&str, Takes, &str)] = &[
    (
        "id",
        Takes::Text,
        "Of a job or worker: its id; of an execution: any unique beginning or end of its id",
    ),
    ("version", Takes::Number(1, u32::MAX as i64), "The number of a version"),
    ("limit", Takes::Number(1, 1_000), "At most so many rows"),
    ("cursor", Takes::Text, "`next_cursor` of the page before"),
    (
        "source",
        Takes::Word(&["file", "api"]),
        "Where the job is to live: in jobs.yaml or in the store",
    ),
    ("dry_run", Takes::Flag, "Say what would change, and change nothing"),
    ("from", Takes::Text, "Of fire times: those after this instant; of output: from this byte on"),
    ("count", Takes::Number(1, 1_000), "So many fire times"),
    ("at", Takes::Time, "The instant that is asked about; now, if none is given"),
    ("job", Takes::Text, "Of this job"),
    ("status", Takes::Text, "In one of these states, separated by commas"),
    (
        "trigger",
        Takes::Word(&["schedule", "catch_up", "manual", "dependency", "retry", "reboot"]),
        "Created by this",
    ),
    ("worker", Takes::Text, "Whose newest attempt this worker carries out"),
    ("since", Takes::Time, "Created at or after this instant"),
    ("until", Takes::Time, "Created before this instant"),
    ("q", Takes::Text, "Holding all of these words, and none of those after a `!`"),
    ("after", Takes::Text, "The nearest ones that are newer than this id or number"),
    ("attempt", Takes::Number(1, u32::MAX as i64), "Of this attempt; the newest, if none is given"),
    ("follow", Takes::Flag, "Go on until the execution is final"),
    ("max_bytes", Takes::Number(1, 16 << 20), "As JSON: at most about so many bytes"),
    ("expr", Takes::Text, "A cron expression or an English phrase"),
    ("tz", Takes::Text, "An IANA name; the default zone of jobs.yaml, if none is given"),
];

/// What may be given for a parameter.
#[derive(Clone, Copy)]
enum Takes {
    Text,
    Number(i64, i64),
    Flag,
    Time,
    Word(&'static [&'static str]),
}

/// A definition: the keys of jobs.yaml, or those of the system that crontower follows.
pub(super) struct JobDefinition;

/// The keys of a definition that change; one that is null goes.
pub(super) struct JobPatch;

impl ToSchema for JobDefinition {
    fn name() -> Cow<'static, str> {
        "JobDefinition".into()
    }
}

impl PartialSchema for JobDefinition {
    fn schema() -> RefOr<Schema> {
        let described = "A job: the keys of jobs.yaml, or those of the system that crontower follows (`retryPolicy`, …). \
            What the engine tells about a job beside them may stand here and says nothing.";
        keys(described, false).required("id").build().into()
    }
}

impl ToSchema for JobPatch {
    fn name() -> Cow<'static, str> {
        "JobPatch".into()
    }
}

impl PartialSchema for JobPatch {
    fn schema() -> RefOr<Schema> {
        let described = "The keys of a job that change; one that is null goes (RFC 7396).";
        keys(described, true).build().into()
    }
}

/// The keys of a job, as the jobs file knows them.
fn keys(described: &str, nullable: bool) -> ObjectBuilder {
    let object = ObjectBuilder::new()
        .description(Some(described))
        .additional_properties(Some(AdditionalProperties::FreeForm(true)));
    keys_of(Scope::Job).fold(object, |object, key| {
        let default = match key.default {
            "" => String::new(),
            default => format!("; default: {default}"),
        };
        let kind = if nullable { or_null(key.json) } else { kind(key.json) };
        let property = ObjectBuilder::new()
            .schema_type(kind)
            .description(Some(format!("{}{default}", key.takes)));
        object.property(key.name, property)
    })
}

fn kind(json: JsonType) -> SchemaType {
    match json {
        JsonType::Boolean => Type::Boolean.into(),
        JsonType::Integer => Type::Integer.into(),
        JsonType::Number => Type::Number.into(),
        JsonType::Text => Type::String.into(),
        JsonType::TextOrInteger => SchemaType::from_iter([Type::String, Type::Integer]),
        JsonType::Array => Type::Array.into(),
        JsonType::Object => Type::Object.into(),
    }
}

fn or_null(json: JsonType) -> SchemaType {
    match kind(json) {
        SchemaType::Type(one) => SchemaType::from_iter([one, Type::Null]),
        other => other,
    }
}

/// The whole document.
pub(super) fn document() -> OpenApi {
    let mut document = Handlers::openapi();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    verbs::add_to(&mut document);
    let scheme = Http::builder().scheme(HttpAuthScheme::Bearer).description(Some(
        "Over TCP: what `crontower token create` made, or the file `token` of the data folder. The socket needs none.",
    ));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(TOKEN, SecurityScheme::Http(scheme.build()));
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            complete(path, method, operation);
        }
    }
    document
}

/// What an item holds, each under its method.
pub(super) fn operations(
    item: &mut PathItem,
) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, post, put, patch, delete, .. } = item;
    let all = [("GET", get), ("POST", post), ("PUT", put), ("PATCH", patch), ("DELETE", delete)];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Adds what holds beyond the handler.
fn complete(path: &str, method: &str, operation: &mut Operation) {
    operation.operation_id = Some(name(path, method));
    operation.tags = Some(vec![tag(path).to_owned()]);
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter {
            describe(parameter);
        }
    }
    let route = routes().into_iter().find(|route| route.path == path && route.method == method);
    let Some(route) = route else { return };
    operation.security = Some(vec![SecurityRequirement::new(TOKEN, [""; 0])]);
    let role = format!("Least role: {}.", route.role);
    let said = operation.description.take();
    operation.description = Some(said.map_or(role.clone(), |said| format!("{said}\n\n{role}")));
    for (status, why) in problems(path, &route) {
        let known = operation.responses.responses.entry(status.to_string());
        known.or_insert_with(|| problem(why).into());
    }
}

/// `GET /api/v1/jobs/{id}/next` is `get_jobs_id_next`.
fn name(path: &str, method: &str) -> String {
    let inside = path.trim_start_matches("/api/v1");
    let words = inside.split(['/', '{', '}', '-', '.']).filter(|word| !word.is_empty());
    words.fold(method.to_lowercase(), |name, word| name + "_" + word)
}

fn tag(path: &str) -> &str {
    match path.trim_start_matches("/api/v1/").split('/').next() {
        Some(tag @ ("jobs" | "executions" | "workers" | "schedule")) => tag,
        Some("counts") => "executions",
        _ => "engine",
    }
}

/// What each of these problems means.
const NOT_FOUND: &str = "No such thing";
const INVALID: &str = "A definition, or jobs.yaml, is not legal";

fn describe(parameter: &mut Parameter) {
    let known = PARAMETERS.iter().find(|(name, ..)| *name == parameter.name);
    let Some((_, takes, described)) = known else { return };
    parameter.description = Some((*described).to_owned());
    if parameter.parameter_in == ParameterIn::Query {
        let needed = if parameter.name == "expr" { Required::True } else { Required::False };
        parameter.required = needed;
    }
    let object = ObjectBuilder::new();
    let schema = match takes {
        Takes::Text => object.schema_type(Type::String),
        Takes::Time => object
            .schema_type(Type::String)
            .format(Some(utoipa::openapi::SchemaFormat::Custom("date-time".to_owned()))),
        // The name alone is yes, too.
        Takes::Flag => {
            object.schema_type(Type::String).enum_values(Some(vec!["true", "false", "1", "0", ""]))
        }
        Takes::Number(low, high) => {
            object.schema_type(Type::Integer).minimum(Some(*low)).maximum(Some(*high))
        }
        Takes::Word(words) => object.schema_type(Type::String).enum_values(Some(words.to_vec())),
    };
    parameter.schema = Some(schema.build().into());
}

/// The statuses under which any route may answer a problem; what a verb may answer beyond them is said with it.
fn problems(path: &str, route: &Route) -> Vec<(u16, &'static str)> {
    let mut all = vec![
        (400, "The request is malformed"),
        (401, "No token that is known here"),
        (408, "The request did not arrive in time"),
        (503, "The engine is ending, or its store is unavailable"),
    ];
    if route.role > Role::Viewer {
        all.push((403, "The token's role is not enough"));
    }
    if path.contains("{id}") || path == "/api/v1/executions" {
        all.push((404, NOT_FOUND));
    }
    if path.ends_with("/preview") {
        all.push((422, INVALID));
    }
    all
}

fn problem(why: &str) -> Response {
    let schema = Ref::from_schema_name("ProblemDetails");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(why).content("application/problem+json", content).build()
}
