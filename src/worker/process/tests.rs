//! A worker process inside the test's own (without leaving the terminal), real commands, and an
//! engine made of a socket.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use chrono::DateTime;
use serde_json::{Map, Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use super::*;
use crate::clock::Clock;
use crate::commands::{ArgProblem, Args, Command, CommandError, Context};
use crate::model::Stream;
use crate::model::{
    Assignment, AttemptKey, Ended, EnvValue, JobCommand, JobId, Outcome, Running, StopCause,
    Trigger, WorkerId,
};
use crate::worker::frames;
use crate::worker::output_log::read_output;
use crate::worker::processes::Process;
use crate::worker::protocol::{ToWorker, VERSION};

mod bench;
mod environment;

use bench::{TEST_TIMEOUT, Worker};

/// An attempt of a script, as an engine would hand it out.
pub(in crate::worker) fn assignment(script: &str) -> Assignment {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let id = format!("0192f0c123457abc8def{:012x}", NEXT.fetch_add(1, Ordering::Relaxed));
    Assignment {
        key: AttemptKey { execution_id: id.parse().unwrap(), attempt: 1 },
        worker_id: WorkerId::new("local").unwrap(),
        job_id: JobId::new("job").unwrap(),
        command: JobCommand::script(script),
        args: Vec::new(),
        env: BTreeMap::new(),
        working_dir: Some("/".to_owned()),
        timeout: None,
        start_timeout: None,
        kill_grace: Duration::from_secs(10),
        success_exit_codes: vec![0],
        output_limit: 10 << 20,
        fire_time: DateTime::from_timestamp(1_763_920_800, 0).unwrap(),
        trigger: Trigger::Schedule,
        user: None,
        failure: None,
    }
}

fn named(command: &str, args: Value) -> Assignment {
    let Value::Object(args) = args else { panic!("arguments are a map") };
    let command = JobCommand::Named { command: command.to_owned(), args };
    Assignment { command, ..assignment("") }
}

/// Everything that an attempt has written, each line after its stream's letter.
pub(in crate::worker) fn output(data_dir: &Path, key: AttemptKey) -> String {
    let chunk = read_output(data_dir, key, 0, 8 << 20).unwrap();
    let lines = chunk.lines.iter().map(|line| {
        let letter = match line.stream {
            Stream::Stdout => 'o',
            Stream::Stderr => 'e',
            Stream::Gap => 'g',
        };
        format!("{letter} {}\n", String::from_utf8_lossy(&line.text))
    });
    lines.collect()
}

/// Whether a process lives.
pub(in crate::worker) fn lives(pid: i32) -> bool {
    Process::read(pid).is_some_and(|process| !process.ended)
}

/// The number in a file that a command writes, once it is there and whole.
pub(in crate::worker) fn number_in(path: &Path) -> i32 {
    let begin = Clock.now().monotonic;
    loop {
        if let Ok(text) = fs::read_to_string(path)
            && let Some(number) = text.strip_suffix('\n')
        {
            return number.trim().parse().unwrap();
        }
        assert!(Clock.now().monotonic - begin < TEST_TIMEOUT, "{} did not come", path.display());
        std::thread::yield_now();
    }
}

#[test]
fn output_comes_back_by_stream_and_the_exit_code_decides() {
    let worker = Worker::up();
    let script = "echo one; echo oops >&2; printf two; exit 3";
    let (ended, shown) = worker.run(assignment(script));
    assert_eq!((ended.outcome, ended.exit_code), (Outcome::Failed, Some(3)));
    assert_eq!(ended.error.as_deref(), Some("exit code 3"));
    assert!(ended.started_at.unwrap() <= ended.finished_at);
    let mut lines: Vec<&str> = shown.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["e oops", "o one", "o two"]);
    let allowed = Assignment { success_exit_codes: vec![0, 3], ..assignment("exit 3") };
    assert_eq!(worker.run(allowed).0.outcome, Outcome::Succeeded);
}

#[test]
fn lines_of_both_streams_keep_their_order_when_there_is_time_between_them() {
    let worker = Worker::up();
    let mut work = assignment("");
    let id = work.key.execution_id.to_string();
    let log = worker.dir.path().join("output").join(&id[30..]).join(format!("{id}.1"));
    // Each line waits until the one before has been read.
    let script = format!(
        "say() {{ echo \"$1\"; until grep -q \"$1\" {} 2>/dev/null; do sleep 0.01; done; }}
        for n in 1 2 3; do say \"out $n\"; say \"err $n\" >&2; done",
        log.display()
    );
    work.command = JobCommand::script(&script);
    let (_, shown) = worker.run(work);
    assert_eq!(shown, "o out 1\ne err 1\no out 2\ne err 2\no out 3\ne err 3\n");
}

#[test]
fn a_command_gets_its_environment_folder_and_arguments_and_no_terminal() {
    let worker = Worker::up();
    let script = r#"echo "$CRONTOWER_JOB_ID $CRONTOWER_ATTEMPT $CRONTOWER_FIRE_TIME $CRONTOWER_TRIGGER"
        echo "$CRONTOWER_EXECUTION_ID"; echo "$INHERITED $OWN"; pwd; echo "$# $1|$2"; cat; env | grep -c ^CRONTOWER_"#;
    let mut work = assignment(script);
    work.args = vec!["a b".to_owned(), "$HOME".to_owned()];
    work.env = BTreeMap::from([
        ("OWN".to_owned(), EnvValue::Text("mine".to_owned())),
        ("CRONTOWER_JOB_ID".to_owned(), EnvValue::Text("forged".to_owned())),
    ]);
    let (ended, shown) = worker.run(work.clone());
    assert_eq!(ended.outcome, Outcome::Succeeded);
    let id = work.key.execution_id;
    let expected = format!(
        "o job 1 2025-11-23T18:00:00Z schedule\no {id}\no yes mine\no /\no 2 a b|$HOME\no 5\n"
    );
    assert_eq!(shown, expected);
}

#[test]
fn the_worker_process_passes_on_nothing_of_its_own() {
    let options = ServeOptions::new("/nowhere".into(), Registry::default());
    let named = |name: &str| options.environment.iter().any(|(known, _)| known == name);
    assert!(named("PATH"));
    assert!(
        !options
            .environment
            .iter()
            .any(|(name, _)| { name.to_string_lossy().starts_with("CRONTOWER_") })
    );
}

#[test]
fn a_script_with_an_interpreter_or_of_great_length_runs_from_a_file_that_goes() {
    let worker = Worker::up();
    let mut awk = assignment("#!/usr/bin/awk -f\nBEGIN { print ARGV[1] }\n");
    awk.args = vec!["given".to_owned()];
    assert_eq!(worker.run(awk).1, "o given\n");
    let long = format!("# {}\necho \"$1\"; exit 4", "x".repeat(200_000));
    for shell in [vec!["/bin/sh", "-c"], vec!["/bin/sh", "-e", "-uc"]] {
        let shell = shell.into_iter().map(str::to_owned).collect();
        let command = JobCommand::Run { run: long.clone(), shell };
        let args = vec!["given".to_owned()];
        let (ended, shown) = worker.run(Assignment { command, args, ..assignment("") });
        assert_eq!((ended.exit_code, shown.as_str()), (Some(4), "o given\n"));
    }
    assert_eq!(fs::read_dir(worker.file("scripts")).unwrap().count(), 0);
}

#[test]
fn the_shell_command_takes_a_script_or_words() {
    let worker = Worker::up();
    let mut words = named("shell", json!({"argv": ["/bin/echo", "a  b", 7]}));
    words.args = vec!["given".to_owned()];
    assert_eq!(worker.run(words).1, "o a  b 7 given\n");
    assert_eq!(worker.run(named("shell", json!({"script": "echo $0"}))).1, "o /bin/sh\n");
    let (ended, _) = worker.run(named("shell", json!({"argv": []})));
    assert_eq!(ended.error.as_deref(), Some("`argv` names no program"));
}

#[test]
fn what_cannot_be_started_fails_with_the_reason() {
    let worker = Worker::up();
    let error = |work: Assignment| {
        let (ended, _) = worker.run(work);
        assert_eq!((ended.outcome, ended.started_at), (Outcome::Failed, None));
        ended.error.unwrap()
    };
    let words = |program: &str| named("shell", json!({"argv": [program]}));
    let nowhere = Assignment { working_dir: Some("/no/such".to_owned()), ..assignment("true") };
    fs::write(worker.file("noexec"), "text").unwrap();
    fs::set_permissions(worker.file("noexec"), fs::Permissions::from_mode(0o700)).unwrap();
    insta::assert_snapshot!(error(nowhere), @"not started: working_dir `/no/such` does not exist or is not a folder");
    insta::assert_snapshot!(error(words("/no/such")), @"not started: cannot find the program `/no/such`");
    insta::assert_snapshot!(error(words("no-such-program")), @"not started: cannot find the program `no-such-program` in PATH");
    insta::assert_snapshot!(error(assignment("#!/no/such -x\n")), @"not started: the script's interpreter `/no/such` does not exist");
    insta::assert_snapshot!(error(assignment("echo \0")), @"not started: a NUL character in the script, its arguments or its environment");
    insta::assert_snapshot!(error(words("/etc")), @"not started: `/etc` cannot be executed, or the folder `/` cannot be entered (Permission denied (os error 13))");
    assert!(
        error(words(worker.file("noexec").to_str().unwrap()))
            .ends_with("is not a program (a script needs a first line `#!…`)")
    );
}

#[test]
fn a_death_by_signal_is_reported_by_name() {
    let worker = Worker::up();
    let (ended, _) = worker.run(assignment("kill -9 $$"));
    assert_eq!((ended.outcome, ended.exit_code), (Outcome::Failed, None));
    assert_eq!(ended.error.as_deref(), Some("killed by signal 9 (SIGKILL)"));
}

#[test]
fn a_timeout_ends_the_whole_group_even_what_ignores_sigterm() {
    let worker = Worker::up();
    let pid = worker.file("pid");
    let script = format!(
        "(trap '' TERM; sh -c 'echo $$ > {0}.new; mv {0}.new {0}; while :; do sleep 1; done') & wait",
        pid.display()
    );
    let mut work = assignment(&script);
    work.timeout = Some(Duration::from_millis(300));
    work.kill_grace = Duration::from_millis(200);
    let (ended, _) = worker.run(work);
    assert_eq!(ended.outcome, Outcome::TimedOut);
    let expected = "ran longer than its timeout of 300ms; ended by SIGKILL";
    assert_eq!(ended.error.as_deref(), Some(expected));
    assert!(!lives(number_in(&pid)));
}

#[test]
fn what_a_successful_command_leaves_behind_neither_delays_nor_dies() {
    let worker = Worker::up();
    let pid = worker.file("pid");
    let go = worker.file("go");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &go,
        rustix::fs::FileType::Fifo,
        Mode::RUSR | Mode::WUSR,
        0,
    )
    .unwrap();
    // The one left behind writes only after the attempt is over, and tells whether it could.
    let script = format!(
        "sh -c 'read go < {0}; echo late; echo \"$? \" > {1}' & echo up",
        go.display(),
        pid.display()
    );
    let (ended, shown) = worker.run(assignment(&script));
    assert_eq!((ended.outcome, shown.as_str()), (Outcome::Succeeded, "o up\n"));
    fs::write(&go, "go\n").unwrap();
    assert_eq!(number_in(&pid), 0, "it could write to its output");
}

#[test]
fn what_a_failed_command_leaves_behind_is_ended_before_its_retry() {
    let worker = Worker::up();
    let (ended, shown) = worker.run(assignment("sleep 1000 & echo $!; exit 1"));
    assert_eq!(ended.error.as_deref(), Some("exit code 1"));
    let pid = shown.trim_start_matches("o ").trim().parse().unwrap();
    assert!(!lives(pid));
}

#[test]
fn a_cancel_and_a_deadline_end_a_command() {
    let worker = Worker::up();
    let mut engine = worker.engine();
    for (cause, outcome) in
        [(StopCause::Cancel, Outcome::Cancelled), (StopCause::Deadline, Outcome::TimedOut)]
    {
        // It says goodbye after SIGTERM, and that is kept.
        let work = assignment("trap 'echo bye; exit 0' TERM; echo up; sleep 1000 & wait");
        engine.start(&work);
        let pid = engine.started(work.key).pid.unwrap();
        let up = || output(worker.dir.path(), work.key) == "o up\n";
        let begin = Clock.now().monotonic;
        while !up() {
            assert!(Clock.now().monotonic - begin < TEST_TIMEOUT);
            std::thread::yield_now();
        }
        engine.send(&ToWorker::Stop { key: work.key, cause });
        let ended = engine.ended(work.key);
        assert_eq!((ended.outcome, ended.exit_code), (outcome, Some(0)));
        assert_eq!(output(worker.dir.path(), work.key), "o up\no bye\n");
        assert!(!lives(i32::try_from(pid).unwrap()));
    }
}

#[test]
fn a_key_is_started_once_however_often_it_is_sent() {
    let worker = Worker::up();
    let mut engine = worker.engine();
    let trace = worker.file("trace");
    let work = assignment(&format!("echo x >> {}; exec sleep 1000", trace.display()));
    let short = assignment(&format!("echo x >> {}", trace.display()));
    engine.start(&short);
    engine.start(&short);
    let first = engine.ended(short.key);
    engine.start(&short);
    assert_eq!(engine.ended(short.key), first);
    engine.start(&work);
    let running = engine.started(work.key);
    engine.start(&work);
    assert_eq!(engine.started(work.key), running);
    let begin = Clock.now().monotonic;
    while fs::read_to_string(&trace).unwrap() != "x\nx\n" {
        assert!(Clock.now().monotonic - begin < TEST_TIMEOUT);
        std::thread::yield_now();
    }
    engine.send(&ToWorker::Stop { key: work.key, cause: StopCause::Cancel });
    engine.ended(work.key);
    assert_eq!(fs::read_to_string(&trace).unwrap(), "x\nx\n");
}

#[test]
fn another_engine_hears_what_runs_and_what_has_ended_until_that_is_committed() {
    let worker = Worker::up();
    let mut first = worker.engine();
    let (long, short) = (assignment("sleep 1000"), assignment("exit 5"));
    first.start(&long);
    let running = first.started(long.key);
    first.start(&short);
    let ended = first.ended(short.key);
    let mut second = worker.connect();
    assert_eq!(second.hello(), (vec![running.clone()], vec![ended.clone()]));
    while first.next().is_some() {}
    second.send(&ToWorker::Committed { keys: vec![short.key] });
    second.send(&ToWorker::Stop { key: long.key, cause: StopCause::Cancel });
    let cancelled = second.ended(long.key);
    drop(second);
    assert_eq!(worker.connect().hello(), (vec![], vec![cancelled]));
}

#[test]
fn an_engine_that_asks_once_more_hears_all_of_it_once_more() {
    let worker = Worker::up();
    let mut engine = worker.engine();
    let (long, short) = (assignment("sleep 1000"), assignment("exit 5"));
    engine.start(&long);
    let running = engine.started(long.key);
    engine.start(&short);
    let ended = engine.ended(short.key);
    assert_eq!(engine.hello(), (vec![running], vec![ended]));
    engine.send(&ToWorker::Stop { key: long.key, cause: StopCause::Cancel });
    engine.ended(long.key);
}

#[test]
fn what_is_no_message_ends_its_connection_only() {
    let worker = Worker::up();
    let huge = [0xff; 8];
    let mut text = b"\0\0\0\x05hello".to_vec();
    let mut early = Vec::new();
    frames::encode(&ToWorker::Goodbye, &mut early).unwrap();
    text.extend_from_slice(&[0; 64]);
    for garbage in [&huge[..], &text, &early] {
        let mut engine = worker.connect();
        engine.stream.write_all(garbage).unwrap();
        assert_eq!(engine.next(), None);
    }
    let mut engine = worker.engine();
    engine.stream.write_all(b"\0\0\0\x02{}").unwrap();
    while engine.next().is_some() {}
    worker.engine();
}

#[test]
fn an_engine_of_another_version_is_turned_away() {
    let worker = Worker::up();
    let mut current = worker.engine();
    let mut other = worker.connect();
    other.send(&ToWorker::Hello { version: VERSION + 1, environment: None });
    assert!(matches!(other.next(), Some(FromWorker::Hello { version: VERSION, .. })));
    assert_eq!(other.next(), None);
    let work = assignment("true");
    current.start(&work);
    assert_eq!(current.ended(work.key).outcome, Outcome::Succeeded);
}

#[test]
fn a_successor_ends_what_a_dead_worker_process_left_and_says_it_was_lost() {
    let mut worker = Worker::up();
    let mut engine = worker.engine();
    let done = assignment("exit 7");
    engine.start(&done);
    let ended = engine.ended(done.key);
    let pid_file = worker.file("pid");
    let lost = assignment(&format!(
        "trap '' TERM; sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait; wait",
        pid_file.display()
    ));
    let lost = Assignment { kill_grace: Duration::from_millis(100), ..lost };
    engine.start(&lost);
    let running = engine.started(lost.key);
    let grandchild = number_in(&pid_file);
    worker.die();
    assert!(lives(grandchild));
    worker.serve();
    // It resists, so it still runs; other work does not wait for it.
    let mut engine = worker.connect();
    let (still, ends) = engine.hello();
    assert_eq!((still.len(), ends), (1, vec![ended]));
    assert_eq!((still[0].key, still[0].pid), (lost.key, running.pid));
    let end = engine.ended(lost.key);
    assert_eq!((end.outcome, end.started_at.is_some()), (Outcome::WorkerLost, true));
    assert!(!lives(grandchild) && !lives(i32::try_from(running.pid.unwrap()).unwrap()));
    // It was told, but not committed: the next one tells it again.
    worker.die();
    worker.serve();
    assert_eq!(worker.connect().hello().1.len(), 2);
}

#[test]
fn what_resists_is_known_to_every_successor_and_holds_up_no_other_work() {
    let mut worker = Worker::up();
    let mut engine = worker.engine();
    let ready = worker.file("ready");
    let work = assignment(&format!(
        "trap '' TERM; sleep 1000 & echo 1 > {0}.new; mv {0}.new {0}; wait; wait",
        ready.display()
    ));
    let lost = Assignment { kill_grace: Duration::from_secs(3_600), ..work };
    engine.start(&lost);
    let group = i32::try_from(engine.started(lost.key).pid.unwrap()).unwrap();
    number_in(&ready);
    for _ in 0..2 {
        worker.die();
        worker.serve();
        let mut engine = worker.connect();
        let (running, _) = engine.hello();
        assert_eq!(running.iter().map(|it| it.key).collect::<Vec<_>>(), [lost.key]);
        let other = assignment("true");
        engine.start(&other);
        assert_eq!(engine.ended(other.key).outcome, Outcome::Succeeded);
        engine.send(&ToWorker::Committed { keys: vec![other.key] });
        engine.start(&lost);
        assert_eq!(engine.started(lost.key).pid, u32::try_from(group).ok());
    }
    crate::worker::processes::signal_group(group, rustix::process::Signal::KILL);
    let mut engine = worker.connect();
    let (_, ended) = engine.hello();
    let end = ended.into_iter().find(|end| end.key == lost.key);
    let end = end.unwrap_or_else(|| engine.ended(lost.key));
    assert_eq!(end.outcome, Outcome::WorkerLost);
}

#[test]
fn a_socket_that_was_removed_is_made_again() {
    let worker = Worker::up();
    let mut engine = worker.engine();
    let work = assignment("sleep 1000");
    engine.start(&work);
    engine.started(work.key);
    let socket = worker.file("worker.sock");
    // Both while an engine is connected, and while none is.
    for _ in 0..2 {
        fs::remove_file(&socket).unwrap();
        drop(engine);
        engine = worker.connect();
        assert_eq!(engine.hello().0.len(), 1);
        drop(engine);
        let other = worker.file("other");
        fs::write(&other, "in the way").unwrap();
        fs::rename(other, &socket).unwrap();
        engine = worker.connect();
        assert_eq!(engine.hello().0.len(), 1);
    }
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    engine.send(&ToWorker::Stop { key: work.key, cause: StopCause::Cancel });
    engine.ended(work.key);
}

#[test]
fn it_ends_when_idle_and_alone_and_not_before() {
    let mut worker = Worker::new();
    worker.idle_grace = Duration::from_millis(500);
    worker.serve();
    let mut engine = worker.engine();
    let go = worker.file("go");
    let work = assignment(&format!("until test -e {}; do sleep 0.01; done", go.display()));
    engine.start(&work);
    engine.started(work.key);
    drop(engine);
    fs::write(&go, "").unwrap();
    worker.ended().unwrap();
    assert!(!worker.file("worker.sock").exists());
    worker.serve();
    let (_, ended) = worker.connect().hello();
    assert_eq!((ended[0].key, ended[0].outcome), (work.key, Outcome::Succeeded));
}

#[test]
fn a_goodbye_ends_it_at_once() {
    let mut worker = Worker::up();
    let mut engine = worker.engine();
    engine.send(&ToWorker::Goodbye);
    worker.ended().unwrap();
    assert_eq!(engine.next(), None);
}

#[test]
fn only_one_serves_a_data_folder() {
    let mut worker = Worker::up();
    worker.engine();
    let other = worker.runtime.as_ref().unwrap().block_on(serve(worker.options()));
    assert!(matches!(other, Err(WorkerError::Served { .. })), "{other:?}");
    let mut engine = worker.engine();
    engine.send(&ToWorker::Goodbye);
    worker.ended().unwrap();
}

#[test]
fn a_path_too_long_for_a_socket_is_no_hindrance() {
    let mut worker = Worker::new();
    let deep = worker.dir.path().join("x".repeat(120));
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let idle_grace = Duration::ZERO;
    let options = ServeOptions { data_dir: deep.clone(), idle_grace, ..worker.options() };
    runtime.block_on(async {
        tokio::time::timeout(TEST_TIMEOUT, serve(options)).await.unwrap().unwrap();
    });
    assert!(deep.join("worker.journal").exists());
    worker.runtime = Some(runtime);
}

#[test]
fn a_flood_of_output_is_kept_whole_below_the_limit() {
    let worker = Worker::up();
    let (ended, _) = worker.run(assignment("seq 1 1000000"));
    assert_eq!(ended.outcome, Outcome::Succeeded);
    let (mut from, mut lines) = (0, 0u32);
    loop {
        let chunk = read_output(worker.dir.path(), ended.key, from, 1 << 20).unwrap();
        for line in &chunk.lines {
            lines += 1;
            assert_eq!(line.text, lines.to_string().as_bytes());
        }
        from = chunk.next;
        if chunk.at_end {
            break;
        }
    }
    assert_eq!(lines, 1_000_000);
}

/// Waits for its stop, panics, or answers.
struct Probe;

#[async_trait]
impl Command for Probe {
    fn check(&self, _args: &Args) -> Result<(), Vec<ArgProblem>> {
        Ok(())
    }

    async fn run(&self, context: Context, args: Args) -> Result<Value, CommandError> {
        context.say("begun");
        match args.get("do").and_then(Value::as_str) {
            Some("panic") => panic!("on purpose"),
            Some("wait") => {
                context.stop.cancelled().await;
                Err(CommandError("stopped".to_owned()))
            }
            Some("ignore") => std::future::pending().await,
            Some("fail") => Err(CommandError("did not work".to_owned())),
            Some("big") => Ok(Value::String("x".repeat(100_000))),
            _ => Ok(json!({"job": context.job_id})),
        }
    }
}

#[test]
fn commands_of_the_registry_are_held_to_the_same_bounds() {
    let mut worker = Worker::new();
    worker.registry.register("probe", Arc::new(Probe));
    worker.serve();
    let run = |what: &str, timeout: Option<u64>| {
        let mut work = named("probe", json!({"do": what}));
        work.timeout = timeout.map(Duration::from_millis);
        work.kill_grace = Duration::from_millis(20);
        let (ended, shown) = worker.run(work);
        assert_eq!(shown, "o begun\n");
        ended
    };
    let good = run("answer", None);
    assert_eq!((good.outcome, good.result), (Outcome::Succeeded, Some(json!({"job": "job"}))));
    assert_eq!(run("fail", None).error.as_deref(), Some("did not work"));
    let panicked = run("panic", None);
    let described = "the command panicked: on purpose";
    assert_eq!((panicked.outcome, panicked.error.as_deref()), (Outcome::Failed, Some(described)));
    assert_eq!(run("wait", Some(30)).outcome, Outcome::TimedOut);
    assert_eq!(run("ignore", Some(30)).outcome, Outcome::TimedOut);
    let big = run("big", None).result.unwrap();
    assert!(big.as_str().unwrap().ends_with("x…") && big.to_string().len() <= 64 << 10);
    let (unknown, _) = worker.run(named("nothing", Value::Object(Map::new())));
    assert_eq!(unknown.error.as_deref(), Some("this worker knows no command `nothing`"));
}

#[test]
fn output_that_the_disk_did_not_take_is_counted_in_the_end() {
    let mut worker = Worker::new();
    worker.registry = Registry::builtin();
    worker.serve();
    let (ended, _) = worker.run(assignment("echo kept"));
    assert_eq!((ended.outcome, ended.output_lost), (Outcome::Succeeded, 0));
    let folder = worker.file("output");
    fs::rename(&folder, worker.file("elsewhere")).unwrap();
    fs::write(&folder, "in the way").unwrap();
    let mut engine = worker.connect();
    engine.hello();
    let message = json!({"message": "lost too"});
    for (work, lost) in [(assignment("echo lost; echo 12"), 8), (named("echo", message), 9)] {
        engine.start(&work);
        let ended = engine.ended(work.key);
        assert_eq!((ended.outcome, ended.output_lost), (Outcome::Succeeded, lost));
    }
}

#[test]
fn an_attempt_inherits_the_environment_of_the_engine_that_starts_it() {
    use std::os::unix::ffi::OsStringExt as _;
    let worker = Worker::up();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let odd = std::ffi::OsString::from_vec(b"\xff second".to_vec());
    // An engine of an earlier version says nothing: the worker process passes on its own.
    let mut engine = worker.connect();
    engine.hello();
    let work = assignment("echo $INHERITED");
    engine.start(&work);
    engine.ended(work.key);
    assert_eq!(output(worker.dir.path(), work.key), "o yes\n");
    let environment = Some(vec![("PATH".into(), path), ("INHERITED".into(), odd)]);
    let mut second = worker.connect();
    second.send(&ToWorker::Hello { version: VERSION, environment });
    let work = assignment("printf %s \"$INHERITED\" | wc -c");
    second.start(&work);
    second.ended(work.key);
    assert_eq!(output(worker.dir.path(), work.key), "o 8\n");
}

#[test]
fn an_engine_of_an_earlier_version_hears_only_outcomes_it_knows() {
    let worker = Worker::up();
    let work = Assignment { working_dir: Some("/no/such".to_owned()), ..assignment("true") };
    let mut old = worker.connect();
    old.hello();
    old.start(&work);
    assert_eq!(old.ended(work.key).outcome, Outcome::Failed);
    let mut new = worker.connect();
    new.send(&ToWorker::Hello { version: VERSION, environment: Some(Vec::new()) });
    let Some(FromWorker::Hello { ended, .. }) = new.news() else { panic!("not a hello") };
    assert_eq!(ended[0].outcome, Outcome::NotStarted);
}

#[test]
fn a_worker_process_that_only_drains_pipes_hands_over() {
    let mut worker = Worker::up();
    let mut engine = worker.engine();
    let pid_file = worker.file("pid");
    let script = format!("sleep 1000 & echo $! > {0}.new; mv {0}.new {0}", pid_file.display());
    let work = assignment(&script);
    engine.start(&work);
    assert_eq!(engine.ended(work.key).outcome, Outcome::Succeeded);
    let left = number_in(&pid_file);
    // Another engine: its connection ends when a successor can serve the folder.
    let mut second = worker.connect();
    second.send(&ToWorker::Hello { version: VERSION, environment: Some(Vec::new()) });
    while second.next().is_some() {}
    let mut successor = Worker::new();
    std::mem::swap(&mut successor.dir, &mut worker.dir);
    successor.serve();
    let mut third = successor.connect();
    let (running, ended) = third.hello();
    assert_eq!((running, ended[0].key), (vec![], work.key));
    assert!(lives(left), "what was left behind goes on");
    crate::worker::processes::signal_group(
        Process::read(left).unwrap().group,
        rustix::process::Signal::KILL,
    );
    worker.ended().unwrap();
}

/// Runs the test below as nobody, with a program that becomes root as sudo does.
#[test]
fn processes_that_may_not_be_signalled_keep_their_attempt_open() {
    let setpriv = Path::new("/usr/bin/setpriv");
    if !rustix::process::geteuid().is_root() || !setpriv.exists() {
        println!("skipped: needs root and setpriv");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    mode(dir.path(), 0o777);
    let become_root = dir.path().join("become-root");
    fs::copy(setpriv, &become_root).unwrap();
    mode(&become_root, 0o4755);
    let status = std::process::Command::new(setpriv)
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "worker::process::tests::as_nobody", "--ignored", "--nocapture"])
        .env("STUCK_DIR", dir.path())
        .current_dir("/")
        .status()
        .unwrap();
    // What was given up runs on, and is this test's to end.
    let left = number_in(&dir.path().join("given-up"));
    let was_alive = lives(left);
    _ = rustix::process::kill_process(
        rustix::process::Pid::from_raw(left).unwrap(),
        rustix::process::Signal::KILL,
    );
    assert!(status.success());
    assert!(was_alive, "nobody could not end it");
}

#[test]
#[ignore = "a part of the test above"]
fn as_nobody() {
    let Some(dir) = std::env::var_os("STUCK_DIR").map(PathBuf::from) else { return };
    let worker = Worker::up();
    let mut engine = worker.connect();
    let hello = ToWorker::Hello { version: VERSION, environment: Some(Vec::new()) };
    engine.send(&hello);
    let stubborn = |name: &str, seconds: u32| {
        let (root, file) = (dir.join("become-root"), dir.join(name));
        let script = format!(
            "{} --reuid 0 --regid 0 --clear-groups -- /bin/sh -c 'echo $$ > {1}.new; mv {1}.new {1}; exec sleep {seconds}'",
            root.display(),
            file.display(),
        );
        Assignment { kill_grace: Duration::from_millis(50), ..assignment(&script) }
    };
    let (short, given_up) = (stubborn("short", 14), stubborn("given-up", 1_000));
    for (work, name) in [(&short, "short"), (&given_up, "given-up")] {
        engine.start(work);
        number_in(&dir.join(name));
        engine.send(&ToWorker::Stop { key: work.key, cause: StopCause::Cancel });
    }
    let cannot_stop = |engine: &mut bench::Engine, wanted: AttemptKey| loop {
        match engine.news().expect("the connection ended") {
            FromWorker::CannotStop { key, processes, reason, .. } if key == wanted => {
                return (processes, reason);
            }
            FromWorker::Ended(ended) => panic!("it has not ended: {ended:?}"),
            _ => {}
        }
    };
    let (processes, reason) = cannot_stop(&mut engine, given_up.key);
    assert_eq!(reason, "cancelled");
    let root = i32::try_from(processes[0].pid).unwrap();
    assert!(processes[0].is_refused && processes[0].owner == "root", "{processes:?}");
    assert_eq!(root, number_in(&dir.join("given-up")));
    // Another engine hears of it too.
    let mut second = worker.connect();
    second.send(&hello);
    cannot_stop(&mut second, given_up.key);
    second.send(&ToWorker::Abandon { key: given_up.key });
    let (one, two) = (second.ended(given_up.key), second.ended(short.key));
    let error = format!("cancelled; given up: process {root} of root may not be signalled");
    assert_eq!((one.outcome, one.error.as_deref()), (Outcome::Cancelled, Some(&*error)));
    assert!(lives(root) && !lives(number_in(&dir.join("short"))));
    assert_eq!(two.error.as_deref(), Some("cancelled; ended by SIGKILL"));
}
