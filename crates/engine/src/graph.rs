//! The dependencies among all jobs, wherever they live: none on a job that is not there, none in a circle.
//!
//! Owns the judgement of edges once more, after the file or the program that brought them was judged alone. Never
//! recurses: a chain may be as long as there are jobs.

use std::collections::BTreeMap;

use crontower_model::{Job, JobId, text};

/// How many jobs of a long circle are written out.
const SHOWN: usize = 20;

/// Something that is wrong with the dependencies of a job.
#[derive(Debug)]
pub(super) struct Fault {
    /// Whose dependencies.
    pub(super) job: JobId,
    /// The job waited for that is not there; `None` of a circle.
    pub(super) missing: Option<JobId>,
    /// For people.
    pub(super) message: String,
}

/// What is wrong with the dependencies of these jobs among each other: everything but one circle at a time.
pub(super) fn judge<'a>(jobs: impl Iterator<Item = &'a Job>) -> Vec<Fault> {
    let jobs: BTreeMap<&JobId, &Job> = jobs.map(|job| (&job.id, job)).collect();
    let mut faults = Vec::new();
    for job in jobs.values() {
        for dependency in &job.dependencies {
            let on = &dependency.job;
            if !jobs.contains_key(on) {
                let others = jobs.keys().filter(|id| **id != &job.id).map(|id| id.as_str());
                let hint = text::nearest(on.as_str(), others)
                    .map_or_else(String::new, |nearest| format!(": did you mean `{nearest}`?"));
                let message = format!("there is no job `{on}`{hint}");
                faults.push(Fault { job: job.id.clone(), missing: Some(on.clone()), message });
            }
        }
    }
    if let Some(circle) = circle(&jobs) {
        let mut names: Vec<&str> = circle.iter().take(SHOWN).map(|id| id.as_str()).collect();
        names.extend((circle.len() > SHOWN).then_some("…"));
        names.extend(circle.first().map(|id| id.as_str()));
        let message = format!("jobs wait for each other: {}", names.join(" → "));
        let first = circle.first().map(|id| JobId::clone(id));
        faults.extend(first.map(|job| Fault { job, missing: None, message }));
    }
    faults
}

/// A circle, from the smallest id in it: what is left when jobs that wait for nobody (any more) are taken away one by
/// one leads into one from everywhere.
fn circle<'a>(jobs: &BTreeMap<&'a JobId, &'a Job>) -> Option<Vec<&'a JobId>> {
    let mut open: BTreeMap<&JobId, usize> = BTreeMap::new();
    let mut waiting: BTreeMap<&JobId, Vec<&JobId>> = BTreeMap::new();
    for (id, job) in jobs {
        let known = job.dependencies.iter().map(|it| &it.job).filter(|on| jobs.contains_key(*on));
        for on in known {
            *open.entry(id).or_default() += 1;
            waiting.entry(on).or_default().push(id);
        }
    }
    let mut free: Vec<&JobId> = jobs.keys().copied().filter(|id| !open.contains_key(id)).collect();
    while let Some(id) = free.pop() {
        for dependent in waiting.remove(id).unwrap_or_default() {
            if let Some(count) = open.get_mut(dependent) {
                *count -= 1;
                if *count == 0 {
                    open.remove(dependent);
                    free.push(dependent);
                }
            }
        }
    }
    let mut path: Vec<&'a JobId> = Vec::new();
    let mut places: BTreeMap<&JobId, usize> = BTreeMap::new();
    let mut step = *jobs.keys().find(|id| open.contains_key(*id))?;
    loop {
        if let Some(start) = places.insert(step, path.len()) {
            let mut circle = path.split_off(start);
            let smallest = (0..circle.len()).min_by_key(|at| circle[*at])?;
            circle.rotate_left(smallest);
            return Some(circle);
        }
        path.push(step);
        let dependencies = &jobs.get(step)?.dependencies;
        step = &dependencies.iter().find(|it| open.contains_key(&it.job))?.job;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crontower_model::{Dependency, JobCommand};

    /// Judges `a: b c, b: a`.
    fn judged(text: &str) -> String {
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
        judge(jobs.iter()).into_iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_circle_is_told_by_its_path_and_a_job_that_is_not_there_with_the_nearest() {
        insta::assert_snapshot!(judged("x: c, c: a, a: b, b: c, alpha: alhpa"), @"
        alpha: there is no job `alhpa`
        a: jobs wait for each other: a → b → c → a
        ");
        assert_eq!(judged("a: b c, b: c, c:"), "");
        insta::assert_snapshot!(judged("a: a"), @"a: jobs wait for each other: a → a");
    }

    #[test]
    fn a_very_long_chain_and_a_very_long_circle_end() {
        let chain = |last: &str| {
            let jobs = (0..20_000).map(|n| format!("j{n}: j{}", n + 1)).collect::<Vec<_>>();
            format!("{}, j20000: {last}", jobs.join(", "))
        };
        assert_eq!(judged(&chain("")), "");
        let told = judged(&chain("j0"));
        assert!(told.ends_with("→ … → j0"), "{told}");
    }
}
