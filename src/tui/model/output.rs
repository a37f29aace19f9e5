//! The output of one attempt as it is looked at.
//!
//! Owns the lines that have been read, made harmless, and where the view stands in them. Reading
//! goes on only when the engine says that there is more; nothing here asks by the clock.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::sanitize::{plain, sanitize};
use crate::model::{AttemptKey, Execution, OutputChunk, OutputLine, Stream};
use crate::tui::cursor::{Move, moved};
use crate::tui::message::Request;
use crate::tui::text;

/// Lines that are held at most; older ones go first.
const MOST_LINES: usize = 200_000;
/// A line is put together from parts up to so many bytes.
const LONGEST_LINE: usize = 64 << 10;

/// A line of output, made harmless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// When it arrived.
    pub(crate) at: DateTime<Utc>,
    /// Where from.
    pub(crate) stream: Stream,
    /// Its text; of all escape sequences only colours are left.
    pub(crate) text: String,
}

/// The output of one attempt.
#[derive(Debug)]
pub(crate) struct Output {
    /// The execution, as it was known last.
    pub(crate) execution: Arc<Execution>,
    /// The attempt.
    pub(crate) key: AttemptKey,
    /// Whether the newest line stays in the window.
    pub(crate) follow: bool,
    /// Whether long lines are broken.
    pub(crate) wrap: bool,
    /// Whether each line shows when it arrived.
    pub(crate) timestamps: bool,
    /// The first line in the window while it does not follow.
    pub(crate) top: usize,
    /// Cells that are cut off at the left while lines are not broken.
    pub(crate) left: usize,
    /// What is searched for.
    pub(crate) search: String,
    /// Lines that were dropped to bound the memory.
    pub(crate) dropped_lines: usize,
    /// Why reading failed.
    pub(crate) trouble: Option<String>,
    lines: VecDeque<Line>,
    /// The last line's raw bytes while its end has not come.
    tail: Option<Vec<u8>>,
    next: u64,
    at_end: bool,
    asked: bool,
    stale: bool,
}

impl Output {
    /// Of an attempt of that execution; none before it has begun.
    pub(crate) fn new(execution: Arc<Execution>, attempt: u32) -> Self {
        let key = AttemptKey { execution_id: execution.id, attempt: attempt.max(1) };
        Self {
            execution,
            key,
            follow: true,
            wrap: true,
            timestamps: false,
            top: 0,
            left: 0,
            search: String::new(),
            dropped_lines: 0,
            trouble: None,
            lines: VecDeque::new(),
            tail: None,
            next: 0,
            at_end: false,
            asked: false,
            stale: true,
        }
    }

    pub(crate) const fn lines(&self) -> &VecDeque<Line> {
        &self.lines
    }

    /// Whether all that was written has been read.
    pub(crate) const fn is_complete(&self) -> bool {
        self.at_end && !self.stale
    }

    /// Whether a request has not been answered yet.
    pub(crate) const fn is_under_way(&self) -> bool {
        self.asked
    }

    /// Whether an answer is for this.
    pub(crate) fn awaits(&self, key: AttemptKey, from: u64) -> bool {
        self.asked && self.key == key && self.next == from
    }

    /// How many bytes have been read.
    pub(crate) const fn bytes_read(&self) -> u64 {
        self.next
    }

    /// There is more to read, or may be.
    pub(crate) const fn touch(&mut self) {
        self.stale = true;
    }

    /// What is to be read next, if anything is.
    pub(crate) const fn wanted(&mut self) -> Option<Request> {
        if self.asked || !self.stale {
            return None;
        }
        self.asked = true;
        self.stale = false;
        Some(Request::Output { key: self.key, from: self.next })
    }

    /// Takes in what was read from `from` on.
    pub(crate) fn take(&mut self, from: u64, chunk: OutputChunk) {
        self.asked = false;
        self.trouble = None;
        if from != self.next {
            self.stale = true;
            return;
        }
        // A reader that does not get on is at the end, whatever it says.
        self.at_end = chunk.at_end || chunk.next <= from;
        self.stale |= !self.at_end;
        self.next = chunk.next.max(from);
        for line in chunk.lines {
            self.push(line);
        }
    }

    /// Reading failed; it is tried again when there is more.
    pub(crate) fn failed(&mut self, why: String) {
        self.asked = false;
        self.trouble = Some(why);
    }

    fn push(&mut self, line: OutputLine) {
        let OutputLine { at, stream, text, complete } = line;
        let joined = match (self.tail.take(), self.lines.back()) {
            (Some(mut tail), Some(last))
                if last.stream == stream && tail.len() + text.len() <= LONGEST_LINE =>
            {
                self.lines.pop_back();
                tail.extend_from_slice(&text);
                tail
            }
            _ => text,
        };
        self.lines.push_back(Line { at, stream, text: sanitize(&joined) });
        self.tail = (!complete).then_some(joined);
        if self.lines.len() > MOST_LINES {
            self.lines.pop_front();
            self.dropped_lines += 1;
            self.top = self.top.saturating_sub(1);
        }
    }

    /// How many rows a line takes in a window of that width.
    pub(crate) fn rows_of(&self, line: &Line, width: usize) -> usize {
        if !self.wrap || width == 0 {
            return 1;
        }
        let cells = text::width(&plain(&line.text));
        // One more than needed where wide characters do not fit the edge: the view then shows a row
        // less, never too many.
        cells.div_ceil(width).max(1)
    }

    /// The first line in a window of that size.
    pub(crate) fn first_line(&self, width: usize, height: usize) -> usize {
        if self.follow { self.first_at_end(width, height) } else { self.top }
    }

    /// The first line when the last one is to be in the window.
    fn first_at_end(&self, width: usize, height: usize) -> usize {
        let mut room = height;
        let mut first = self.lines.len();
        while let Some(line) = first.checked_sub(1).and_then(|at| self.lines.get(at)) {
            let rows = self.rows_of(line, width);
            if rows > room && first < self.lines.len() {
                break;
            }
            room = room.saturating_sub(rows);
            first -= 1;
        }
        first
    }

    /// Moves the window. At the end it follows again.
    pub(crate) fn go(&mut self, step: Move, width: usize, height: usize) {
        let end = self.first_at_end(width, height);
        let from = if self.follow { end } else { self.top };
        self.top = match step {
            Move::Last => end,
            step => moved(from, step, end + 1, height),
        };
        self.follow = self.top >= end && !matches!(step, Move::First | Move::By(..=-1));
    }

    /// Goes to the next line (or the one before) that holds what is searched for; `false` if there
    /// is none.
    pub(crate) fn seek(&mut self, forward: bool, width: usize, height: usize) -> bool {
        let wanted = fold(&self.search);
        !wanted.is_empty()
            && self.seek_line(forward, (width, height), |line| {
                fold(&plain(&line.text)).contains(&wanted)
            })
    }

    /// Goes to the next line (or the one before) that mentions an error; if none does by its
    /// words, to what was written to stderr; `false` if there is nothing of either.
    pub(crate) fn seek_error(&mut self, forward: bool, width: usize, height: usize) -> bool {
        let size = (width, height);
        self.seek_line(forward, size, |line| mentions_error(&fold(&plain(&line.text))))
            || self.seek_line(forward, size, |line| line.stream == Stream::Stderr)
    }

    fn seek_line(
        &mut self,
        forward: bool,
        (width, height): (usize, usize),
        holds: impl Fn(&Line) -> bool,
    ) -> bool {
        if self.lines.is_empty() {
            return false;
        }
        let from = self.first_line(width, height);
        let count = self.lines.len();
        let at = |step: usize| {
            if forward { (from + step) % count } else { (from + count - step % count) % count }
        };
        let holds = |at: &usize| self.lines.get(*at).is_some_and(&holds);
        let found = (1..=count).map(at).find(holds);
        if let Some(found) = found {
            self.follow = false;
            self.top = found;
        }
        found.is_some()
    }

    /// All of it as text, colours left out.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            text.push_str(&plain(&line.text));
            text.push('\n');
        }
        text
    }
}

/// Whether a line in lower case has a word of things that went wrong.
fn mentions_error(line: &str) -> bool {
    const WORDS: [&str; 14] = [
        "error",
        "fail",
        "fatal",
        "panic",
        "exception",
        "traceback",
        "denied",
        "refused",
        "cannot",
        "could not",
        "no such",
        "not found",
        "timed out",
        "killed",
    ];
    WORDS.iter().any(|word| line.contains(word))
}

/// Letter by letter in lower case, so that places stay the same.
pub(crate) fn fold(text: &str) -> String {
    text.chars().map(|c| c.to_lowercase().next().unwrap_or(c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StateName;
    use crate::tui::tests::fixtures::{at, execution};

    fn output() -> Output {
        let execution = execution(1, "a", StateName::Running, 0);
        Output::new(Arc::new(execution), 1)
    }

    fn chunk(parts: &[(&str, bool)], next: u64, at_end: bool) -> OutputChunk {
        let line = |(text, complete): &(&str, bool)| OutputLine {
            at: at(0),
            stream: Stream::Stdout,
            text: text.as_bytes().to_vec(),
            complete: *complete,
        };
        OutputChunk { lines: parts.iter().map(line).collect(), next, at_end }
    }

    fn shown_text(output: &Output) -> Vec<&str> {
        output.lines().iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn parts_of_a_line_are_put_together() {
        let mut output = output();
        output.take(0, chunk(&[("one", true), ("tw", false)], 5, true));
        output.take(5, chunk(&[("o", true), ("three", true)], 12, true));
        assert_eq!(shown_text(&output), ["one", "two", "three"]);
    }

    #[test]
    fn it_is_read_until_the_end_and_again_when_it_grew() {
        let mut output = output();
        let key = output.key;
        assert_eq!(output.wanted(), Some(Request::Output { key, from: 0 }));
        assert_eq!(output.wanted(), None, "one request at a time");
        output.take(0, chunk(&[("a", true)], 2, false));
        assert_eq!(output.wanted(), Some(Request::Output { key, from: 2 }));
        output.touch();
        output.take(2, chunk(&[("b", true)], 4, true));
        assert_eq!(output.wanted(), Some(Request::Output { key, from: 4 }), "it grew meanwhile");
        output.take(4, chunk(&[], 4, true));
        assert_eq!(output.wanted(), None);
        assert!(output.is_complete());
    }

    #[test]
    fn moving_up_stops_following_and_the_end_follows_again() {
        let mut output = output();
        let lines: Vec<(String, bool)> = (0..50).map(|n| (format!("line {n}"), true)).collect();
        let lines: Vec<(&str, bool)> =
            lines.iter().map(|(text, end)| (text.as_str(), *end)).collect();
        output.take(0, chunk(&lines, 400, true));
        assert_eq!(output.first_line(80, 10), 40);
        output.go(Move::By(-1), 80, 10);
        assert_eq!((output.top, output.follow), (39, false));
        output.go(Move::Last, 80, 10);
        assert!(output.follow);
        output.search = "LINE 7".to_owned();
        assert!(output.seek(true, 80, 10));
        assert_eq!((output.top, output.follow), (7, false));
        output.search = "elephant".to_owned();
        assert!(!output.seek(false, 80, 10));
    }

    #[test]
    fn errors_are_found_by_their_words_else_by_stderr() {
        let mut output = output();
        let mut lines = chunk(&[("fine", true), ("as well", true), ("end", true)], 9, true);
        output.take(0, lines.clone());
        assert!(!output.seek_error(true, 80, 2));
        lines.lines[1].stream = Stream::Stderr;
        let mut output = super::tests::output();
        output.take(0, lines.clone());
        assert!(output.seek_error(true, 80, 2));
        assert_eq!((output.top, output.follow), (1, false));
        lines.lines[2].text = b"ERROR: no space".to_vec();
        lines.lines[0].text = b"open: Permission denied".to_vec();
        let mut output = super::tests::output();
        output.take(0, lines);
        assert!(output.seek_error(true, 80, 2));
        assert_eq!(output.top, 2);
        assert!(output.seek_error(true, 80, 2));
        assert_eq!(output.top, 0);
        assert!(output.seek_error(false, 80, 2));
        assert_eq!(output.top, 2);
    }

    #[test]
    fn broken_lines_count_for_the_window() {
        let mut output = output();
        output.take(0, chunk(&[("x", true), (&"y".repeat(25), true), ("z", true)], 40, true));
        assert_eq!(output.first_line(10, 4), 1, "25 cells take 3 rows of 10");
        output.wrap = false;
        assert_eq!(output.first_line(10, 4), 0);
    }
}
