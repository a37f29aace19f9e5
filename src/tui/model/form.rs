//! A form: fields that are typed or chosen, with what is wrong with each shown while it is typed.
//!
//! Owns what is in the fields and which one is typed in. Never knows what becomes of it: `purpose`
//! says that.

use tui_input::{Input, InputRequest};

use crate::model::{JobId, WorkerId};
use crate::tui::text::clean;

/// Characters that a field may hold.
const LONGEST: usize = 4_000;

/// What a form is for.
#[derive(Debug)]
pub(crate) enum FormKind {
    /// To run jobs with options.
    Run(Vec<JobId>),
    /// To pause jobs.
    Pause(Vec<JobId>),
    /// To acknowledge what is wrong with jobs.
    Acknowledge(Vec<JobId>),
    /// To drain a worker.
    Drain(WorkerId),
    /// To set how many attempts a worker runs at once.
    Capacity(WorkerId),
    /// To define a job, or to define it otherwise.
    Job(Box<JobForm>),
}

/// What a form of a job knows beside its fields.
#[derive(Debug, Default)]
pub(crate) struct JobForm {
    /// The job and the version that is changed; `None` = it is a new one.
    pub(crate) of: Option<(JobId, u32)>,
    /// It has changed since it was judged.
    pub(crate) stale: bool,
    /// The request to judge it that is under way.
    pub(crate) judging: Option<u64>,
    /// The schedule or its zone has changed since its meaning was asked for.
    pub(crate) schedule_stale: bool,
    /// The request to tell it that is under way.
    pub(crate) previewing: Option<u64>,
}

/// How a field is filled.
#[derive(Debug)]
pub(crate) enum Entry {
    /// It is typed.
    Text(Input),
    /// One of these.
    Choice(&'static [&'static str], usize),
    /// It stands as it is, and why.
    Fixed(String),
}

/// A field.
#[derive(Debug)]
pub(crate) struct Field {
    /// Its key, unique in the form.
    pub(crate) key: &'static str,
    pub(crate) entry: Entry,
    /// What it held at first.
    before: String,
    /// What can be written, shown while it is empty.
    pub(crate) hint: &'static str,
    /// What is wrong with it.
    pub(crate) error: Option<String>,
    /// What it means.
    pub(crate) meaning: Option<String>,
    /// Whether it was filled or left once: before that nothing is held against it.
    pub(crate) touched: bool,
}

impl Field {
    fn new(key: &'static str, entry: Entry, hint: &'static str) -> Self {
        let mut field = Self {
            key,
            entry,
            before: String::new(),
            hint,
            error: None,
            meaning: None,
            touched: false,
        };
        field.before = field.value().to_owned();
        field
    }

    /// One that is typed.
    pub(crate) fn text(key: &'static str, value: &str, hint: &'static str) -> Self {
        Self::new(key, Entry::Text(Input::new(value.to_owned())), hint)
    }

    /// One that is chosen; what is none of the choices is the first.
    pub(crate) fn choice(key: &'static str, of: &'static [&'static str], value: &str) -> Self {
        let at = of.iter().position(|it| *it == value).unwrap_or(0);
        Self::new(key, Entry::Choice(of, at), "")
    }

    /// One that stands as it is.
    pub(crate) fn fixed(key: &'static str, value: String) -> Self {
        Self::new(key, Entry::Fixed(value), "")
    }

    /// What it holds.
    pub(crate) fn value(&self) -> &str {
        match &self.entry {
            Entry::Text(input) => input.value(),
            Entry::Choice(of, at) => of.get(*at).copied().unwrap_or_default(),
            Entry::Fixed(text) => text,
        }
    }

    /// Whether it holds something else than at first.
    pub(crate) fn is_changed(&self) -> bool {
        self.value() != self.before
    }
}

/// A form.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) kind: FormKind,
    /// What it does.
    pub(crate) title: String,
    pub(crate) fields: Vec<Field>,
    /// The one that is typed in.
    pub(crate) at: usize,
    /// What is wrong with no single field.
    pub(crate) error: Option<String>,
}

impl Form {
    pub(crate) fn new(kind: FormKind, title: String, fields: Vec<Field>) -> Self {
        let typed = |field: &Field| !matches!(field.entry, Entry::Fixed(_));
        let at = fields.iter().position(typed).unwrap_or(0);
        Self { kind, title, fields, at, error: None }
    }

    /// What the field of that key holds, without blanks around it.
    pub(crate) fn value(&self, key: &str) -> &str {
        self.field(key).map_or("", |field| field.value().trim())
    }

    pub(crate) fn field(&self, key: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.key == key)
    }

    pub(crate) fn field_mut(&mut self, key: &str) -> Option<&mut Field> {
        self.fields.iter_mut().find(|field| field.key == key)
    }

    /// Whether something would be lost with it.
    pub(crate) fn is_changed(&self) -> bool {
        self.fields.iter().any(Field::is_changed)
    }

    /// Goes to the next field that can be filled, or the one before.
    pub(crate) fn step(&mut self, forward: bool) {
        if let Some(field) = self.fields.get_mut(self.at) {
            field.touched = true;
        }
        let count = self.fields.len();
        for _ in 0..count {
            self.at = if forward { self.at + 1 } else { self.at + count - 1 } % count;
            if !matches!(self.fields[self.at].entry, Entry::Fixed(_)) {
                return;
            }
        }
    }

    /// Takes the next choice of the field at hand, or the one before; `false` where there is none.
    pub(crate) fn choose(&mut self, forward: bool) -> bool {
        let Some(Field { entry: Entry::Choice(of, at), touched, .. }) =
            self.fields.get_mut(self.at)
        else {
            return false;
        };
        let count = of.len();
        *at = if forward { *at + 1 } else { *at + count - 1 } % count;
        *touched = true;
        true
    }

    /// The line that is typed in, and whether it may grow.
    pub(crate) fn input(&mut self) -> Option<(&mut Input, bool)> {
        match self.fields.get_mut(self.at) {
            Some(Field { entry: Entry::Text(input), touched, .. }) => {
                *touched = true;
                let room = input.value().chars().count() < LONGEST;
                Some((input, room))
            }
            _ => None,
        }
    }

    /// Types a text that was pasted; what would end the line becomes a blank.
    pub(crate) fn paste(&mut self, text: &str) {
        let text = clean(text.trim_end()).into_owned();
        for c in text.chars() {
            match self.input() {
                Some((input, true)) => input.handle(InputRequest::InsertChar(c)),
                _ => return,
            };
        }
    }

    /// What is known beside the fields of a job's form.
    pub(crate) fn job_mut(&mut self) -> Option<&mut JobForm> {
        match &mut self.kind {
            FormKind::Job(job) => Some(job),
            _ => None,
        }
    }

    /// The first field that something is wrong with.
    pub(crate) fn first_error(&self) -> Option<usize> {
        self.fields.iter().position(|field| field.error.is_some())
    }
}
