//! The tables of the user's guide, held to the parser: every form is read, told and turned into
//! cron as the guide says.

use crate::Schedule;

const GUIDE: &str = include_str!("../../../../docs/schedules.md");

/// Form, meaning and cron of each row of the tables of forms.
fn rows() -> Vec<[String; 3]> {
    let mut rows = Vec::new();
    let mut inside = false;
    for line in GUIDE.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        if line.starts_with("| form ") {
            inside = true;
        } else if !line.starts_with('|') {
            inside = false;
        } else if inside && !line.starts_with("|---") {
            let [form, meaning, cron] = cells.as_slice() else {
                panic!("a row of three cells: {line}");
            };
            let plain = |cell: &str| cell.trim_matches('`').to_owned();
            rows.push([plain(form), (*meaning).to_owned(), plain(cron)]);
        }
    }
    rows
}

/// Every English form of the guide.
pub(super) fn phrases() -> Vec<String> {
    let english =
        |form: &String| form.contains(|c: char| c.is_lowercase()) && !form.starts_with('@');
    let words = rows().into_iter().map(|[form, ..]| form).filter(english);
    words.filter(|form| !crate::schedule::looks_like_cron(form)).collect()
}

/// A form's row as it has to be.
fn describe(form: &str) -> String {
    let schedule = Schedule::parse(form).unwrap_or_else(|error| panic!("{form}: {error}"));
    let cron = schedule.as_cron().map_or_else(|| "–".to_owned(), |cron| format!("`{cron}`"));
    format!("| `{form}` | {} | {cron} |", schedule.in_words())
}

#[test]
fn the_guide_says_what_the_parser_does() {
    let rows = rows();
    assert!(rows.len() > 90, "only {} forms are in the guide", rows.len());
    let described: Vec<String> = rows.iter().map(|[form, ..]| describe(form)).collect();
    let wrong = described.iter().filter(|row| !GUIDE.lines().any(|line| line == *row)).count();
    assert_eq!(wrong, 0, "rows that the guide has otherwise; all rows:\n{}", described.join("\n"));
}
