//! What the jobs of a set are to each other: ids taken twice, dependencies on no job, on itself, in
//! a circle.
//!
//! Owns the judgement of edges. Never recurses: a chain of ten thousand jobs is one long chain, not
//! a deep stack.

use std::collections::{HashMap, HashSet, VecDeque};

use super::findings::{Findings, Mark, quoted};

/// How many jobs of a long circle are written out at each end.
const SHOWN: usize = 10;

/// A job as a node of the graph.
#[derive(Debug, Clone)]
pub(super) struct Vertex<'a> {
    /// Its id; empty when it has none. Of several with the same id only the first is waited for.
    pub(super) id: &'a str,
    /// The jobs it waits for, and where each is named.
    pub(super) waits_for: Vec<(&'a str, Mark)>,
    /// Whether what is wrong with it is to be told: not when it was judged before.
    pub(super) judged: bool,
}

/// Judges the dependencies of a set of jobs, given in the order of the file.
pub(super) fn judge(vertices: &[Vertex<'_>], out: &mut Findings) {
    let mut index: HashMap<&str, usize> = HashMap::with_capacity(vertices.len());
    for (number, vertex) in vertices.iter().enumerate().filter(|(_, vertex)| !vertex.id.is_empty())
    {
        index.entry(vertex.id).or_insert(number);
    }
    let mut edges: Vec<Vec<(usize, Mark)>> = vec![Vec::new(); vertices.len()];
    for (from, vertex) in vertices.iter().enumerate() {
        for (name, at) in &vertex.waits_for {
            match index.get(name) {
                Some(_) if *name == vertex.id => {
                    let message = format!("{} cannot wait for itself", quoted(name));
                    tell(vertex, *at, &message, out);
                }
                Some(to) => edges[from].push((*to, *at)),
                None if vertex.judged => {
                    let ids = vertices.iter().map(|vertex| vertex.id);
                    let hint = out.did_you_mean(name, ids.filter(|id| *id != vertex.id));
                    let message = format!("there is no job {}{hint}", quoted(name));
                    tell(vertex, *at, &message, out);
                }
                None => {}
            }
        }
    }
    for circle in circles(&edges) {
        let Some((first, at)) = circle.first().copied() else { continue };
        let ids: Vec<&str> = circle.iter().map(|(job, _)| vertices[*job].id).collect();
        let message = format!("jobs wait for each other: {}", path(&ids));
        tell(&vertices[first], at, &message, out);
    }
}

fn tell(vertex: &Vertex<'_>, at: Mark, message: &str, out: &mut Findings) {
    if vertex.judged {
        out.error(at, format!("`dependencies`: {message}"));
    }
}

/// `a → b → c → a`; → reads "waits for".
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

/// One shortest circle for each knot of jobs that wait for each other: from the first of them in
/// the order of the file, each with the place where it names the next.
fn circles(edges: &[Vec<(usize, Mark)>]) -> Vec<Vec<(usize, Mark)>> {
    let knots = knots(edges);
    let mut seen = HashSet::new();
    let in_order = (0..edges.len()).filter_map(|job| {
        let knot = knots[job]?;
        seen.insert(knot).then(|| shortest_circle(job, knot, &knots, edges))
    });
    in_order.collect()
}

/// Breadth first from `start` back to `start`, within its knot.
fn shortest_circle(
    start: usize,
    knot: usize,
    knots: &[Option<usize>],
    edges: &[Vec<(usize, Mark)>],
) -> Vec<(usize, Mark)> {
    let mut came_from: HashMap<usize, (usize, Mark)> = HashMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(job) = queue.pop_front() {
        for (next, at) in edges[job].iter().filter(|(next, _)| knots[*next] == Some(knot)) {
            if came_from.contains_key(next) {
                continue;
            }
            came_from.insert(*next, (job, *at));
            if *next == start {
                let mut circle = Vec::new();
                let mut step = start;
                while let Some((from, at)) = came_from.get(&step) {
                    circle.push((*from, *at));
                    step = *from;
                    if step == start {
                        break;
                    }
                }
                circle.reverse();
                return circle;
            }
            queue.push_back(*next);
        }
    }
    Vec::new()
}

/// For each job the number of its knot (its strongly connected component), if it has company in it.
/// Tarjan's algorithm with a stack of its own.
fn knots(edges: &[Vec<(usize, Mark)>]) -> Vec<Option<usize>> {
    let mut search = Search {
        order: vec![None; edges.len()],
        low: vec![0; edges.len()],
        open: Vec::new(),
        is_open: vec![false; edges.len()],
        knots: vec![None; edges.len()],
        next: 0,
    };
    for job in 0..edges.len() {
        if search.order[job].is_none() {
            search.from(job, edges);
        }
    }
    search.knots
}

struct Search {
    /// When each job was first reached.
    order: Vec<Option<usize>>,
    /// The earliest open job that each can reach.
    low: Vec<usize>,
    open: Vec<usize>,
    is_open: Vec<bool>,
    knots: Vec<Option<usize>>,
    next: usize,
}

impl Search {
    fn from(&mut self, root: usize, edges: &[Vec<(usize, Mark)>]) {
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

    /// Everything opened since `root` is one knot with it.
    fn close(&mut self, root: usize) {
        let start = self.open.iter().rposition(|job| *job == root).unwrap_or(0);
        let members = self.open.split_off(start);
        for member in &members {
            self.is_open[*member] = false;
            self.knots[*member] = (members.len() > 1).then_some(root);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Judges `a: b c, b: a` and tells what is wrong, each with the number of its job.
    fn judged(jobs: &str) -> String {
        let mut vertices = Vec::new();
        for (line, job) in jobs.split(',').enumerate() {
            let (id, waits_for) = job.split_once(':').unwrap();
            let at = Mark { source: 0, line: u32::try_from(line).unwrap() + 1, column: 1 };
            let waits_for = waits_for.split_whitespace().map(|name| (name, at)).collect();
            vertices.push(Vertex { id: id.trim(), waits_for, judged: true });
        }
        let mut findings = Findings::default();
        judge(&vertices, &mut findings);
        let (errors, _) = findings.into_sorted();
        let line = |finding: &super::super::findings::Finding| {
            format!("{}: {}", finding.at.line, finding.message)
        };
        errors.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_circle_is_told_from_the_first_job_of_the_file() {
        let told = judged("x: a, c: a, a: b, b: c");
        assert_eq!(told, "2: `dependencies`: jobs wait for each other: c → a → b → c");
    }

    #[test]
    fn each_knot_is_told_by_its_shortest_circle() {
        let told = judged("a: b c, b: c, c: a, d: e, e: d, f: a");
        insta::assert_snapshot!(told, @r"
        1: `dependencies`: jobs wait for each other: a → c → a
        4: `dependencies`: jobs wait for each other: d → e → d
        ");
    }

    #[test]
    fn a_job_cannot_wait_for_itself_or_for_nobody() {
        insta::assert_snapshot!(judged("alpha: alpha alhpa, beta: alpah"), @r"
        1: `dependencies`: `alpha` cannot wait for itself
        1: `dependencies`: there is no job `alhpa`
        2: `dependencies`: there is no job `alpah`: did you mean `alpha`?
        ");
    }

    #[test]
    fn a_very_long_chain_and_a_very_long_circle_end() {
        let chain = |last: &str| {
            let jobs = (0..20_000).map(|n| format!("j{n}: j{}", n + 1)).collect::<Vec<_>>();
            format!("{}, j20000: {last}", jobs.join(", "))
        };
        assert_eq!(judged(&chain("")), "");
        let told = judged(&chain("j0"));
        assert!(told.contains("j9 → … 19981 more … → j19991 →"), "{told}");
        assert!(told.ends_with("j20000 → j0"), "{told}");
    }
}
