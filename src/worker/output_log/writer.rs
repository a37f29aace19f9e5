//! Takes output from whoever produces it and brings it to the disk on a thread of its own, so that
//! a slow disk holds up neither a command nor the worker process.
//!
//! Owns that thread, the bounds of memory and the news that output has grown. Never knows who receives it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::files::Files;
use super::layout::head_path;
use super::lines::{Arrived, PENDING_FULL};
use crate::clock::Clock;
use crate::commands::OutputSink;
use crate::model::AttemptKey;
use crate::model::Stream;
use crate::worker::redact::{RedactPatterns, Redactor};

/// The least time between two pieces of news of one attempt.
const NEWS: Duration = Duration::from_millis(50);

/// How long a producer waits for the disk before output is lost.
const WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// Called with the new length of an attempt's stream. Must not block.
pub(super) type Grew = Box<dyn Fn(AttemptKey, u64) + Send>;

/// The writing thread of a process. It ends when this and all its logs are gone.
#[derive(Debug, Clone)]
pub(crate) struct OutputWriter {
    data_dir: Arc<Path>,
    queue: Sender<Arc<Log>>,
}

impl OutputWriter {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(data_dir: &Path, grew: Grew) -> std::io::Result<Self> {
        let (queue, logs) = mpsc::channel();
        std::thread::Builder::new()
            .name("output".to_owned())
            .spawn(move || write_all(&logs, &grew))?;
        Ok(Self { data_dir: data_dir.into(), queue })
    }

    /// Where it writes.
    pub(in crate::worker) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    #[cfg(test)]
    /// The log of an attempt. Nothing is made on disk before there is output.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn log(&self, key: AttemptKey, limit: u64) -> Arc<OutputLog> {
        self.redacted_log(key, limit, None)
    }

    /// The log of an attempt that knows secrets: they are never held, let alone written.
    pub(in crate::worker) fn redacted_log(
        &self,
        key: AttemptKey,
        limit: u64,
        redact: Option<Arc<RedactPatterns>>,
    ) -> Arc<OutputLog> {
        let log = Log {
            key,
            limit,
            redact,
            head: head_path(&self.data_dir, key),
            pending: Mutex::default(),
            written: Notify::new(),
            lost: AtomicU64::new(0),
            files: Mutex::new(None),
        };
        Arc::new(OutputLog { log: Arc::new(log), queue: self.queue.clone() })
    }
}

/// Where the output of one attempt goes.
#[derive(Debug)]
pub(crate) struct OutputLog {
    log: Arc<Log>,
    /// Holds a log at most once, so it is bounded by their number.
    queue: Sender<Arc<Log>>,
}

#[derive(Debug)]
struct Log {
    key: AttemptKey,
    limit: u64,
    redact: Option<Arc<RedactPatterns>>,
    head: PathBuf,
    pending: Mutex<Pending>,
    written: Notify,
    /// Bytes that the disk did not take.
    lost: AtomicU64,
    /// The writing thread's own.
    files: Mutex<Option<Files>>,
}

#[derive(Debug, Default)]
struct Pending {
    arrived: Arrived,
    /// With secrets to redact: what hides secrets in either stream.
    redactors: [Redactor; 2],
    /// Whether the writing thread has it, or will.
    busy: bool,
    /// Whether there has been any output.
    used: bool,
    finished: bool,
    /// Set while the disk has been given up on: no one waits for it then.
    stalled: bool,
    last_news: Option<Duration>,
}

impl Pending {
    fn take_redacted(&mut self, redact: &RedactPatterns, at: i64, stream: Stream, bytes: &[u8]) {
        let Some(redactor) = self.redactors.get_mut(stream as usize) else { return };
        let mut shown = Vec::with_capacity(bytes.len());
        redactor.take(redact, bytes, &mut shown);
        self.arrived.take(at, stream, &shown);
    }

    /// Takes what was held back because it looked like the beginning of a secret.
    fn flush_redactors(&mut self, at: i64) {
        for (stream, index) in [(Stream::Stdout, 0), (Stream::Stderr, 1)] {
            if self.redactors[index].holds() {
                let mut shown = Vec::new();
                self.redactors[index].finish(&mut shown);
                self.arrived.take(at, stream, &shown);
            }
        }
    }
}

impl Log {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OutputSink for OutputLog {
    fn write(&self, stream: Stream, bytes: &[u8]) {
        let at = now_micros();
        let mut pending = self.log.pending();
        if !pending.finished {
            match &self.log.redact {
                None => pending.arrived.take(at, stream, bytes),
                Some(redact) => pending.take_redacted(redact, at, stream, bytes),
            }
            self.hand_over(&mut pending);
        }
    }
}

impl OutputLog {
    fn hand_over(&self, pending: &mut Pending) {
        if !pending.busy && !pending.arrived.blocks.headers.is_empty() {
            pending.busy = self.queue.send(self.log.clone()).is_ok();
            pending.used = true;
        }
    }

    /// Whether a line has begun and not ended.
    #[must_use]
    pub(crate) fn has_partial(&self) -> bool {
        self.log.pending().arrived.has_partial()
    }

    /// Lets others see a line that has not ended yet.
    pub(crate) fn flush_partial(&self) {
        let mut pending = self.log.pending();
        pending.arrived.flush_partial(now_micros());
        self.hand_over(&mut pending);
    }

    /// Waits while more has arrived than should be held, but not for a disk that has stopped.
    pub(crate) async fn room(&self) {
        loop {
            let written = self.log.written.notified();
            {
                let mut pending = self.log.pending();
                if pending.arrived.blocks.bytes.len() < PENDING_FULL {
                    pending.stalled = false;
                    return;
                }
                if pending.stalled {
                    return;
                }
            }
            if timeout(WRITE_TIMEOUT, written).await.is_err() {
                self.log.pending().stalled = true;
            }
        }
    }

    /// The attempt is over: comes back when everything is where a reader finds it, or the disk has
    /// been given up on. What is written from now on is taken too, until [`OutputLog::close`].
    pub(crate) async fn settle(&self) {
        {
            let mut pending = self.log.pending();
            pending.flush_redactors(now_micros());
            pending.arrived.flush_partial(now_micros());
            pending.arrived.mark_loss(now_micros());
            self.hand_over(&mut pending);
        }
        loop {
            let written = self.log.written.notified();
            if !self.log.pending().busy || timeout(WRITE_TIMEOUT, written).await.is_err() {
                return;
            }
        }
    }

    /// Bytes of output that were lost so far: the disk did not take them, or not in time. Of a disk that hangs, what
    /// waits for it counts too.
    #[must_use]
    pub(crate) fn lost(&self) -> u64 {
        let pending = self.log.pending();
        let waiting = if pending.stalled { pending.arrived.blocks.bytes.len() as u64 } else { 0 };
        self.log.lost.load(Ordering::Relaxed) + pending.arrived.lost_in_all + waiting
    }

    /// Takes nothing from now on.
    pub(crate) fn close(&self) {
        self.log.pending().flush_redactors(now_micros());
        self.flush_partial();
        let mut pending = self.log.pending();
        pending.finished = true;
        if pending.used && !pending.busy {
            // Once more, for a loss that nothing followed.
            pending.busy = self.queue.send(self.log.clone()).is_ok();
        }
    }
}

fn now_micros() -> i64 {
    Clock.now().wall.timestamp_micros()
}

/// The writing thread.
fn write_all(logs: &Receiver<Arc<Log>>, grew: &Grew) {
    // Logs with news that came too soon after the last, and when it may be sent.
    let mut later: Vec<(Duration, Arc<Log>)> = Vec::new();
    loop {
        let next = later.iter().map(|(due, _)| *due).min();
        let received = match next {
            Some(due) => logs.recv_timeout(due.saturating_sub(Clock.now().monotonic)),
            None => logs.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let now = Clock.now().monotonic;
        match received {
            Ok(log) => {
                write_pending(&log);
                let soon = log.pending().last_news.map(|last| last + NEWS).filter(|due| *due > now);
                match soon {
                    None => notify(&log, now, grew),
                    Some(due) if !later.iter().any(|(_, other)| Arc::ptr_eq(other, &log)) => {
                        later.push((due, log));
                    }
                    Some(_) => {}
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        later.retain(|(due, log)| {
            let wait = *due > now;
            if !wait {
                notify(log, now, grew);
            }
            wait
        });
    }
}

fn notify(log: &Log, now: Duration, grew: &Grew) {
    log.pending().last_news = Some(now);
    let offset = files(log).as_ref().map_or(0, Files::offset);
    grew(log.key, offset);
}

/// Brings what has arrived to the disk, until nothing is left.
fn write_pending(log: &Log) {
    let mut files = files(log);
    let files = files.get_or_insert_with(|| Files::new(log.head.clone(), log.limit));
    loop {
        let blocks = std::mem::take(&mut log.pending().arrived.blocks);
        files.append(&blocks);
        if log.pending().finished {
            files.finish(now_micros());
        }
        log.lost.store(files.lost_bytes(), Ordering::Relaxed);
        let mut pending = log.pending();
        pending.busy = !pending.arrived.blocks.headers.is_empty();
        let done = !pending.busy;
        drop(pending);
        log.written.notify_waiters();
        if done {
            return;
        }
    }
}

fn files(log: &Log) -> MutexGuard<'_, Option<Files>> {
    log.files.lock().unwrap_or_else(PoisonError::into_inner)
}
