//! Where everything of a jobs file stands, byte by byte: what an edit cuts and joins by.
//!
//! Owns the ends of things: the parser tells where the next thing begins, here a value ends with its
//! own last character. Knows nothing of jobs.

use serde_yaml::granit_parser::{
    Event, Options, Parser, ScalarStyle, ScanError, Span as ParsedSpan,
};

/// Maps and lists within each other.
const DEEPEST: usize = 64;

/// A value and its bytes. Anchors, tags and the `|` of a block text stand before it.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: Kind,
    /// It has an anchor, so that other places may repeat it.
    pub(super) anchored: bool,
}

/// What a value is in the text.
#[derive(Debug)]
pub(super) enum Kind {
    /// Text behind `|` or `>`; with `+`, the blank lines below it are part of it.
    Block {
        keeps: bool,
    },
    Scalar,
    Alias,
    List {
        flow: bool,
        items: Vec<Span>,
    },
    Map {
        flow: bool,
        entries: Vec<Entry>,
    },
}

/// A key, its bytes, and its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) start: usize,
    pub(super) key_end: usize,
    pub(super) value: Span,
}

impl Span {
    /// The entries of a map, and whether it is written in `{}`.
    pub(super) fn entries(&self) -> Option<(bool, &[Entry])> {
        match &self.kind {
            Kind::Map { flow, entries } => Some((*flow, entries)),
            _ => None,
        }
    }

    /// The items of a list, and whether it is written in `[]`.
    pub(super) fn items(&self) -> Option<(bool, &[Self])> {
        match &self.kind {
            Kind::List { flow, items } => Some((*flow, items)),
            _ => None,
        }
    }

    /// Whether blank lines below it would be part of it.
    pub(super) fn keeps_blank_lines(&self) -> bool {
        match &self.kind {
            Kind::Block { keeps } => *keeps,
            Kind::List { items, .. } => items.last().is_some_and(Self::keeps_blank_lines),
            Kind::Map { entries, .. } => {
                entries.last().is_some_and(|entry| entry.value.keeps_blank_lines())
            }
            _ => false,
        }
    }

    /// Whether something in it may be repeated elsewhere.
    pub(super) fn holds_anchor(&self) -> bool {
        self.anchored
            || match &self.kind {
                Kind::List { items, .. } => items.iter().any(Self::holds_anchor),
                Kind::Map { entries, .. } => entries.iter().any(|e| e.value.holds_anchor()),
                _ => false,
            }
    }
}

/// A collection that is still open; a map alternates between keys and values.
struct Frame {
    start: usize,
    anchored: bool,
    flow: bool,
    is_map: bool,
    items: Vec<Span>,
    keys: Vec<String>,
}

/// The spans of a text; `None` = it is empty, or more than the parser can place.
pub(super) fn parse(text: &str) -> Result<Option<Span>, ScanError> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = DEEPEST;
    options.block_nesting_limit = DEEPEST;
    let mut frames: Vec<Frame> = Vec::new();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, at) = event?;
        let Some((start, end)) = at.start.byte_offset().zip(at.end.byte_offset()) else {
            return Ok(None);
        };
        let (finished, name) = match event {
            Event::Scalar(value, style, anchor, _) => {
                let anchored = anchor != 0;
                (Some(scalar(text, &value, style, anchored, at)), value.into_owned())
            }
            Event::Alias(_) => {
                let kind = Kind::Alias;
                (Some(Span { start, end, kind, anchored: false }), String::new())
            }
            Event::SequenceStart(_, anchor, _) | Event::MappingStart(_, anchor, _) => {
                let is_map = matches!(event, Event::MappingStart(..));
                let flow = text[start..].starts_with(if is_map { '{' } else { '[' });
                let (items, keys) = (Vec::new(), Vec::new());
                let anchored = anchor != 0;
                frames.push(Frame { start, anchored, flow, is_map, items, keys });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                (frames.pop().map(|frame| frame.close(end)), String::new())
            }
            _ => continue,
        };
        match (finished, frames.last_mut()) {
            (Some(span), Some(frame)) => {
                if frame.is_map && frame.items.len().is_multiple_of(2) {
                    frame.keys.push(name);
                }
                frame.items.push(span);
            }
            (Some(span), None) => return Ok(Some(span)),
            (None, _) => {}
        }
    }
    Ok(None)
}

impl Frame {
    /// `end` is where a collection in brackets ends; any other ends with its last value.
    fn close(self, end: usize) -> Span {
        let last = self.items.last().map_or(self.start, |item| item.end);
        let end = if self.flow { end } else { last };
        let (flow, start, anchored) = (self.flow, self.start, self.anchored);
        if !self.is_map {
            return Span { start, end, kind: Kind::List { flow, items: self.items }, anchored };
        }
        let mut entries = Vec::with_capacity(self.keys.len());
        let mut items = self.items.into_iter();
        for key in self.keys {
            let (Some(name), Some(value)) = (items.next(), items.next()) else { break };
            entries.push(Entry { key, start: name.start, key_end: name.end, value });
        }
        Span { start, end, kind: Kind::Map { flow, entries }, anchored }
    }
}

fn scalar(text: &str, value: &str, style: ScalarStyle, anchored: bool, at: ParsedSpan) -> Span {
    let offset = |marker: Option<usize>| marker.unwrap_or(0);
    let (start, mut end) = (offset(at.start.byte_offset()), offset(at.end.byte_offset()));
    if !matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
        return Span { start, end, kind: Kind::Scalar, anchored };
    }
    // The parser goes on to where the next thing stands.
    let body = &text[start..end];
    let kept = value.ends_with("\n\n") || (value.ends_with('\n') && value.trim().is_empty());
    let last_line = &body[..body.rfind('\n').unwrap_or(0)];
    let last_line = last_line.strip_suffix('\r').unwrap_or(last_line);
    let own = if kept { last_line.len() } else { body.trim_end().len() };
    end = start + own;
    let header = text[..start].rfind(['|', '>']).map_or("", |at| &text[at..start]);
    let keeps = header.contains('+');
    Span { start, end, kind: Kind::Block { keeps }, anchored }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, span: &Span, out: &mut Vec<String>) {
        match &span.kind {
            Kind::List { items, .. } => items.iter().for_each(|item| shown(text, item, out)),
            Kind::Map { entries, .. } => entries.iter().for_each(|entry| {
                out.push(text[entry.start..entry.key_end].to_owned());
                shown(text, &entry.value, out);
            }),
            _ => out.push(text[span.start..span.end].to_owned()),
        }
    }

    #[test]
    fn everything_has_its_own_bytes() {
        let text = "\u{feff}jobs:\r\n- id: 'é' # c\r\n  run: |  # d\r\n    a\r\n\r\n  env: {x: \"y\", z: }\r\n  keep: |+\r\n    b\r\n\r\n\r\n# e\r\n";
        let mut out = Vec::new();
        let root = parse(text).unwrap().unwrap();
        shown(text, &root, &mut out);
        assert_eq!(
            out,
            ["jobs", "id", "'é'", "run", "a", "env", "x", "\"y\"", "z", "", "keep", "b\r\n\r\n"]
        );
    }
}
