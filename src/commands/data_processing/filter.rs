//! The language of `filter`.
//!
//! For CSV and JSON Lines: `FIELD OP VALUE`, joined by `and`, with the operators
//! `= != < <= > >=` and `~` (contains). A name or value with blanks or signs in it is quoted,
//! `'…'` or `"…"`. A bare number compares as a number with what reads as one; all else compares
//! as text. A row that lacks a field (or has null there) meets no condition on it, `!=` neither.
//!
//! For text: a line is kept that contains the filter; `contains` before it is allowed.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::str::CharIndices;

use super::format::Format;
use super::rows::Row;

/// The longest filter, in bytes.
const MAX_LENGTH: usize = 4_096;

/// What a row must meet.
#[derive(Debug, PartialEq)]
pub(super) enum Filter {
    Contains(String),
    /// All of them.
    All(Vec<Condition>),
}

#[derive(Debug, PartialEq)]
pub(super) struct Condition {
    field: String,
    operator: Operator,
    text: String,
    /// The value as a number, if it is a bare one.
    number: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
}

impl Filter {
    /// Reads a filter; the error says what is wrong and where.
    pub(super) fn parse(text: &str, format: Format) -> Result<Self, String> {
        if text.len() > MAX_LENGTH {
            return Err(format!("is longer than {MAX_LENGTH} bytes"));
        }
        if text.trim().is_empty() {
            return Err("is empty: leave it out to keep every row".to_owned());
        }
        match format {
            Format::Text => contains(text.trim()),
            Format::Csv | Format::Jsonl => conditions(text),
        }
    }

    /// The fields it asks for.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        let conditions = match self {
            Self::Contains(_) => [].as_slice(),
            Self::All(conditions) => conditions,
        };
        conditions.iter().map(|condition| condition.field.as_str())
    }

    /// Whether a row is to be kept.
    pub(super) fn accepts(&self, row: &Row<'_>) -> bool {
        match self {
            Self::Contains(part) => {
                row.field("line").is_some_and(|line| line.contains(part.as_str()))
            }
            Self::All(conditions) => conditions.iter().all(|condition| {
                row.field(&condition.field).is_some_and(|value| condition.accepts(&value))
            }),
        }
    }
}

impl Condition {
    fn accepts(&self, value: &str) -> bool {
        let order = || {
            let numbers = self.number.zip(value.trim().parse::<f64>().ok());
            match numbers {
                Some((wanted, value)) => value.partial_cmp(&wanted),
                None => Some(value.cmp(self.text.as_str())),
            }
        };
        match self.operator {
            Operator::Contains => value.contains(&self.text),
            Operator::Equal => order() == Some(Ordering::Equal),
            Operator::NotEqual => order() != Some(Ordering::Equal),
            Operator::Less => order() == Some(Ordering::Less),
            Operator::LessOrEqual => order().is_some_and(Ordering::is_le),
            Operator::Greater => order() == Some(Ordering::Greater),
            Operator::GreaterOrEqual => order().is_some_and(Ordering::is_ge),
        }
    }
}

fn contains(text: &str) -> Result<Filter, String> {
    let part = match text.strip_prefix("contains ") {
        Some(rest) => match tokens(rest)?.as_slice() {
            // One quoted text is what it quotes; anything else is meant as it stands.
            [Token { word: Word::Quoted(quoted), .. }] => quoted.clone(),
            _ => rest.trim().to_owned(),
        },
        None => text.to_owned(),
    };
    if part.is_empty() { Err("looks for nothing".to_owned()) } else { Ok(Filter::Contains(part)) }
}

fn conditions(text: &str) -> Result<Filter, String> {
    let example = "as in `status >= 500 and path ~ '/api/'`";
    let mut tokens = tokens(text)?.into_iter().peekable();
    let mut conditions = Vec::new();
    loop {
        let field = match tokens.next() {
            Some(Token { word: Word::Bare(field) | Word::Quoted(field), .. }) => field,
            Some(token) => return Err(token.unexpected("the name of a field", example)),
            None => return Err(format!("ends where the name of a field must stand: {example}")),
        };
        let operator = match tokens.next() {
            Some(Token { word: Word::Operator(operator), .. }) => operator,
            Some(token) => return Err(token.unexpected("one of = != < <= > >= ~", example)),
            None => {
                return Err(format!("ends where one of = != < <= > >= ~ must stand: {example}"));
            }
        };
        let (text, number) = match tokens.next() {
            Some(Token { word: Word::Quoted(text), .. }) => (text, None),
            Some(Token { word: Word::Bare(text), .. }) => {
                let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
                (text, number)
            }
            Some(token) => return Err(token.unexpected("a value", example)),
            None => return Err(format!("ends where a value must stand: {example}")),
        };
        conditions.push(Condition { field, operator, text, number });
        match tokens.next() {
            None => return Ok(Filter::All(conditions)),
            Some(Token { word: Word::Bare(and), .. }) if and.eq_ignore_ascii_case("and") => {}
            Some(token) => return Err(token.unexpected("`and`", example)),
        }
    }
}

#[derive(Debug, PartialEq)]
enum Word {
    Bare(String),
    Quoted(String),
    Operator(Operator),
}

#[derive(Debug, PartialEq)]
struct Token {
    word: Word,
    /// In characters, from 1.
    column: usize,
}

impl Token {
    fn unexpected(&self, wanted: &str, example: &str) -> String {
        let found = match &self.word {
            Word::Bare(text) | Word::Quoted(text) => {
                text.chars().take(40).flat_map(char::escape_debug).collect()
            }
            Word::Operator(_) => "an operator".to_owned(),
        };
        let column = self.column;
        format!("has `{found}` at character {column} where {wanted} must stand: {example}")
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut chars = text.char_indices().peekable();
    let mut tokens = Vec::new();
    while let Some((at, first)) = chars.next() {
        let column = text[..at].chars().count() + 1;
        let word = match first {
            blank if blank.is_whitespace() => continue,
            '\'' | '"' => Word::Quoted(quoted(&mut chars, first).ok_or_else(|| {
                format!("has a quote at character {column} that is never closed")
            })?),
            '=' | '!' | '<' | '>' | '~' => {
                let followed = chars.next_if(|(_, next)| *next == '=').is_some();
                Word::Operator(operator(first, followed).ok_or_else(|| {
                    format!("has `{first}` at character {column}, which is not an operator here")
                })?)
            }
            _ => {
                let mut end = at + first.len_utf8();
                while let Some((at, next)) = chars.next_if(|(_, next)| is_bare(*next)) {
                    end = at + next.len_utf8();
                }
                Word::Bare(text[at..end].to_owned())
            }
        };
        tokens.push(Token { word, column });
    }
    Ok(tokens)
}

const fn operator(first: char, followed_by_equal: bool) -> Option<Operator> {
    Some(match (first, followed_by_equal) {
        // `==` is taken for `=`.
        ('=', _) => Operator::Equal,
        ('!', true) => Operator::NotEqual,
        ('<', false) => Operator::Less,
        ('<', true) => Operator::LessOrEqual,
        ('>', false) => Operator::Greater,
        ('>', true) => Operator::GreaterOrEqual,
        ('~', false) => Operator::Contains,
        _ => return None,
    })
}

fn is_bare(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '=' | '!' | '<' | '>' | '~' | '\'' | '"')
}

/// The text up to the closing quote; a backslash takes the next character as it is.
fn quoted(chars: &mut Peekable<CharIndices<'_>>, quote: char) -> Option<String> {
    let mut text = String::new();
    loop {
        match chars.next()?.1 {
            '\\' => text.push(chars.next()?.1),
            c if c == quote => return Some(text),
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        Filter::parse(text, Format::Csv).unwrap_err()
    }

    #[test]
    fn conditions_are_read() {
        let filter = "a>=5 and 'b c' ~ \"x \\\" y\" AND d.e != on-hold and f == 'and'";
        let Ok(Filter::All(conditions)) = Filter::parse(filter, Format::Jsonl) else { panic!() };
        let shown: Vec<_> = conditions
            .iter()
            .map(|c| format!("{} {:?} {} {:?}", c.field, c.operator, c.text, c.number))
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        a GreaterOrEqual 5 Some(5.0)
        b c Contains x " y None
        d.e NotEqual on-hold None
        f Equal and None
        "#);
    }

    #[test]
    fn what_is_wrong_is_reported_with_its_place() {
        let cases =
            ["a", "a =", "a = 1 b = 2", "a = 1 and", "= 1", "a is 1", "a ! 1", "a = 'x", "a = = 1"];
        let message: Vec<_> = cases.map(wrong).to_vec();
        let example = ": as in `status >= 500 and path ~ '/api/'`";
        insta::assert_snapshot!(message.join("\n").replace(example, ""), @r"
        ends where one of = != < <= > >= ~ must stand
        ends where a value must stand
        has `b` at character 7 where `and` must stand
        ends where the name of a field must stand
        has `an operator` at character 1 where the name of a field must stand
        has `is` at character 3 where one of = != < <= > >= ~ must stand
        has `!` at character 3, which is not an operator here
        has a quote at character 5 that is never closed
        has `an operator` at character 5 where a value must stand
        ");
        assert!(wrong(&"x".repeat(5_000)).starts_with("is longer than"));
        assert!(wrong("  ").starts_with("is empty"));
    }

    #[test]
    fn numbers_compare_as_numbers_and_all_else_as_text() {
        let accepts = |filter: &str, value: &str| {
            let Ok(Filter::All(conditions)) = Filter::parse(filter, Format::Csv) else { panic!() };
            conditions[0].accepts(value)
        };
        assert!(accepts("n > 9", "10") && !accepts("n > '9'", "10"));
        assert!(accepts("n = 1", "1.0") && !accepts("n = '1'", "1.0"));
        assert!(accepts("n != 1", "x") && !accepts("n != x", "x"));
        assert!(accepts("day >= 2026-03-01", "2026-11-23"));
        assert!(accepts("n < 0", "-1e9") && !accepts("n < 0", "NaN"));
        assert!(accepts("n ~ rr", "ERR err") && !accepts("n ~ rr", "ERR"));
    }

    #[test]
    fn for_lines_it_is_a_part_of_the_line() {
        let part = |text| Filter::parse(text, Format::Text);
        let contains = |text: &str| Ok(Filter::Contains(text.to_owned()));
        assert_eq!(part(" ERROR 5 "), contains("ERROR 5"));
        assert_eq!(part("contains ' x '"), contains(" x "));
        assert_eq!(part("contains a b"), contains("a b"));
        assert_eq!(part("contains ''"), Err("looks for nothing".to_owned()));
    }
}
