//! Words say when a schedule fires: read again, they give the same fire times.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::{Dice, at, try_table};
use crate::Schedule;

/// The words with what they leave out (`0, 7, … 56`) written out.
fn in_full(words: &str) -> String {
    let Some((head, tail)) = words.split_once(", … ") else { return words.to_owned() };
    let digits = |text: &str| -> Option<u32> { text.parse().ok() };
    let mut before = head.rsplit([' ', ',']).filter(|word| !word.is_empty());
    let (second, first) = (before.next().and_then(digits), before.next().and_then(digits));
    let end = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
    let (Some(first), Some(second), Some(last)) = (first, second, digits(&tail[..end])) else {
        return words.to_owned();
    };
    let step = usize::try_from(second - first).unwrap();
    let all: Vec<String> = (first..last).step_by(step).map(|it| it.to_string()).collect();
    let head = head.strip_suffix(&format!("{first}, {second}")).unwrap();
    format!("{head}{} and {last}{}", all.join(", "), in_full(&tail[end..]))
}

/// A reader of the sentences that are no phrases: the clock part `At second … of minute … of
/// hours …` and the narrowing `, only on …`; the rest is read by the parser. `None` where a part
/// cannot be read.
struct Sentence {
    clock: Option<[Vec<u32>; 3]>,
    rest: Option<Schedule>,
    only: Option<Schedule>,
}

fn numbers(text: &str) -> Option<Vec<u32>> {
    let mut found = Vec::new();
    for part in text.replace(" and ", ", ").split(", ") {
        match part.split_once(" to ") {
            Some((low, high)) => found.extend(low.parse::<u32>().ok()?..=high.parse().ok()?),
            None => found.push(part.parse().ok()?),
        }
    }
    Some(found)
}

fn unit(text: &str, name: &str, most: u32) -> Option<Vec<u32>> {
    if text == format!("every {name}") {
        return Some((0..most).collect());
    }
    let rest = text.strip_prefix(name)?;
    numbers(rest.strip_prefix('s').unwrap_or(rest).trim_start())
}

fn sentence(words: &str) -> Option<Sentence> {
    let words = in_full(words);
    let (main, only) = match words.split_once(", only on ") {
        Some((main, only)) => {
            let list =
                only.strip_prefix("days ").and_then(|rest| rest.strip_suffix(" of the month"));
            let only = match list {
                Some(list) => format!(
                    "0 0 {} * *",
                    numbers(list)?.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
                ),
                None => format!("at 0:00 on {only}"),
            };
            (main.to_owned(), Some(Schedule::parse(&only).ok()?))
        }
        None => (words, None),
    };
    if let Ok(rest) = Schedule::parse(&main) {
        return Some(Sentence { clock: None, rest: Some(rest), only });
    }
    let lower = main.replacen("Every hour at ", "At ", 1).replacen(
        "Every minute of ",
        "At every minute of ",
        1,
    );
    let lower = lower.strip_prefix("At ")?;
    // The clock ends where the days begin.
    let ends = [" on ", " in ", " every day"].iter().filter_map(|word| lower.find(word)).min();
    let (clock, days) = lower.split_at(ends.unwrap_or(lower.len()));
    let parts: Vec<&str> = clock.split(" of ").collect();
    let (mut seconds, mut minutes, mut hours) = (vec![0], (0..60).collect(), (0..24).collect());
    for part in parts {
        if part.contains("second") {
            seconds = unit(part, "second", 60)?;
        } else if part.contains("minute") {
            minutes = unit(part, "minute", 60)?;
        } else {
            hours = unit(part, "hour", 24)?;
        }
    }
    let days = days.trim();
    let rest = if days.is_empty() {
        None
    } else {
        Some(Schedule::parse(&format!("at 0:00 {days}")).ok()?)
    };
    Some(Sentence { clock: Some([seconds, minutes, hours]), rest, only })
}

fn fires(schedule: &str, from: DateTime<Utc>, days: i64) -> Vec<DateTime<Utc>> {
    let Ok(table) = try_table(schedule, Tz::UTC) else { return Vec::new() };
    let next = |after: &DateTime<Utc>| table.fire_time_after(*after);
    let until = from + TimeDelta::days(days);
    std::iter::successors(next(&from), next).take_while(|fire| *fire < until).take(4000).collect()
}

impl Sentence {
    /// The fire times that the sentence tells.
    fn fires(&self, from: DateTime<Utc>, days: i64) -> Vec<DateTime<Utc>> {
        let on = |schedule: &Option<Schedule>, date: DateTime<Utc>| {
            schedule.as_ref().is_none_or(|schedule| {
                let day = date - TimeDelta::seconds(1);
                !fires(schedule.text(), day, 1).is_empty()
            })
        };
        let midnight =
            |fire: &DateTime<Utc>| fire.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
        let Some([seconds, minutes, hours]) = &self.clock else {
            let rest = self.rest.as_ref().unwrap();
            let mut times = fires(rest.text(), from, days);
            let mut last = None;
            times.retain(|fire| {
                let day = midnight(fire);
                match last {
                    Some((known, fits)) if known == day => fits,
                    _ => last.insert((day, on(&self.only, day))).1,
                }
            });
            return times;
        };
        let mut all = Vec::new();
        for day in 0..days {
            let date = from + TimeDelta::days(day);
            if !on(&self.rest, date) || !on(&self.only, date) {
                continue;
            }
            for hour in hours {
                for minute in minutes {
                    let seconds = seconds.iter().map(|second| hour * 3600 + minute * 60 + second);
                    all.extend(seconds.map(|second| date + TimeDelta::seconds(i64::from(second))));
                    if all.len() > 1000 {
                        all.retain(|fire| *fire > from);
                        return all;
                    }
                }
            }
        }
        all.retain(|fire| *fire > from);
        all
    }
}

/// What is wrong with the words of a schedule.
pub(super) fn wrong(schedule: &str) -> Option<String> {
    let words = super::words(schedule);
    match sentence(&words) {
        Some(sentence) => differs(schedule, &words, &sentence),
        None => Some(format!("`{words}` cannot be read")),
    }
}

/// Where a schedule fires otherwise than its words say.
fn differs(schedule: &str, words: &str, sentence: &Sentence) -> Option<String> {
    for from in ["2026-12-31T00:00:00Z", "2027-06-15T00:00:00Z"].map(at) {
        let days = 45;
        let (is, said) = (fires(schedule, from, days), sentence.fires(from, days));
        let count = is.len().min(said.len()).min(300);
        let cut = is.len() >= 300 && said.len() >= 300;
        let same = if cut { is[..count] == said[..count] } else { is == said };
        if !same {
            let odd = is.iter().zip(&said).find(|(is, said)| is != said);
            return Some(format!(
                "`{words}`: {} fire times, {} said, first other: {odd:?}",
                is.len(),
                said.len()
            ));
        }
    }
    None
}

#[test]
fn words_of_cron_expressions_are_what_they_do() {
    let minutes = ["0", "30", "*", "*/5", "*/7", "15,45", "10-20", "0-59/20", "3,9,27"];
    let hours = ["*", "9", "*/6", "9-17", "8,20", "22,23,0", "9-17/2", "0-11", "*/5"];
    let doms =
        ["*", "*", "*", "1", "15", "1-7", "L", "*/2", "LW", "15W", "L-3", "1,15", "31", "*/10,L"];
    let months = ["*", "*", "*", "1", "6-8", "JAN,JUL", "*/3"];
    let dows = [
        "*",
        "*",
        "*",
        "1",
        "0",
        "1-5",
        "6,0",
        "MON#1",
        "WED,MON#2",
        "FRIL",
        "*/2",
        "5-7",
        "SUN,TUE",
    ];
    let seconds = ["", "", "", "", "0 ", "30 ", "*/10 ", "5,50 "];
    let mut dice = Dice(11);
    let (mut read, mut found): (usize, Vec<String>) = (0, Vec::new());
    for _ in 0..900 {
        let text = format!(
            "{}{} {} {} {} {}",
            dice.pick(&seconds),
            dice.pick(&minutes),
            dice.pick(&hours),
            dice.pick(&doms),
            dice.pick(&months),
            dice.pick(&dows)
        );
        if Schedule::parse(&text).is_err() {
            continue;
        }
        // Of many times only the ends are told.
        if super::words(&text).contains(" times)") {
            continue;
        }
        let words = super::words(&text);
        let Some(described) = sentence(&words) else { continue };
        read += 1;
        found.extend(differs(&text, &words, &described).map(|what| format!("{text}: {what}")));
    }
    assert!(read > 500, "only {read} of 900 sentences were read");
    let count = found.len();
    found.truncate(25);
    assert!(found.is_empty(), "{count}\n{}", found.join("\n"));
}
