//! Working an expression out on a stack. Every step is checked: a value is finite or an error.

use std::ops::{Range, RangeInclusive};

use super::fault::Fault;

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Step {
    Push(f64),
    Negate,
    Add,
    Subtract,
    Multiply,
    Divide,
    /// With the sign of the dividend: `-7 % 3` is -1.
    Remainder,
    Power,
    /// A function and how many values it is given.
    Call(Function, usize),
}

/// The steps of an expression, each with its place in the text.
#[derive(Debug)]
pub(super) struct Program(Vec<(Step, Range<usize>)>);

impl Program {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn push(&mut self, step: Step, at: Range<usize>) {
        self.0.push((step, at));
    }

    /// Works it out.
    pub(super) fn value(&self) -> Result<f64, Fault> {
        let mut stack = Vec::new();
        for (step, at) in &self.0 {
            let takes = step.takes();
            let values = stack.split_off(stack.len().saturating_sub(takes));
            let value = step.apply(&values).map_err(|message| Fault::new(at.clone(), message))?;
            stack.push(value);
        }
        stack.pop().ok_or_else(|| Fault::new(0..0, "nothing to work out"))
    }
}

impl Step {
    const fn takes(self) -> usize {
        match self {
            Self::Push(_) => 0,
            Self::Negate => 1,
            Self::Call(_, count) => count,
            _ => 2,
        }
    }

    fn apply(self, values: &[f64]) -> Result<f64, String> {
        let value = match (self, values) {
            (Self::Push(number), _) => number,
            (Self::Negate, [a]) => -a,
            (Self::Add, [a, b]) => a + b,
            (Self::Subtract, [a, b]) => a - b,
            (Self::Multiply, [a, b]) => a * b,
            (Self::Divide, [_, b]) if *b == 0.0 => return Err("division by zero".to_owned()),
            (Self::Divide, [a, b]) => a / b,
            (Self::Remainder, [_, b]) if *b == 0.0 => {
                return Err("remainder of a division by zero".to_owned());
            }
            (Self::Remainder, [a, b]) => a % b,
            (Self::Power, [a, b]) => return power(*a, *b),
            (Self::Call(function, _), values) => return function.apply(values),
            (_, _) => return Err("a value missing".to_owned()),
        };
        finite(value)
    }
}

fn finite(value: f64) -> Result<f64, String> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err("overflow (the result is beyond 1.8e308)".to_owned())
    }
}

fn power(base: f64, exponent: f64) -> Result<f64, String> {
    if base == 0.0 && exponent < 0.0 {
        return Err(format!("division by zero (0^{exponent})"));
    }
    let value = base.powf(exponent);
    if value.is_nan() {
        return Err(format!("no real value ({base} to the power of {exponent})"));
    }
    finite(value)
}

/// What can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Abs,
    Acos,
    Asin,
    Atan,
    Ceil,
    Cos,
    Exp,
    Floor,
    Ln,
    Log,
    Max,
    Min,
    Pow,
    Round,
    Sin,
    Sqrt,
    Tan,
    Trunc,
}

/// Every function by name. Angles are in radians; `log(x)` is to base 10, `log(x, b)` to base b.
const FUNCTIONS: [(&str, Function); 18] = [
    ("abs", Function::Abs),
    ("acos", Function::Acos),
    ("asin", Function::Asin),
    ("atan", Function::Atan),
    ("ceil", Function::Ceil),
    ("cos", Function::Cos),
    ("exp", Function::Exp),
    ("floor", Function::Floor),
    ("ln", Function::Ln),
    ("log", Function::Log),
    ("max", Function::Max),
    ("min", Function::Min),
    ("pow", Function::Pow),
    ("round", Function::Round),
    ("sin", Function::Sin),
    ("sqrt", Function::Sqrt),
    ("tan", Function::Tan),
    ("trunc", Function::Trunc),
];

impl Function {
    pub(super) fn named(name: &str) -> Option<Self> {
        FUNCTIONS.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
    }

    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        FUNCTIONS.iter().map(|(name, _)| *name)
    }

    pub(super) fn name(self) -> &'static str {
        FUNCTIONS.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }

    /// How many values it takes.
    pub(super) const fn takes(self) -> RangeInclusive<usize> {
        match self {
            Self::Max | Self::Min => 1..=usize::MAX,
            Self::Pow => 2..=2,
            Self::Log => 1..=2,
            _ => 1..=1,
        }
    }

    /// The same in words.
    pub(super) const fn wanted(self) -> &'static str {
        match self {
            Self::Max | Self::Min => "at least one",
            Self::Pow => "two",
            Self::Log => "one or two",
            _ => "one",
        }
    }

    fn apply(self, values: &[f64]) -> Result<f64, String> {
        let value = match (self, values) {
            (Self::Pow, [a, b]) => return power(*a, *b),
            (Self::Log, [x, base]) => return logarithm(*x, *base),
            (Self::Max, values) => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            (Self::Min, values) => values.iter().copied().fold(f64::INFINITY, f64::min),
            (Self::Ln | Self::Log, [x]) if *x <= 0.0 => return Err(self.nothing_for(*x)),
            (_, [x]) => self.of(*x),
            (_, _) => f64::NAN,
        };
        match values {
            [x] if value.is_nan() => Err(self.nothing_for(*x)),
            _ => finite(value),
        }
    }

    /// The functions of one value; NaN where there is none.
    fn of(self, x: f64) -> f64 {
        match self {
            Self::Abs => x.abs(),
            Self::Acos => x.acos(),
            Self::Asin => x.asin(),
            Self::Atan => x.atan(),
            Self::Ceil => x.ceil(),
            Self::Cos => x.cos(),
            Self::Exp => x.exp(),
            Self::Floor => x.floor(),
            Self::Ln => x.ln(),
            Self::Log => x.log10(),
            Self::Round => x.round(),
            Self::Sin => x.sin(),
            Self::Sqrt => x.sqrt(),
            Self::Tan => x.tan(),
            Self::Trunc => x.trunc(),
            Self::Max | Self::Min | Self::Pow => f64::NAN,
        }
    }

    fn nothing_for(self, x: f64) -> String {
        format!("no real value ({} of {x})", self.name())
    }
}

fn logarithm(x: f64, base: f64) -> Result<f64, String> {
    if x <= 0.0 || base <= 0.0 || base == 1.0 {
        return Err(format!("no real value (log of {x} to base {base})"));
    }
    // Two of the bases have exact routines: log(8, 2) is 3, not 2.9999999999999996.
    if base == 2.0 {
        finite(x.log2())
    } else if base == 10.0 {
        finite(x.log10())
    } else {
        finite(x.ln() / base.ln())
    }
}
