//! Jobs as a tree: each under the first job that it waits for.
//!
//! Owns the arrangement; what is listed at all is decided elsewhere.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::model::{JobId, JobStatus};

/// Deeper ones are drawn as if they were no deeper.
const DEEPEST: usize = 8;

/// The rows (places in `jobs`, in their order) arranged as a tree, and how deep each is. One that
/// waits for nothing that is listed is a root.
pub(super) fn grow(jobs: &[Arc<JobStatus>], rows: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let listed: HashSet<&JobId> = rows.iter().map(|row| &jobs[*row].definition.id).collect();
    let mut below: HashMap<Option<&JobId>, Vec<usize>> = HashMap::new();
    for row in rows {
        let job = &jobs[*row].definition;
        let above = job.dependencies.iter().map(|it| &it.job);
        let above = above.filter(|id| **id != job.id).find(|id| listed.contains(id));
        below.entry(above).or_default().push(*row);
    }
    let (mut order, mut depths) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    let mut next: Vec<(usize, usize)> = Vec::new();
    let roots = below.remove(&None).unwrap_or_default();
    next.extend(roots.into_iter().rev().map(|row| (row, 0)));
    while let Some((row, depth)) = next.pop() {
        order.push(row);
        depths.push(depth.min(DEEPEST));
        let children = below.remove(&Some(&jobs[row].definition.id)).unwrap_or_default();
        next.extend(children.into_iter().rev().map(|child| (child, depth + 1)));
    }
    // The engine lets no cycle in; if one came, its jobs would still be listed.
    let mut rest: Vec<usize> = below.into_values().flatten().collect();
    rest.sort_unstable();
    depths.extend(rest.iter().map(|_| 0));
    order.extend(rest);
    (order, depths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Dependency;
    use crate::tui::tests::fixtures::{job, job_id};

    fn shown_text(graph: &[(&str, &[&str])], listed: impl Fn(&str) -> bool) -> String {
        let jobs: Vec<_> = graph
            .iter()
            .map(|(id, above)| {
                job(id, |job| {
                    let on = |id: &&str| Dependency {
                        job: job_id(id),
                        on: Default::default(),
                        within: None,
                    };
                    job.dependencies = above.iter().map(on).collect();
                })
            })
            .collect();
        let rows: Vec<usize> =
            (0..jobs.len()).filter(|at| listed(jobs[*at].definition.id.as_str())).collect();
        let (rows, depths) = grow(&jobs, &rows);
        let line = |(row, depth): (usize, usize)| {
            format!("{}{}", ".".repeat(depth), jobs[row].definition.id)
        };
        rows.into_iter().zip(depths).map(line).collect::<Vec<_>>().join(" ")
    }

    const GRAPH: [(&str, &[&str]); 5] =
        [("a", &["c"]), ("b", &["a", "d"]), ("c", &[]), ("d", &[]), ("e", &["gone"])];

    #[test]
    fn each_job_stands_once_under_the_first_that_it_waits_for() {
        assert_eq!(shown_text(&GRAPH, |_| true), "c .a ..b d e");
    }

    #[test]
    fn one_whose_dependency_is_not_listed_is_a_root_or_stands_under_the_next() {
        assert_eq!(shown_text(&GRAPH, |id| id != "a"), "c d .b e");
    }

    #[test]
    fn a_cycle_hides_nothing() {
        assert_eq!(shown_text(&[("a", &["b"]), ("b", &["a"]), ("c", &["c"])], |_| true), "c a b");
    }
}
