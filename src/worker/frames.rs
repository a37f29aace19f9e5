//! Messages as bytes: one JSON text a frame, the frame's length before it (four bytes, most
//! significant first).
//!
//! Owns the framing and its bounds, for both sides of the socket. Knows nothing of what the
//! messages mean.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::codec::LengthDelimitedCodec;

/// The largest message that a worker process takes: a long script fits.
pub(super) const MAX_TO_WORKER: usize = 32 << 20;

/// The largest message that an engine takes: a hello with thousands of uncommitted ends fits.
pub(super) const MAX_FROM_WORKER: usize = 256 << 20;

/// Cuts a stream of bytes into frames of at most `max` bytes.
pub(super) fn codec(max: usize) -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().max_frame_length(max).new_codec()
}

/// Appends a message as a frame.
///
/// # Errors
/// When it is larger than a frame can be.
pub(super) fn encode<T: Serialize>(message: &T, into: &mut Vec<u8>) -> io::Result<()> {
    let start = into.len();
    into.extend_from_slice(&[0; 4]);
    serde_json::to_writer(&mut *into, message)?;
    let length = u32::try_from(into.len() - start - 4)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a message of over 4 GiB"))?;
    into[start..start + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// Reads the message of a frame.
///
/// # Errors
/// When it is none.
pub(super) fn decode<T: DeserializeOwned>(frame: &[u8]) -> io::Result<T> {
    serde_json::from_slice(frame).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use tokio_util::bytes::BytesMut;
    use tokio_util::codec::Decoder as _;

    use super::*;
    use crate::worker::protocol::ToWorker;

    #[test]
    fn what_is_encoded_is_decoded() {
        let mut bytes = Vec::new();
        encode(&ToWorker::Goodbye, &mut bytes).unwrap();
        encode(&ToWorker::Hello { version: 1, environment: None }, &mut bytes).unwrap();
        let mut buffer = BytesMut::from(&bytes[..]);
        let mut codec = codec(MAX_TO_WORKER);
        let first = codec.decode(&mut buffer).unwrap().unwrap();
        assert_eq!(decode::<ToWorker>(&first).unwrap(), ToWorker::Goodbye);
        let second = codec.decode(&mut buffer).unwrap().unwrap();
        assert_eq!(
            decode::<ToWorker>(&second).unwrap(),
            ToWorker::Hello { version: 1, environment: None }
        );
    }

    #[test]
    fn a_frame_beyond_the_bound_is_an_error() {
        let mut buffer = BytesMut::from(&b"\xff\xff\xff\xffxxxx"[..]);
        assert!(codec(MAX_TO_WORKER).decode(&mut buffer).is_err());
        assert!(decode::<ToWorker>(b"{").is_err());
    }
}
