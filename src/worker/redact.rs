//! Hiding secrets in what is shown.
//!
//! Owns the search: all texts at once, byte by byte, over the borders of whatever pieces the bytes come in, in a time that
//! depends on the bytes alone (Aho and Corasick's automaton). Never knows where a secret comes from.
//!
//! A secret of several lines is hidden line by line, since that is how output shows it. What is shorter than four
//! characters is not hidden: it would shred the output and protect nothing. Other spellings of a secret (Base64, escaped)
//! are not known.

use std::collections::VecDeque;

use serde_json::Value;

/// What is shown instead.
const SHOWN: &[u8] = b"***";

/// Fewer characters are not hidden.
const SHORTEST: usize = 4;

/// The texts that are hidden.
#[derive(Debug)]
pub(in crate::worker) struct RedactPatterns {
    /// The first is that of no text begun.
    nodes: Vec<Node>,
    /// Where each first byte leads; 0 = nowhere.
    first: [u32; 256],
}

/// The beginning of a text.
#[derive(Debug, Clone, Copy, Default)]
struct Node {
    byte: u8,
    depth: u32,
    /// Nodes that are one byte longer: a list.
    child: u32,
    sibling: u32,
    /// The longest end of this beginning that is a beginning itself.
    end: u32,
    /// The longest text that ends here; 0 = none.
    hides: u32,
}

impl RedactPatterns {
    /// Of secrets; `None` when there is nothing to hide.
    pub(in crate::worker) fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut patterns = Self { nodes: vec![Node::default()], first: [0; 256] };
        for line in secrets.into_iter().flat_map(|secret| secret.split(|byte| *byte == b'\n')) {
            let trimmed = line.trim_ascii();
            if let Some(text) = [trimmed, line].into_iter().find(|text| is_long(text)) {
                patterns.add(text);
            }
        }
        patterns.find_ends();
        (patterns.nodes.len() > 1).then_some(patterns)
    }

    fn add(&mut self, text: &[u8]) {
        let mut at = 0;
        for byte in text {
            at = match self.child(at, *byte) {
                0 => self.grow(at, *byte),
                child => child,
            };
        }
        let node = &mut self.nodes[at as usize];
        node.hides = node.depth;
    }

    fn grow(&mut self, from: u32, byte: u8) -> u32 {
        // A secret's file is bounded, so the number fits.
        let new = u32::try_from(self.nodes.len()).unwrap_or_default();
        let parent = &mut self.nodes[from as usize];
        let (depth, sibling) = (parent.depth + 1, parent.child);
        parent.child = new;
        self.nodes.push(Node { byte, depth, sibling, ..Node::default() });
        if from == 0 {
            self.first[usize::from(byte)] = new;
        }
        new
    }

    fn child(&self, of: u32, byte: u8) -> u32 {
        if of == 0 {
            return self.first[usize::from(byte)];
        }
        let mut child = self.nodes[of as usize].child;
        while child != 0 && self.nodes[child as usize].byte != byte {
            child = self.nodes[child as usize].sibling;
        }
        child
    }

    fn find_ends(&mut self) {
        let mut queue = VecDeque::from([0]);
        while let Some(at) = queue.pop_front() {
            let mut child = self.nodes[at as usize].child;
            while child != 0 {
                let end = match at {
                    0 => 0,
                    _ => self.next(self.nodes[at as usize].end, self.nodes[child as usize].byte),
                };
                let hides = self.nodes[child as usize].hides.max(self.nodes[end as usize].hides);
                let node = &mut self.nodes[child as usize];
                (node.end, node.hides) = (end, hides);
                queue.push_back(child);
                child = self.nodes[child as usize].sibling;
            }
        }
    }

    fn next(&self, mut at: u32, byte: u8) -> u32 {
        loop {
            let child = self.child(at, byte);
            if child != 0 || at == 0 {
                return child;
            }
            at = self.nodes[at as usize].end;
        }
    }

    /// A whole text, without its secrets.
    pub(in crate::worker) fn redact_text(&self, text: &str) -> String {
        let (mut redactor, mut shown) = (Redactor::default(), Vec::new());
        redactor.take(self, text.as_bytes(), &mut shown);
        redactor.show_to(0, &mut shown);
        String::from_utf8(shown)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// A value, without secrets in its texts.
    pub(in crate::worker) fn redact_value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.redact_text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.redact_value(item)).collect(),
            Value::Object(map) => map
                .into_iter()
                .map(|(key, item)| (self.redact_text(&key), self.redact_value(item)))
                .collect(),
            other => other,
        }
    }
}

fn is_long(text: &[u8]) -> bool {
    String::from_utf8_lossy(text).chars().count() >= SHORTEST
}

/// Hides secrets in a stream of bytes.
#[derive(Debug, Default)]
pub(in crate::worker) struct Redactor {
    at: u32,
    /// Bytes that may still turn out to belong to a secret.
    held: VecDeque<u8>,
    /// How many bytes of the stream have been shown or hidden.
    done: u64,
    /// What of the held bytes is hidden: from, to; counted from the beginning of the stream.
    hidden: VecDeque<(u64, u64)>,
    /// Whether what was shown last stands for a secret.
    hiding: bool,
}

impl Redactor {
    /// Takes bytes; appends what can be shown of them and of those before them.
    pub(in crate::worker) fn take(
        &mut self,
        patterns: &RedactPatterns,
        bytes: &[u8],
        shown: &mut Vec<u8>,
    ) {
        let mut rest = bytes;
        while let Some(byte) = rest.first() {
            if self.at == 0 && self.held.is_empty() {
                let plain = rest.iter().position(|byte| patterns.first[usize::from(*byte)] != 0);
                let plain = plain.unwrap_or(rest.len());
                if plain > 0 {
                    shown.extend_from_slice(&rest[..plain]);
                    self.done += plain as u64;
                    self.hiding = false;
                    rest = &rest[plain..];
                    continue;
                }
            }
            self.held.push_back(*byte);
            self.at = patterns.next(self.at, *byte);
            let node = patterns.nodes[self.at as usize];
            if node.hides > 0 {
                self.hide_last(u64::from(node.hides));
            }
            self.show_to(node.depth as usize, shown);
            rest = &rest[1..];
        }
    }

    /// The stream is over: what is held is shown, unless it is long enough to be a secret that was cut off.
    pub(in crate::worker) fn finish(&mut self, shown: &mut Vec<u8>) {
        let end = self.done + self.held.len() as u64;
        let begins = self.hidden.back().map_or(self.done, |(_, to)| *to);
        if end - begins >= SHORTEST as u64 {
            self.hide_last(end - begins);
        }
        self.show_to(0, shown);
        self.at = 0;
    }

    /// Whether there are bytes that have not been shown.
    pub(in crate::worker) fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// Hides this many of the newest bytes.
    fn hide_last(&mut self, count: u64) {
        let to = self.done + self.held.len() as u64;
        let mut from = to - count;
        while let Some((earlier, until)) = self.hidden.back().copied()
            && until >= from
        {
            from = from.min(earlier);
            self.hidden.pop_back();
        }
        self.hidden.push_back((from, to));
    }

    /// Shows what is held, except this many of the newest bytes.
    fn show_to(&mut self, keep: usize, shown: &mut Vec<u8>) {
        while self.held.len() > keep
            && let Some(byte) = self.held.pop_front()
        {
            let at = self.done;
            self.done += 1;
            match self.hidden.front().copied() {
                Some((from, to)) if from <= at => {
                    if !self.hiding {
                        shown.extend_from_slice(SHOWN);
                    }
                    self.hiding = true;
                    if to == self.done {
                        self.hidden.pop_front();
                    }
                }
                _ => {
                    shown.push(byte);
                    self.hiding = false;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn mask(secrets: &[&str]) -> RedactPatterns {
        RedactPatterns::new(secrets.iter().map(|secret| secret.as_bytes())).unwrap()
    }

    fn in_pieces(patterns: &RedactPatterns, pieces: &[&[u8]]) -> String {
        let (mut redactor, mut shown) = (Redactor::default(), Vec::new());
        for piece in pieces {
            redactor.take(patterns, piece, &mut shown);
        }
        redactor.finish(&mut shown);
        String::from_utf8_lossy(&shown).into_owned()
    }

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        let patterns = mask(&["hunter2", "hunter22x", "ter2 and", "päss"]);
        for (text, shown) in [
            ("", ""),
            ("nothing here, not even hunter", "nothing here, not even hunter"),
            ("hunter2", "***"),
            ("a hunter2 b hunter2hunter2 c", "a *** b *** c"),
            ("hunter22x hunter22y", "*** ***2y"),
            ("hunter2 and more", "*** more"),
            ("hunhunter2", "hun***"),
            ("päss pass", "*** pass"),
        ] {
            assert_eq!(patterns.redact_text(text), shown, "{text}");
        }
        let value = json!({"hunter2": ["xhunter2", 1, null, {"a": "päss"}], "b": true});
        let shown = json!({"***": ["x***", 1, null, {"a": "***"}], "b": true});
        assert_eq!(patterns.redact_value(value), shown);
    }

    #[test]
    fn a_secret_of_several_lines_is_hidden_line_by_line_and_short_ones_are_not() {
        let patterns = mask(&["first line\r\n  abc\n\n  second\n}\n", "abc"]);
        assert_eq!(patterns.redact_text("first line|abc|    second|}"), "***|abc|    ***|}");
        assert!(RedactPatterns::new([&b"abc"[..], b"", b"\n\nx\n"]).is_none());
        // Three characters of more than three bytes.
        assert!(RedactPatterns::new(["äöü".as_bytes()]).is_none());
    }

    #[test]
    fn a_secret_is_hidden_over_the_borders_of_pieces() {
        let patterns = mask(&["hunter2"]);
        assert_eq!(in_pieces(&patterns, &[b"a hun", b"ter", b"2 b"]), "a *** b");
        assert_eq!(in_pieces(&patterns, &[b"a hun", b"t"]), "a ***");
        assert_eq!(in_pieces(&patterns, &[b"a hun"]), "a hun");
        let (mut redactor, mut shown) = (Redactor::default(), Vec::new());
        redactor.take(&patterns, b"login: hunter", &mut shown);
        assert_eq!(shown, b"login: ");
        assert!(redactor.holds());
    }

    #[test]
    fn the_worst_of_secrets_costs_no_more_than_its_bytes() {
        let secret = "a".repeat(60_000);
        let patterns = mask(&[&secret, &format!("{secret}b")]);
        let output = "a".repeat(3_000_000);
        assert_eq!(patterns.redact_text(&output), "***");
        assert_eq!(
            in_pieces(&patterns, &[&secret.as_bytes()[1..], b"c"]),
            format!("{}c", &secret[1..])
        );
    }

    /// Hides by trying every text at every place.
    fn slowly(secrets: &[String], text: &str) -> String {
        let mut hidden = vec![false; text.len()];
        for secret in secrets {
            for at in 0..text.len() {
                if text[at..].starts_with(secret.as_str()) {
                    hidden[at..at + secret.len()].fill(true);
                }
            }
        }
        let mut shown = String::new();
        for (at, letter) in text.char_indices() {
            match hidden[at] {
                false => shown.push(letter),
                true if at == 0 || !hidden[at - 1] => shown += "***",
                true => {}
            }
        }
        shown
    }

    proptest! {
        #[test]
        fn it_hides_what_the_slow_way_hides(
            secrets in prop::collection::vec("[ab]{4,7}", 1..5),
            text in "[abc]{0,60}",
            cuts in prop::collection::vec(0usize..60, 0..4),
        ) {
            let patterns = RedactPatterns::new(secrets.iter().map(String::as_bytes)).unwrap();
            // What is cut off at the end is another matter.
            let text = text + "c";
            let expected = slowly(&secrets, &text);
            prop_assert_eq!(patterns.redact_text(&text), expected.clone());
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|w| &text.as_bytes()[w[0]..w[1]]).collect();
            prop_assert_eq!(in_pieces(&patterns, &pieces), expected);
        }
    }
}
