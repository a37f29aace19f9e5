//! One for all streams of events: takes the engine's feed once, writes each event's text once, and gathers what comes in
//! quick succession into one chunk, which every stream then sends as it is.
//!
//! Runs only while somebody listens. Its channel is bounded: a stream that falls behind finds a gap in the numbers, and takes
//! what is missing from the store by itself. Never waits for a stream.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::app::App;
use super::problem::ProblemDetails;
use crate::driver::{Batch, EngineApi, Feed};
use crate::model::Event;

/// The least time between two chunks: a lone event goes out at once, what follows it is gathered.
const WINDOW: Duration = Duration::from_millis(40);
/// A chunk of so many bytes is full, however little time has passed.
const FULL: usize = 32 << 10;
/// So many streams are written to at a time.
const GROUP: usize = 64;
/// How long a group's turn is.
const TURN: Duration = Duration::from_millis(2);
/// So many chunks may a stream be behind before it must ask the store.
const RING: usize = 64;
/// So many events are taken from the store at a time.
pub(super) const PAGE: u32 = 500;

/// The text of successive events.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// The number of the first event.
    first: u64,
    /// Where each event's text ends.
    ends: Vec<usize>,
    text: Bytes,
}

impl Chunk {
    /// The text of these events, in as many chunks as it takes: none has a gap inside, and none is much larger than [`FULL`].
    pub(super) fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<Self> {
        let mut chunks = Vec::new();
        let (mut chunk, mut text) = (Self::default(), String::new());
        for event in events {
            let follows = chunk.ends.is_empty() || event.seq == chunk.last() + 1;
            if !follows || text.len() >= FULL {
                chunks.push(Self {
                    text: std::mem::take(&mut text).into(),
                    ..std::mem::take(&mut chunk)
                });
            }
            if chunk.ends.is_empty() {
                chunk.first = event.seq;
            }
            write(&mut text, event);
            chunk.ends.push(text.len());
        }
        if !chunk.ends.is_empty() {
            chunks.push(Self { text: text.into(), ..chunk });
        }
        chunks
    }

    /// The number of the first event.
    pub(super) const fn first(&self) -> u64 {
        self.first
    }

    /// The number of the last event.
    pub(super) fn last(&self) -> u64 {
        let more = u64::try_from(self.ends.len()).unwrap_or(u64::MAX);
        (self.first + more).saturating_sub(1)
    }

    /// The text of the events after number `sent`, without copying it.
    pub(super) fn after(&self, sent: u64) -> Bytes {
        let known = usize::try_from((sent + 1).saturating_sub(self.first)).unwrap_or(usize::MAX);
        let begin = known.checked_sub(1).map_or(Some(0), |last| self.ends.get(last).copied());
        self.text.slice(begin.unwrap_or(self.text.len())..)
    }
}

/// `id: 7`, `data: {…}`, an empty line. JSON holds no line end, so that one line of data is enough.
fn write(text: &mut String, event: &Event) {
    let data = serde_json::to_string(event).unwrap_or_default();
    // Writing to a String cannot fail.
    let _ = write!(text, "id: {}\ndata: {data}\n\n", event.seq);
}

/// Where streams of events join.
#[derive(Debug)]
pub(super) struct EventFanout {
    state: Mutex<State>,
    /// How many streams a group has.
    group: usize,
}

#[derive(Debug, Default)]
struct State {
    /// How often it came to life.
    lives: u64,
    /// The newest event whose way to the streams has begun.
    sent: u64,
    /// The streams, while there are any. A group's turn comes when the one before has had time to write, so that a chunk for
    /// very many holds up nothing else.
    groups: Option<Vec<Group>>,
}

#[derive(Debug, Clone)]
struct Group {
    chunks: broadcast::Sender<Arc<Chunk>>,
    /// The newest event that was sent to it.
    sent: u64,
}

/// A stream's place.
#[derive(Debug)]
pub(super) struct Place {
    /// The newest event when it joined, as the engine says.
    pub(super) newest: u64,
    /// The newest event that will not come through `chunks`.
    pub(super) passed: u64,
    /// What comes after it.
    pub(super) chunks: broadcast::Receiver<Arc<Chunk>>,
}

impl Default for EventFanout {
    fn default() -> Self {
        Self::in_groups_of(GROUP)
    }
}

impl EventFanout {
    pub(super) fn in_groups_of(group: usize) -> Self {
        Self { state: Mutex::default(), group }
    }

    /// Joins the streams; the first one brings the relay to life.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub(super) async fn join(self: &Arc<Self>, app: &App) -> Result<Place, ProblemDetails> {
        let subscription = app.subscribe().await?;
        let newest = subscription.snapshot.seq;
        let mut state = self.state();
        if let Some(groups) = &mut state.groups {
            let has_room = |group: &&Group| group.chunks.receiver_count() < self.group;
            if let Some(Group { chunks, sent }) = groups.iter().find(has_room) {
                return Ok(Place { newest, passed: *sent, chunks: chunks.subscribe() });
            }
        }
        let (sender, chunks) = broadcast::channel(RING);
        if state.groups.is_none() {
            state.lives += 1;
            state.sent = newest;
            let runner = Runner {
                event_fanout: Arc::clone(self),
                life: state.lives,
                engine_api: Arc::clone(&app.engine_api),
                feed: subscription.feed,
                sent: newest,
            };
            tokio::spawn(runner.run(app.stopping.clone()));
        }
        let passed = state.sent;
        state.groups.get_or_insert_default().push(Group { chunks: sender, sent: passed });
        Ok(Place { newest, passed, chunks })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // It is never left half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until every stream that there is now has gone.
    async fn unheard(&self) {
        let groups = self.state().groups.clone().unwrap_or_default();
        for group in groups {
            group.chunks.closed().await;
        }
    }

    /// Ends it if nobody listens.
    fn ends_unheard(&self) -> bool {
        let mut state = self.state();
        let heard = |group: &Group| group.chunks.receiver_count() > 0;
        let unheard = !state.groups.iter().flatten().any(heard);
        if unheard {
            state.groups = None;
        }
        unheard
    }

    /// Sends a chunk to a group; says whether anybody heard it, `None` where there is no such group.
    fn send(&self, group: usize, chunk: &Arc<Chunk>) -> Option<bool> {
        let mut state = self.state();
        // Under the lock: whoever joins is told exactly what it will not receive.
        state.sent = chunk.last();
        let group = state.groups.as_mut()?.get_mut(group)?;
        group.sent = chunk.last();
        Some(group.chunks.send(Arc::clone(chunk)).is_ok())
    }
}

/// The relay at work.
struct Runner {
    event_fanout: Arc<EventFanout>,
    /// Which life of the relay's.
    life: u64,
    engine_api: Arc<dyn EngineApi>,
    feed: broadcast::Receiver<Feed>,
    /// The newest event that was sent.
    sent: u64,
}

impl Runner {
    /// Runs until nobody listens, the engine ends, serving ends, or the store fails.
    async fn run(mut self, stopping: CancellationToken) {
        let mut free = Instant::now();
        loop {
            let mut came = Came::default();
            tokio::select! {
                biased;
                message = self.feed.recv() => came.take(message),
                () = self.event_fanout.unheard() => if self.event_fanout.ends_unheard() { return },
                () = stopping.cancelled() => return,
            }
            if came.is_nothing() {
                continue;
            }
            tokio::select! {
                () = sleep_until(free) => {}
                () = stopping.cancelled() => {}
            }
            came.take_all(&mut self.feed);
            let described = self.tell(&came).await;
            if described.is_none() || came.over || stopping.is_cancelled() {
                return;
            }
            free = Instant::now() + WINDOW;
        }
    }

    /// Sends what has come; `None` when the store fails.
    async fn tell(&mut self, came: &Came) -> Option<()> {
        if came.lagged {
            self.fill(u64::MAX).await?;
        }
        let sent = self.sent;
        let events = came.batches.iter().flat_map(|batch| &batch.events);
        for chunk in Chunk::of(events.filter(|event| event.seq > sent)) {
            self.fill(chunk.first() - 1).await?;
            self.send(chunk).await;
        }
        Some(())
    }

    /// Sends what is missing up to number `until` from the store.
    async fn fill(&mut self, until: u64) -> Option<()> {
        while self.sent < until {
            let page = self.engine_api.events_after(self.sent, PAGE).await.ok()?;
            let chunks = Chunk::of(page.iter().filter(|event| event.seq <= until));
            if chunks.is_empty() {
                break;
            }
            for chunk in chunks {
                self.send(chunk).await;
            }
        }
        Some(())
    }

    /// Sends a chunk to all groups, one after the other.
    async fn send(&mut self, chunk: Chunk) {
        self.sent = chunk.last();
        let chunk = Arc::new(chunk);
        let mut group = 0;
        while let Some(heard) = self.event_fanout.send(group, &chunk) {
            group += 1;
            if heard {
                sleep_until(Instant::now() + TURN).await;
            }
        }
    }
}

impl Drop for Runner {
    /// However it ends, its streams end with it, and the next one brings another to life.
    fn drop(&mut self) {
        let mut state = self.event_fanout.state();
        if state.lives == self.life {
            state.groups = None;
        }
    }
}

/// What the feed has said since the last chunk.
#[derive(Default)]
struct Came {
    batches: Vec<Arc<Batch>>,
    /// Something is missing.
    lagged: bool,
    /// Nothing follows.
    over: bool,
}

impl Came {
    fn take(&mut self, message: Result<Feed, RecvError>) {
        match message {
            Ok(Feed::Batch(batch)) if !batch.events.is_empty() => self.batches.push(batch),
            Ok(Feed::Stopped) | Err(RecvError::Closed) => self.over = true,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => self.lagged = true,
        }
    }

    /// Takes what is there without waiting.
    fn take_all(&mut self, feed: &mut broadcast::Receiver<Feed>) {
        while !self.over {
            match feed.try_recv() {
                Ok(message) => self.take(Ok(message)),
                Err(TryRecvError::Lagged(missed)) => self.take(Err(RecvError::Lagged(missed))),
                Err(TryRecvError::Closed) => self.take(Err(RecvError::Closed)),
                Err(TryRecvError::Empty) => return,
            }
        }
    }

    const fn is_nothing(&self) -> bool {
        self.batches.is_empty() && !self.lagged && !self.over
    }
}
