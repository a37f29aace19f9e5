//! Work that blocks (files, compression) on a thread of its own, which watches for the stop.
//!
//! Owns the way to that thread and back. Never abandons it: the caller hears of a stop when the
//! work has cleaned up behind itself.

use std::io::{self, Read};

use tokio_util::sync::CancellationToken;

use super::builtin::stopped;
use crate::commands::command::CommandError;

/// How much is read between two looks at the stop.
pub(super) const BLOCK: usize = 64 * 1024;

/// Does `work` on a thread for blocking work and waits for its end.
pub(super) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CommandError> + Send + 'static,
) -> Result<T, CommandError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(fault) => Err(CommandError(format!("the command broke down: {fault}"))),
    }
}

/// Refuses to go on once the stop is set.
pub(super) fn go_on(stop: &CancellationToken) -> Result<(), CommandError> {
    if stop.is_cancelled() { Err(stopped()) } else { Ok(()) }
}

/// A reader that ends with an error once the stop is set.
pub(super) struct StopReader<R> {
    inner: R,
    stop: CancellationToken,
}

impl<R> StopReader<R> {
    pub(super) const fn new(inner: R, stop: CancellationToken) -> Self {
        Self { inner, stop }
    }
}

impl<R: Read> Read for StopReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        go_on(&self.stop).map_err(|CommandError(sentence)| io::Error::other(sentence))?;
        let most = buffer.len().min(BLOCK);
        self.inner.read(&mut buffer[..most])
    }
}
