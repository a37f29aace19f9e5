//! Putting tokens in the order in which they are worked out: a Pratt parser.
//!
//! The outcome is a program for a stack machine, not a tree: nothing deep is left to walk or to
//! drop, and the only recursion is bounded by [`MAX_DEPTH`].

use std::ops::Range;

use super::fault::Fault;
use super::program::{Function, Program, Step};
use super::token::{Kind, Token, tokens};
use crate::model::text;

/// The longest expression, in bytes.
const MAX_LENGTH: usize = 4_096;

/// How deep parentheses, signs and powers may nest.
const MAX_DEPTH: usize = 100;

/// How strongly a sign before a value holds it: more than `*`, less than `^`, so `-2^2` is -4.
const PREFIX_POWER: u8 = 5;

/// Reads an expression.
pub(super) fn program(text: &str) -> Result<Program, Fault> {
    if text.len() > MAX_LENGTH {
        let mut end = MAX_LENGTH;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        return Err(Fault::new(end..end, format_args!("more than {MAX_LENGTH} bytes")));
    }
    let mut parser = Parser { tokens: tokens(text)?, next: 0, depth: 0, program: Program::new() };
    parser.expression(0)?;
    match parser.peek().kind {
        Kind::End => Ok(parser.program),
        Kind::Sign(')') => Err(parser.fault("a `)` without a `(`")),
        Kind::Sign(',') => Err(parser.fault("a `,` outside the parentheses of a function")),
        _ => Err(parser.fault("an operator missing")),
    }
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    next: usize,
    depth: usize,
    program: Program,
}

impl<'a> Parser<'a> {
    /// The token to come; behind the end there is only the end.
    fn peek(&self) -> &Token<'a> {
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn take(&mut self) -> Token<'a> {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn fault(&self, message: &str) -> Fault {
        Fault::new(self.peek().at.clone(), message)
    }

    /// Reads a value and all operators behind it that hold at least as strongly as `power`.
    fn expression(&mut self, power: u8) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fault("more than 100 levels of nesting"));
        }
        self.value()?;
        while let Some((step, left, right)) = operator(self.peek().kind) {
            if left < power {
                break;
            }
            let at = self.take().at;
            self.expression(right)?;
            self.program.push(step, at);
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads a number, a constant, a call, a parenthesis or a value with a sign before it.
    fn value(&mut self) -> Result<(), Fault> {
        let Token { kind, at } = self.take();
        match kind {
            Kind::Number(number) => self.program.push(Step::Push(number), at),
            Kind::Name(name) => return self.name(name, at),
            Kind::Sign('(') => {
                self.expression(0)?;
                self.close(&at)?;
            }
            Kind::Sign('-') => {
                self.expression(PREFIX_POWER)?;
                self.program.push(Step::Negate, at);
            }
            Kind::Sign('+') => self.expression(PREFIX_POWER)?,
            Kind::Sign(sign) => {
                let message = format_args!("a value missing where `{sign}` stands");
                return Err(Fault::new(at, message));
            }
            Kind::End => return Err(Fault::new(at, "a value missing")),
        }
        Ok(())
    }

    fn name(&mut self, name: &str, at: Range<usize>) -> Result<(), Fault> {
        let lower = name.to_ascii_lowercase();
        let called = self.peek().kind == Kind::Sign('(');
        match (CONSTANTS.iter().find(|(known, _)| *known == lower), Function::named(&lower)) {
            (Some((_, value)), _) if !called => {
                self.program.push(Step::Push(*value), at);
                Ok(())
            }
            (_, Some(function)) if called => self.call(function, at),
            (_, Some(_)) => {
                let message = format_args!("a function without its parentheses, `{name}(…)`");
                Err(Fault::new(at, message))
            }
            (Some(_), None) => Err(Fault::new(at, format_args!("no function `{name}`"))),
            (None, None) => {
                let names = CONSTANTS.iter().map(|(known, _)| *known).chain(Function::names());
                let hint = text::nearest(&lower, names)
                    .map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"));
                Err(Fault::new(at, format_args!("a name it does not know{hint}")))
            }
        }
    }

    fn call(&mut self, function: Function, at: Range<usize>) -> Result<(), Fault> {
        let open = self.take().at;
        let mut count = 0;
        if self.peek().kind != Kind::Sign(')') {
            loop {
                self.expression(0)?;
                count += 1;
                if self.peek().kind != Kind::Sign(',') {
                    break;
                }
                self.take();
            }
        }
        self.close(&open)?;
        if !function.takes().contains(&count) {
            let wanted = function.wanted();
            let message = format_args!(
                "{count} value{} in `{}`, which takes {wanted}",
                if count == 1 { "" } else { "s" },
                function.name()
            );
            return Err(Fault::new(at, message));
        }
        self.program.push(Step::Call(function, count), at);
        Ok(())
    }

    fn close(&mut self, open: &Range<usize>) -> Result<(), Fault> {
        match self.peek().kind {
            Kind::Sign(')') => {
                self.take();
                Ok(())
            }
            Kind::End => Err(Fault::new(open.clone(), "a `(` that is never closed")),
            _ => Err(self.fault("an operator or `)` missing")),
        }
    }
}

/// The step of an operator and how strongly it holds on its left and on its right.
const fn operator(kind: Kind<'_>) -> Option<(Step, u8, u8)> {
    Some(match kind {
        Kind::Sign('+') => (Step::Add, 1, 2),
        Kind::Sign('-') => (Step::Subtract, 1, 2),
        Kind::Sign('*') => (Step::Multiply, 3, 4),
        Kind::Sign('/') => (Step::Divide, 3, 4),
        Kind::Sign('%') => (Step::Remainder, 3, 4),
        // Weaker on the right than on the left: `2^3^2` is 2^9.
        Kind::Sign('^') => (Step::Power, 7, 6),
        _ => return None,
    })
}

const CONSTANTS: [(&str, f64); 3] =
    [("pi", std::f64::consts::PI), ("e", std::f64::consts::E), ("tau", std::f64::consts::TAU)];
