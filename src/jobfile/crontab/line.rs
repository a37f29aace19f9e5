//! One line of a crontab, as Debian's cron(8) reads it: comments, variables, and what `%` and `\` mean in a command.
//!
//! Owns these rules and nothing about schedules or jobs.

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Blank,
    /// Without its `#`.
    Comment(&'a str),
    Variable {
        name: &'a str,
        value: &'a str,
    },
    /// Everything else: an entry, as far as can be seen here.
    Entry(&'a str),
}

impl<'a> Line<'a> {
    pub(super) fn read(line: &'a str) -> Self {
        let line = line.trim_matches([' ', '\t', '\r']);
        if line.is_empty() {
            Self::Blank
        } else if let Some(comment) = line.strip_prefix('#') {
            Self::Comment(comment.trim())
        } else if let Some((name, value)) = variable(line) {
            Self::Variable { name, value }
        } else {
            Self::Entry(line)
        }
    }
}

/// The first word, and what follows behind blanks.
pub(super) fn word(text: &str) -> (&str, &str) {
    let end = text.find([' ', '\t']).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start_matches([' ', '\t']))
}

/// `NAME = value`, by the rules of cron's `load_env`: a name or value that begins with a quote ends with the same
/// quote, and nothing may follow it; an unquoted value loses its trailing blanks; nothing is escaped or expanded.
///
/// cronie takes `NAME=` without a value as an empty one; Debian's cron refuses it. No other reading exists.
fn variable(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = match quoted_at_start(line) {
        Some((name, rest)) => (name, rest),
        None if line.starts_with(['"', '\'']) => return None,
        None => line.split_at(line.find(['=', ' ', '\t'])?),
    };
    if name.is_empty() || name.contains('=') {
        return None;
    }
    let value = rest.trim_start().strip_prefix('=')?.trim();
    if !value.starts_with(['"', '\'']) {
        return Some((name, value));
    }
    let (inner, rest) = quoted_at_start(value)?;
    rest.trim().is_empty().then_some((name, inner))
}

/// What stands between the quote that a text begins with and the next one like it, and what follows.
fn quoted_at_start(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    text[1..].split_once(quote)
}

/// Whether a line was meant as a variable, but its quotes are not as cron wants them.
pub(super) fn has_bad_quotes(line: &str) -> bool {
    let Some((name, value)) = line.split_once('=') else { return false };
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = name.trim_matches([' ', '\t', '"', '\'']);
    !name.is_empty() && name.chars().all(legal) && value.trim_start().starts_with(['"', '\''])
}

/// A command and its standard input.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) text: String,
    pub(super) stdin: Option<String>,
    /// Whether `\\` stood in it, which Debian's cron turns into `\` and cronie leaves alone.
    pub(super) halved: bool,
}

impl Command {
    /// The first `%` ends the command; each further one is a line end. In the command `\%` is `%` and `\\` is `\`;
    /// behind it only `\%` is another character. As Debian's `do_command.c` has both.
    pub(super) fn split(text: &str) -> Self {
        let (mut command, mut halved) = (String::new(), false);
        let mut chars = text.chars();
        let mut stdin = None;
        while let Some(c) = chars.next() {
            match c {
                '%' => {
                    stdin = Some(input(chars.as_str()));
                    break;
                }
                '\\' => match chars.next() {
                    Some('%') => command.push('%'),
                    Some('\\') => {
                        halved = true;
                        command.push('\\');
                    }
                    Some(other) => command.extend(['\\', other]),
                    None => command.push('\\'),
                },
                other => command.push(other),
            }
        }
        Self { text: command.trim_end().to_owned(), stdin, halved }
    }

    /// A command as it is written, for programs to which `%` means nothing.
    pub(super) fn plain(text: &str) -> Self {
        Self { text: text.trim_end().to_owned(), stdin: None, halved: false }
    }

    /// Whether the `%` stands inside quotes: cron cuts there all the same, and a shell finds no end of them.
    pub(super) fn is_cut_inside_quotes(&self) -> bool {
        self.stdin.is_some() && has_open_quote(&self.text)
    }

    /// The script that does the same: the standard input as a here-document.
    pub(super) fn script(&self) -> String {
        let command = &self.text;
        let Some(stdin) = self.stdin.as_deref().filter(|stdin| !stdin.is_empty()) else {
            return command.clone();
        };
        let mut end = "STDIN".to_owned();
        while stdin.lines().any(|line| line == end) {
            end.push('_');
        }
        let stdin = stdin.strip_suffix('\n').unwrap_or(stdin);
        format!("{{ {command}\n}} <<'{end}'\n{stdin}\n{end}\n")
    }
}

fn input(text: &str) -> String {
    let mut stdin = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        stdin.push(match c {
            '\\' if chars.next_if_eq(&'%').is_some() => '%',
            '%' => '\n',
            other => other,
        });
    }
    stdin
}

/// Whether a POSIX shell would still wait for the end of a quote.
fn has_open_quote(script: &str) -> bool {
    let mut open = None;
    let mut chars = script.chars();
    while let Some(c) = chars.next() {
        match (open, c) {
            (None | Some('"'), '\\') => {
                chars.next();
            }
            (None, '\'' | '"') => open = Some(c),
            (Some(quote), c) if c == quote => open = None,
            _ => {}
        }
    }
    open.is_some()
}

/// Whether a comment is an entry that someone has disabled.
pub(super) fn is_entry(comment: &str) -> bool {
    let field = |field: &str| field.starts_with(|c: char| c.is_ascii_digit() || c == '*');
    let fields: Vec<&str> = comment.split_whitespace().take(6).collect();
    comment.starts_with('@') || (fields.len() == 6 && fields[..5].iter().all(|f| field(f)))
}

/// Whether a comment is the heading that crontabs come with: `m h dom mon dow command`, and the
/// picture of the fields.
pub(super) fn is_heading(comment: &str) -> bool {
    let words: Vec<&str> = comment.split_whitespace().collect();
    let names = |wanted: &[&str]| words.iter().any(|word| wanted.contains(word));
    let columns = names(&["min", "minute", "minutes"]) && names(&["hour", "hours"]);
    words.starts_with(&["m", "h", "dom"])
        || comment.starts_with(['|', '.'])
        || comment.starts_with("* * ")
        || (columns && words.len() >= 5 && names(&["command", "cmd"]))
}
