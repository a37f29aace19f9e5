//! The columns of time before a command: cron's five, and the six or seven of other programs.
//!
//! Owns which reading a line has. Where two are possible it refuses: `* * * * * *` runs each second in one program and
//! each minute in another.

use super::line::word;
use super::origin::{Machine, SixthColumn};
use crate::jobfile::diagnostics::quoted;
use crate::model::text::parse_duration;
use crate::schedule::Schedule;

const NAMES: [&str; 8] =
    ["@reboot", "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
/// The years that a column of years can name.
const YEARS: std::ops::RangeInclusive<u16> = 1970..=2099;

/// When an entry fires, and what follows that.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Columns<'a> {
    pub(super) schedule: String,
    /// The first and the last year, where a column says so.
    pub(super) years: Option<(u16, u16)>,
    /// A user, or the command.
    pub(super) rest: &'a str,
    /// Whether cron(8) knows this form.
    pub(super) is_cron: bool,
}

impl<'a> Columns<'a> {
    /// Splits an entry.
    ///
    /// # Errors
    /// A sentence about a line that is no entry, or has two readings.
    pub(super) fn read(
        line: &'a str,
        sixth: Option<SixthColumn>,
        machine: &dyn Machine,
    ) -> Result<Self, String> {
        if line.starts_with('@') {
            return nickname(line);
        }
        let (mut fields, mut rest): (Vec<&str>, &str) = (Vec::new(), line);
        loop {
            let (field, behind) = word(rest);
            let ends = match fields.len() {
                0..5 => field.is_empty(),
                5..8 => !is_field(field, machine) || !fields.iter().all(|field| is_time(field)),
                8.. => true,
            };
            if ends {
                break;
            }
            fields.push(field);
            rest = behind;
        }
        let no_time = fields.iter().find(|field| !is_time(field));
        if fields.len() < 5 || (no_time.is_some() && rest.is_empty()) {
            return Err(format!("{} has fewer than five fields and a command", quoted(line)));
        }
        // Or an English sentence would be read as a schedule, which cron does not.
        if let Some(word) = no_time {
            return Err(format!(
                "{} is not a column of time, such as 5, */15 or 1-5",
                quoted(word)
            ));
        }
        if let Some(problem) = quartz(&fields) {
            return Err(problem);
        }
        let fields: Vec<String> = fields.iter().map(|field| without_random(field)).collect();
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        match fields.len() {
            ..=5 => Ok(Self { schedule: fields.join(" "), years: None, rest, is_cron: true }),
            6 => six(&fields, rest, sixth),
            7 => {
                let schedule = fields[..6].join(" ");
                Ok(Self { schedule, years: years(fields[6])?, rest, is_cron: false })
            }
            _ => Err(format!("{} has more than seven columns of time", quoted(line))),
        }
    }
}

fn six<'a>(
    fields: &[&str],
    rest: &'a str,
    given: Option<SixthColumn>,
) -> Result<Columns<'a>, String> {
    let five = fields[..5].join(" ");
    let all = fields.join(" ");
    let year = |part: &str| part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_digit());
    let with_year = fields[5] == "*" || fields[5].split([',', '-']).all(year);
    let reading = match given {
        Some(reading) => reading,
        None => {
            match (Schedule::parse(&all).is_ok(), with_year && Schedule::parse(&five).is_ok()) {
                (true, true) => {
                    return Err(format!(
                        "{} has six columns and two readings: seconds first (node-cron, Quartz, Spring), or a year last \
                     (supercronic); say which with --seconds or --years",
                        quoted(&all)
                    ));
                }
                (false, true) => SixthColumn::Year,
                (true, false) => SixthColumn::Seconds,
                // Wrong either way: told as what it looks like.
                (false, false) if with_year => SixthColumn::Year,
                (false, false) => SixthColumn::Seconds,
            }
        }
    };
    match reading {
        SixthColumn::Seconds => Ok(Columns { schedule: all, years: None, rest, is_cron: false }),
        SixthColumn::Year => {
            Ok(Columns { schedule: five, years: years(fields[5])?, rest, is_cron: false })
        }
    }
}

/// OpenBSD's and cronie's `~`, a random value or one of a range, as `H`.
fn without_random(field: &str) -> String {
    match field.split_once('~') {
        Some(("", "")) => "H".to_owned(),
        Some((from, to)) if !from.is_empty() && !to.is_empty() => format!("H({from}-{to})"),
        Some(_) | None => field.to_owned(),
    }
}

fn nickname(line: &str) -> Result<Columns<'_>, String> {
    let (name, rest) = word(line);
    if name == "@every" {
        let (length, rest) = word(rest);
        let seconds =
            parse_duration(length).map_err(|problem| format!("@every: {problem}"))?.as_secs();
        let schedule = match seconds {
            0 => return Err(format!("@every: {} is less than a second", quoted(length))),
            seconds if seconds % 60 == 0 => format!("every {} minutes", seconds / 60),
            seconds => format!("every {seconds} seconds"),
        };
        return Ok(Columns { schedule, years: None, rest, is_cron: false });
    }
    if name == "@every_minute" {
        let schedule = "* * * * *".to_owned();
        return Ok(Columns { schedule, years: None, rest, is_cron: true });
    }
    if !NAMES.contains(&name) {
        return Err(format!("{} is none of {}", quoted(name), NAMES.join(", ")));
    }
    let (delay, behind) = word(rest);
    if !delay.is_empty() && delay.bytes().all(|byte| byte.is_ascii_digit()) && !behind.is_empty() {
        return Err(format!(
            "{} looks like an entry of an anacrontab (period, delay, name, command), which is not supported",
            quoted(line)
        ));
    }
    Ok(Columns { schedule: name.to_owned(), years: None, rest, is_cron: true })
}

/// Whether a word behind five columns is one more of them, and not what is to run.
fn is_field(word: &str, machine: &dyn Machine) -> bool {
    let listed = |word: &str| machine.is_command(word) || machine.is_user(word);
    is_time(word) && (!word.starts_with(|c: char| c.is_ascii_alphabetic()) || !listed(word))
}

/// Whether a word has the form of a column of time.
fn is_time(word: &str) -> bool {
    const NAMES: [&str; 19] = [
        "sun", "mon", "tue", "wed", "thu", "fri", "sat", "jan", "feb", "mar", "apr", "may", "jun",
        "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let part = |part: &str| {
        let number = part.bytes().all(|byte| byte.is_ascii_digit() || b"*?LWH".contains(&byte));
        (!part.is_empty() && number) || NAMES.contains(&part.to_ascii_lowercase().as_str())
    };
    word.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '*' | '?' | '~'))
        && word.split([',', '-', '/', '#', '~', '(', ')']).filter(|p| !p.is_empty()).all(part)
}

/// In Quartz, whose expressions have a `?`, Monday is 2.
fn quartz(fields: &[&str]) -> Option<String> {
    let weekday = fields.get(5).filter(|_| fields.len() > 5)?;
    let numbered = weekday.starts_with(|c: char| c.is_ascii_digit());
    (fields.len() < 8 && fields[3] == "?" && numbered).then(|| {
        format!(
            "day of week {} beside a `?`: Quartz counts Sunday as 1, others Monday; write the day's name",
            quoted(weekday)
        )
    })
}

/// The first and the last year that a column names; `None` where it names all.
fn years(text: &str) -> Result<Option<(u16, u16)>, String> {
    let wrong = || format!("{} is not a year such as 2027 or 2027-2029", quoted(text));
    if text == "*" {
        return Ok(None);
    }
    let year = |text: &str| {
        let digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        let year = text.parse().ok().filter(|year| digits && YEARS.contains(year));
        year.ok_or_else(wrong)
    };
    let mut ranges = Vec::new();
    for item in text.split(',') {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        ranges.push((year(first)?, year(last)?));
    }
    ranges.sort_unstable();
    let (first, mut last) = ranges[0];
    for (from, to) in ranges {
        if from > to {
            return Err(wrong());
        }
        if from > last.saturating_add(1) {
            return Err(format!(
                "the years {} are not in a row: write a line for each",
                quoted(text)
            ));
        }
        last = last.max(to);
    }
    Ok(Some((first, last)))
}
