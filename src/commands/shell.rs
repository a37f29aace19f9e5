//! `shell`: what its arguments mean. Carried out by the process runner, never here.

use super::args::ArgReader;
use crate::commands::command::{ArgProblem, Args};

/// The checked arguments of `shell`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shell {
    /// A text for `/bin/sh -c`.
    Script(String),
    /// A program and its arguments, started without a shell; never empty.
    Argv(Vec<String>),
}

impl Shell {
    /// Checks the arguments: exactly one of `script` and `argv`.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub(super) fn parse(args: &Args) -> Result<Self, Vec<ArgProblem>> {
        let mut reader = ArgReader::new(args);
        let script = reader.text("script").map(|script| Self::Script(script.to_owned()));
        let argv = reader.value("argv").and_then(|value| match value {
            serde_json::Value::Array(items) => argv(&mut reader, items),
            other => reader.wrong_type("argv", "a list such as [tar, -xf, file.tar]", other),
        });
        match (args.contains_key("script"), args.contains_key("argv")) {
            (true, true) => reader.problem("", "give `script` or `argv`, not both"),
            (false, false) => {
                reader.problem("", "`script` or `argv` is missing: give the command to run");
            }
            _ => {}
        }
        if matches!(&script, Some(Self::Script(script)) if script.trim().is_empty()) {
            reader.problem("script", "is empty: give the command to run");
        }
        let nul = "contains a NUL character, which cannot be passed to a process";
        if matches!(&script, Some(Self::Script(script)) if script.contains('\0')) {
            reader.problem("script", nul);
        }
        if argv.iter().flatten().any(|item| item.contains('\0')) {
            reader.problem("argv", nul);
        }
        reader.finish(script.or(argv.map(Self::Argv)))
    }
}

/// Later items may be empty (an empty argument is one), the program may not.
fn argv(reader: &mut ArgReader<'_>, items: &[serde_json::Value]) -> Option<Vec<String>> {
    let mut texts = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        match item.as_str() {
            Some(text) => texts.push(text.to_owned()),
            None => return reader.wrong_type(&format!("argv[{index}]"), "text (quote it)", item),
        }
    }
    if texts.first().is_none_or(|program| program.trim().is_empty()) {
        reader.problem("argv", "does not name a program: write it like [tar, -xf, file.tar]");
        return None;
    }
    Some(texts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing::{args, check};
    use serde_json::json;

    #[test]
    fn a_script_or_a_list_is_taken_as_it_is() {
        let script = Shell::parse(&args(json!({ "script": "echo $HOME\n" })));
        assert_eq!(script, Ok(Shell::Script("echo $HOME\n".to_owned())));
        let argv = Shell::parse(&args(json!({ "argv": ["printf", "%s", ""] })));
        assert_eq!(argv, Ok(Shell::Argv(vec!["printf".into(), "%s".into(), String::new()])));
    }

    #[test]
    fn anything_else_is_reported() {
        let cases = [
            json!({}),
            json!({ "script": "true", "argv": ["true"] }),
            json!({ "script": " \n" }),
            json!({ "script": 5, "scirpt": "x" }),
            json!({ "argv": [] }),
            json!({ "argv": ["kill", 9] }),
            json!({ "argv": "true" }),
            json!({ "argv": ["a\u{0}b"] }),
        ];
        let message: Vec<_> = cases.into_iter().map(|case| check("shell", case)).collect();
        insta::assert_snapshot!(message.join("\n"), @r"
        : `script` or `argv` is missing: give the command to run
        : give `script` or `argv`, not both
        script: is empty: give the command to run
        script: must be text, not a number
        scirpt: is not an argument of this command: did you mean `script`?
        argv: does not name a program: write it like [tar, -xf, file.tar]
        argv[1]: must be text (quote it), not a number
        argv: must be a list such as [tar, -xf, file.tar], not text
        argv: contains a NUL character, which cannot be passed to a process
        ");
    }
}
