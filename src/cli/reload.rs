//! `crontower reload`: what a reload changed, or would change.

use std::fmt::Write;

use super::terminal::plain;
use super::verb::Describe;
use crate::control::ReloadJobs;
use crate::model::{FieldChange, Plan};

impl Describe for ReloadJobs {
    fn describe(&self, plan: Plan) -> String {
        describe(&plan)
    }
}

/// A plan, a line a change.
pub(super) fn describe(plan: &Plan) -> String {
    let mut text = String::new();
    for change in &plan.settings {
        field(&mut text, "~ ", change);
    }
    for job in &plan.added {
        let _ = writeln!(text, "+ {job}");
    }
    for job in &plan.changed {
        let _ = writeln!(text, "~ {}", job.job);
        for change in &job.fields {
            field(&mut text, "    ", change);
        }
    }
    for job in &plan.removed {
        let _ = writeln!(text, "- {job}");
    }
    if plan.is_empty() {
        text.push_str("nothing changes\n");
    }
    for warning in &plan.warnings {
        let _ = writeln!(text, "warning: {}", plain(warning));
    }
    text
}

fn field(text: &mut String, indent: &str, change: &FieldChange) {
    let value = |value: &Option<String>| value.as_deref().map_or_else(|| "–".to_owned(), plain);
    let (before, after) = (value(&change.before), value(&change.after));
    let _ = writeln!(text, "{indent}{}: {before} → {after}", plain(&change.key));
}
