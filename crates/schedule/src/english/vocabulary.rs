//! The words that phrases are made of.

/// A stretch of time that an interval counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    /// Seconds, for the units that a clock shows.
    pub(super) const fn seconds(self) -> Option<u64> {
        match self {
            Self::Second => Some(1),
            Self::Minute => Some(60),
            Self::Hour => Some(3600),
            _ => None,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }
}

/// A unit, in either number.
pub(super) fn unit(word: &str) -> Option<Unit> {
    Some(match word {
        "second" | "seconds" | "sec" | "secs" => Unit::Second,
        "minute" | "minutes" | "min" | "mins" => Unit::Minute,
        "hour" | "hours" | "hr" | "hrs" => Unit::Hour,
        "day" | "days" | "night" | "nights" => Unit::Day,
        "week" | "weeks" => Unit::Week,
        "month" | "months" => Unit::Month,
        "quarter" | "quarters" => Unit::Quarter,
        "year" | "years" => Unit::Year,
        _ => return None,
    })
}

/// A unit as it is shortened behind a number.
pub(super) fn short_unit(word: &str) -> Option<Unit> {
    Some(match word {
        "s" => Unit::Second,
        "m" => Unit::Minute,
        "h" => Unit::Hour,
        "d" => Unit::Day,
        "w" => Unit::Week,
        _ => return unit(word),
    })
}

/// An adverb that is an interval by itself.
pub(super) fn adverb(word: &str) -> Option<(u32, Unit)> {
    Some(match word {
        "hourly" => (1, Unit::Hour),
        "daily" | "nightly" => (1, Unit::Day),
        "weekly" => (1, Unit::Week),
        "fortnightly" => (2, Unit::Week),
        "monthly" => (1, Unit::Month),
        "quarterly" => (1, Unit::Quarter),
        "yearly" | "annually" => (1, Unit::Year),
        _ => return None,
    })
}

/// What a word means that is never read, because it has two meanings.
pub(super) fn two_meanings(word: &str) -> Option<&'static str> {
    Some(match word {
        "biweekly" => "every two weeks, or twice a week? Write `every 2 weeks`, or name the days",
        "bimonthly" => {
            "every two months, or twice a month? Write `every 2 months`, or name the days"
        }
        "biannual" | "biannually" => {
            "twice a year, or every two years? Write `every 6 months` or `every 2 years`"
        }
        _ => return None,
    })
}

/// A part of the day, which decides what a bare hour in it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Morning,
    Afternoon,
    Evening,
    Night,
}

impl Part {
    /// The hour of a 24-hour clock that `hour` of a 12-hour one means; `None` where it could be
    /// either, or neither.
    pub(super) const fn hour(self, hour: u32) -> Option<u32> {
        match (self, hour) {
            (Self::Morning, 1..=11) | (Self::Night, 1..=5) | (Self::Afternoon, 12) => Some(hour),
            (Self::Afternoon, 1..=7) | (Self::Evening, 4..=11) | (Self::Night, 6..=11) => {
                Some(hour + 12)
            }
            (Self::Night, 12) => Some(0),
            _ => None,
        }
    }

    /// Whether a time that leaves no doubt lies in it, in seconds after midnight. A night is
    /// as long as its job wants it.
    pub(super) const fn holds(self, seconds: u32) -> bool {
        let hour = seconds / 3600;
        match self {
            Self::Morning => hour < 12,
            Self::Afternoon => hour >= 12 && hour < 20,
            Self::Evening => hour >= 15,
            Self::Night => true,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Morning => "morning",
            Self::Afternoon => "afternoon",
            Self::Evening => "evening",
            Self::Night => "night",
        }
    }
}

/// A part of the day, in either number.
pub(super) fn part(word: &str) -> Option<Part> {
    Some(match word {
        "morning" | "mornings" => Part::Morning,
        "afternoon" | "afternoons" => Part::Afternoon,
        "evening" | "evenings" => Part::Evening,
        "night" | "nights" => Part::Night,
        _ => return None,
    })
}

/// A day of the week, 0 = Sunday, in either number.
pub(super) fn day(word: &str) -> Option<u32> {
    Some(match word {
        "sunday" | "sundays" | "sun" => 0,
        "monday" | "mondays" | "mon" => 1,
        "tuesday" | "tuesdays" | "tue" | "tues" => 2,
        "wednesday" | "wednesdays" | "wed" => 3,
        "thursday" | "thursdays" | "thu" | "thur" | "thurs" => 4,
        "friday" | "fridays" | "fri" => 5,
        "saturday" | "saturdays" | "sat" => 6,
        _ => return None,
    })
}

/// A month, from 1.
pub(super) fn month(word: &str) -> Option<u32> {
    Some(match word {
        "january" | "jan" => 1,
        "february" | "feb" => 2,
        "march" | "mar" => 3,
        "april" | "apr" => 4,
        "may" => 5,
        "june" | "jun" => 6,
        "july" | "jul" => 7,
        "august" | "aug" => 8,
        "september" | "sep" | "sept" => 9,
        "october" | "oct" => 10,
        "november" | "nov" => 11,
        "december" | "dec" => 12,
        _ => return None,
    })
}

/// A number up to twenty, in one word.
pub(super) fn cardinal(word: &str) -> Option<u32> {
    const WORDS: [&str; 19] = [
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    position(&WORDS, word)
}

/// Tens up to sixty.
pub(super) fn tens(word: &str) -> Option<u32> {
    Some(match word {
        "twenty" => 20,
        "thirty" => 30,
        "forty" => 40,
        "fifty" => 50,
        "sixty" => 60,
        _ => return None,
    })
}

/// An ordinal up to twentieth, and thirtieth; those between are two words.
pub(super) fn ordinal(word: &str) -> Option<u32> {
    const WORDS: [&str; 20] = [
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "sixth",
        "seventh",
        "eighth",
        "ninth",
        "tenth",
        "eleventh",
        "twelfth",
        "thirteenth",
        "fourteenth",
        "fifteenth",
        "sixteenth",
        "seventeenth",
        "eighteenth",
        "nineteenth",
        "twentieth",
    ];
    if word == "thirtieth" { Some(30) } else { position(&WORDS, word) }
}

fn position(words: &[&str], word: &str) -> Option<u32> {
    let index = words.iter().position(|known| *known == word)?;
    u32::try_from(index + 1).ok()
}

/// Every word that may be meant, for the nearest one; plurals and abbreviations are left to their
/// long form.
pub(super) const OFFERED: [&str; 97] = [
    "every",
    "each",
    "other",
    "hourly",
    "daily",
    "nightly",
    "morning",
    "afternoon",
    "evening",
    "fortnight",
    "fortnightly",
    "penultimate",
    "weekly",
    "monthly",
    "quarterly",
    "yearly",
    "annually",
    "second",
    "seconds",
    "minute",
    "minutes",
    "hour",
    "hours",
    "day",
    "days",
    "night",
    "week",
    "weeks",
    "month",
    "months",
    "quarter",
    "year",
    "weekday",
    "weekdays",
    "weekend",
    "weekends",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "mondays",
    "tuesdays",
    "wednesdays",
    "thursdays",
    "fridays",
    "saturdays",
    "sundays",
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "noon",
    "midnight",
    "between",
    "and",
    "from",
    "until",
    "through",
    "except",
    "holidays",
    "once",
    "first",
    "third",
    "fourth",
    "fifth",
    "last",
    "past",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
];

/// Words that change the meaning of others and are not understood: never a slip of the pen for
/// something else, and never left out of an offer.
pub(super) const MEANINGFUL: [&str; 34] = [
    "not",
    "but",
    "without",
    "unless",
    "never",
    "no",
    "nor",
    "or",
    "only",
    "twice",
    "thrice",
    "times",
    "half",
    "before",
    "till",
    "starting",
    "ending",
    "during",
    "while",
    "if",
    "when",
    "biweekly",
    "bimonthly",
    "biannual",
    "biannually",
    "semiweekly",
    "semimonthly",
    "biennial",
    "today",
    "tomorrow",
    "yesterday",
    "tonight",
    "nth",
    "ms",
];

/// Small words that are never the one not understood while a stranger one follows.
const SMALL: [&str; 17] = [
    "the", "of", "a", "an", "in", "on", "at", "and", "to", "till", "thru", "am", "pm", "for", "by",
    "with", "oclock",
];

/// Whether a word has a meaning somewhere in some phrase.
pub(super) fn is_known(word: &str) -> bool {
    OFFERED.contains(&word)
        || SMALL.contains(&word)
        || unit(word).is_some()
        || day(word).is_some()
        || month(word).is_some()
        || ordinal(word).is_some()
        || cardinal(word).is_some()
        || tens(word).is_some()
        || part(word).is_some()
        || adverb(word).is_some()
        || matches!(word, "not" | "but" | "before" | "nearest" | "half" | "next")
}
