//! The user's editor: on the jobs file at a job's line, or on a copy of a definition.
//!
//! Owns which editor it is and what became of the text. The terminal is given back before and taken
//! again after, by the loop; nothing here touches it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::message::{Editing, EditorEnd};
use crate::model::JobId;

/// The editor where neither VISUAL nor EDITOR names one.
const USUAL: &str = "vi";

/// Runs the editor until it ends. `here` says whether the engine's files are those of this machine.
pub(crate) fn edit(editing: &Editing, editor: Option<&str>, here: bool) -> EditorEnd {
    let editor = editor.unwrap_or(USUAL);
    let file = editing.file.as_deref().map(Path::new).filter(|path| here && path.exists());
    let end = match (file, &editing.job) {
        (Some(path), _) => edit_file(path, editing, editor),
        (None, Some(job)) => edit_definition(job, &editing.yaml, editor),
        (None, None) => Err(io::Error::other("there is no such file on this machine")),
    };
    end.unwrap_or_else(|error| EditorEnd::Failed(error.to_string()))
}

fn edit_file(path: &Path, editing: &Editing, editor: &str) -> io::Result<EditorEnd> {
    let before = fs::read(path)?;
    let of_job = || editing.job.as_ref().map(|job| line_of(&String::from_utf8_lossy(&before), job));
    let line = editing.line.or_else(of_job).unwrap_or(1);
    run(editor, path, line)?;
    let after = fs::read(path)?;
    Ok(if before == after { EditorEnd::Unchanged } else { EditorEnd::File })
}

/// A copy that nobody else can read, gone afterwards.
fn edit_definition(job: &JobId, yaml: &str, editor: &str) -> io::Result<EditorEnd> {
    let folder = private_folder()?;
    let path = folder.join(format!("{job}.yaml"));
    let edited = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(yaml.as_bytes()))
        .and_then(|()| run(editor, &path, 1))
        .and_then(|()| fs::read_to_string(&path));
    // What is left behind holds nothing that the screen does not show.
    let _ = fs::remove_dir_all(&folder);
    let text = edited?;
    Ok(if text == yaml { EditorEnd::Unchanged } else { EditorEnd::Definition(text) })
}

fn private_folder() -> io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let name = format!("crontower-{}", uuid::Uuid::now_v7().as_simple());
    let folder = std::env::temp_dir().join(name);
    fs::DirBuilder::new().mode(0o700).create(&folder)?;
    Ok(folder)
}

/// Runs the editor: a line for the shell, as `git` and `crontab -e` take it.
fn run(editor: &str, path: &Path, line: usize) -> io::Result<()> {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(format!("exec {editor} \"$@\"")).arg("sh");
    command.args(line_arguments(editor, path, line));
    let status = command.status()?;
    if status.success() {
        return Ok(());
    }
    let text =
        format!("`{editor}` exited with {status}: nothing changed (set EDITOR to use another)");
    Err(io::Error::other(text))
}

/// The arguments that open an editor at a line.
fn line_arguments(editor: &str, path: &Path, line: usize) -> Vec<String> {
    let program = editor.split_whitespace().next().unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or_default();
    let path = path.display().to_string();
    match program {
        "vi" | "vim" | "nvim" | "nano" | "emacs" | "emacsclient" | "micro" | "kak" | "joe"
        | "mcedit" | "ne" | "mg" | "pico" | "gedit" => vec![format!("+{line}"), path],
        "hx" | "helix" | "subl" | "zed" => vec![format!("{path}:{line}")],
        "code" | "codium" => vec!["--goto".to_owned(), format!("{path}:{line}")],
        _ => vec![path],
    }
}

/// The line on which a job begins, from 1; the first where it is not found.
fn line_of(text: &str, job: &JobId) -> usize {
    let is_it = |line: &str| {
        line.match_indices("id:").any(|(at, _)| {
            let before = line[..at].trim_end_matches(['"', '\'']);
            let begins = before.chars().all(|c| c.is_whitespace() || c == '-')
                || before.trim_end().ends_with(['{', ',']);
            let value = line[at + 3..].trim_start().trim_start_matches(['"', '\'']);
            let ends = |rest: &str| {
                rest.chars().next().is_none_or(|c| matches!(c, '"' | '\'' | ',' | '}' | ' ' | '#'))
            };
            begins && value.strip_prefix(job.as_str()).is_some_and(ends)
        })
    };
    text.lines().position(is_it).map_or(1, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::tests::fixtures::job_id;

    const FILE: &str = "jobs:\n  - id: backup-old\n    run: a\n  - { name: x, id: \"backup\", run: b }\n  - name: y\n    id: sync # here\n";

    fn editing(file: Option<&Path>) -> Editing {
        Editing {
            job: Some(job_id("backup")),
            version: 1,
            line: None,
            file: file.map(|path| path.display().to_string()),
            yaml: "id: backup\n".to_owned(),
        }
    }

    #[test]
    fn a_job_is_found_by_its_whole_id() {
        assert_eq!(line_of(FILE, &job_id("backup-old")), 2);
        assert_eq!(line_of(FILE, &job_id("backup")), 4);
        assert_eq!(line_of(FILE, &job_id("sync")), 6);
        assert_eq!(line_of(FILE, &job_id("gone")), 1);
    }

    #[test]
    fn each_editor_is_shown_the_line_in_its_own_way() {
        let shown_text = |editor| line_arguments(editor, Path::new("j.yaml"), 7).join(" ");
        assert_eq!(shown_text("vim -n"), "+7 j.yaml");
        assert_eq!(shown_text("/usr/bin/hx"), "j.yaml:7");
        assert_eq!(shown_text("code --wait"), "--goto j.yaml:7");
        assert_eq!(shown_text("ed"), "j.yaml");
    }

    #[test]
    fn what_an_editor_did_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs.yaml");
        fs::write(&path, FILE).unwrap();
        let end = |editor: &str| edit(&editing(Some(&path)), Some(editor), true);
        assert_eq!(end("true"), EditorEnd::Unchanged);
        assert_eq!(end("sh -c 'echo \"# more\" >> \"$1\"' sh"), EditorEnd::File);
        assert!(matches!(end("false"), EditorEnd::Failed(why) if why.contains("`false` exited")));
        assert!(matches!(end("no-such-editor"), EditorEnd::Failed(_)));
        // The line of an error goes before that of a job, and needs none.
        let vi = folder.path().join("vi");
        fs::write(&vi, "#!/bin/sh\necho \"$1\" >> \"$2\"\n").unwrap();
        fs::set_permissions(&vi, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let at_error = Editing { job: None, line: Some(7), ..editing(Some(&path)) };
        assert_eq!(edit(&at_error, vi.to_str(), true), EditorEnd::File);
        assert_eq!(edit(&editing(Some(&path)), vi.to_str(), true), EditorEnd::File);
        assert!(fs::read_to_string(&path).unwrap().ends_with("+7\n+4\n"));
        let no_file = Editing { job: None, ..editing(None) };
        assert!(matches!(edit(&no_file, Some("true"), true), EditorEnd::Failed(_)));
        let elsewhere = edit(&editing(Some(&path)), Some("sh -c 'echo x: 1 >> \"$1\"' sh"), false);
        assert_eq!(elsewhere, EditorEnd::Definition("id: backup\nx: 1\n".to_owned()));
        assert_eq!(edit(&editing(None), Some("true"), true), EditorEnd::Unchanged);
    }
}
