//! A verb as the parts of an HTTP request, and back. Where a field stands follows from its name, the path and the method
//! alone: router, client and document ask the same function, so they cannot disagree.

use std::cell::Cell;
use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Error as _, IntoDeserializer, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};
use serde_json::{Map, Value};

use crate::Command;
use crontower_model::{Refusal, text};

/// The field that stands in the header `If-Match`.
pub const IF_VERSION: &str = "if_version";

/// Where a field of a verb stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// It is a segment of the path.
    Path,
    /// It is a parameter of the query.
    Query,
    /// It is the version in the header `If-Match`.
    IfMatch,
    /// It is a key of the body.
    Body,
    /// It is the body.
    WholeBody,
}

/// Where a field of `C` stands.
#[must_use]
pub fn position<C: Command>(field: &str) -> Position {
    if variables(C::PATH).any(|name| name == field) {
        Position::Path
    } else if field == IF_VERSION {
        Position::IfMatch
    } else if C::BODY.is_some_and(|body| body.field() == field) {
        Position::WholeBody
    } else if !C::METHOD.has_body() || C::QUERY.contains(&field) {
        Position::Query
    } else {
        Position::Body
    }
}

/// The names in braces of a path.
fn variables(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(variable)
}

fn variable(segment: &str) -> Option<&str> {
    segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'))
}

/// The names of a verb's fields, in their order.
#[must_use]
pub fn fields<C: Command>() -> &'static [&'static str] {
    let names = Cell::new(&[] as &[_]);
    // It ends early, with nothing read: only the names are wanted.
    let _ = C::deserialize(Names(&names));
    names.get()
}

/// The names of those fields of a verb that stand there.
pub fn fields_at<C: Command>(wanted: Position) -> impl Iterator<Item = &'static str> {
    fields::<C>().iter().copied().filter(move |field| position::<C>(field) == wanted)
}

/// Learns the names of a struct's fields.
struct Names<'a>(&'a Cell<&'static [&'static str]>);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(Self::Error::custom("a verb is a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.set(fields);
        Err(Self::Error::custom("nothing is read"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The parts of a request.
#[derive(Debug, Default, PartialEq)]
pub struct Parts {
    /// The path, as its segments are: whoever sends them escapes them.
    pub segments: Vec<String>,
    /// The query, unescaped.
    pub query: Vec<(String, String)>,
    /// The version that the job must have.
    pub if_version: Option<u32>,
    /// The body; `None` = there is none.
    pub body: Option<Map<String, Value>>,
}

/// Takes a verb apart.
///
/// # Errors
/// [`Refusal::Malformed`], where an id could not stand in a path.
pub fn split<C: Command>(command: &C) -> Result<Parts, Refusal> {
    let Ok(Value::Object(fields)) = serde_json::to_value(command) else {
        return Err(Refusal::Malformed(format!("`{}` is no JSON object", C::NAME)));
    };
    let segment = |segment: &str| match variable(segment) {
        Some(field) => fields.get(field).and_then(as_text).unwrap_or_default(),
        None => segment.to_owned(),
    };
    let segments: Vec<String> = C::PATH.split('/').skip(1).map(segment).collect();
    // A URL swallows these, and another route would answer.
    if let Some(bad) = segments.iter().find(|text| matches!(text.as_str(), "" | "." | "..")) {
        return Err(Refusal::Malformed(format!("`{bad}` is no id")));
    }
    let mut parts = Parts { segments, ..Parts::default() };
    let mut body = Map::new();
    for (field, value) in fields {
        match position::<C>(&field) {
            Position::Path => {}
            Position::IfMatch => {
                parts.if_version = value.as_u64().and_then(|version| u32::try_from(version).ok());
            }
            Position::WholeBody => {
                if let Value::Object(whole) = value {
                    body = whole;
                }
            }
            // What says nothing is not sent: an engine that does not know the field yet takes the verb all the same.
            Position::Body | Position::Query
                if says_nothing(&value) && !C::NULLABLE.contains(&field.as_str()) => {}
            Position::Query => parts.query.extend(as_text(&value).map(|text| (field, text))),
            Position::Body => drop(body.insert(field, value)),
        }
    }
    parts.body = C::METHOD.has_body().then_some(body);
    Ok(parts)
}

fn says_nothing(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(false)) || value.as_array().is_some_and(Vec::is_empty)
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => Some(items.iter().filter_map(as_text).collect::<Vec<_>>().join(",")),
        other => Some(other.to_string()),
    }
}

/// What is wrong with a request as such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Malformed {
    /// A parameter of the path or the query is not understood.
    Parameter {
        /// Which.
        name: String,
        /// What is wrong with it, as a sentence that names it.
        detail: String,
    },
    /// The body is not understood.
    Body(String),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter { detail, .. } | Self::Body(detail) => f.write_str(detail),
        }
    }
}

impl std::error::Error for Malformed {}

impl serde::de::Error for Malformed {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Body(message.to_string())
    }
}

/// Puts a verb together: texts of the path and the query, the version of `If-Match`, and the body.
///
/// # Errors
/// What is not understood, and where it stands.
pub fn join<C: Command>(
    texts: Vec<(String, String)>,
    if_version: Option<u32>,
    body: Map<String, Value>,
) -> Result<C, Malformed> {
    let mut values = Vec::new();
    for (name, text) in texts {
        if !matches!(position::<C>(&name), Position::Path | Position::Query) {
            let detail = format!("`{name}` does not stand in the query");
            return Err(Malformed::Parameter { name, detail });
        }
        values.push((name.clone(), Field::Text { name, text }));
    }
    if let Some(version) = if_version.filter(|_| fields::<C>().contains(&IF_VERSION)) {
        values.push((IF_VERSION.to_owned(), Field::Json(version.into())));
    }
    match C::BODY {
        Some(whole) => values.push((whole.field().to_owned(), Field::Json(body.into()))),
        // A body that nothing is read from is not looked at.
        None if fields_at::<C>(Position::Body).next().is_none() => {}
        None => {
            if let Some(missing) = C::NULLABLE.iter().find(|field| !body.contains_key(**field)) {
                return Err(Malformed::Body(format!("missing field `{missing}`")));
            }
            for (name, value) in body {
                if position::<C>(&name) != Position::Body {
                    return Err(Malformed::Body(format!("`{name}` does not stand in the body")));
                }
                values.push((name, Field::Json(value)));
            }
        }
    }
    C::deserialize(MapDeserializer::new(values.into_iter()))
}

/// A value of a field: a text that is still to be understood, or JSON.
enum Field {
    Text { name: String, text: String },
    Json(Value),
}

impl IntoDeserializer<'_, Malformed> for Field {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

/// That JSON is not what it should be.
fn in_body(error: serde_json::Error) -> Malformed {
    Malformed::Body(error.to_string())
}

/// That a text is not what it should be.
fn of_parameter(name: String, text: &str, error: &dyn fmt::Display) -> Malformed {
    let detail = format!("`{name}` is not understood: `{}`: {error}", text::shortened(text));
    Malformed::Parameter { name, detail }
}

macro_rules! parsed {
    ($($name:ident $visit:ident $kind:ty;)*) => {
        $(fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
            match self {
                Self::Json(value) => value.$name(visitor).map_err(in_body),
                Self::Text { name, text } => match text.parse::<$kind>() {
                    Ok(value) => visitor.$visit(value),
                    Err(error) => Err(of_parameter(name, &text, &error)),
                },
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Field {
    type Error = Malformed;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        match self {
            Self::Text { name, text } => {
                let understood = visitor.visit_str(&text);
                understood.map_err(|error: Malformed| of_parameter(name, &text, &error))
            }
            Self::Json(value) => value.deserialize_any(visitor).map_err(in_body),
        }
    }

    /// `name`, `name=true` or `name=1`.
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        match self {
            Self::Json(value) => value.deserialize_bool(visitor).map_err(in_body),
            Self::Text { name, text } => match text.as_str() {
                "" | "true" | "1" => visitor.visit_bool(true),
                "false" | "0" => visitor.visit_bool(false),
                other => Err(of_parameter(name, other, &"it takes true, false")),
            },
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        match self {
            Self::Json(Value::Null) => visitor.visit_none(),
            some => visitor.visit_some(some),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        match self {
            Self::Text { name, text } => {
                let word: serde::de::value::StrDeserializer<'_, Malformed> =
                    text.as_str().into_deserializer();
                visitor.visit_enum(word).map_err(|error| of_parameter(name, &text, &error))
            }
            Self::Json(value) => value.deserialize_enum(name, variants, visitor).map_err(in_body),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        match self {
            Self::Text { name, text } => {
                let item = |item: &str| Self::Text { name: name.clone(), text: item.to_owned() };
                let items: Vec<Self> = text.split(',').map(item).collect();
                visitor.visit_seq(SeqDeserializer::new(items.into_iter()))
            }
            Self::Json(value) => value.deserialize_seq(visitor).map_err(in_body),
        }
    }

    parsed! {
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_f64 visit_f64 f64;
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u128 f32 char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct identifier
        ignored_any
    }
}

/// Whether a verb can be asked over HTTP as it is declared: what is wrong with it, else `None`. For a test over the list.
#[must_use]
pub fn unsound<C: Command>() -> Option<String> {
    let known = fields::<C>();
    let named = variables(C::PATH)
        .chain(C::QUERY.iter().copied())
        .chain(C::NULLABLE.iter().copied())
        .chain(C::BODY.map(crate::WholeBody::field));
    let mut strangers = named.filter(|name| !known.contains(name));
    let bodiless = || C::BODY.is_some() && !C::METHOD.has_body();
    match strangers.next() {
        Some(stranger) => Some(format!("{}: no field `{stranger}`", C::NAME)),
        None if bodiless() => Some(format!("{}: {} has no body", C::NAME, C::METHOD.as_str())),
        None => None,
    }
}

/// Reads any value that an answer's text holds; an empty one is what 204 leaves.
///
/// # Errors
/// What is wrong with the JSON.
pub fn read_answer<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(if text.is_empty() { "null" } else { text })
}
