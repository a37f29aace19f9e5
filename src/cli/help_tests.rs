//! What `--help` says, as a whole: flags are a promise to scripts, and most of them come from the structs of `control`.

use clap::CommandFactory;

use super::Cli;

fn help(command: &mut clap::Command, path: &str, text: &mut String) {
    let name = format!("{path} {}", command.get_name());
    let long = command.clone().render_long_help();
    text.push_str(&format!("=== {}\n{long}\n", name.trim()));
    for inner in command.get_subcommands_mut().filter(|inner| inner.get_name() != "help") {
        help(inner, &name, text);
    }
}

#[test]
fn help_is_the_one_that_was_published() {
    let mut command = Cli::command().term_width(100);
    command.build();
    let mut text = String::new();
    help(&mut command, "", &mut text);
    insta::assert_snapshot!(text);
}
