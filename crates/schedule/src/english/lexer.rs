//! A phrase into tokens, each with its place: words, numbers, clock times, dates.

use std::ops::Range;

use chrono::NaiveDate;

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
    /// `1.5`, and `9.30`, which is a clock time: the digits on both sides of the point.
    Decimal {
        whole: u32,
        fraction: String,
    },
    /// `9:30`, `9:30:15`, in seconds after midnight of a 24-hour clock, with its hour. It is
    /// padded if the hour begins with 0: `09:30` is of a 24-hour clock beyond doubt.
    Clock {
        hour: u32,
        seconds: u32,
        padded: bool,
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
    Ok(joined(text, tokens))
}

/// `business day`, `working day` and `workday` are a weekday.
fn joined(text: &str, tokens: Vec<Token>) -> Vec<Token> {
    let mut joined: Vec<Token> = Vec::with_capacity(tokens.len());
    for token in tokens {
        let plural = match &token.kind {
            Kind::Word(word) => match word.as_str() {
                "day" | "workday" => Some("weekday"),
                "days" | "workdays" => Some("weekdays"),
                _ => None,
            },
            _ => None,
        };
        let alone = plural.is_some() && text[token.span.clone()].to_lowercase().starts_with("work");
        let business = |last: &&Token| match &last.kind {
            Kind::Word(word) => matches!(word.as_str(), "business" | "working" | "work"),
            _ => false,
        };
        match (plural, joined.last().filter(business).map(|last| last.span.start)) {
            (Some(weekday), Some(start)) if !alone => {
                joined.pop();
                let kind = Kind::Word(weekday.to_owned());
                joined.push(Token { kind, span: start..token.span.end });
            }
            (Some(weekday), _) if alone => {
                joined.push(Token { kind: Kind::Word(weekday.to_owned()), span: token.span });
            }
            _ => joined.push(token),
        }
    }
    joined
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
        if follows('.') {
            self.at += 1;
            return Ok(Kind::Decimal { whole: value, fraction: self.digits().to_owned() });
        }
        if let Some(minute) = french_minute(rest).filter(|_| digits.len() <= 2 && value < 24) {
            self.at += 3;
            let seconds = value * 3600 + minute * 60;
            return Ok(Kind::Clock { hour: value, seconds, padded: true });
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
                Err(ScheduleError::new(message, start..start + word.len()))
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
        let written = shown.split(':').next().unwrap_or_default();
        if hour > 23 {
            return Err(outside("hour", written, 23));
        }
        let mut seconds = hour * 3600;
        for (part, (what, unit)) in parts.iter().zip([("minute", 60), ("second", 1)]) {
            let value = part.parse().unwrap_or(u32::MAX);
            if part.len() != 2 {
                let message = format!("`{shown}` is not a time: write the {what}s with two digits");
                let error = ScheduleError::new(message, span.clone());
                let full = value < 10 && parts.iter().all(|part| !part.is_empty());
                let padded = || parts.iter().map(|part| format!(":{part:0>2}")).collect::<String>();
                return Err(if full {
                    error.suggest(format!("{hour}{}", padded()))
                } else {
                    error
                });
            }
            if value > 59 {
                return Err(outside(what, part, 59));
            }
            seconds += value * unit;
        }
        Ok(Kind::Clock { hour, seconds, padded: written.starts_with('0') })
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

/// The minute of `17h30`; `1h30m` is a duration.
fn french_minute(rest: &str) -> Option<u32> {
    let digits = rest.strip_prefix(['h', 'H'])?;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let duration = digits[end..].starts_with(char::is_alphabetic);
    digits[..end].parse().ok().filter(|minute| end == 2 && *minute < 60 && !duration)
}
