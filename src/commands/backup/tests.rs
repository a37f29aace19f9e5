use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::commands::testing::{Bench, check};

/// What is in the only archive (or the newest) of a folder: `name = content`, links as `->`.
fn unpack(bench: &Bench, folder: &str) -> String {
    let name = bench.list(folder).into_iter().rfind(|name| name.ends_with(".tar.gz")).unwrap();
    let file = File::open(bench.path().join(folder).join(name)).unwrap();
    let mut archive = tar::Archive::new(GzDecoder::new(file));
    let root = bench.path().canonicalize().unwrap();
    let mut lines = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = Path::new("/").join(entry.path().unwrap());
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        let kind = entry.header().entry_type();
        let shown = if kind.is_dir() {
            "/".to_owned()
        } else if let Some(target) = entry.link_name().unwrap() {
            format!(" -> {}", target.display())
        } else {
            let mut content = String::new();
            std::io::Read::read_to_string(&mut entry, &mut content).unwrap();
            format!(" = {content}")
        };
        lines.push(format!("{name}{shown}"));
    }
    lines.join("\n")
}

#[tokio::test]
async fn files_folders_and_links_are_in_the_archive() {
    let bench = Bench::new();
    bench.write("data/b.txt", "bee");
    bench.write("data/a/deep.txt", "deep");
    bench.write("single.txt", "one");
    fs::create_dir(bench.path().join("data/empty")).unwrap();
    symlink("../single.txt", bench.path().join("data/link")).unwrap();
    symlink("/no/such/../place", bench.path().join("data/dangling")).unwrap();
    symlink(bench.path().join("data"), bench.path().join("to-data")).unwrap();
    let args = json!({ "paths": ["to-data", "single.txt", "data/a"], "destination": "out" });
    let result = bench.run("backup", args).await.unwrap();
    insta::assert_snapshot!(unpack(&bench, "out"), @r"
    data/
    data/a/
    data/a/deep.txt = deep
    data/b.txt = bee
    data/dangling -> /no/such/../place
    data/empty/
    data/link -> ../single.txt
    single.txt = one
    ");
    let archive = Path::new(result["archive"].as_str().unwrap());
    assert_eq!(result["archive_bytes"], fs::metadata(archive).unwrap().len());
    assert_eq!(
        [&result["files"], &result["entries"], &result["bytes"], &result["verified"]],
        [&json!(3), &json!(8), &json!(10), &json!(true)]
    );
    // The tool that everybody restores with reads it.
    let listed = std::process::Command::new("tar").arg("-tzf").arg(archive).output().unwrap();
    assert!(listed.status.success());
    assert_eq!(listed.stdout.iter().filter(|byte| **byte == b'\n').count(), 8);
}

#[tokio::test]
async fn long_names_and_long_links_survive() {
    let bench = Bench::new();
    let deep = format!("data/{}/{}", "d".repeat(200), "f".repeat(200));
    bench.write(&deep, "x");
    let target = "t/".repeat(150);
    symlink(&target, bench.path().join("data/link")).unwrap();
    bench.run("backup", json!({ "paths": "data", "destination": "out" })).await.unwrap();
    let unpacked = unpack(&bench, "out");
    assert!(unpacked.contains(&format!("{deep} = x")), "{unpacked}");
    assert!(unpacked.contains(&format!("data/link -> {target}")), "{unpacked}");
}

#[tokio::test]
async fn a_destination_inside_the_paths_does_not_swallow_itself() {
    let bench = Bench::new();
    bench.write("data/a.txt", "a");
    bench.write("data/out/keep.txt", "not an archive");
    bench.write("data/out/.other-1.partial", "half an archive");
    for nth in 1..=3 {
        let context = bench.nth_context("nightly", nth);
        let args = json!({ "paths": ["data"], "destination": "data/out" });
        bench.run_in(context, "backup", args).await.unwrap();
    }
    insta::assert_snapshot!(unpack(&bench, "data/out"), @r"
    data/
    data/a.txt = a
    data/out/
    data/out/keep.txt = not an archive
    ");
}

#[tokio::test]
async fn the_newest_of_this_job_are_kept_and_all_else_is_left_alone() {
    let bench = Bench::new();
    bench.write("data.txt", "x");
    bench.write("out/notes.txt", "mine");
    bench.write("out/db-copy-20200101T000000Z-00000000.tar.gz", "of another job");
    fs::create_dir(bench.path().join("out/db-20200101T000000Z-00000000.tar.gz")).unwrap();
    let mut removed = Vec::new();
    // The fourth was created first: what counts is when, not which ran last.
    for nth in [2, 3, 4, 1] {
        let args = json!({ "paths": ["data.txt"], "destination": "out", "keep": 2 });
        let context = bench.nth_context("db", nth);
        removed.push(bench.run_in(context, "backup", args).await.unwrap()["removed"].clone());
    }
    assert_eq!(removed, [0, 0, 1, 1].map(Value::from));
    insta::assert_snapshot!(bench.list("out").join("\n"), @r"
    db-20200101T000000Z-00000000.tar.gz
    db-20260921T151320Z-00010000.tar.gz
    db-20260921T181320Z-00040000.tar.gz
    db-copy-20200101T000000Z-00000000.tar.gz
    notes.txt
    ");
}

#[tokio::test]
async fn a_stop_leaves_nothing_behind() {
    let bench = Bench::new();
    for index in 0..30 {
        bench.write(&format!("data/{index:02}"), "x");
    }
    // A socket is left out with a line of output, on which the stop is set.
    let _socket = std::os::unix::net::UnixListener::bind(bench.path().join("data/15-s")).unwrap();
    bench.stop_at("15-s");
    let stopped = bench.run("backup", json!({ "paths": ["data"], "destination": "out" })).await;
    assert_eq!(stopped, Err("stopped before it was done".to_owned()));
    assert_eq!(bench.list("out"), [""; 0]);
}

#[tokio::test]
async fn what_a_killed_attempt_left_is_removed() {
    let bench = Bench::new();
    bench.write("data.txt", "x");
    bench.write("out/.nightly-20200101T000000Z-00000000.tar.gz.0-1.partial", "half");
    bench.run("backup", json!({ "paths": ["data.txt"], "destination": "out" })).await.unwrap();
    assert_eq!(bench.list("out").len(), 1);
}

#[tokio::test]
async fn pipes_are_left_out_and_not_waited_for() {
    let bench = Bench::new();
    bench.write("data/a", "x");
    let pipe = bench.path().join("data/pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    let args = json!({ "paths": ["data"], "destination": "out" });
    let result = bench.run("backup", args).await.unwrap();
    assert_eq!((&result["skipped"], &result["files"]), (&json!(1), &json!(1)));
    assert!(bench.output().contains("data/pipe: skipped: not a file, folder or link\n"));
}

#[tokio::test]
async fn files_that_grow_while_they_are_read_have_one_size() {
    let bench = Bench::new();
    bench.write("data/log", "x".repeat(200_000));
    let path = bench.path().join("data/log");
    let writer = std::thread::spawn(move || {
        use std::io::Write;
        let mut log = File::options().append(true).open(path).unwrap();
        for _ in 0..2_000 {
            log.write_all(&[b'y'; 1_000]).unwrap();
        }
    });
    let args = json!({ "paths": ["data"], "destination": "out" });
    let result = bench.run("backup", args).await.unwrap();
    writer.join().unwrap();
    let content = unpack(&bench, "out").len() - "data/\ndata/log = ".len();
    assert_eq!(result["bytes"], content);
    assert!(content >= 200_000);
}

#[tokio::test]
async fn a_path_that_is_not_there_fails_and_makes_nothing() {
    let bench = Bench::new();
    let args = json!({ "paths": ["nowhere"], "destination": "out" });
    let failed = bench.run("backup", args).await.unwrap_err();
    let path = bench.path().join("nowhere");
    assert_eq!(
        failed,
        format!("`paths` {}: No such file or directory (os error 2)", path.display())
    );
    assert!(!bench.path().join("out").exists());
}

#[tokio::test]
async fn a_destination_that_is_a_file_is_named() {
    let bench = Bench::new();
    bench.write("out", "a file");
    let args = json!({ "paths": ["out"], "destination": "out" });
    let failed = bench.run("backup", args).await.unwrap_err();
    assert!(failed.starts_with("`destination` ") && failed.contains("/out: "), "{failed}");
}

#[test]
fn wrong_arguments_are_reported() {
    insta::assert_snapshot!(check("backup", json!({})), @r"
    paths: is missing: write it like [/etc, data]
    destination: is missing: write it like /var/backups
    ");
    let args = json!({ "paths": [], "destination": " ", "keep": 0, "dest": "x" });
    insta::assert_snapshot!(check("backup", args), @r"
    paths: is empty: write it like [/etc, data]
    destination: is empty: write it like /var/backups
    keep: must be a whole number 1-10000, not 0
    dest: is not an argument of this command: it takes `paths`, `destination`, `keep`
    ");
}
