//! YAML as a tree in which every key and value knows its place: what the checks read.
//!
//! Owns the budgets (nodes, depth, what aliases may expand to), so that no input costs more than
//! its size allows, and the rules that hold for any YAML here: keys are plain words, each given
//! once, one document a file, no tags of one's own. Knows nothing of jobs.

use std::collections::{HashMap, HashSet};

use serde_yaml::granit_parser::{
    Event, Marker, Options, Parser, ScalarStyle, ScanError, Span, Tag,
};

use super::diagnostics::{Diagnostics, Mark, quoted};

/// Nodes a source may have: 10,000 jobs have about 200,000. Fewer in tests, where reaching the
/// bound must be quick.
const MOST_NODES: usize = if cfg!(test) { 200_000 } else { 2_000_000 };
/// What the aliases of a source may expand to, in nodes (a long text counts as several).
const MOST_ALIASED: usize = 500_000;
/// Maps and lists within each other.
const DEEPEST: usize = 64;

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) at: Mark,
    pub(crate) content: Content,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A single value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// Written without quotes: `true`, `5` and `null` are what they look like.
    pub(crate) plain: bool,
    /// Columns between the value's place and its first character; `None` = its characters do not
    /// lie side by side.
    pub(crate) offset: Option<usize>,
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_at: Mark,
    pub(crate) value: Node,
}

impl Node {
    /// A word for what it is, for "expected …, found …".
    pub(crate) fn describe(&self) -> String {
        match &self.content {
            Content::List(_) => "a list".to_owned(),
            Content::Map(_) => "a map".to_owned(),
            Content::Scalar(_) if self.is_null() => "nothing".to_owned(),
            Content::Scalar(scalar) if scalar.plain => quoted(&scalar.text),
            Content::Scalar(scalar) => format!("the text {}", quoted(&scalar.text)),
        }
    }

    /// Whether it is YAML's "nothing": an empty value, `~` or `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar(scalar)
            if scalar.plain && matches!(scalar.text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }
}

/// Reads one source. `Ok(None)` = it is empty. What is wrong but leaves the structure clear goes to
/// `diagnostics`; where the structure is lost, the parser's error comes back.
pub(super) fn parse(
    text: &str,
    source: u32,
    repaired: &HashSet<u32>,
    diagnostics: &mut Diagnostics,
) -> Result<Option<Node>, ScanError> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = DEEPEST;
    options.block_nesting_limit = DEEPEST;
    let mut builder = Builder::new(text, source, repaired, diagnostics);
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event?;
        if !builder.take(event, span) {
            break;
        }
    }
    Ok(builder.root)
}

/// A collection that is still open.
struct Frame {
    at: Mark,
    anchor: usize,
    weight: usize,
    kind: FrameKind,
}

enum FrameKind {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<Key>, merges: Vec<Node> },
}

/// A key that waits for its value.
enum Key {
    Word(String, Mark),
    /// `<<`: the value's entries are to be merged.
    Merge,
    /// Not a word; that has been reported.
    Illegal,
}

/// Puts events together. The weight of a node is what it adds to the budget of aliases.
struct Builder<'a> {
    text: &'a str,
    source: u32,
    repaired: &'a HashSet<u32>,
    diagnostics: &'a mut Diagnostics,
    frames: Vec<Frame>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    aliased: usize,
    root: Option<Node>,
}

impl<'a> Builder<'a> {
    fn new(
        text: &'a str,
        source: u32,
        repaired: &'a HashSet<u32>,
        diagnostics: &'a mut Diagnostics,
    ) -> Self {
        let (frames, anchors) = (Vec::new(), HashMap::new());
        Self {
            text,
            source,
            repaired,
            diagnostics,
            frames,
            anchors,
            nodes: 0,
            aliased: 0,
            root: None,
        }
    }

    fn mark(&self, marker: Marker) -> Mark {
        mark_of(marker, self.source)
    }

    /// Takes one event; `false` = nothing more is wanted.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        let at = self.mark(span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && !self.is_text(tag.as_deref(), at);
                let offset = self.offset(&text, span);
                let weight = 1 + text.len() / 32;
                let scalar = Scalar { text: text.into_owned(), plain, offset };
                self.put(Node { at, content: Content::Scalar(scalar) }, anchor, weight)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.is_text(tag.as_deref(), at);
                self.open(at, anchor, FrameKind::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.is_text(tag.as_deref(), at);
                let (entries, merges) = (Vec::new(), Vec::new());
                self.open(at, anchor, FrameKind::Map { entries, key: None, merges })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.alias(anchor, at),
            Event::DocumentStart(..) if self.root.is_some() => {
                self.diagnostics.error(
                    at,
                    "a jobs file must be a single YAML document: remove this `---` and everything above or \
                     below it",
                );
                false
            }
            _ => true,
        }
    }

    /// Whether the tag says that a plain value is text after all. Tags of one's own are errors.
    fn is_text(&mut self, tag: Option<&Tag>, at: Mark) -> bool {
        let Some(tag) = tag else { return false };
        match tag.core_suffix() {
            Some(suffix) => suffix == "str",
            None if tag.original() == "!" => true,
            None => {
                let tag = quoted(&tag.original());
                self.diagnostics.error(at, format!("YAML tags such as {tag} are not supported"));
                false
            }
        }
    }

    /// Where in a line the characters of a text stand, if they stand there as they are.
    fn offset(&self, text: &str, span: Span) -> Option<usize> {
        let written = span.slice(self.text)?;
        if self.repaired.contains(&u32::try_from(span.start.line()).ok()?) || written == text {
            return Some(0);
        }
        let inner = written.get(1..written.len().checked_sub(1)?)?;
        (inner == text).then_some(1)
    }

    fn open(&mut self, at: Mark, anchor: usize, kind: FrameKind) -> bool {
        self.frames.push(Frame { at, anchor, weight: 1, kind });
        true
    }

    fn close(&mut self) -> bool {
        let Some(frame) = self.frames.pop() else { return true };
        let content = match frame.kind {
            FrameKind::List(items) => Content::List(items),
            FrameKind::Map { mut entries, merges, .. } => {
                self.drop_duplicates(&mut entries);
                for merge in merges {
                    self.merge(&mut entries, merge);
                }
                Content::Map(entries)
            }
        };
        self.put(Node { at: frame.at, content }, frame.anchor, frame.weight)
    }

    /// WorkerLinks a finished node to the collection it stands in.
    fn put(&mut self, node: Node, anchor: usize, weight: usize) -> bool {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            let message = format!("the file has more than {MOST_NODES} values: split it");
            self.diagnostics.error(node.at, message);
            return false;
        }
        if anchor != 0 {
            if !self.spend(weight, node.at) {
                return false;
            }
            self.anchors.insert(anchor, (node.clone(), weight));
        }
        self.attach(node, weight);
        true
    }

    fn attach(&mut self, node: Node, weight: usize) {
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(node);
            return;
        };
        frame.weight = frame.weight.saturating_add(weight);
        match &mut frame.kind {
            FrameKind::List(items) => items.push(node),
            FrameKind::Map { entries, key, merges } => match key.take() {
                None => *key = Some(key_of(node, self.diagnostics)),
                Some(Key::Word(key, key_at)) => entries.push(Entry { key, key_at, value: node }),
                Some(Key::Merge) => merges.push(node),
                Some(Key::Illegal) => {}
            },
        }
    }

    fn alias(&mut self, anchor: usize, at: Mark) -> bool {
        let Some((_, weight)) = self.anchors.get(&anchor) else {
            // The anchor is on a collection that is still open.
            self.diagnostics.error(at, "an alias cannot be inside the value that it repeats");
            return false;
        };
        let weight = *weight;
        if !self.spend(weight, at) {
            return false;
        }
        if let Some((node, _)) = self.anchors.get(&anchor) {
            let node = node.clone();
            self.attach(node, weight);
        }
        true
    }

    /// Takes from the budget of aliases.
    fn spend(&mut self, weight: usize, at: Mark) -> bool {
        self.aliased = self.aliased.saturating_add(weight);
        let affordable = self.aliased <= MOST_ALIASED;
        if !affordable {
            self.diagnostics
                .error(at, "the aliases in this file expand to too many values: write them out");
        }
        affordable
    }

    /// `<<: *anchor`: entries that the map does not have itself.
    fn merge(&mut self, entries: &mut Vec<Entry>, from: Node) {
        match from.content {
            Content::Map(more) => {
                let own: HashSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
                entries.extend(more.into_iter().filter(|entry| !own.contains(&entry.key)));
            }
            Content::List(maps) => {
                for map in maps {
                    self.merge(entries, map);
                }
            }
            Content::Scalar(_) => self.diagnostics.error(from.at, "`<<` needs an alias of a map"),
        }
    }

    fn drop_duplicates(&mut self, entries: &mut Vec<Entry>) {
        let mut seen: HashMap<&str, Mark> = HashMap::with_capacity(entries.len());
        let mut doubles: Vec<(usize, Mark)> = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            match seen.get(entry.key.as_str()) {
                Some(first) => doubles.push((index, *first)),
                None => {
                    seen.insert(&entry.key, entry.key_at);
                }
            }
        }
        for (index, first) in doubles.into_iter().rev() {
            let entry = entries.remove(index);
            let key = quoted(&entry.key);
            let message = format!("duplicate key {key}: first set on line {}", first.line);
            self.diagnostics.error(entry.key_at, message);
        }
    }
}

/// What a node is as a key.
fn key_of(node: Node, diagnostics: &mut Diagnostics) -> Key {
    match node.content {
        Content::Scalar(scalar) if scalar.plain && scalar.text == "<<" => Key::Merge,
        Content::Scalar(scalar) => Key::Word(scalar.text, node.at),
        _ => {
            diagnostics.error(node.at, format!("a key must be a word, found {}", node.describe()));
            Key::Illegal
        }
    }
}

/// The parser's lines count from 1, its columns from 0.
pub(super) fn mark_of(marker: Marker, source: u32) -> Mark {
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Mark { source, line: small(marker.line()).max(1), column: small(marker.col() + 1) }
}
