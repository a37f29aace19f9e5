//! The messages between the engine and a worker process. One message is one JSON text in a length-delimited frame.
//!
//! Owns the messages and their version. Knows nothing of sockets, and nothing of why something is started or ended.

use std::ffi::OsString;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::model::{Assignment, AttemptKey, Ended, Pool, Running, StopCause, StuckProcess};

/// Version of this protocol. Either side refuses another.
pub(crate) const VERSION: u32 = 1;

/// From the engine to the worker process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ToWorker {
    /// First message. A newer engine connection displaces an older one.
    Hello {
        /// [`VERSION`].
        version: u32,
        /// What attempts inherit that this engine starts: its own environment, without crontower's variables. `None`
        /// of an engine of an earlier version (the worker process then passes on its own), and where an engine asks
        /// once more over the same connection.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        environment: Option<Vec<(OsString, OsString)>>,
    },
    /// The pools it hosts from now on (what runs in a pool that went runs on).
    Configure {
        /// All of them.
        pools: Vec<Pool>,
    },
    /// Carry out an attempt. Repeating a key that is held or ended starts nothing and is answered with its state.
    Start(Box<Assignment>),
    /// End an attempt: SIGTERM to its group, SIGKILL after its grace. Unknown keys are ignored.
    Stop {
        /// Which.
        key: AttemptKey,
        /// Why.
        cause: StopCause,
    },
    /// Give up an attempt that is being ended and whose processes do not end: it is over, and they are left to themselves.
    /// Ignored unless [`FromWorker::CannotStop`] was sent of it.
    Abandon {
        /// Which.
        key: AttemptKey,
    },
    /// The engine has committed the end of these: forget them.
    Committed {
        /// Which.
        keys: Vec<AttemptKey>,
    },
    /// The engine leaves on purpose; the worker ends when nothing runs.
    Goodbye,
}

/// From the worker process to the engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum FromWorker {
    /// Answer to [`ToWorker::Hello`]: what it holds. What still runs of a dead predecessor's attempts runs here, too: it is
    /// being ended, and reported as `worker_lost` when nothing of it is left.
    Hello {
        /// [`VERSION`].
        version: u32,
        /// Version of the program.
        program: String,
        /// Host name of the machine.
        host: String,
        /// Its process id.
        pid: u32,
        /// Attempts that run.
        running: Vec<Running>,
        /// Attempts whose end no engine has committed, `worker_lost` ones of a dead predecessor among them.
        ended: Vec<Ended>,
    },
    /// An attempt has started; sent after it stands in the journal.
    Started(Running),
    /// An attempt is over; sent after it stands in the journal.
    Ended(Box<Ended>),
    /// An attempt is being ended, and processes of it live on after SIGKILL. Sent when that is found, whenever these
    /// processes change, and after each hello; never to an engine of an earlier version. The attempt ends when they are
    /// gone.
    CannotStop {
        /// Which.
        key: AttemptKey,
        /// When SIGKILL was sent, which did not end them.
        since: DateTime<Utc>,
        /// Why the attempt is being ended, for people.
        reason: String,
        /// The processes; of very many only the first.
        processes: Vec<StuckProcess>,
    },
    /// An attempt has written output since this was last said of it (at most 20 times a second each).
    OutputGrew {
        /// Which.
        key: AttemptKey,
        /// Bytes written so far, left-out ones included.
        bytes: u64,
    },
    /// A sign of life, once a second.
    Heartbeat,
}
