//! `calculate`: the value of an arithmetic expression, in double precision.
//!
//! Owns the command; `token` cuts the text, `parse` orders it, `program` works it out. What cannot
//! be read is refused when the job is loaded; what has no value (a division by zero, an overflow)
//! fails when the job runs.

mod fault;
mod parse;
mod program;
mod token;

use async_trait::async_trait;
use serde_json::{Value, json};

use self::program::Program;
use super::args::ArgReader;
use super::builtin::BuiltIn;
use super::number::number;
use crate::commands::command::{ArgProblem, Args, CommandError, Context};

/// Works out `expression`: `+ - * / % ^`, parentheses, functions, `pi` and `e`.
pub(super) struct Calculate;

/// An expression together with the text that it came from, for pointing at places.
pub(super) struct Expression {
    text: String,
    program: Program,
}

#[async_trait]
impl BuiltIn for Calculate {
    type Parsed = Expression;

    fn parse(args: &Args) -> Result<Expression, Vec<ArgProblem>> {
        let mut reader = ArgReader::new(args);
        let text = match reader.value("expression") {
            // YAML reads a bare `42` as a number.
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => reader.required_text("expression", "2 + 3 * 4").map(str::to_owned),
        };
        let expression = text.and_then(|text| match parse::program(&text) {
            Ok(program) => Some(Expression { text, program }),
            Err(fault) => {
                reader.problem("expression", format_args!("has {}", fault.describe(&text)));
                None
            }
        });
        reader.finish(expression)
    }

    async fn carry_out(context: Context, expression: Expression) -> Result<Value, CommandError> {
        let Expression { text, program } = expression;
        let value = program.value().map_err(|fault| CommandError(fault.describe(&text)))?;
        let value = number(value)
            .ok_or_else(|| CommandError("the value is not a finite number".to_owned()))?;
        context.say(&format!("{} = {value}", text.trim()));
        Ok(json!({ "value": value }))
    }
}

#[cfg(test)]
mod tests;
