//! Runs the start of an attempt on a thread of its own.
//!
//! Owns `start_timeout`: whatever touches a job's paths (its folder, its program, its secret files) may hang for ever on
//! a dead mount, so it must hold up neither other attempts nor this one's slot. Never knows what a start does.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::model::text;

/// How long a start may take. It then ends as `not_started` and frees its slot.
pub(in crate::worker) const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs `work` on a new thread and waits for its result, at most `limit`. After that, `given_up` is cancelled: work that
/// continues later must start nothing. A result that comes too late goes to `discard`, on that thread.
///
/// # Errors
/// A sentence that says why there is no result.
pub(in crate::worker) async fn on_own_thread<T: Send + 'static>(
    limit: Duration,
    given_up: CancellationToken,
    work: impl Future<Output = T> + Send + 'static,
    discard: impl FnOnce(T) + Send + 'static,
) -> Result<T, String> {
    let (result, received) = oneshot::channel();
    let runtime = Handle::current();
    let run = move || {
        let done = runtime.block_on(work);
        if let Err(late) = result.send(done) {
            discard(late);
        }
    };
    let thread = std::thread::Builder::new().name("start".to_owned());
    if let Err(error) = thread.spawn(run) {
        return Err(format!(
            "not started: the system refused a new thread ({error}); see its limits of processes (ulimit -u, pids.max)"
        ));
    }
    let guard = given_up.drop_guard();
    match tokio::time::timeout(limit, received).await {
        Ok(Ok(done)) => {
            guard.disarm();
            Ok(done)
        }
        // The thread panicked.
        Ok(Err(_)) => Err("not started: crontower itself failed; worker.log says where".to_owned()),
        Err(_) => Err(format!(
            "not started: the start did not finish within {}; its working_dir, program or secret files may be on a disk \
             that does not respond",
            text::format_duration(limit)
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_start_that_hangs_is_given_up_and_what_it_brings_later_is_discarded() {
        let (go, wait) = mpsc::channel::<()>();
        let (discarded, late) = mpsc::channel();
        let given_up = CancellationToken::new();
        let seen = given_up.clone();
        let hangs = async move {
            // A call that blocks its thread, as stat(2) does on a dead mount.
            wait.recv().unwrap();
            seen.is_cancelled()
        };
        let limit = Duration::from_millis(20);
        let discard = move |result| discarded.send(result).unwrap();
        let error = on_own_thread(limit, given_up, hangs, discard).await.unwrap_err();
        insta::assert_snapshot!(error, @"not started: the start did not finish within 20ms; its working_dir, program or secret files may be on a disk that does not respond");
        // Meanwhile others start.
        let other = on_own_thread(START_TIMEOUT, CancellationToken::new(), async { 7 }, drop);
        assert_eq!(other.await, Ok(7));
        go.send(()).unwrap();
        assert_eq!(late.recv_timeout(START_TIMEOUT), Ok(true));
    }

    #[tokio::test]
    async fn a_start_that_is_cancelled_is_given_up_too() {
        let given_up = CancellationToken::new();
        let never = std::future::pending::<()>();
        let start = on_own_thread(START_TIMEOUT, given_up.clone(), never, drop);
        assert!(tokio::time::timeout(Duration::from_millis(5), start).await.is_err());
        assert!(given_up.is_cancelled());
    }
}
