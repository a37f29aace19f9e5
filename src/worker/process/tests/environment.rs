//! Secrets, other users, and what `on_failure` is told.

use std::io::BufRead as _;
use std::net::TcpListener;

use super::*;
use crate::model::{Failure, ON_FAILURE, StateName};

fn secret(work: Assignment, name: &str, file: &Path) -> Assignment {
    let secret_file = file.display().to_string();
    let env = BTreeMap::from([(name.to_owned(), EnvValue::SecretFile { secret_file })]);
    Assignment { env, ..work }
}

/// Everything in the files below a folder.
fn everything(folder: &Path, all: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            everything(&path, all);
        } else if path.is_file() {
            all.push_str(&String::from_utf8_lossy(&fs::read(path).unwrap()));
        }
    }
}

#[test]
fn a_secret_reaches_the_command_and_is_shown_nowhere() {
    let mut worker = Worker::new();
    worker.registry.register("probe", Arc::new(Teller));
    worker.serve();
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("key");
    fs::write(&file, "hunter2 of old\nline two\n").unwrap();
    let script = r#"test "$KEY" = "hunter2 of old
line two" && echo same; echo "a $KEY b"; printf 'hunter2 '; sleep 0.7; echo 'of old'; echo "line two" >&2; echo hunter2; exit 1"#;
    let (ended, shown) = worker.run(secret(assignment(script), "KEY", &file));
    assert_eq!(ended.error.as_deref(), Some("exit code 1"));
    let mut lines: Vec<&str> = shown.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["e ***", "o ***", "o *** b", "o a ***", "o hunter2", "o same"]);
    let (ended, shown) = worker.run(secret(named("probe", json!({})), "KEY", &file));
    assert_eq!(
        (ended.result, shown.as_str()),
        (Some(json!({"***": ["***\n***"]})), "o ***\no ***\n")
    );
    let (ended, _) = worker.run(secret(named("probe", json!({"fail": true})), "KEY", &file));
    assert_eq!(ended.error.as_deref(), Some("it was ***\n***"));
    let no_such = Assignment { working_dir: Some("/line two".to_owned()), ..assignment("true") };
    let (ended, _) = worker.run(secret(no_such, "KEY", &file));
    assert_eq!(
        ended.error.as_deref(),
        Some("not started: working_dir `/***` does not exist or is not a folder")
    );
    let mut all = String::new();
    everything(worker.dir.path(), &mut all);
    assert!(all.contains("same") && !all.contains("of old") && !all.contains("line two"), "{all}");
}

#[test]
fn without_its_secret_nothing_is_started() {
    let worker = Worker::up();
    let (ended, shown) = worker.run(secret(assignment("echo ran"), "KEY", Path::new("/no/such")));
    assert_eq!((ended.outcome, ended.started_at, shown.as_str()), (Outcome::Failed, None, ""));
    insta::assert_snapshot!(ended.error.unwrap(), @"not started: secret_file `/no/such` of `KEY` does not exist");
    fs::write(worker.file("binary"), b"\xff\xfe1234").unwrap();
    let binary = worker.file("binary");
    let (ended, shown) =
        worker.run(secret(assignment("printf %s \"$KEY\" | wc -c"), "KEY", &binary));
    assert_eq!((ended.outcome, shown.trim()), (Outcome::Succeeded, "o 6"));
    let (ended, _) = worker.run(secret(named("probe", json!({})), "KEY", &binary));
    assert_eq!(ended.outcome, Outcome::Failed);
}

/// Tells what it must not.
struct Teller;

#[async_trait]
impl Command for Teller {
    fn check(&self, _args: &Args) -> Result<(), Vec<ArgProblem>> {
        Ok(())
    }

    async fn run(&self, context: Context, args: Args) -> Result<Value, CommandError> {
        let key = &context.env["KEY"];
        if args.contains_key("fail") {
            return Err(CommandError(format!("it was {key}")));
        }
        context.say(key);
        Ok(json!({"hunter2 of old": [key]}))
    }
}

/// As another user; `None` where this test's may not.
fn as_nobody(work: Assignment) -> Option<Assignment> {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root runs commands as other users");
        return None;
    }
    Some(Assignment { user: Some("nobody".to_owned()), working_dir: None, ..work })
}

#[test]
fn a_command_runs_as_another_user() {
    let worker = Worker::up();
    let script = "id -un; id -G; echo $HOME $USER $LOGNAME $CRONTOWER_JOB_ID; pwd; umask; head -c 1 /etc/shadow";
    let Some(mut work) = as_nobody(assignment(script)) else { return };
    work.working_dir = Some("/usr".to_owned());
    work.env = BTreeMap::from([("USER".to_owned(), EnvValue::Text("forged".to_owned()))]);
    let (ended, shown) = worker.run(work);
    assert_eq!(ended.outcome, Outcome::Failed);
    let described: Vec<_> = shown.lines().filter(|line| line.starts_with('o')).collect();
    assert_eq!(described[0], "o nobody");
    assert!(!described[1].split(' ').any(|group| group == "0"), "{shown}");
    assert_eq!(described[2..4], ["o /nonexistent nobody nobody job", "o /usr"]);
    assert!(shown.contains("Permission denied"), "{shown}");
}

#[test]
fn variables_for_the_linker_reach_the_command_and_not_what_runs_as_root() {
    let worker = Worker::up();
    let script = "id -un; echo $LD_PRELOAD $LD_LIBRARY_PATH";
    let Some(mut work) = as_nobody(assignment(script)) else { return };
    work.working_dir = Some("/".to_owned());
    let text = |text: &str| EnvValue::Text(text.to_owned());
    work.env = BTreeMap::from([
        ("LD_LIBRARY_PATH".to_owned(), text("/nowhere")),
        ("PATH".to_owned(), text("/usr/bin:/bin")),
    ]);
    assert_eq!(worker.run(work).1, "o nobody\no /nowhere\n");
}

#[test]
fn a_script_in_a_file_can_be_read_by_its_user_only_and_goes() {
    let worker = Worker::up();
    let script = "#!/bin/sh\nid -un; stat -c '%U %a' \"$0\"; echo $0 $1";
    let Some(mut work) = as_nobody(assignment(script)) else { return };
    work.working_dir = Some("/".to_owned());
    work.args = vec!["given".to_owned()];
    let (_, shown) = worker.run(work);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[..2], ["o nobody", "o nobody 700"], "{shown}");
    let path = lines[2].strip_prefix("o ").unwrap().strip_suffix(" given").unwrap();
    assert!(!Path::new(path).exists() && !Path::new(path).parent().unwrap().exists());
}

#[test]
fn another_users_group_is_ended_too() {
    let worker = Worker::up();
    let Some(mut work) = as_nobody(assignment("trap '' TERM; sleep 1000 & echo $! $$; wait; wait"))
    else {
        return;
    };
    work.working_dir = Some("/".to_owned());
    work.timeout = Some(Duration::from_millis(500));
    work.kill_grace = Duration::from_millis(100);
    let (ended, shown) = worker.run(work);
    assert_eq!(ended.outcome, Outcome::TimedOut);
    for pid in shown.trim_start_matches("o ").split_whitespace() {
        assert!(!lives(pid.parse().unwrap()));
    }
}

#[test]
fn what_cannot_run_as_another_user_is_reported() {
    let mut worker = Worker::new();
    worker.registry = Registry::builtin();
    worker.serve();
    let Some(echo) = as_nobody(named("echo", json!({"message": "hi"}))) else { return };
    insta::assert_snapshot!(worker.run(echo).0.error.unwrap(), @"not started: `echo` cannot run as another user; `run` and `shell` can");
    let stranger = Assignment { user: Some("no-such-user".to_owned()), ..assignment("true") };
    insta::assert_snapshot!(worker.run(stranger).0.error.unwrap(), @"not started: user `no-such-user` does not exist on this machine");
}

/// The `on_failure` of an attempt.
fn notice(failed: &Assignment, command: JobCommand) -> Assignment {
    let reason = "exit code 3\0\u{1b}[1m".to_owned();
    let failure = Failure { state: StateName::Failed, attempt: failed.key.attempt, reason };
    let key = AttemptKey { attempt: ON_FAILURE, ..failed.key };
    Assignment { key, command, failure: Some(failure), ..failed.clone() }
}

#[test]
fn a_script_is_reported_about_a_failure_once() {
    let worker = Worker::up();
    let mut failed =
        assignment("printf 'a\\033[1mb\\tc\\n'; seq 1 100000; printf 'end\\000' >&2; exit 3");
    failed.key.attempt = 2;
    worker.run(failed.clone());
    let trace = worker.file("trace");
    let script = format!(
        "echo x >> {}; echo $CRONTOWER_STATE/$CRONTOWER_ATTEMPT/$CRONTOWER_REASON; \
         printf %s \"$CRONTOWER_OUTPUT_TAIL\" | wc -c; printf %s \"$CRONTOWER_OUTPUT_TAIL\" | tail -n 2",
        trace.display()
    );
    let work = notice(&failed, JobCommand::script(&script));
    let mut engine = worker.connect();
    engine.hello();
    engine.start(&work);
    engine.start(&work);
    let ended = engine.ended(work.key);
    engine.start(&work);
    assert_eq!(engine.ended(work.key), ended);
    assert_eq!(fs::read_to_string(trace).unwrap(), "x\n");
    let shown = output(worker.dir.path(), work.key);
    assert_eq!(shown, "o failed/2/exit code 3\no 4095\no 100000\no end\n");
    // One that never ran has no output, and its notice's is not taken for it.
    let never = Assignment {
        failure: Some(Failure { attempt: 0, ..work.failure.clone().unwrap() }),
        command: JobCommand::script("echo \"<$CRONTOWER_OUTPUT_TAIL>\"; exit 1"),
        key: AttemptKey { attempt: ON_FAILURE, ..assignment("").key },
        ..work
    };
    let (ended, shown) = worker.run(never);
    assert_eq!((ended.outcome, shown.as_str()), (Outcome::Failed, "o <>\n"));
}

/// What a server of one request hears.
fn heard(server: TcpListener) -> (String, Value) {
    let (stream, _) = server.accept().unwrap();
    let mut reader = std::io::BufReader::new(&stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let lower = line.to_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        head += &lower;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (&stream).write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").unwrap();
    (head, serde_json::from_slice(&body).unwrap())
}

#[test]
fn an_address_is_reported_about_a_failure_in_json() {
    let mut worker = Worker::new();
    worker.registry = Registry::builtin();
    worker.serve();
    let failed = assignment("echo last words; exit 3");
    worker.run(failed.clone());
    let call = |failed: &Assignment, body: Option<Value>| {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", server.local_addr().unwrap());
        let mut args = Map::from_iter([("url".to_owned(), json!(url))]);
        args.extend(body.map(|body| ("body".to_owned(), body)));
        let command = JobCommand::Named { command: "api_call".to_owned(), args };
        let listening = std::thread::spawn(move || heard(server));
        assert_eq!(worker.run(notice(failed, command)).0.outcome, Outcome::Succeeded);
        listening.join().unwrap()
    };
    let (head, body) = call(&failed, None);
    assert!(head.starts_with("post /hook ") && head.contains("content-type: application/json"));
    assert_eq!(
        body,
        json!({
            "job_id": "job", "execution_id": failed.key.execution_id, "state": "failed",
            "reason": "exit code 3", "attempt": 1, "fire_time": "2025-11-23T18:00:00Z",
            "output_tail": "last words\n",
        })
    );
    assert_eq!(
        call(&assignment(""), Some(json!({"text": "it failed"}))).1,
        json!({"text": "it failed"})
    );
}

#[test]
fn on_failure_of_a_job_that_could_not_start_falls_back_and_says_so() {
    let worker = Worker::up();
    let mut failed = secret(assignment("true"), "KEY", Path::new("/nonexistent/key"));
    failed.working_dir = Some("/nonexistent/folder".to_owned());
    let is_root = rustix::process::geteuid().is_root();
    failed.user = is_root.then(|| "no-such-user".to_owned());
    let (ended, _) = worker.run(failed.clone());
    assert_eq!(ended.started_at, None, "{ended:?}");
    let work = notice(&failed, JobCommand::script("id -un; echo ${KEY-no key} $PWD"));
    let (ended, shown) = worker.run(work);
    assert_eq!(ended.outcome, Outcome::Succeeded, "{ended:?}");
    if is_root {
        insta::assert_snapshot!(shown, @"
        e crontower: user `no-such-user` does not exist on this machine: it runs as `nobody`
        e crontower: no folder `/nonexistent/folder`: it runs in `/`
        e crontower: secret_file `/nonexistent/key` of `KEY` does not exist: it runs without it
        o nobody
        o no key /
        ");
    } else {
        assert!(shown.contains("no folder `/nonexistent/folder`: it runs in"), "{shown}");
        assert!(shown.contains("`KEY` does not exist: it runs without it"), "{shown}");
    }
}
