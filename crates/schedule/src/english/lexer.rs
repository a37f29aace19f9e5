//! A phrase into tokens, each with its place: words, numbers, clock times, dates.

use std::ops::Range;

use chrono::{Datelike, NaiveDate};

use crate::error::ScheduleError;

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word, in lower case and without dots.
    Word(String),
    /// `5`.
    Number(u32),
    /// `5th`.
    Ordinal(u32),
    /// `9:30`, `9:30:15`, in seconds after midnight of a 24-hour clock, with its hour.
    Clock {
        hour: u32,
        seconds: u32,
    },
    /// `:30`.
    Minute(u32),
    /// `2026-12-24`.
    Date(NaiveDate),
    Comma,
    Dash,
    /// Anything else.
    Sign,
}

/// A token and the bytes it stands at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

/// The tokens of a phrase.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, ScheduleError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    while let Some(c) = lexer.peek() {
        if c.is_whitespace() {
            lexer.at += c.len_utf8();
            continue;
        }
        let start = lexer.at;
        let kind = match c {
            '0'..='9' => lexer.number()?,
            ':' => lexer.minute()?,
            ',' => lexer.sign(c, Kind::Comma),
            '-' | '–' | '—' => lexer.sign(c, Kind::Dash),
            c if c.is_alphabetic() => lexer.word(),
            c => lexer.sign(c, Kind::Sign),
        };
        tokens.push(Token { kind, span: start..lexer.at });
    }
    Ok(tokens)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn sign(&mut self, c: char, kind: Kind) -> Kind {
        self.at += c.len_utf8();
        kind
    }

    /// Takes what fits from here on.
    fn take(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !fits(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn digits(&mut self) -> &'a str {
        self.take(|c| c.is_ascii_digit())
    }

    /// A word; dots inside abbreviations (`a.m.`) and apostrophes are dropped.
    fn word(&mut self) -> Kind {
        let word = self.take(|c| c.is_alphabetic() || ".'’".contains(c));
        let plain: String = word.chars().filter(|c| c.is_alphabetic()).collect();
        Kind::Word(plain.to_lowercase())
    }

    fn number(&mut self) -> Result<Kind, ScheduleError> {
        let start = self.at;
        let digits = self.digits();
        let value = digits.parse().unwrap_or(u32::MAX);
        let rest = self.rest();
        let follows = |sign: char| {
            let mut chars = rest.chars();
            chars.next() == Some(sign) && chars.next().is_some_and(|c| c.is_ascii_digit())
        };
        if digits.len() == 4 && follows('-') {
            return self.date(start);
        }
        if follows(':') {
            return self.clock(start, value);
        }
        let ending: String = rest.chars().take_while(|c| c.is_alphabetic()).collect();
        if matches!(ending.to_lowercase().as_str(), "st" | "nd" | "rd" | "th") {
            self.at += ending.len();
            return Ok(Kind::Ordinal(value));
        }
        Ok(Kind::Number(value))
    }

    fn date(&mut self, start: usize) -> Result<Kind, ScheduleError> {
        let word = self.text[start..].split(|c: char| !c.is_ascii_digit() && c != '-').next();
        let word = word.unwrap_or_default();
        self.at = start + word.len();
        // `2026-12-24T18:00` is a date and a time.
        if let Some(rest) = self.rest().strip_prefix(['T', 't'])
            && rest.starts_with(|c: char| c.is_ascii_digit())
        {
            self.at += 1;
        }
        match NaiveDate::parse_from_str(word, "%Y-%m-%d") {
            Ok(date) => Ok(Kind::Date(date)),
            Err(_) => {
                let message = format!("`{word}` is not a date (year-month-day)");
                let error = ScheduleError::new(message, start..start + word.len());
                Err(error.suggest(nearest_date(word).unwrap_or_else(|| "2026-12-24".to_owned())))
            }
        }
    }

    fn clock(&mut self, start: usize, hour: u32) -> Result<Kind, ScheduleError> {
        let mut parts = Vec::new();
        while parts.len() < 2 && self.peek() == Some(':') {
            self.at += 1;
            parts.push(self.digits());
        }
        let span = start..self.at;
        let shown = &self.text[span.clone()];
        let outside = |what: &str, value: &str, most: u32| {
            let message = format!("{what} {value} of `{shown}` is outside 0-{most}");
            ScheduleError::new(message, span.clone())
        };
        let nearest = || {
            let minute = parts.first().map_or(0, |part| part.parse().unwrap_or(u32::MAX));
            format!("{}:{:02}", hour.min(23), minute.min(59))
        };
        if hour > 23 {
            let written = shown.split(':').next().unwrap_or_default();
            let nearest = if hour == 24 { "midnight".to_owned() } else { nearest() };
            return Err(outside("hour", written, 23).suggest(nearest));
        }
        let mut seconds = hour * 3600;
        for (part, (what, unit)) in parts.iter().zip([("minute", 60), ("second", 1)]) {
            let value = part.parse().unwrap_or(u32::MAX);
            if part.len() != 2 {
                let message = format!("`{shown}` is not a time: write the {what}s with two digits");
                return Err(ScheduleError::new(message, span.clone()).suggest(nearest()));
            }
            if value > 59 {
                return Err(outside(what, part, 59).suggest(nearest()));
            }
            seconds += value * unit;
        }
        Ok(Kind::Clock { hour, seconds })
    }

    fn minute(&mut self) -> Result<Kind, ScheduleError> {
        let start = self.at;
        self.at += 1;
        let digits = self.digits();
        match digits.parse() {
            Ok(minute) if minute < 60 && digits.len() == 2 => Ok(Kind::Minute(minute)),
            _ => {
                let message = "a minute is a colon and two digits, :00 to :59";
                Err(ScheduleError::new(message, start..self.at))
            }
        }
    }
}

/// The last day of the month, for a date whose day is too late.
fn nearest_date(word: &str) -> Option<String> {
    let (month, _) = word.rsplit_once('-')?;
    let first = NaiveDate::parse_from_str(&format!("{month}-01"), "%Y-%m-%d").ok()?;
    Some(format!("{}-{:02}", first.format("%Y-%m"), first.num_days_in_month()))
}
