//! What a command is called: ids for jobs that never had one.

/// A text that is legal as an id, made of the script or program that does the work.
pub(super) fn id_of(command: &str) -> String {
    let id: String = name_of(command)
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' })
        .take(58)
        .collect();
    match id.trim_matches(['.', '_', '-']) {
        "" => "job".to_owned(),
        id => id.to_owned(),
    }
}

fn name_of(command: &str) -> String {
    const AROUND: [&str; 24] = [
        "test", "[", "cd", "&&", "||", ";", "]", "!", "exec", "nice", "ionice", "env", "sudo",
        "timeout", "flock", "chronic", "sh", "bash", "python", "python3", "perl", "php", "ruby",
        "node",
    ];
    let base = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    // What stands behind the last `&&` does the work, what is before it looks whether it should.
    let work = command.split("&&").last().unwrap_or(command);
    let work = work.split("||").last().unwrap_or(work);
    let work = work.split("then ").last().unwrap_or(work);
    let words = work.split([' ', '\t', ';', '|', '(', ')', '"', '\'']);
    let words = words.filter(|word| !word.is_empty() && !word.contains(['=', '>', '<']));
    let ends = |word: &str| matches!(word, "}" | "fi" | "done" | "esac");
    let mut words = words.filter(|word| !word.starts_with(['-', '{', '$']) && !ends(word));
    let name = words.find(|word| {
        let number = word.chars().all(|c| c.is_ascii_digit() || c == '.');
        !AROUND.contains(&base(word).as_str()) && !number
    });
    let name = name.map(base).unwrap_or_default();
    if name == "run-parts" {
        return words.next_back().map_or(name, base);
    }
    let endings = [".sh", ".py", ".pl", ".rb", ".php", ".js"];
    let short = endings.iter().find_map(|ending| name.strip_suffix(ending));
    short.filter(|short| !short.is_empty()).unwrap_or(&name).to_owned()
}
