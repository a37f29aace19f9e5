//! Reading where and beside what a job may run: `concurrency`, `limits`, `workers`.
//!
//! Owns their check against the limits and workers of the file. Workers of other machines are
//! not known here: what no worker of the file fits is a warning only.

use super::context::Context;
use super::diagnostics::{Diagnostics, quoted};
use super::fields::{Fields, Slot, set, set_some};
use super::keys::Scope;
use super::settings;
use crate::model::{Job, Pool, Settings, WorkerSelector};

/// Reads the keys.
pub(super) fn read(
    job: &mut Job,
    fields: &Fields<'_>,
    context: &Context<'_>,
    out: &mut Diagnostics,
) {
    if let Some(slot) = fields.get("limits") {
        set(&mut job.limits, limits(slot, context.settings, out));
    }
    if let Some(slot) = fields.get("workers") {
        let selector = selector(slot, out);
        if let Some(selector) = &selector
            && !fits_any(selector, context.settings)
        {
            let message = "`workers`: no worker in this file matches: the job waits until one does";
            out.warning_about(slot.subject(), slot.node.at, message);
        }
        set_some(&mut job.workers, selector);
    }
    let Some(slot) = fields.get("concurrency") else { return };
    set_some(&mut job.concurrency, slot.count(out));
    let slots = context
        .settings
        .workers
        .as_ref()
        .filter(|pools| !pools.is_empty())
        .map(|pools| slots(pools));
    if let (Some(most), Some(slots)) = (job.concurrency, slots)
        && u64::from(most) > slots
    {
        let message =
            format!("`concurrency`: {most} is more than the {slots} slots of this file's workers");
        out.warning_about(slot.subject(), slot.node.at, message);
    }
}

/// How many attempts the workers of a file run at once.
pub(super) fn slots(pools: &[Pool]) -> u64 {
    pools.iter().map(|pool| u64::from(pool.capacity)).sum()
}

fn limits(slot: Slot<'_>, settings: &Settings, out: &mut Diagnostics) -> Option<Vec<String>> {
    let items = slot.list("a list such as [db]", out)?;
    let mut limits: Vec<String> = Vec::new();
    for item in items {
        let item = slot.item(item);
        let Some(name) = item.line(out) else { continue };
        if limits.contains(&name) {
            item.wrong(format!("{} is listed twice", quoted(&name)), out);
        } else if settings.limits.contains_key(&name) {
            limits.push(name);
        } else {
            let hint = out.did_you_mean(&name, settings.limits.keys().map(String::as_str));
            let hint = if hint.is_empty() { ": define it in the file's `limits`" } else { &hint };
            item.wrong(format!("no limit named {}{hint}", quoted(&name)), out);
        }
    }
    Some(limits)
}

fn selector(slot: Slot<'_>, out: &mut Diagnostics) -> Option<WorkerSelector> {
    let fields = slot.fields(Scope::Selector, "a map such as {labels: [db]}", out)?;
    let ids = fields.get("ids").and_then(|slot| {
        let items = slot.list("a list such as [worker-1]", out)?;
        let ids = items.iter().filter_map(|item| settings::worker_id(slot.item(item), out));
        Some(ids.collect())
    });
    let labels = fields.lines("labels", out).unwrap_or_default();
    Some(WorkerSelector { ids: ids.unwrap_or_default(), labels })
}

/// Whether a worker of the file fits. One that says `workers: []` leaves the work to workers from
/// elsewhere, of which nothing is known.
fn fits_any(selector: &WorkerSelector, settings: &Settings) -> bool {
    let fits = |id: &str, labels: &[String]| {
        (selector.ids.is_empty() || selector.ids.iter().any(|wanted| wanted.as_str() == id))
            && selector.labels.iter().all(|label| labels.contains(label))
    };
    match &settings.workers {
        None => fits("local", &[]),
        Some(pools) => {
            pools.is_empty() || pools.iter().any(|pool| fits(pool.id.as_str(), &pool.labels))
        }
    }
}
