//! The dependencies among all jobs, wherever they come from: which job each fault belongs to.
//!
//! Owns nothing but the translation: the check is the model's, and is made once more here, after the file or the program
//! that brought the jobs was checked alone.

use crontower_model::{DependencyFault, DependencyNode, Job, JobId, check_dependencies, text};

/// Something that is wrong with the dependencies of a job.
#[derive(Debug)]
pub(super) struct Fault {
    /// Whose dependencies.
    pub(super) job: JobId,
    /// The dependency that does not exist; `None` of a cycle.
    pub(super) missing: Option<JobId>,
    /// For people.
    pub(super) message: String,
}

/// What is wrong with the dependencies of these jobs among each other.
pub(super) fn check<'a>(jobs: impl Iterator<Item = &'a Job>) -> Vec<Fault> {
    let mut jobs: Vec<&Job> = jobs.collect();
    // A cycle is reported from the smallest id in it, whatever the order in which jobs came.
    jobs.sort_by(|a, b| a.id.cmp(&b.id));
    let nodes: Vec<DependencyNode<'_>> = jobs.iter().map(|job| node(job)).collect();
    let fault = |fault: DependencyFault| {
        let (number, dependency) = fault.place();
        let job = jobs.get(number)?;
        let on = &job.dependencies.get(dependency)?.job;
        let (missing, hint) = match fault {
            DependencyFault::Unknown { .. } => (Some(on.clone()), hint(job, on, &jobs)),
            DependencyFault::Itself { .. } | DependencyFault::Cycle(_) => (None, String::new()),
        };
        let message = fault.describe(&nodes, &hint);
        Some(Fault { job: job.id.clone(), missing, message })
    };
    check_dependencies(&nodes).into_iter().filter_map(fault).collect()
}

fn node(job: &Job) -> DependencyNode<'_> {
    let dependencies = job.dependencies.iter().map(|on| on.job.as_str()).collect();
    DependencyNode { id: job.id.as_str(), dependencies }
}

fn hint(job: &Job, missing: &JobId, jobs: &[&Job]) -> String {
    let others = jobs.iter().filter(|other| other.id != job.id).map(|other| other.id.as_str());
    let nearest = text::nearest(missing.as_str(), others);
    nearest.map_or_else(String::new, |nearest| format!(": did you mean `{nearest}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crontower_model::{Dependency, JobCommand};

    /// Checks `a: b c, b: a`.
    fn faults(text: &str) -> String {
        let jobs: Vec<Job> = text
            .split(',')
            .map(|job| {
                let (id, on) = job.split_once(':').unwrap();
                let mut job = Job::new(JobId::new(id.trim()).unwrap(), JobCommand::script("true"));
                let edge = |on| Dependency {
                    job: JobId::new(on).unwrap(),
                    on: Default::default(),
                    within: None,
                };
                job.dependencies = on.split_whitespace().map(edge).collect();
                job
            })
            .collect();
        let line = |fault: Fault| format!("{}: {}", fault.job, fault.message);
        check(jobs.iter()).into_iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn each_fault_names_its_job_and_a_missing_one_the_nearest() {
        insta::assert_snapshot!(faults("x: c, c: a, a: b, b: c, alpha: , beta: alhpa"), @"
        beta: no job named `alhpa`: did you mean `alpha`?
        a: dependency cycle: a → b → c → a
        ");
        assert_eq!(faults("a: b c, b: c, c:"), "");
        insta::assert_snapshot!(faults("a: a"), @"a: `a` cannot depend on itself");
    }
}
