//! Waiting for an instant on either clock, to a fraction of a millisecond, and noticing when the wall clock is set.
//!
//! Owns two timer descriptors of the kernel (timerfd_create(2)) and the thread that waits for them. Knows nothing of what
//! is waited for.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::sync::Notify;

use crate::engine::Wakeup;

/// Two timers: one on the wall clock, one on the monotonic clock that counts suspend.
#[derive(Debug)]
pub(super) struct Alarm {
    timers: Arc<Timers>,
    rang: Arc<Notify>,
    /// Closed with this value, which ends the thread.
    _alive: OwnedFd,
}

#[derive(Debug)]
struct Timers {
    wall: OwnedFd,
    monotonic: OwnedFd,
}

impl Alarm {
    pub(super) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timers = Arc::new(Timers {
            wall: timerfd_create(TimerfdClockId::Realtime, flags)?,
            monotonic: timerfd_create(TimerfdClockId::Boottime, flags)?,
        });
        let (ended, alive) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let rang = Arc::new(Notify::new());
        let (waited, notify) = (Arc::clone(&timers), Arc::clone(&rang));
        std::thread::Builder::new()
            .name("alarm".to_owned())
            .spawn(move || waited.ring_until(&ended, &notify))?;
        Ok(Self { timers, rang, _alive: alive })
    }

    /// Sets both timers; a clock without an instant never rings (the wall clock still when it is set).
    pub(super) fn set(&self, wakeup: Wakeup) -> io::Result<()> {
        let far =
            DateTime::<Utc>::from_timestamp(32_503_680_000, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
        // Zero would switch the timer off.
        let past = DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(1);
        let wall = wakeup.wall.unwrap_or(far).clamp(past, far);
        let wall =
            Timespec { tv_sec: wall.timestamp(), tv_nsec: wall.timestamp_subsec_nanos().into() };
        let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
        timerfd_settime(&self.timers.wall, flags, &at(wall))?;
        let monotonic = wakeup.monotonic.map_or(ZERO, timespec);
        let flags = TimerfdTimerFlags::ABSTIME;
        timerfd_settime(&self.timers.monotonic, flags, &at(monotonic))?;
        Ok(())
    }

    /// Waits until one of them rings or the wall clock is set. May return once too often.
    pub(super) async fn wait(&self) {
        self.rang.notified().await;
    }
}

impl Timers {
    /// Tells of each ring until the other end of `ended` is closed.
    fn ring_until(&self, ended: &OwnedFd, rang: &Notify) {
        let timers = [&self.wall, &self.monotonic];
        loop {
            let mut watched = [
                PollFd::new(&self.wall, PollFlags::IN),
                PollFd::new(&self.monotonic, PollFlags::IN),
                PollFd::new(ended, PollFlags::empty()),
            ];
            match poll(&mut watched, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => {
                    tracing::error!(%error, "the timers cannot be waited for");
                    return;
                }
            }
            let [wall, monotonic, end] = watched.map(|fd| !fd.revents().is_empty());
            if end {
                return;
            }
            for (timer, _) in timers.iter().zip([wall, monotonic]).filter(|(_, rings)| *rings) {
                // How often it rang is of no interest; ECANCELED = the clock was set, as good a reason to look at the time.
                let _ = rustix::io::read(timer, &mut [0u8; 8]);
                rang.notify_one();
            }
        }
    }
}

const ZERO: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

const fn at(instant: Timespec) -> Itimerspec {
    Itimerspec { it_interval: ZERO, it_value: instant }
}

/// An instant of the monotonic clock; zero would switch the timer off, so it becomes the least one that does not.
fn timespec(instant: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(instant.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: instant.subsec_nanos().max(1).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[tokio::test]
    async fn rings_at_an_instant_of_the_wall_clock_and_not_before() {
        let alarm = Alarm::new().unwrap();
        let due = Clock.now().wall + chrono::TimeDelta::milliseconds(30);
        alarm.set(Wakeup { wall: Some(due), monotonic: None }).unwrap();
        alarm.wait().await;
        assert!(Clock.now().wall >= due);
    }

    #[tokio::test]
    async fn an_instant_of_the_past_rings_at_once() {
        let alarm = Alarm::new().unwrap();
        alarm.set(Wakeup { wall: None, monotonic: Some(Duration::ZERO) }).unwrap();
        alarm.wait().await;
        let past = DateTime::from_timestamp(-5, 0);
        alarm.set(Wakeup { wall: past, monotonic: None }).unwrap();
        alarm.wait().await;
    }
}
