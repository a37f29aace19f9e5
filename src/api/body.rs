//! A request body: a JSON object in which no key stands twice, at any depth. Of two values that a program gives one key,
//! one would be dropped in silence.

use std::cell::RefCell;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::problem::ProblemDetails;
use crate::control::Definition;
use crate::model::text::shortened;
use crate::model::{Problem, Refusal};

/// So many keys that stand twice are told.
const SHOWN: usize = 20;

/// What a body says, and the paths of the keys in it that stand twice.
#[derive(Debug, Default)]
pub(super) struct Body {
    definition: Definition,
    doubles: Vec<String>,
    /// It is `null`: no object, and so no definition.
    is_null: bool,
}

impl Body {
    /// It is a definition: every key that stands twice is one of its errors.
    pub(super) fn definition(self) -> Result<Definition, ProblemDetails> {
        if self.is_null {
            let detail = "the request body is no such JSON: expected a JSON object";
            return Err(ProblemDetails::body(detail.to_owned()));
        }
        if self.doubles.is_empty() {
            return Ok(self.definition);
        }
        let problem = |path| Problem { path, message: "it is given more than once".to_owned() };
        let mut doubles = self.doubles;
        doubles.dedup();
        Err(Refusal::Invalid(doubles.into_iter().map(problem).collect()).into())
    }

    /// They are the fields of a verb. `null` gives none, as an empty body does.
    pub(super) fn fields(self) -> Result<Definition, ProblemDetails> {
        match self.doubles.first() {
            None => Ok(self.definition),
            Some(double) => {
                Err(ProblemDetails::body(format!("`{double}` is given more than once")))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let doubles = RefCell::default();
        let part = Part { inside: None, step: Step::Key(""), doubles: &doubles };
        match part.deserialize(from)? {
            Value::Object(definition) => {
                let doubles = doubles.into_inner();
                Ok(Self { definition, doubles, is_null: false })
            }
            Value::Null => Ok(Self { is_null: true, ..Self::default() }),
            _ => Err(D::Error::custom("expected a JSON object")),
        }
    }
}

/// A value somewhere in a definition. Its path is put together only where it is told.
struct Part<'a> {
    inside: Option<&'a Self>,
    step: Step<'a>,
    doubles: &'a RefCell<Vec<String>>,
}

enum Step<'a> {
    Key(&'a str),
    Item(usize),
}

impl Part<'_> {
    /// As in `errors` of a problem: `retry.delay`, `dependencies[0].job`.
    fn path(&self) -> String {
        let Some(inside) = self.inside else { return String::new() };
        let before = inside.path();
        match self.step {
            Step::Item(index) => format!("{before}[{index}]"),
            Step::Key(key) if before.is_empty() => shortened(key),
            Step::Key(key) => format!("{before}.{}", shortened(key)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(flag.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        let number = Number::from_f64(number);
        number.map(Value::Number).ok_or_else(|| E::custom("a number has no end"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let step = Step::Item(list.len());
            let part = Part { inside: Some(&self), step, doubles: self.doubles };
            match items.next_element_seed(part)? {
                Some(item) => list.push(item),
                None => return Ok(list.into()),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let step = Step::Key(&key);
            let part = Part { inside: Some(&self), step, doubles: self.doubles };
            if map.contains_key(&key) && self.doubles.borrow().len() < SHOWN {
                let path = part.path();
                self.doubles.borrow_mut().push(path);
            }
            let value = entries.next_value_seed(part)?;
            map.insert(key, value);
        }
        Ok(map.into())
    }
}
