//! The dependencies of a set of jobs among each other: on a job that does not exist, on the job itself, in a cycle.
//!
//! Owns the check of edges and its sentences, for jobs of any origin. Never recurses: a chain may be as long as there
//! are jobs.

use std::collections::{HashMap, HashSet, VecDeque};

/// How many jobs of a long cycle are written out at each end.
const SHOWN: usize = 10;

/// A job and the ids of the jobs it depends on.
#[derive(Debug, Clone)]
pub struct DependencyNode<'a> {
    /// Its id; empty when it has none. Of several jobs with one id the first is meant by it.
    pub id: &'a str,
    /// What it depends on.
    pub dependencies: Vec<&'a str>,
}

/// Something wrong with the dependencies of a job. Jobs and dependencies are given by their position in the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DependencyFault {
    /// No job has this id.
    Unknown {
        /// The job.
        job: usize,
        /// Which of its dependencies.
        dependency: usize,
    },
    /// The job itself.
    Itself {
        /// The job.
        job: usize,
        /// Which of its dependencies.
        dependency: usize,
    },
    /// Jobs that depend on each other: each with the position of the dependency that leads to the next, the last leading
    /// to the first. The first is the earliest of them in the input. Never empty.
    Cycle(Vec<(usize, usize)>),
}

impl DependencyFault {
    /// The job that it is reported for, and which of its dependencies.
    #[must_use]
    pub fn place(&self) -> (usize, usize) {
        match self {
            Self::Unknown { job, dependency } | Self::Itself { job, dependency } => {
                (*job, *dependency)
            }
            Self::Cycle(steps) => steps.first().copied().unwrap_or_default(),
        }
    }

    /// The sentence about it. `hint` follows the name of a job that does not exist: ": did you mean …?", or nothing.
    #[must_use]
    pub fn describe(&self, nodes: &[DependencyNode<'_>], hint: &str) -> String {
        let (job, dependency) = self.place();
        let node = nodes.get(job);
        let on = node.and_then(|node| node.dependencies.get(dependency)).copied().unwrap_or("");
        match self {
            Self::Unknown { .. } => format!("no job named `{on}`{hint}"),
            Self::Itself { .. } => format!("`{on}` cannot depend on itself"),
            Self::Cycle(steps) => {
                let ids = steps.iter().filter_map(|(job, _)| Some(nodes.get(*job)?.id));
                format!("dependency cycle: {}", path(&ids.collect::<Vec<_>>()))
            }
        }
    }
}

/// `a → b → c → a`; the arrow reads "depends on".
fn path(ids: &[&str]) -> String {
    let mut parts: Vec<String> = if ids.len() > 2 * SHOWN {
        let left_out = ids.len() - 2 * SHOWN;
        let head = ids[..SHOWN].iter().map(|id| (*id).to_owned());
        let tail = ids[ids.len() - SHOWN..].iter().map(|id| (*id).to_owned());
        head.chain([format!("… {left_out} more …")]).chain(tail).collect()
    } else {
        ids.iter().map(|id| (*id).to_owned()).collect()
    };
    parts.extend(ids.first().map(|id| (*id).to_owned()));
    parts.join(" → ")
}

/// Everything that is wrong with the dependencies of these jobs: each unknown job, each job that depends on itself, and
/// one shortest cycle for each group of jobs that depend on each other.
#[must_use]
pub fn check_dependencies(nodes: &[DependencyNode<'_>]) -> Vec<DependencyFault> {
    let mut index: HashMap<&str, usize> = HashMap::with_capacity(nodes.len());
    for (number, node) in nodes.iter().enumerate().filter(|(_, node)| !node.id.is_empty()) {
        index.entry(node.id).or_insert(number);
    }
    let mut faults = Vec::new();
    let mut edges: Edges = vec![Vec::new(); nodes.len()];
    for (job, node) in nodes.iter().enumerate() {
        for (dependency, on) in node.dependencies.iter().enumerate() {
            match index.get(on) {
                Some(_) if *on == node.id => {
                    faults.push(DependencyFault::Itself { job, dependency });
                }
                Some(to) => edges[job].push((*to, dependency)),
                None => faults.push(DependencyFault::Unknown { job, dependency }),
            }
        }
    }
    faults
        .extend(cycles(&edges).into_iter().filter(|it| !it.is_empty()).map(DependencyFault::Cycle));
    faults
}

/// For each job the jobs it depends on, each with the position of the dependency.
type Edges = Vec<Vec<(usize, usize)>>;

/// One shortest cycle for each strongly connected component, from its first job in the order of the input.
fn cycles(edges: &Edges) -> Vec<Vec<(usize, usize)>> {
    let components = components(edges);
    let mut seen = HashSet::new();
    let in_order = (0..edges.len()).filter_map(|job| {
        let component = components[job]?;
        seen.insert(component).then(|| shortest_cycle(job, component, &components, edges))
    });
    in_order.collect()
}

/// Breadth first from `start` back to `start`, within its component.
fn shortest_cycle(
    start: usize,
    component: usize,
    components: &[Option<usize>],
    edges: &Edges,
) -> Vec<(usize, usize)> {
    let mut came_from: HashMap<usize, (usize, usize)> = HashMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(job) = queue.pop_front() {
        let inside = edges[job].iter().filter(|(next, _)| components[*next] == Some(component));
        for (next, dependency) in inside {
            if came_from.contains_key(next) {
                continue;
            }
            came_from.insert(*next, (job, *dependency));
            if *next == start {
                return steps_back(start, &came_from);
            }
            queue.push_back(*next);
        }
    }
    Vec::new()
}

fn steps_back(start: usize, came_from: &HashMap<usize, (usize, usize)>) -> Vec<(usize, usize)> {
    let mut cycle = Vec::new();
    let mut step = start;
    while let Some((from, dependency)) = came_from.get(&step) {
        cycle.push((*from, *dependency));
        step = *from;
        if step == start {
            break;
        }
    }
    cycle.reverse();
    cycle
}

/// For each job the number of its strongly connected component, if other jobs are in it, too. Tarjan's algorithm with
/// an explicit stack.
fn components(edges: &Edges) -> Vec<Option<usize>> {
    let mut search = Search {
        order: vec![None; edges.len()],
        low: vec![0; edges.len()],
        open: Vec::new(),
        is_open: vec![false; edges.len()],
        components: vec![None; edges.len()],
        next: 0,
    };
    for job in 0..edges.len() {
        if search.order[job].is_none() {
            search.from(job, edges);
        }
    }
    search.components
}

struct Search {
    /// When each job was first reached.
    order: Vec<Option<usize>>,
    /// The earliest open job that each can reach.
    low: Vec<usize>,
    open: Vec<usize>,
    is_open: Vec<bool>,
    components: Vec<Option<usize>>,
    next: usize,
}

impl Search {
    fn from(&mut self, root: usize, edges: &Edges) {
        let mut path = vec![(root, 0)];
        self.enter(root);
        while let Some((job, edge)) = path.last_mut() {
            let job = *job;
            if let Some((next, _)) = edges[job].get(*edge) {
                *edge += 1;
                match self.order[*next] {
                    None => {
                        self.enter(*next);
                        path.push((*next, 0));
                    }
                    Some(order) if self.is_open[*next] => {
                        self.low[job] = self.low[job].min(order);
                    }
                    Some(_) => {}
                }
                continue;
            }
            path.pop();
            if let Some((before, _)) = path.last() {
                self.low[*before] = self.low[*before].min(self.low[job]);
            }
            if self.order[job] == Some(self.low[job]) {
                self.close(job);
            }
        }
    }

    fn enter(&mut self, job: usize) {
        self.order[job] = Some(self.next);
        self.low[job] = self.next;
        self.next += 1;
        self.open.push(job);
        self.is_open[job] = true;
    }

    /// Everything opened since `root` is one component with it.
    fn close(&mut self, root: usize) {
        let start = self.open.iter().rposition(|job| *job == root).unwrap_or(0);
        let members = self.open.split_off(start);
        for member in &members {
            self.is_open[*member] = false;
            self.components[*member] = (members.len() > 1).then_some(root);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks `a: b c, b: a`; each fault is printed with its job.
    fn faults(jobs: &str) -> String {
        let node = |job: &'static str| {
            let (id, dependencies) = job.split_once(':').unwrap();
            DependencyNode {
                id: id.trim(),
                dependencies: dependencies.split_whitespace().collect(),
            }
        };
        let jobs: &'static str = jobs.to_owned().leak();
        let nodes: Vec<DependencyNode<'_>> = jobs.split(',').map(node).collect();
        let line = |fault: &DependencyFault| {
            let (job, dependency) = fault.place();
            format!("{}[{dependency}]: {}", nodes[job].id, fault.describe(&nodes, "?"))
        };
        check_dependencies(&nodes).iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_cycle_is_reported_from_its_first_job() {
        assert_eq!(faults("x: a, y:, c: y a, a: b, b: c"), "c[1]: dependency cycle: c → a → b → c");
    }

    #[test]
    fn each_group_is_reported_by_its_shortest_cycle() {
        insta::assert_snapshot!(faults("a: b c, b: c, c: a, d: e, e: d, f: a"), @r"
        a[1]: dependency cycle: a → c → a
        d[0]: dependency cycle: d → e → d
        ");
    }

    #[test]
    fn a_job_cannot_depend_on_itself_or_on_one_that_does_not_exist() {
        insta::assert_snapshot!(faults("alpha: alpha alhpa, beta: alpah, : alpha, alpha: beta"), @r"
        alpha[0]: `alpha` cannot depend on itself
        alpha[1]: no job named `alhpa`?
        beta[0]: no job named `alpah`?
        ");
        assert_eq!(faults("a: b c, b: c, c:"), "");
    }

    #[test]
    fn a_very_long_chain_and_a_very_long_cycle_end() {
        let chain = |last: &str| {
            let jobs = (0..20_000).map(|n| format!("j{n}: j{}", n + 1)).collect::<Vec<_>>();
            format!("{}, j20000: {last}", jobs.join(", "))
        };
        assert_eq!(faults(&chain("")), "");
        let cycle = faults(&chain("j0"));
        assert!(cycle.contains("j9 → … 19981 more … → j19991 →"), "{cycle}");
        assert!(cycle.ends_with("j20000 → j0"), "{cycle}");
    }
}
