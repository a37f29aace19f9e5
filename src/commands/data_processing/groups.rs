//! Putting rows together: counts, sums, means, least and greatest values, by a field or over all.

use std::collections::BTreeMap;

use serde_json::Value;

use super::args::{Grouping, Operation};
use super::rows::Row;
use crate::commands::number::number;

/// How many groups there may be.
const MAX_GROUPS: usize = 10_000;

/// The longest name of a group, in bytes.
const MAX_NAME: usize = 1_024;

/// The groups so far, by name.
pub(super) struct Groups<'a> {
    grouping: &'a Grouping,
    groups: BTreeMap<String, Amount>,
    unusable: u64,
}

impl<'a> Groups<'a> {
    pub(super) fn new(grouping: &'a Grouping) -> Self {
        let mut groups = BTreeMap::new();
        if grouping.by.is_none() {
            // One value is asked for, and there is one even of no rows.
            groups.insert(String::new(), Amount::default());
        }
        Self { grouping, groups, unusable: 0 }
    }

    /// Adds a row to its group. Rows that lack the field form the group without a name.
    pub(super) fn add(&mut self, row: &Row<'_>) -> Result<(), String> {
        let by = self.grouping.by.as_deref().unwrap_or_default();
        let name = match &self.grouping.by {
            Some(by) => row.field(by).unwrap_or_default(),
            None => "".into(),
        };
        if !self.groups.contains_key(name.as_ref()) {
            if name.len() > MAX_NAME {
                return Err(format!(
                    "a value of `{by}` is longer than {MAX_NAME} bytes: group by \
                    a shorter field"
                ));
            }
            if self.groups.len() == MAX_GROUPS {
                return Err(format!(
                    "more than {MAX_GROUPS} groups by `{by}`: group by a field \
                    with fewer values, or filter first"
                ));
            }
            self.groups.insert(name.clone().into_owned(), Amount::default());
        }
        let Some(group) = self.groups.get_mut(name.as_ref()) else { return Ok(()) };
        let value = self.grouping.field.as_deref().map(|field| row.field(field));
        match (self.grouping.operation, value) {
            (Operation::Count, None | Some(Some(_))) => group.count += 1,
            (Operation::Count, Some(None)) => {}
            (_, value) => match value.flatten().and_then(|text| finite(&text)) {
                Some(number) => group.add(number),
                None => self.unusable += 1,
            },
        }
        Ok(())
    }

    /// Rows that had no number where one was to be added up.
    pub(super) const fn unusable(&self) -> u64 {
        self.unusable
    }

    /// Whether groups have names: `group_by` was given.
    pub(super) const fn are_named(&self) -> bool {
        self.grouping.by.is_some()
    }

    /// What is worked out, in words: `sum of size`.
    pub(super) fn label(&self) -> String {
        let operation = self.grouping.operation.name();
        match &self.grouping.field {
            Some(field) => format!("{operation} of {field}"),
            None => operation.to_owned(),
        }
    }

    /// The names of the columns of a table of groups: `level`, `sum_size`.
    pub(super) fn columns(&self) -> (Option<&str>, String) {
        let by = self.grouping.by.as_deref();
        let value = self.label().replace(" of ", "_");
        (by, if by == Some(&value) { "value".to_owned() } else { value })
    }

    /// Each group's name and value, by name. A value that no number can hold is an error.
    pub(super) fn rows(&self) -> Result<Vec<(String, Value)>, String> {
        let operation = self.grouping.operation;
        self.groups
            .iter()
            .map(|(name, amount)| Ok((name.clone(), amount.value(operation)?)))
            .collect()
    }
}

fn finite(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// What is known of the numbers of a group.
#[derive(Debug, Clone, Copy, Default)]
struct Amount {
    count: u64,
    sum: f64,
    /// What rounding took from the sum (Neumaier), so that 0.1 ten times is 1.
    lost: f64,
    range: Option<(f64, f64)>,
}

impl Amount {
    fn add(&mut self, number: f64) {
        self.count += 1;
        let sum = self.sum + number;
        self.lost += if self.sum.abs() >= number.abs() {
            (self.sum - sum) + number
        } else {
            (number - sum) + self.sum
        };
        self.sum = sum;
        let (least, greatest) = self.range.unwrap_or((number, number));
        self.range = Some((least.min(number), greatest.max(number)));
    }

    /// Of no numbers, the sum is 0 and there is no mean, least or greatest: null.
    fn value(&self, operation: Operation) -> Result<Value, String> {
        #[expect(clippy::cast_precision_loss, reason = "no file has 2^53 rows")]
        let count = self.count as f64;
        let value = match operation {
            Operation::Count => return Ok(Value::from(self.count)),
            Operation::Sum => Some(self.sum + self.lost),
            Operation::Mean => (self.count > 0).then(|| (self.sum + self.lost) / count),
            Operation::Min => self.range.map(|(least, _)| least),
            Operation::Max => self.range.map(|(_, greatest)| greatest),
        };
        let Some(value) = value else { return Ok(Value::Null) };
        number(value)
            .map(Value::Number)
            .ok_or_else(|| format!("the {} is too large for a number", operation.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(numbers: &[f64]) -> String {
        let mut amount = Amount::default();
        numbers.iter().for_each(|number| amount.add(*number));
        let shown = Operation::NAMES.map(|(name, operation)| {
            let value = amount.value(operation);
            format!("{name} {}", value.map_or_else(|wrong| wrong, |value| value.to_string()))
        });
        shown.join("\n")
    }

    #[test]
    fn sums_do_not_drift() {
        insta::assert_snapshot!(values(&[0.1; 10]), @r"
        count 10
        sum 1
        mean 0.1
        min 0.1
        max 0.1
        ");
        insta::assert_snapshot!(values(&[1e16, 1.0, -1e16]), @r"
        count 3
        sum 1
        mean 0.3333333333333333
        min -1e+16
        max 1e+16
        ");
    }

    #[test]
    fn nothing_has_no_mean_and_too_much_is_an_error() {
        insta::assert_snapshot!(values(&[]), @r"
        count 0
        sum 0
        mean null
        min null
        max null
        ");
        insta::assert_snapshot!(values(&[1.5e308, 1.5e308]), @r"
        count 2
        sum the sum is too large for a number
        mean the mean is too large for a number
        min 1.5e+308
        max 1.5e+308
        ");
    }
}
