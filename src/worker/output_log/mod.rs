//! The output of attempts on disk: written while commands run, read by whoever asks, also
//! meanwhile.
//!
//! Owns the folder `output/` of a data folder and its format. An attempt's stream is a chain of
//! blocks: a header line `@<microseconds> <o|e|g> <length>`, then that many bytes of whole lines
//! (or one part of a line, which then does not end with a line end). Offsets count the bytes of the
//! whole stream, also of what was left out. The first half of what `output_limit` allows is the
//! file `<execution>.<attempt>`; the rest goes to segments in the folder
//! `<execution>.<attempt>.tail`, named by the offset they begin at, of which the oldest are
//! removed. The limit counts the bytes of the output itself; the headers come on top. Never knows
//! what a line means.

mod block;
mod files;
mod inventory;
mod layout;
mod lines;
mod reader;
mod tail;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use inventory::{kept_outputs, last_written, output_bytes};
pub(crate) use reader::{read_output, remove_output};
pub(crate) use tail::read_tail;
pub(crate) use writer::{OutputLog, OutputWriter};
