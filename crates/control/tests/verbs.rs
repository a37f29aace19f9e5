//! What holds for every verb of the list.

#![expect(clippy::unwrap_used, reason = "a test ends where it goes wrong")]

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use crontower_control::http::{self, Malformed};
use crontower_control::{
    Caller, Command, Definition, EditedJob, Listed, PatchJob, PauseJob, RunJob, SetWorkerCapacity,
    Visitor, each,
};
use crontower_model::{Actor, Refusal, Role};
use serde_json::json;

/// A verb as it stands in HTTP: its method, path and name.
struct Row {
    route: String,
    name: &'static str,
    role: Role,
    edits: bool,
    unsound: Option<String>,
}

struct All(Vec<Row>);

impl Visitor for All {
    fn verb<C: Listed>(&mut self) {
        let edits = std::any::type_name::<C::Answer>() == std::any::type_name::<EditedJob>();
        self.0.push(Row {
            route: format!("{} {}", C::METHOD.as_str(), C::PATH),
            name: C::NAME,
            role: C::ROLE,
            edits,
            unsound: http::unsound::<C>(),
        });
    }
}

fn all() -> Vec<Row> {
    let mut all = All(Vec::new());
    each(&mut all);
    all.0
}

#[test]
fn every_verb_can_be_asked_over_http_and_stands_at_a_route_of_its_own() {
    let unsound: Vec<_> = all().into_iter().filter_map(|row| row.unsound).collect();
    assert_eq!(unsound, [] as [String; 0]);
    let routes: BTreeSet<String> = all().into_iter().map(|row| row.route).collect();
    let names: BTreeSet<&str> = all().iter().map(|row| row.name).collect();
    assert_eq!((routes.len(), names.len()), (all().len(), all().len()));
}

#[test]
fn only_an_admin_decides_what_runs() {
    for row in all() {
        let decides = row.edits || row.name == "reload";
        assert_eq!(row.role == Role::Admin, decides, "{}", row.name);
        assert!(row.role > Role::Viewer, "{}: whoever only looks changes nothing", row.name);
    }
}

fn noon() -> DateTime<Utc> {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

#[test]
fn a_verb_is_authorized_by_role_and_by_its_values() {
    let caller = |role| Caller { actor: Actor::named("ann"), role };
    let run = |args: &[&str]| RunJob {
        id: "a".to_owned(),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        ..RunJob::default()
    };
    let refused = caller(Role::Viewer).authorize(run(&[]), noon()).unwrap_err();
    assert_eq!(refused, Refusal::Forbidden { role: Role::Viewer, needed: Role::Operator });
    let refused = caller(Role::Operator).authorize(run(&["a\0b"]), noon()).unwrap_err();
    assert!(matches!(refused, Refusal::Malformed(_)), "{refused}");
    let call = caller(Role::Admin).authorize(run(&["a b"]), noon()).unwrap();
    assert_eq!((call.by().as_str(), call.command().args.len()), ("ann", 1));
    let past = PauseJob { id: "a".to_owned(), until: Some(noon()), reason: None };
    assert!(caller(Role::Operator).authorize(past, noon()).is_err());
}

/// Takes a verb apart and puts it together again.
fn crossed<C: Command>(command: &C) -> C {
    let parts = http::split(command).unwrap();
    let named = C::PATH.split('/').skip(1).zip(&parts.segments);
    let named = named.filter_map(|(name, text)| {
        let name = name.strip_prefix('{')?.strip_suffix('}')?;
        Some((name.to_owned(), text.clone()))
    });
    let texts = named.chain(parts.query).collect();
    http::join(texts, parts.if_version, parts.body.unwrap_or_default()).unwrap()
}

#[test]
fn a_verb_arrives_as_it_was_sent() {
    let args = vec!["--x=1".to_owned(), String::new(), "ü, \"".to_owned()];
    let run = RunJob { id: "a.b".to_owned(), force: true, args, ..RunJob::default() };
    assert_eq!(crossed(&run), run);
    let until = Some(noon() + chrono::TimeDelta::nanoseconds(1));
    let pause = PauseJob { id: "a".to_owned(), until, reason: Some("x\ny".to_owned()) };
    assert_eq!(crossed(&pause), pause);
    let patch = BTreeMap::from([("timeout", json!(null)), ("if_version", json!("a key"))]);
    let patch: Definition = patch.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let patch = PatchJob { id: "a".to_owned(), patch, dry_run: true, if_version: Some(7) };
    assert_eq!(crossed(&patch), patch);
    for capacity in [None, Some(3)] {
        let set = SetWorkerCapacity { id: "w".to_owned(), capacity };
        assert_eq!(crossed(&set), set);
    }
}

#[test]
fn what_does_not_fit_is_refused_where_it_stands() {
    let id = || vec![("id".to_owned(), "a".to_owned())];
    let body = |value: serde_json::Value| value.as_object().unwrap().clone();
    let refused = http::join::<RunJob>(id(), None, body(json!({ "id": "b" }))).unwrap_err();
    assert_eq!(refused.to_string(), "`id` does not stand in the body");
    let refused = http::join::<SetWorkerCapacity>(id(), None, body(json!({}))).unwrap_err();
    assert_eq!(refused, Malformed::Body("missing field `capacity`".to_owned()));
    let version = [id(), vec![("dry_run".to_owned(), "perhaps".to_owned())]].concat();
    let refused = http::join::<PatchJob>(version, None, Definition::new()).unwrap_err();
    assert!(matches!(refused, Malformed::Parameter { name, .. } if name == "dry_run"));
    for id in ["", ".", ".."] {
        let run = RunJob { id: id.to_owned(), ..RunJob::default() };
        assert!(http::split(&run).is_err(), "{id:?} would be another path");
    }
}
