//! Cutting an expression into tokens.

use std::ops::Range;

use super::fault::Fault;

/// What an expression is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind<'a> {
    Number(f64),
    /// A function or a constant.
    Name(&'a str),
    /// `+ - * / % ^ ( ) ,`
    Sign(char),
    End,
}

/// A token and its place in the text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) at: Range<usize>,
}

/// All tokens of `text`, with an `End` behind them.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, Fault> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        let rest = &text[start..];
        let (kind, length) = match first {
            blank if blank.is_whitespace() => {
                start += blank.len_utf8();
                continue;
            }
            '0'..='9' | '.' => number(rest, start)?,
            'a'..='z' | 'A'..='Z' | '_' => {
                let length = length_while(rest, |c| c.is_ascii_alphanumeric() || c == '_');
                (Kind::Name(&rest[..length]), length)
            }
            '*' if rest.starts_with("**") => (Kind::Sign('^'), 2),
            '+' | '-' | '*' | '/' | '%' | '^' | '(' | ')' | ',' => (Kind::Sign(first), 1),
            other => {
                let at = start..start + other.len_utf8();
                let shown = other.escape_debug();
                return Err(Fault::new(
                    at,
                    format_args!("a character it does not know, `{shown}`"),
                ));
            }
        };
        tokens.push(Token { kind, at: start..start + length });
        start += length;
    }
    tokens.push(Token { kind: Kind::End, at: text.len()..text.len() });
    Ok(tokens)
}

/// A number at the beginning of `rest`: digits, a fraction, an exponent.
fn number(rest: &str, start: usize) -> Result<(Kind<'_>, usize), Fault> {
    let is_digit = |c: char| c.is_ascii_digit();
    let mut length = length_while(rest, is_digit);
    if rest[length..].starts_with('.') {
        length += 1 + length_while(&rest[length + 1..], is_digit);
    }
    // `2e3` is a number, `2e` is not: the exponent needs its digits.
    if rest[length..].starts_with(['e', 'E']) {
        let signed = rest[length + 1..].starts_with(['+', '-']);
        let digits_from = length + 1 + usize::from(signed);
        let digits = length_while(&rest[digits_from..], is_digit);
        if digits > 0 {
            length = digits_from + digits;
        }
    }
    let tail = length_while(&rest[length..], |c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    let whole = start..start + length + tail;
    let number = rest[..length].parse::<f64>().ok().filter(|_| tail == 0);
    let Some(number) = number else {
        return Err(Fault::new(whole, "a number it cannot read"));
    };
    if number.is_infinite() {
        return Err(Fault::new(whole, "a number that is too large"));
    }
    Ok((Kind::Number(number), length))
}

fn length_while(text: &str, wanted: impl Fn(char) -> bool) -> usize {
    text.find(|c| !wanted(c)).unwrap_or(text.len())
}
