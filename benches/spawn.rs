//! What the machine can do at all: a bare tokio loop that starts `sh -c /bin/true` with piped output, so many at once, and
//! waits for each. `bench/engine.py throughput` runs it beside the scheduler.
//!
//!     cargo bench --bench spawn -- 2000 8
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::process::Stdio;
use std::sync::Arc;
use std::time::Instant;

use tokio::process::Command;
use tokio::sync::Semaphore;

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let [count, at_once] = numbers[..] else { return println!("takes COUNT AT_ONCE") };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let begun = Instant::now();
    runtime.block_on(all(count, at_once));
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    println!(r#"{{"row": "bare loop", "at_once": {at_once}, "a_second": {rate:.0}}}"#);
}

async fn all(count: usize, at_once: usize) {
    let slots = Arc::new(Semaphore::new(at_once));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..count {
        let slot = Arc::clone(&slots).acquire_owned().await.unwrap();
        tasks.spawn(async move {
            let child = Command::new("/bin/sh")
                .args(["-c", "/bin/true"])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .process_group(0)
                .spawn()
                .unwrap();
            assert!(child.wait_with_output().await.unwrap().status.success());
            drop(slot);
        });
    }
    tasks.join_all().await;
}
