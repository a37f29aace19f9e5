//! Cutting an answer that grows into lines.

use reqwest::Response;

/// A snapshot of 10,000 jobs is a line of about 20 MB; what is longer than this is no feed.
const LONGEST: usize = 512 << 20;

/// The lines of an answer, as they come.
#[derive(Debug)]
pub(crate) struct Lines {
    answer: Response,
    buffer: Vec<u8>,
    /// Up to here the buffer was searched for a line end.
    searched: usize,
    /// Up to here the buffer was given away.
    given: usize,
}

impl Lines {
    /// Reads the lines of `answer`.
    #[must_use]
    pub(crate) const fn of(answer: Response) -> Self {
        Self { answer, buffer: Vec::new(), searched: 0, given: 0 }
    }

    /// The next line without its end; `None` when the answer ends or breaks off (what stands without a line end is dropped).
    pub(crate) async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                let end = self.searched + at;
                let line = self.buffer[self.given..end].to_vec();
                self.given = end + 1;
                self.searched = self.given;
                return Some(line);
            }
            self.buffer.drain(..self.given);
            self.given = 0;
            self.searched = self.buffer.len();
            if self.buffer.len() > LONGEST {
                return None;
            }
            let more = self.answer.chunk().await.ok()??;
            self.buffer.extend_from_slice(&more);
        }
    }
}
