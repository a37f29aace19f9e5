//! The queue: which execution gets the next free slot.
//!
//! Owns the order (priority, then fire time, then creation; a waiting one rises with age) and the parking of those that
//! something other than their rank holds back, so that one blocked crowd never costs the others time. Never knows what
//! a block means: the dispatcher does.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crontower_model::{ExecutionId, JobId, Priority, WorkerSelector};

/// What holds an execution back although it is its turn.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Block {
    /// Its job's `concurrency` is used up.
    Concurrency(JobId),
    /// A named limit is used up.
    Limit(String),
    /// No worker that its selector matches has a free slot.
    Slot(Selector),
}

/// A worker selector that can be a key.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Selector {
    pub(super) ids: Vec<crontower_model::WorkerId>,
    pub(super) labels: Vec<String>,
}

impl Selector {
    pub(super) fn of(selector: Option<&WorkerSelector>) -> Self {
        selector.map_or_else(Self::default, |selector| Self {
            ids: selector.ids.clone(),
            labels: selector.labels.clone(),
        })
    }
}

/// An execution that waits for a slot.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) id: ExecutionId,
    pub(super) priority: Priority,
    pub(super) fire_time: DateTime<Utc>,
    /// When it began to wait, on the monotonic clock.
    pub(super) since: Duration,
    /// How long a wait lifts it by one level.
    pub(super) aging: Duration,
}

/// Rank: the smallest goes first.
type Rank = (u8, DateTime<Utc>, ExecutionId);

#[derive(Debug)]
struct Place {
    rank: Rank,
    since: Duration,
    aging: Duration,
    parked: Option<Block>,
}

/// See the module's first lines.
#[derive(Debug, Default)]
pub(super) struct Queue {
    ready: BTreeSet<Rank>,
    /// Those that became ready since [`Queue::take_fresh`] was called last, as far as they still are.
    fresh: BTreeSet<ExecutionId>,
    parked: BTreeMap<Block, BTreeSet<Rank>>,
    places: HashMap<ExecutionId, Place>,
    promotions: BTreeSet<(Duration, ExecutionId)>,
}

impl Queue {
    /// Adds an execution; one that is there already stays as it is.
    pub(super) fn push(&mut self, entry: &Entry) {
        if self.places.contains_key(&entry.id) {
            return;
        }
        let level = match entry.priority {
            Priority::High => 0,
            Priority::Medium => 1,
            Priority::Low => 2,
        };
        let rank = (level, entry.fire_time, entry.id);
        self.ready.insert(rank);
        self.fresh.insert(entry.id);
        let place = Place { rank, since: entry.since, aging: entry.aging, parked: None };
        self.schedule_promotion(&place);
        self.places.insert(entry.id, place);
    }

    /// Takes an execution out, wherever it stands.
    pub(super) fn remove(&mut self, id: ExecutionId) {
        let Some(place) = self.places.remove(&id) else { return };
        self.fresh.remove(&id);
        self.set_of(place.parked.as_ref()).remove(&place.rank);
        self.drop_if_empty(place.parked.as_ref());
        self.promotions.remove(&(place.since.saturating_add(place.aging), id));
    }

    /// The first that nothing is known to hold back.
    pub(super) fn first(&self) -> Option<ExecutionId> {
        self.ready.first().map(|rank| rank.2)
    }

    /// Puts an execution aside until its block is lifted.
    pub(super) fn park(&mut self, id: ExecutionId, block: Block) {
        let Some(place) = self.places.get_mut(&id) else { return };
        let rank = place.rank;
        self.fresh.remove(&id);
        let before = place.parked.replace(block.clone());
        self.set_of(before.as_ref()).remove(&rank);
        self.drop_if_empty(before.as_ref());
        self.parked.entry(block).or_default().insert(rank);
    }

    /// Brings the first of those parked on `block` back. Says whether there was one.
    pub(super) fn unpark_one(&mut self, block: &Block) -> bool {
        let Some(rank) = self.parked.get_mut(block).and_then(BTreeSet::pop_first) else {
            return false;
        };
        self.drop_if_empty(Some(block));
        self.ready.insert(rank);
        self.fresh.insert(rank.2);
        if let Some(place) = self.places.get_mut(&rank.2) {
            place.parked = None;
        }
        true
    }

    /// What executions are parked on.
    pub(super) fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.parked.keys()
    }

    /// Whether it waits here, held back or not.
    pub(super) fn holds(&self, id: ExecutionId) -> bool {
        self.places.contains_key(&id)
    }

    /// Those that became ready since this was called last and still are, oldest first.
    pub(super) fn take_fresh(&mut self) -> BTreeSet<ExecutionId> {
        std::mem::take(&mut self.fresh)
    }

    /// How many wait for the same and stand before it, and what holds it back beside its rank.
    pub(super) fn place_of(&self, id: ExecutionId) -> Option<(usize, Option<&Block>)> {
        let place = self.places.get(&id)?;
        let peers = match &place.parked {
            None => Some(&self.ready),
            Some(block) => self.parked.get(block),
        };
        let before = peers.map_or(0, |peers| peers.range(..place.rank).count());
        Some((before, place.parked.as_ref()))
    }

    /// Those that wait for the same and stand before it, first to last.
    pub(super) fn ahead_of(&self, id: ExecutionId) -> Vec<ExecutionId> {
        let Some(place) = self.places.get(&id) else { return Vec::new() };
        let peers = match &place.parked {
            None => Some(&self.ready),
            Some(block) => self.parked.get(block),
        };
        peers.map_or_else(Vec::new, |peers| peers.range(..place.rank).map(|rank| rank.2).collect())
    }

    /// Lifts those that have waited long enough. Called before a slot is given away: nothing else looks at the order.
    pub(super) fn promote(&mut self, monotonic: Duration) {
        while let Some((due, id)) = self.promotions.first().copied() {
            if due > monotonic {
                return;
            }
            self.promotions.pop_first();
            let Some(mut place) = self.places.remove(&id) else { continue };
            let lifted = (place.rank.0.saturating_sub(1), place.rank.1, id);
            let set = self.set_of(place.parked.as_ref());
            set.remove(&place.rank);
            set.insert(lifted);
            place.rank = lifted;
            place.since = due;
            self.schedule_promotion(&place);
            self.places.insert(id, place);
        }
    }

    fn schedule_promotion(&mut self, place: &Place) {
        if place.rank.0 > 0 && !place.aging.is_zero() {
            self.promotions.insert((place.since.saturating_add(place.aging), place.rank.2));
        }
    }

    fn set_of(&mut self, parked: Option<&Block>) -> &mut BTreeSet<Rank> {
        match parked {
            None => &mut self.ready,
            Some(block) => self.parked.entry(block.clone()).or_default(),
        }
    }

    fn drop_if_empty(&mut self, parked: Option<&Block>) {
        if let Some(block) = parked
            && self.parked.get(block).is_some_and(BTreeSet::is_empty)
        {
            self.parked.remove(block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::IdSource;

    struct Bench {
        queue: Queue,
        ids: IdSource,
    }

    impl Bench {
        fn new() -> Self {
            Self { queue: Queue::default(), ids: IdSource::new(1) }
        }

        fn push(&mut self, priority: Priority, fire_second: i64, since: u64) -> ExecutionId {
            let fire_time = DateTime::from_timestamp(fire_second, 0).unwrap();
            let id = self.ids.next(DateTime::from_timestamp(1_000_000, 0).unwrap());
            let (since, aging) = (Duration::from_secs(since), Duration::from_secs(300));
            self.queue.push(&Entry { id, priority, fire_time, since, aging });
            id
        }

        fn drain(&mut self) -> Vec<ExecutionId> {
            let mut order = Vec::new();
            while let Some(id) = self.queue.first() {
                self.queue.remove(id);
                order.push(id);
            }
            order
        }
    }

    #[test]
    fn priority_then_fire_time_then_creation() {
        let mut bench = Bench::new();
        let late = bench.push(Priority::Medium, 20, 0);
        let early = bench.push(Priority::Medium, 10, 0);
        let early_but_second = bench.push(Priority::Medium, 10, 0);
        let high = bench.push(Priority::High, 30, 0);
        assert_eq!(bench.drain(), [high, early, early_but_second, late]);
        assert!(bench.queue.places.is_empty() && bench.queue.promotions.is_empty());
    }

    #[test]
    fn nothing_starves() {
        let mut bench = Bench::new();
        let low = bench.push(Priority::Low, 0, 0);
        let high = bench.push(Priority::High, 1, 500);
        bench.queue.promote(Duration::from_secs(599));
        assert_eq!(bench.queue.first(), Some(high));
        bench.queue.promote(Duration::from_secs(600));
        assert_eq!(bench.queue.first(), Some(low), "two levels up after twice the aging time");
    }

    #[test]
    fn the_parked_come_back_in_their_order() {
        let mut bench = Bench::new();
        let first = bench.push(Priority::Medium, 1, 0);
        let second = bench.push(Priority::Medium, 2, 0);
        let block = Block::Limit("db".to_owned());
        bench.queue.park(second, block.clone());
        bench.queue.park(first, block.clone());
        assert_eq!(bench.queue.first(), None);
        assert!(bench.queue.unpark_one(&block));
        assert_eq!(bench.queue.first(), Some(first));
        bench.queue.remove(second);
        assert!(!bench.queue.unpark_one(&block), "a removed one is not parked any more");
        assert_eq!(bench.queue.blocks().count(), 0);
    }
}
