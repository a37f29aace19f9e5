//! Fuzzy matching: the letters of each word, in their order.
//!
//! Owns the matcher and its score. Never knows what is searched.

use nucleo_matcher::pattern::{Atom, AtomKind, CaseMatching, Normalization};
use nucleo_matcher::{Config, Matcher, Utf32Str};

/// Letters in order, with a score.
pub(crate) struct Fuzzy {
    atoms: Vec<Atom>,
    matcher: Matcher,
    buffer: Vec<char>,
}

impl Fuzzy {
    pub(crate) fn new(words: &[String]) -> Self {
        let atom = |word: &String| {
            Atom::new(word, CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy, false)
        };
        Self {
            atoms: words.iter().map(atom).collect(),
            matcher: Matcher::new(Config::DEFAULT),
            buffer: Vec::new(),
        }
    }

    /// The higher the better; `None` when a word is not in it.
    pub(crate) fn score(&mut self, text: &str) -> Option<u32> {
        let text = Utf32Str::new(text, &mut self.buffer);
        self.atoms.iter().try_fold(0, |sum, atom| {
            atom.score(text, &mut self.matcher).map(|score| sum + u32::from(score))
        })
    }
}
