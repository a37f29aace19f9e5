//! How durations and sizes are written in definitions, settings and JSON: `1h30m`, `10MiB`.
//!
//! Durations are read and written by `schedule`, which has them in phrases too; this file adds sizes and serde.

pub use crontower_schedule::text::{format_duration, nearest, parse_duration, printable, quoted};

/// Reads a size in bytes: `10MiB`, `500 kB`, `1GiB`, `4096`.
///
/// # Errors
/// A sentence that names what was not understood.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let trimmed = text.trim();
    let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = trimmed.split_at(digits);
    let hint = "write it like 10MiB, 500kB or 4096";
    let number: u64 =
        number.parse().map_err(|_| format!("{} is not a size: {hint}", quoted(text)))?;
    let factor: u64 = match unit.trim() {
        "" | "B" => 1,
        "kB" | "KB" | "k" | "K" => 1_000,
        "KiB" => 1 << 10,
        "MB" | "M" => 1_000_000,
        "MiB" => 1 << 20,
        "GB" | "G" => 1_000_000_000,
        "GiB" => 1 << 30,
        other => {
            let (unit, text) = (quoted(other), quoted(text));
            return Err(format!("{unit} in {text} is not a unit of size: {hint}"));
        }
    };
    number.checked_mul(factor).ok_or_else(|| format!("{} is too large", quoted(text)))
}

/// Writes a size with the largest binary unit that divides it: `10MiB`, `1500B`.
#[must_use]
pub fn format_size(bytes: u64) -> String {
    for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] {
        if bytes >= 1 << shift && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    format!("{bytes}B")
}

/// Serde for `Duration` as text: `#[serde(with = "text::duration")]`.
pub mod duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes it as [`super::format_duration`] does.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::format_duration(*value))
    }

    /// Reads it as [`super::parse_duration`] does.
    ///
    /// # Errors
    /// When the text is not a duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        super::parse_duration(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// Serde for `Option<Duration>` as text: `#[serde(with = "text::optional_duration")]`.
pub mod optional_duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes it as [`super::format_duration`] does, or null.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(value: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.serialize_some(&super::format_duration(*value)),
            None => to.serialize_none(),
        }
    }

    /// Reads it as [`super::parse_duration`] does.
    ///
    /// # Errors
    /// When the text is not a duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        Option::<String>::deserialize(from)?
            .map(|text| super::parse_duration(&text).map_err(D::Error::custom))
            .transpose()
    }
}

/// What a stranger sent, cut to what fits a sentence, without control characters.
#[must_use]
pub fn shortened(text: &str) -> String {
    const LIMIT: usize = 64;
    let mut short: String = text.chars().filter(|c| !c.is_control()).take(LIMIT).collect();
    if text.chars().nth(LIMIT).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_and_write() {
        assert_eq!(parse_size("10MiB").unwrap(), 10 << 20);
        assert_eq!(format_size(10 << 20), "10MiB");
        assert!(parse_size("10 parsecs").is_err());
        assert!(parse_size("99999999999GiB").is_err());
    }

    #[test]
    fn a_hostile_size_is_quoted_in_part_and_harmless() {
        let hostile = format!("5\u{1b}[2J\n\u{202e}{}", "x".repeat(10_000));
        for error in
            [parse_size(&hostile).unwrap_err(), parse_size(&"9".repeat(10_000)).unwrap_err()]
        {
            assert!(error.chars().count() < 250, "{error}");
            assert!(!error.contains(['\u{1b}', '\n', '\u{202e}']), "{error:?}");
        }
    }
}
