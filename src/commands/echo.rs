//! `echo`: says a message.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::args::ArgReader;
use super::builtin::BuiltIn;
use crate::commands::command::{ArgProblem, Args, CommandError, Context};

/// Says `message`, which may have several lines; a number or true/false is said as written.
pub(super) struct Echo;

#[async_trait]
impl BuiltIn for Echo {
    type Parsed = String;

    fn parse(args: &Args) -> Result<String, Vec<ArgProblem>> {
        let mut reader = ArgReader::new(args);
        let message = match reader.value("message") {
            Some(Value::String(text)) => Some(text.clone()),
            Some(plain @ (Value::Number(_) | Value::Bool(_))) => Some(plain.to_string()),
            Some(other) => reader.wrong_type("message", "text", other),
            None => {
                reader.problem("message", "is missing: the text to say");
                None
            }
        };
        reader.finish(message)
    }

    async fn carry_out(context: Context, message: String) -> Result<Value, CommandError> {
        context.say(message.strip_suffix('\n').unwrap_or(&message));
        Ok(json!({ "message": message }))
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};
    use serde_json::json;

    #[tokio::test]
    async fn the_message_is_the_output_with_one_line_end() {
        for (message, output) in [("one\ntwo", "one\ntwo\n"), ("block\n", "block\n"), ("", "\n")] {
            let bench = Bench::new();
            let result = bench.run("echo", json!({ "message": message })).await;
            assert_eq!(result, Ok(json!({ "message": message })));
            assert_eq!(bench.output(), output);
        }
    }

    #[tokio::test]
    async fn plain_values_are_said_as_written() {
        let bench = Bench::new();
        bench.run("echo", json!({ "message": 4.5 })).await.unwrap();
        bench.run("echo", json!({ "message": true })).await.unwrap();
        assert_eq!(bench.output(), "4.5\ntrue\n");
    }

    #[test]
    fn wrong_arguments_are_reported() {
        insta::assert_snapshot!(check("echo", json!({ "mesage": "x" })), @r"
        message: is missing: the text to say
        mesage: is not an argument of this command: did you mean `message`?
        ");
        insta::assert_snapshot!(check("echo", json!({ "message": ["x"] })),
            @"message: must be text, not a list");
    }
}
