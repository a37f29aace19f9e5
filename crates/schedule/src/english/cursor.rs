//! Looking at the tokens of a phrase one after the other, and turning back.

use std::ops::Range;

use super::lexer::{Kind, Token};
use super::vocabulary::{cardinal, ordinal, tens};
use crate::error::ScheduleError;

/// A place in the tokens of a phrase.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    tokens: &'a [Token],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(text: &'a str, tokens: &'a [Token]) -> Self {
        Self { text, tokens, at: 0 }
    }

    pub(super) fn peek(&self) -> Option<&'a Kind> {
        self.ahead(0)
    }

    /// The token `steps` after the next one.
    pub(super) fn ahead(&self, steps: usize) -> Option<&'a Kind> {
        self.tokens.get(self.at + steps).map(|token| &token.kind)
    }

    /// The next token, when it is a word.
    pub(super) fn word(&self) -> Option<&'a str> {
        self.word_ahead(0)
    }

    pub(super) fn word_ahead(&self, steps: usize) -> Option<&'a str> {
        match self.ahead(steps) {
            Some(Kind::Word(word)) => Some(word),
            _ => None,
        }
    }

    pub(super) const fn skip(&mut self, count: usize) {
        self.at += count;
    }

    /// Takes the next word if it is one of these.
    pub(super) fn take(&mut self, words: &[&str]) -> bool {
        let fits = self.word().is_some_and(|word| words.contains(&word));
        self.at += usize::from(fits);
        fits
    }

    /// Takes the next word if `read` knows it.
    pub(super) fn read<T>(&mut self, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let value = read(self.word()?)?;
        self.at += 1;
        Some(value)
    }

    /// Takes a number: digits, or words up to sixty (`fifteen`, `twenty-five`).
    pub(super) fn number(&mut self) -> Option<u32> {
        if let Some(Kind::Number(number)) = self.peek() {
            self.at += 1;
            return Some(*number);
        }
        if let Some(number) = self.read(cardinal) {
            return Some(number);
        }
        let mut ahead = self.clone();
        let tens = ahead.read(tens)?;
        let mut ones = ahead.clone();
        ones.at += usize::from(ones.peek() == Some(&Kind::Dash));
        // `twenty-first` is no number.
        if ones.word().is_some_and(|word| ordinal(word).is_some_and(|ones| ones < 10)) {
            return None;
        }
        match ones.read(cardinal).filter(|ones| *ones < 10 && tens < 60) {
            Some(more) => {
                *self = ones;
                Some(tens + more)
            }
            None => {
                *self = ahead;
                Some(tens)
            }
        }
    }

    /// Takes a comma, `and`, `or` both, when `more` finds something to follow it; else stays.
    pub(super) fn separator(&mut self, more: impl Fn(&Self) -> bool) -> bool {
        let mut ahead = self.clone();
        let comma = ahead.peek() == Some(&Kind::Comma);
        ahead.at += usize::from(comma);
        let and = ahead.take(&["and"]);
        let fits = (comma || and) && more(&ahead);
        if fits {
            *self = ahead;
        }
        fits
    }

    /// The bytes of the next token, or the end of the text.
    pub(super) fn place(&self) -> Range<usize> {
        let end = self.text.len();
        self.tokens.get(self.at).map_or(end..end, |token| token.span.clone())
    }

    /// The bytes from an earlier place up to here.
    pub(super) fn since(&self, start: &Range<usize>) -> Range<usize> {
        let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        start.start..last.map_or(start.end, |token| token.span.end.max(start.start))
    }

    /// The text from an earlier place up to here.
    pub(super) fn text_since(&self, start: &Range<usize>) -> &'a str {
        &self.text[self.since(start)]
    }

    /// The token before the next one.
    pub(super) fn behind(&self) -> Option<&'a Kind> {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map(|token| &token.kind)
    }

    /// An error about the next token.
    pub(super) fn error(&self, message: impl Into<String>) -> ScheduleError {
        ScheduleError::new(message, self.place())
    }

    /// The next token as it was written.
    pub(super) fn shown(&self) -> &'a str {
        &self.text[self.place()]
    }
}
