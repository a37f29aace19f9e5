//! Every verb in the document: all of it follows from the verb's type.
//!
//! Owns the way from a verb's schema to parameters, body and answers. Where a field stands is `control`'s.

use std::collections::BTreeMap;

use utoipa::ToSchema;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, Parameter, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{Object, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{
    ContentBuilder, HeaderBuilder, OpenApi, PathItem, Ref, RefOr, Required, Response,
    ResponseBuilder,
};

use super::{INVALID, JobDefinition, JobPatch, problem};
use crate::control::http::{Position, position};
use crate::control::{self, Command, Listed, Method, Visitor, WholeBody};

/// Adds every verb to the document.
pub(super) fn add_to(document: &mut OpenApi) {
    control::each(&mut Verbs(document));
}

struct Verbs<'a>(&'a mut OpenApi);

impl Visitor for Verbs<'_> {
    fn verb<C: Listed>(&mut self) {
        let schemas = &mut self.0.components.get_or_insert_default().schemas;
        let operation = operation::<C>(schemas);
        let method = match C::METHOD {
            Method::Get => HttpMethod::Get,
            Method::Post => HttpMethod::Post,
            Method::Put => HttpMethod::Put,
            Method::Patch => HttpMethod::Patch,
            Method::Delete => HttpMethod::Delete,
        };
        let item = PathItem::new(method, operation);
        let paths = &mut self.0.paths.paths;
        paths.entry(C::PATH.to_owned()).or_default().merge_operations(item);
    }
}

type Schemas = BTreeMap<String, RefOr<Schema>>;

fn operation<C: Command>(schemas: &mut Schemas) -> Operation {
    let whole = fields_of::<C>();
    let described = whole.description.clone().unwrap_or_default();
    let (summary, more) = match described.split_once("\n\n") {
        Some((summary, more)) => (summary.to_owned(), Some(more.to_owned())),
        None => (described, None),
    };
    let mut operation = OperationBuilder::new().summary(Some(summary)).description(more);
    for name in control::http::fields::<C>() {
        let stands = match position::<C>(name) {
            Position::Path => ParameterIn::Path,
            Position::Query => ParameterIn::Query,
            Position::IfMatch => {
                operation = operation.parameter(if_match());
                continue;
            }
            Position::Body | Position::WholeBody => continue,
        };
        let required = match stands {
            ParameterIn::Path => Required::True,
            _ => Required::False,
        };
        let parameter = Parameter::builder().name(*name).parameter_in(stands).required(required);
        operation = operation.parameter(parameter);
    }
    if let Some((content, required)) = body::<C>(&whole, schemas) {
        let content = ContentBuilder::new().schema(Some(content)).build();
        let body = RequestBodyBuilder::new().content("application/json", content);
        operation = operation.request_body(Some(body.required(Some(required)).build()));
    }
    for status in statuses::<C>() {
        operation = operation.response(status.to_string(), answer::<C>(status, schemas));
    }
    for (status, why) in problems::<C>() {
        operation = operation.response(status.to_string(), problem(why));
    }
    operation.build()
}

/// The verb's schema: an object, as every verb is a struct.
fn fields_of<C: Command>() -> Object {
    match C::schema() {
        RefOr::T(Schema::Object(object)) => object,
        _ => Object::new(),
    }
}

/// The body, and whether there must be one.
fn body<C: Command>(whole: &Object, schemas: &mut Schemas) -> Option<(RefOr<Schema>, Required)> {
    match C::BODY {
        Some(WholeBody::Definition(_)) => {
            return Some((named::<JobDefinition>(schemas), Required::True));
        }
        Some(WholeBody::Patch(_)) => return Some((named::<JobPatch>(schemas), Required::True)),
        None => {}
    }
    let in_body = |name: &String| position::<C>(name) == Position::Body;
    let mut object = whole.clone();
    object.properties.retain(|name, _| in_body(name));
    object.required.retain(in_body);
    object.description = None;
    if object.properties.is_empty() {
        return None;
    }
    let required = if object.required.is_empty() { Required::False } else { Required::True };
    schemas.insert(C::name().into_owned(), RefOr::T(Schema::Object(object)));
    let named = Ref::from_schema_name(C::name());
    Some(match required {
        Required::False => {
            let null = ObjectBuilder::new().schema_type(Type::Null);
            (OneOfBuilder::new().item(named).item(null).into(), required)
        }
        _ => (named.into(), required),
    })
}

/// The statuses of its good answers.
fn statuses<C: Command>() -> Vec<u16> {
    match C::STATUS {
        // What would be made, and is not.
        201 => vec![201, 200],
        status => vec![status],
    }
}

fn answer<C: Command>(status: u16, schemas: &mut Schemas) -> Response {
    if status == 204 {
        return ResponseBuilder::new().description("It was done").build();
    }
    let described = match status {
        200 if C::STATUS == 201 => "With `dry_run`: what would be made",
        _ => "It was done; how things are now",
    };
    let content = ContentBuilder::new().schema(Some(named::<C::Answer>(schemas))).build();
    let mut response =
        ResponseBuilder::new().description(described).content("application/json", content);
    let text = || ObjectBuilder::new().schema_type(Type::String).build();
    if C::TAGGED {
        let tag = HeaderBuilder::new().schema(Some(text())).description(Some("The job's version"));
        response = response.header("ETag", tag.build());
    }
    if status == 201 {
        let place = HeaderBuilder::new().schema(Some(text())).description(Some("Where it stands"));
        response = response.header("Location", place.build());
    }
    response.build()
}

fn problems<C: Command>() -> Vec<(u16, &'static str)> {
    let has = |wanted| control::http::fields_at::<C>(wanted).next().is_some();
    [
        (409, "It does not fit what is there", C::MAY_CONFLICT),
        (412, "The job has another version", has(Position::IfMatch)),
        (413, "The request body is too large", C::METHOD.has_body()),
        (422, INVALID, C::MAY_BE_INVALID),
    ]
    .into_iter()
    .filter_map(|(status, why, may)| may.then_some((status, why)))
    .collect()
}

/// A reference to a schema, which is in the document then with all that it refers to.
fn named<T: ToSchema>(schemas: &mut Schemas) -> RefOr<Schema> {
    let mut all = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut all);
    schemas.extend(all);
    Ref::from_schema_name(T::name()).into()
}

fn if_match() -> Parameter {
    Parameter::builder()
        .name("If-Match")
        .parameter_in(ParameterIn::Header)
        .description(Some("The job's ETag: refuse unless the job still has this version"))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()))
        .build()
}
