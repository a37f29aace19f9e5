//! The dependencies of jobs that were read, checked with those of the jobs beside them: each fault at the place where the
//! dependency is named.
//!
//! Owns the places. The check itself is the model's.

use super::diagnostics::{Diagnostics, Mark, Subject};
use crate::model::{DependencyFault, DependencyNode, check_dependencies};

/// A job among others.
#[derive(Debug, Clone)]
pub(super) struct GraphNode<'a> {
    pub(super) node: DependencyNode<'a>,
    /// Where each of its dependencies is named; `None` of a job that was checked before: nothing is reported of it.
    pub(super) places: Option<&'a [Mark]>,
}

/// Reports what is wrong with the dependencies of a set of jobs, given in the order of the file.
pub(super) fn check(vertices: &[GraphNode<'_>], out: &mut Diagnostics) {
    let nodes: Vec<DependencyNode<'_>> = vertices.iter().map(|it| it.node.clone()).collect();
    for fault in check_dependencies(&nodes) {
        let (job, dependency) = fault.place();
        let Some(at) = vertices[job].places.and_then(|places| places.get(dependency)) else {
            continue;
        };
        let hint = match fault {
            DependencyFault::Unknown { .. } => {
                let others = nodes.iter().map(|node| node.id).filter(|id| *id != nodes[job].id);
                out.did_you_mean(nodes[job].dependencies[dependency], others)
            }
            DependencyFault::Itself { .. } | DependencyFault::Cycle(_) => String::new(),
        };
        let message = format!("`dependencies`: {}", fault.describe(&nodes, &hint));
        out.error_about(Subject::Key("dependencies"), *at, message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_jobs_that_were_checked_before_are_not_reported() {
        let at = |line| Mark { source: 0, line, column: 1 };
        let places = [at(1), at(2)];
        let node = |id, dependencies| DependencyNode { id, dependencies };
        let vertices = [
            GraphNode { node: node("alpha", vec!["beta", "bata"]), places: Some(&places) },
            GraphNode { node: node("beta", vec!["alpha", "nobody"]), places: None },
        ];
        let mut diagnostics = Diagnostics::default();
        check(&vertices, &mut diagnostics);
        let (errors, _) = diagnostics.into_sorted();
        let line = |error: &super::super::diagnostics::Diagnostic| {
            assert_eq!(error.subject, Subject::Key("dependencies"));
            format!("{}: {}", error.at.line, error.message)
        };
        insta::assert_snapshot!(errors.iter().map(line).collect::<Vec<_>>().join("\n"), @r"
        1: `dependencies`: dependency cycle: alpha → beta → alpha
        2: `dependencies`: no job named `bata`: did you mean `beta`?
        ");
    }
}
