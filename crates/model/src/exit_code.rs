//! What an exit code says by the conventions of shells.
//!
//! Owns these words. Never whether it is a success: a job says that.

/// Signals that have the same number on every system, as a shell tells them: it exits with 128 + the signal that ended its
/// last command.
const SIGNALS: [(i32, &str); 11] = [
    (1, "SIGHUP"),
    (2, "SIGINT"),
    (3, "SIGQUIT"),
    (4, "SIGILL"),
    (6, "SIGABRT"),
    (8, "SIGFPE"),
    (9, "SIGKILL"),
    (11, "SIGSEGV"),
    (13, "SIGPIPE"),
    (14, "SIGALRM"),
    (15, "SIGTERM"),
];

/// An exit code in words: `exit code 3`, `exit code 127 (command not found)`, `exit code 137 (128 + SIGKILL)`.
#[must_use]
pub fn describe_exit_code(code: i32) -> String {
    let signal = SIGNALS.iter().find(|(number, _)| 128 + number == code);
    match (code, signal) {
        (126, _) => format!("exit code {code} (the command cannot be executed)"),
        (127, _) => format!("exit code {code} (command not found)"),
        (_, Some((_, name))) => format!("exit code {code} (128 + {name})"),
        (_, None) => format!("exit code {code}"),
    }
}

/// Whether an error says nothing but this exit code, as workers report it, those of earlier versions too.
#[must_use]
pub fn says_only_exit_code(error: &str, code: i32) -> bool {
    error == describe_exit_code(code) || error == format!("exit code {code}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_a_shell_gives_says_why() {
        let told: Vec<String> =
            [1, 126, 127, 128, 130, 137, 143, 255].map(describe_exit_code).into();
        assert_eq!(
            told,
            [
                "exit code 1",
                "exit code 126 (the command cannot be executed)",
                "exit code 127 (command not found)",
                "exit code 128",
                "exit code 130 (128 + SIGINT)",
                "exit code 137 (128 + SIGKILL)",
                "exit code 143 (128 + SIGTERM)",
                "exit code 255",
            ]
        );
    }
}
