//! What every verb is, and who may ask it.

use std::fmt::Debug;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crontower_model::{Actor, Refusal, Role};

/// How a verb stands in HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// It only looks.
    Get,
    /// It has something done.
    Post,
    /// It puts something in the place of what is there.
    Put,
    /// It changes a part of what is there.
    Patch,
    /// It removes what is there.
    Delete,
}

impl Method {
    /// The word used in HTTP.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether requests of it have a body.
    #[must_use]
    pub const fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

/// What the body of a verb is where it is no object of the verb's own fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WholeBody {
    /// The body is this field: a job's definition, all of it.
    Definition(&'static str),
    /// The body is this field: the keys of a definition that change.
    Patch(&'static str),
}

impl WholeBody {
    /// The field that is the body.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Definition(field) | Self::Patch(field) => field,
        }
    }
}

/// A type whose schema is known where an OpenAPI document is wanted.
#[cfg(feature = "schema")]
pub trait Schema: utoipa::ToSchema {}
#[cfg(feature = "schema")]
impl<T: utoipa::ToSchema> Schema for T {}
/// A type whose schema is known where an OpenAPI document is wanted.
#[cfg(not(feature = "schema"))]
pub trait Schema {}
#[cfg(not(feature = "schema"))]
impl<T> Schema for T {}

/// One verb. Its fields are its path segments, its query, its body and its flags at once: flat, with plain values.
pub trait Command:
    Schema + Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// On the command line, and in messages.
    const NAME: &'static str;
    /// How it is asked over HTTP.
    const METHOD: Method;
    /// Where; the fields named in braces stand there.
    const PATH: &'static str;
    /// The least role that may ask it. There is no default: a verb without one does not compile.
    const ROLE: Role;
    /// The status of its good answer; 204 = the answer is empty.
    const STATUS: u16 = 200;
    /// Fields that stand in the query although the method has a body.
    const QUERY: &'static [&'static str] = &[];
    /// Fields whose `null` says something: they are sent even so, and must be given.
    const NULLABLE: &'static [&'static str] = &[];
    /// Where the body is one field, not an object of several.
    const BODY: Option<WholeBody> = None;
    /// Whether it is carried out while the engine is stopping, too.
    const WHILE_STOPPING: bool = false;
    /// Whether it may be refused because of what is there (409).
    const MAY_CONFLICT: bool = !matches!(Self::METHOD, Method::Get);
    /// Whether it may be refused because a definition, or jobs.yaml, is not legal (422).
    const MAY_BE_INVALID: bool = false;
    /// Whether its answer carries the version of a job as `ETag`.
    const TAGGED: bool = false;
    /// What it answers.
    type Answer: Schema + Clone + Debug + Serialize + DeserializeOwned + Send + 'static;

    /// The least role that may ask it with these values: never less than [`Command::ROLE`].
    fn role(&self) -> Role {
        Self::ROLE
    }

    /// Whether its values are legal in themselves, as seen at `now`.
    ///
    /// # Errors
    /// [`Refusal::Malformed`], or [`Refusal::Invalid`] of a definition.
    fn check(&self, now: DateTime<Utc>) -> Result<(), Refusal> {
        let _ = now;
        Ok(())
    }

    /// The status of this good answer, where it is not always the same.
    fn status(&self) -> u16 {
        Self::STATUS
    }

    /// The version of the job that is answered, where the answer carries one.
    fn version(answer: &Self::Answer) -> Option<u32> {
        let _ = answer;
        None
    }

    /// Where what was made stands, as a path.
    fn location(answer: &Self::Answer) -> Option<String> {
        let _ = answer;
        None
    }
}

/// Who asks, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Their name, for the record.
    pub actor: Actor,
    /// What they may ask.
    pub role: Role,
}

/// A verb together with someone who may ask it. There is no other way to make one than [`Caller::authorize`].
#[derive(Debug, Clone)]
pub struct Authorized<C> {
    by: Actor,
    command: C,
}

impl Caller {
    /// Whoever may do everything.
    #[must_use]
    pub const fn owner(actor: Actor) -> Self {
        Self { actor, role: Role::owner() }
    }

    /// Checks that the verb may be asked, and that its values are legal as seen at `now`.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`], or what [`Command::check`] says.
    pub fn authorize<C: Command>(
        &self,
        command: C,
        now: DateTime<Utc>,
    ) -> Result<Authorized<C>, Refusal> {
        let needed = command.role();
        if self.role < needed {
            return Err(Refusal::Forbidden { role: self.role, needed });
        }
        command.check(now)?;
        Ok(Authorized { by: self.actor.clone(), command })
    }
}

impl<C> Authorized<C> {
    /// Who asks.
    pub const fn by(&self) -> &Actor {
        &self.by
    }

    /// What is asked.
    pub const fn command(&self) -> &C {
        &self.command
    }

    /// Both.
    pub fn into_parts(self) -> (Actor, C) {
        (self.by, self.command)
    }
}

/// A reason that fits a record.
pub(crate) fn check_reason(reason: Option<&str>) -> Result<(), Refusal> {
    match reason.filter(|reason| reason.chars().count() > 1_000) {
        None => Ok(()),
        Some(_) => Err(Refusal::Malformed("a reason holds at most 1,000 characters".to_owned())),
    }
}

/// An instant at which something is to end by itself.
pub(crate) fn check_until(until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<(), Refusal> {
    match until.filter(|until| *until <= now) {
        None => Ok(()),
        Some(past) => {
            Err(Refusal::Malformed(format!("`until` is over already: {}", past.to_rfc3339())))
        }
    }
}
