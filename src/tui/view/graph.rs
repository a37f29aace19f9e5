//! What a job waits for and what waits for it, as trees with the states of now.

use std::collections::HashSet;

use ratatui::text::{Line, Span};

use super::jobs::badge_of;
use crate::model::{Condition, Dependency, JobId, JobStatus};
use crate::tui::model::{JobCondition, Model, last_result};
use crate::tui::text::ago;

/// Jobs of either direction that are drawn.
const MOST: usize = 40;
/// Deeper ones are not drawn.
const DEEPEST: usize = 6;

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// To what it waits for.
    Up,
    /// To what waits for it.
    Down,
}

/// The jobs in that direction, each under the one that it is a neighbour of.
pub(super) fn draw(model: &Model, job: &JobStatus, way: Way) -> Vec<Line<'static>> {
    let mut graph = Graph { model, way, seen: HashSet::new(), lines: Vec::new(), left: 0 };
    graph.seen.insert(job.definition.id.clone());
    graph.below(job, "");
    let Graph { mut lines, left, .. } = graph;
    if left > 0 {
        let dots = model.theme.ellipsis();
        lines.push(Line::styled(format!("   {dots} and more"), model.theme.quiet()));
    }
    lines
}

struct Graph<'a> {
    model: &'a Model,
    way: Way,
    seen: HashSet<JobId>,
    lines: Vec<Line<'static>>,
    /// How many were not drawn.
    left: usize,
}

impl Graph<'_> {
    fn below(&mut self, job: &JobStatus, lead: &str) {
        let neighbours = self.neighbours(job);
        let count = neighbours.len();
        for (number, (id, edge)) in (1..).zip(neighbours) {
            if self.lines.len() >= MOST || lead.chars().count() >= 2 * DEEPEST {
                self.left += 1;
                return;
            }
            let theme = self.model.theme;
            let last = number == count;
            let branch = if last { theme.glyph("└ ", "\\ ") } else { theme.glyph("├ ", "+ ") };
            let first = self.seen.insert(id.clone());
            let line = self.line(&id, &format!("{lead}{branch}"), &edge, first);
            self.lines.push(line);
            if let Some(next) = self.model.world.job(&id).filter(|_| first).cloned() {
                let lead = format!("{lead}{}", if last { "  " } else { theme.glyph("│ ", "| ") });
                self.below(&next, &lead);
            }
        }
    }

    /// The next ones, and what is asked of them where that is not success.
    fn neighbours(&self, job: &JobStatus) -> Vec<(JobId, String)> {
        let edge = |it: &Dependency| match it.on {
            Condition::Success => String::new(),
            Condition::Failure => " on failure".to_owned(),
            Condition::Completion => " on completion".to_owned(),
        };
        match self.way {
            Way::Up => {
                job.definition.dependencies.iter().map(|it| (it.job.clone(), edge(it))).collect()
            }
            Way::Down => {
                let me = &job.definition.id;
                let after = self.model.world.dependents(me);
                let to_me = |it: &JobStatus| {
                    it.definition.dependencies.iter().find(|it| it.job == *me).map(edge)
                };
                after.map(|it| (it.definition.id.clone(), to_me(it).unwrap_or_default())).collect()
            }
        }
    }

    fn line(&self, id: &JobId, lead: &str, edge: &str, first: bool) -> Line<'static> {
        let theme = self.model.theme;
        let mut line = vec![Span::styled(format!("   {lead}"), theme.quiet())];
        match self.model.world.job(id) {
            Some(job) => {
                let badge = badge_of(theme, self.model.world.condition(job));
                line.push(Span::styled(format!("{} ", badge.glyph), badge.style));
                line.push(Span::raw(id.to_string()));
                line.push(Span::styled(format!("  {}", badge.word), badge.style));
                // What is under way has no age of an end.
                let over = !matches!(self.model.world.condition(job), JobCondition::Live(_));
                let at = last_result(job).filter(|_| over).and_then(|it| it.finished_at);
                let at = at.map_or_else(String::new, |at| format!(" {}", ago(self.model.now, at)));
                line.push(Span::styled(at, theme.quiet()));
            }
            None => line.push(Span::styled(format!("{id}  is not defined"), theme.bad())),
        }
        line.push(Span::styled(edge.to_owned(), theme.care()));
        if !first {
            line.push(Span::styled(" (above)", theme.quiet()));
        }
        Line::from(line)
    }
}
