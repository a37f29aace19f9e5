//! Lines of a text, and replacing parts of it: what an edit is made of in the end.

use std::ops::Range;

/// A text and what is to be replaced in it.
#[derive(Debug)]
pub(super) struct Rewrite<'t> {
    pub(super) text: &'t str,
    line_end: &'static str,
    changes: Vec<(Range<usize>, String)>,
}

impl<'t> Rewrite<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        Self { text, line_end, changes: Vec::new() }
    }

    /// Replaces a range. Line ends of `with` are written as those of the text.
    pub(super) fn replace(&mut self, range: Range<usize>, with: &str) {
        self.changes.push((range, with.replace('\n', self.line_end)));
    }

    /// Inserts; several at one place stand in the order in which they came.
    pub(super) fn insert(&mut self, at: usize, what: &str) {
        self.replace(at..at, what);
    }

    pub(super) fn remove(&mut self, range: Range<usize>) {
        self.replace(range, "");
    }

    /// The new text; `None` when two changes want the same bytes.
    pub(super) fn finish(mut self) -> Option<String> {
        self.changes.sort_by_key(|(range, _)| (range.start, range.end));
        let mut out = String::with_capacity(self.text.len() + 256);
        let mut from = 0;
        for (range, with) in &self.changes {
            out += self.text.get(from..range.start)?;
            out += with;
            from = range.end;
        }
        out += self.text.get(from..)?;
        Some(out)
    }

    /// Where the line of a byte begins.
    pub(super) fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or_else(|| self.after_bom(), |newline| newline + 1)
    }

    /// Where the line of a byte ends, before its line end.
    pub(super) fn line_stop(&self, at: usize) -> usize {
        let stop = self.text[at..].find('\n').map_or(self.text.len(), |newline| at + newline);
        let ended = stop < self.text.len();
        if ended && self.text[..stop].ends_with('\r') { stop - 1 } else { stop }
    }

    /// Where the next line begins.
    pub(super) fn next_line(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |newline| at + newline + 1)
    }

    /// The line that begins at a byte, without its line end.
    pub(super) fn line_at(&self, start: usize) -> &'t str {
        &self.text[start..self.line_stop(start)]
    }

    /// What stands before a byte on its line.
    pub(super) fn before(&self, at: usize) -> &'t str {
        &self.text[self.line_start(at)..at]
    }

    /// The column of a byte, from 0.
    pub(super) fn column(&self, at: usize) -> usize {
        self.before(at).chars().count()
    }

    /// The first byte from `at` on that is no blank of the same line.
    pub(super) fn skip_blanks(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        at + rest.len() - rest.trim_start_matches([' ', '\t']).len()
    }

    /// The first byte from `at` on that is neither blank, line end nor comment.
    pub(super) fn skip_to_content(&self, mut at: usize) -> usize {
        loop {
            let rest = &self.text[at..];
            at += rest.len() - rest.trim_start().len();
            if !self.text[at..].starts_with('#') {
                return at;
            }
            at = self.next_line(at);
        }
    }

    /// Removes the whole lines of a range; the last of a text without a final line end takes that of
    /// the line above along.
    pub(super) fn remove_lines(&mut self, range: Range<usize>) {
        let start = self.line_start(range.start);
        let stop = self.next_line(range.end);
        let above = &self.text[..start];
        let above = above.strip_suffix("\r\n").or(above.strip_suffix('\n')).unwrap_or(above);
        // A blank line above may be part of a text.
        let open = stop == self.text.len()
            && !self.text.ends_with('\n')
            && !self.line_at(self.line_start(above.len())).trim().is_empty();
        self.remove(if open { above.len()..stop } else { start..stop });
    }

    /// A byte order mark is no part of the first line.
    fn after_bom(&self) -> usize {
        if self.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
    }
}
