//! Giving the terminal back: once, on whichever way out comes first, a panic included.
//!
//! Owns the sequences of entry and exit and the panic hook. A panic of the screen itself gives the
//! terminal back and is then reported as usual; a panic anywhere else in the process goes to the log,
//! because the screen stays.

use std::cell::Cell;
use std::fs::File;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{OptionalActions, Termios, tcsetattr};

/// Alternate screen, cursor hidden, bracketed paste, clean pen.
pub(super) const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[m\x1b[2J";
/// The opposite. CAN first: it ends a sequence that may have been cut in two.
const LEAVE: &[u8] = b"\x18\x1b[m\x1b[?1006l\x1b[?1000l\x1b[?2004l\x1b[?25h\x1b[?1049l";

/// How long a frozen terminal is given to take the bytes of [`LEAVE`].
const WRITE_TIMEOUT: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

thread_local! {
    /// Whether this thread is inside the screen's own code.
    static IN_SCREEN: Cell<bool> = const { Cell::new(false) };
}

/// Marks all that the future does as the screen's own.
pub(crate) async fn in_screen<F: Future>(future: F) -> F::Output {
    /// Takes the mark away, after a panic too.
    struct Mark;
    impl Drop for Mark {
        fn drop(&mut self) {
            IN_SCREEN.set(false);
        }
    }
    let mut future = pin!(future);
    poll_fn(|context| {
        IN_SCREEN.set(true);
        let _mark = Mark;
        future.as_mut().poll(context)
    })
    .await
}

#[derive(Debug)]
struct Taken {
    file: Arc<File>,
    original: Termios,
}

/// Gives the terminal back, once.
#[derive(Debug, Clone)]
pub(crate) struct Restore(Arc<Mutex<Option<Taken>>>);

impl Restore {
    /// Remembers how the terminal was, and puts the panic hook in place.
    pub(super) fn arm(file: &Arc<File>, original: Termios) -> Self {
        let taken = Taken { file: Arc::clone(file), original };
        let restore = Self(Arc::new(Mutex::new(Some(taken))));
        let in_hook = restore.clone();
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if IN_SCREEN.get() {
                in_hook.now();
            }
            if in_hook.is_given_back() {
                previous(info);
            } else {
                tracing::error!(panic = %info, "a task panicked");
            }
        }));
        restore
    }

    fn is_given_back(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Gives the terminal back if that has not been done.
    pub(super) fn now(&self) {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Taken { file, original }) = taken else {
            return;
        };
        let mut rest = LEAVE;
        while !rest.is_empty() {
            let mut ready = [PollFd::new(&*file, PollFlags::OUT)];
            let writable = poll(&mut ready, Some(&WRITE_TIMEOUT)).is_ok_and(|count| count > 0)
                && ready[0].revents().contains(PollFlags::OUT);
            match rustix::io::write(&*file, rest) {
                Ok(count) if writable => rest = &rest[count..],
                _ => break, // Gone or frozen: there is nobody to give it back to.
            }
        }
        // The same holds for its modes.
        let _ = tcsetattr(&*file, OptionalActions::Now, &original);
    }
}
