//! The list of executions: a bounded window into a history of any length.
//!
//! Owns which part of the history is held, where the selection is, and which page is missing. Pages
//! are asked for by key (older than, newer than), so depth costs nothing; batches keep what is held
//! up to date. The selection is an execution, except at the top, where it stays with the newest.

use std::collections::VecDeque;
use std::sync::Arc;

use uuid::Uuid;

use super::filter::{Filter, Listed};
use super::marks::Marks;
use crate::model::{Execution, ExecutionId, ExecutionQuery, Page, StateName};
use crate::tui::cursor::{Cursor, Move, moved};
use crate::tui::message::{PagePlace, Request};

/// Rows that are held at most.
const MOST_ROWS: usize = 1_000;
/// Rows that are asked for at once.
const PAGE: u32 = 250;
/// A page is asked for when the selection comes this near to the end of what is held.
const MARGIN: usize = 100;

/// The list of executions.
#[derive(Debug, Default)]
pub(crate) struct ExecutionList {
    /// The filter in force.
    pub(crate) filter: Filter,
    /// Whether only what is wrong is listed.
    pub(crate) only_wrong: bool,
    /// Whether skipped executions are left out.
    pub(crate) hide_skipped: bool,
    /// Selection and window, in `rows`.
    pub(crate) cursor: Cursor,
    /// Executions that actions are about together.
    pub(crate) marks: Marks<ExecutionId>,
    /// Whether the oldest stand first. It is the only other order that holds over a history of any
    /// length: the store pages by creation.
    pub(crate) reversed: bool,
    /// In their order.
    rows: VecDeque<Arc<Execution>>,
    more_above: bool,
    more_below: bool,
    /// The newest request; answers to older ones are outdated.
    ticket: u64,
    /// What is under way.
    asked: Option<PagePlace>,
    /// What came while a page was under way: the page may have been read before it.
    meanwhile: Vec<Arc<Execution>>,
    query: ExecutionQuery,
    started: bool,
    /// Why the newest page did not come.
    pub(crate) trouble: Option<String>,
}

impl ExecutionList {
    /// What is held, in its order.
    pub(crate) const fn rows(&self) -> &VecDeque<Arc<Execution>> {
        &self.rows
    }

    /// The selected execution.
    pub(crate) fn selected(&self) -> Option<&Arc<Execution>> {
        self.rows.get(self.cursor.at)
    }

    /// Marks the selected execution, or takes its mark away.
    pub(crate) fn mark(&mut self) {
        if let Some(id) = self.selected().map(|it| it.id) {
            self.marks.toggle(id);
        }
    }

    /// Marks from the last mark to the selected execution, of what is held.
    pub(crate) fn mark_range(&mut self) {
        if let Some(at) = self.selected().map(|it| it.id) {
            self.marks.extend(self.rows.iter().map(|row| row.id), at);
        }
    }

    /// The marked executions that are listed: what a filter hides is not acted on.
    pub(crate) fn listed_marks(&self) -> Vec<ExecutionId> {
        if !self.is_narrowed() {
            // All are listed, also those that the window does not hold now.
            return self.marks.iter().copied().collect();
        }
        let ids = self.rows.iter().map(|row| row.id);
        ids.filter(|id| self.marks.contains(id)).collect()
    }

    /// Whether some executions are left out of the list.
    pub(crate) const fn is_narrowed(&self) -> bool {
        self.only_wrong || self.hide_skipped || !self.filter.is_empty()
    }

    /// Whether the first page has not come yet.
    pub(crate) fn is_loading(&self) -> bool {
        !self.started || (self.rows.is_empty() && self.asked.is_some())
    }

    /// Starts again with the newest page.
    pub(crate) fn reload(&mut self, is_job: impl Fn(&str) -> bool) -> Request {
        self.query = self.filter.query(is_job);
        if self.only_wrong {
            self.query.states = vec![StateName::Failed, StateName::TimedOut];
        }
        if self.hide_skipped {
            let all = std::mem::take(&mut self.query.states);
            let all = if all.is_empty() { StateName::ALL.to_vec() } else { all };
            self.query.states = all.into_iter().filter(|it| *it != StateName::Skipped).collect();
        }
        self.ask(PagePlace::Top)
    }

    /// Whether the first page is still to be asked for.
    pub(crate) const fn is_unstarted(&self) -> bool {
        !self.started
    }

    fn ask(&mut self, place: PagePlace) -> Request {
        self.started = true;
        self.ticket += 1;
        self.asked = Some(place);
        self.meanwhile.clear();
        let mut query = ExecutionQuery { limit: PAGE, ..self.query.clone() };
        let oldest = Some(ExecutionId::from_uuid(Uuid::nil()));
        let (front, back) = (self.rows.front(), self.rows.back());
        match (place, self.reversed) {
            (PagePlace::Top, false) | (PagePlace::Bottom, true) => {}
            (PagePlace::Bottom, false) | (PagePlace::Top, true) => query.after = oldest,
            (PagePlace::Below, false) => query.before = back.map(|row| row.id),
            (PagePlace::Below, true) => query.after = back.map(|row| row.id),
            (PagePlace::Above, false) => query.after = front.map(|row| row.id),
            (PagePlace::Above, true) => query.before = front.map(|row| row.id),
        }
        Request::Executions { ticket: self.ticket, place, query }
    }

    /// Moves the selection; answers the page that is needed for it, if one is.
    pub(crate) fn go(&mut self, step: Move, height: usize) -> Option<Request> {
        match step {
            Move::First if self.more_above => return Some(self.ask(PagePlace::Top)),
            Move::Last if self.more_below => return Some(self.ask(PagePlace::Bottom)),
            _ => {}
        }
        self.cursor.at = moved(self.cursor.at, step, self.rows.len(), height);
        self.cursor.settle(self.rows.len(), height);
        self.missing()
    }

    /// The page that the window comes near to.
    fn missing(&mut self) -> Option<Request> {
        if self.asked.is_some() {
            return None;
        }
        if self.more_below && self.cursor.at + MARGIN >= self.rows.len() {
            Some(self.ask(PagePlace::Below))
        } else if self.more_above && self.cursor.at < MARGIN {
            Some(self.ask(PagePlace::Above))
        } else {
            None
        }
    }

    /// Takes in a page; answers the next one that is needed, if one is.
    pub(crate) fn take(
        &mut self,
        ticket: u64,
        place: PagePlace,
        page: Page<Arc<Execution>>,
        height: usize,
    ) -> Option<Request> {
        if ticket != self.ticket {
            return None;
        }
        self.asked = None;
        self.trouble = None;
        let none_match = self.matches_nothing();
        let mut items = page.items;
        if none_match {
            items.clear();
        }
        if self.reversed {
            items.reverse();
        }
        match place {
            PagePlace::Top | PagePlace::Bottom => {
                self.rows = items.into();
                self.more_below = place == PagePlace::Top && page.more && !none_match;
                self.more_above = place == PagePlace::Bottom && page.more && !none_match;
                let at = if place == PagePlace::Top { 0 } else { self.rows.len() };
                self.cursor = Cursor { at, top: at };
            }
            PagePlace::Below => {
                self.rows.extend(items);
                self.more_below = page.more;
                while self.rows.len() > MOST_ROWS {
                    self.rows.pop_front();
                    self.more_above = true;
                    self.shift_up();
                }
            }
            PagePlace::Above => {
                for item in items.into_iter().rev() {
                    self.rows.push_front(item);
                    self.shift_down();
                }
                self.more_above = page.more;
                if self.rows.len() > MOST_ROWS {
                    self.rows.truncate(MOST_ROWS);
                    self.more_below = true;
                }
            }
        }
        let meanwhile = std::mem::take(&mut self.meanwhile);
        self.apply(&meanwhile);
        self.cursor.settle(self.rows.len(), height);
        self.missing()
    }

    /// A page did not come.
    pub(crate) fn failed(&mut self, ticket: u64, why: String) {
        if ticket == self.ticket {
            self.asked = None;
            self.trouble = Some(why);
        }
    }

    fn shift_down(&mut self) {
        self.cursor.at += 1;
        self.cursor.top += 1;
    }

    fn shift_up(&mut self) {
        self.cursor.at = self.cursor.at.saturating_sub(1);
        self.cursor.top = self.cursor.top.saturating_sub(1);
    }

    /// Takes in executions that came or changed.
    pub(crate) fn apply(&mut self, executions: &[Arc<Execution>]) {
        if self.asked.is_some() {
            let room = MOST_ROWS.saturating_sub(self.meanwhile.len());
            self.meanwhile.extend(executions.iter().take(room).cloned());
        }
        for execution in executions {
            match self.place_of(execution.id) {
                // A page may have been read after it: the one with the longer history is the newer.
                Ok(at) if self.rows[at].history.len() > execution.history.len() => {}
                Ok(at) if self.matches(execution) => self.rows[at] = Arc::clone(execution),
                Ok(at) => {
                    self.rows.remove(at);
                    if at < self.cursor.at {
                        self.shift_up();
                    }
                }
                Err(at) if self.holds_place(at) && self.matches(execution) => {
                    self.rows.insert(at, Arc::clone(execution));
                    let follows = self.cursor == Cursor::default();
                    if at <= self.cursor.at && !follows {
                        self.shift_down();
                    }
                }
                Err(_) => {}
            }
        }
        // Newer rows push older ones out; a window far down is moved along instead of being cut.
        while self.rows.len() > MOST_ROWS {
            if self.cursor.at + MARGIN < MOST_ROWS {
                self.rows.pop_back();
                self.more_below = true;
            } else {
                self.rows.pop_front();
                self.more_above = true;
                self.shift_up();
            }
        }
    }

    /// Where an execution is, or would be.
    fn place_of(&self, id: ExecutionId) -> Result<usize, usize> {
        self.rows.binary_search_by(|row| match self.reversed {
            false => id.cmp(&row.id),
            true => row.id.cmp(&id),
        })
    }

    /// Whether a new row at that place lies inside what is held.
    fn holds_place(&self, at: usize) -> bool {
        self.started
            && (at > 0 || !self.more_above)
            && (at < self.rows.len() || !self.more_below)
            && !self.matches_nothing()
    }

    /// Whether the filter cannot be carried out, or leaves nothing: no states would mean all of them.
    fn matches_nothing(&self) -> bool {
        let no_state_left =
            self.query.states.is_empty() && (self.hide_skipped || self.filter.names_states());
        no_state_left || self.filter.problem(Listed::Executions).is_some()
    }

    /// What the store would answer for this execution.
    fn matches(&self, execution: &Execution) -> bool {
        let query = &self.query;
        let has = |word: &String| {
            execution.job_id.as_str().contains(word.as_str())
                || execution.reason.to_string().to_lowercase().contains(word.as_str())
        };
        query.job.as_ref().is_none_or(|job| *job == execution.job_id)
            && (query.states.is_empty() || query.states.contains(&execution.state.name()))
            && query.worker.as_ref().is_none_or(|it| execution.worker_id() == Some(it))
            && query.words.iter().all(has)
            && !query.without.iter().any(has)
    }
}
