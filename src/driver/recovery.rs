//! After a commit that failed: the engine is rebuilt from what is kept, or steps down where another leads.
//!
//! Owns what is refused meanwhile. Never decides what is in force: the store says that.

use std::time::Duration;

use super::feed::Feed;
use super::handle::{Acted, Message, Reply};
use super::run::{Driver, STORE_PAUSE, Stop, unreadable};
use super::start::EngineLife;
use crate::clock::Clock;
use crate::engine::{Input, Wakeup, WorkerInput};
use crate::model::{OnStop, Refusal};
use crate::store::StoreError;

impl Driver {
    /// The store refused a commit: nothing of that step happened. The engine is rebuilt from what the store holds, as
    /// soon as it answers again; until then nothing fires and every request is refused.
    pub(super) async fn recover(&mut self, mut error: StoreError, replies: Vec<Reply>) {
        let trouble = format!("nothing fires: {error}");
        tracing::error!(%error, "a commit failed; the engine stops firing until the store works");
        let health = self.engine.store_failed(error.to_string());
        let _ = self.feed.send(Feed::Health(health));
        if error.is_led_by_another() && self.life == EngineLife::WhileItLeads {
            // Whoever waits for an answer asks the leader.
            self.deposed = true;
            return;
        }
        replies.into_iter().for_each(|reply| reply(Err(Refusal::Store(trouble.clone()))));
        for tries in 1_u64.. {
            if error.is_led_by_another() && self.life == EngineLife::WhileItLeads {
                self.deposed = true;
                return;
            }
            match self.rebuild(&error).await {
                Ok(()) => break,
                Err(next) => error = next,
            }
            if tries.is_power_of_two() {
                tracing::warn!(%error, tries, "the store still fails");
            }
            if self.stop.is_some() {
                // It stops without the word that it did; what is kept is whole.
                return self.stop_at_once();
            }
            if !self.refuse_for(STORE_PAUSE, &trouble).await {
                return;
            }
        }
        tracing::info!("the store works again");
    }

    async fn rebuild(&mut self, after: &StoreError) -> Result<(), StoreError> {
        self.check_folder()?;
        let mut image = self.store.load().await?;
        if let StoreError::FiredTwice { job, fire_time } = after {
            // The engine would try the same again and again: what holds is what is kept.
            image.account(job, *fire_time);
        }
        let (settings, halted) = (self.settings.clone(), self.stop.is_some());
        let unreadable = unreadable(&image.unreadable);
        let (mut engine, mut effects) = self.engine.resumed(&image, settings, halted, Clock.now());
        effects.extend(engine.handle(Clock.now(), unreadable));
        for ended in self.worker_links.own_ends() {
            let input = Input::Worker(WorkerInput::Ended(ended));
            effects.extend(engine.handle(Clock.now(), input));
        }
        self.engine = engine;
        self.perform(effects).await?;
        // What the worker process said meanwhile is gone; it says it again.
        self.worker_links.ask_again();
        Ok(())
    }

    fn stop_at_once(&mut self) {
        self.stop = Some(Stop { how: OnStop::Leave, until: Duration::ZERO, cancelled: false });
    }

    /// Refuses everything for a while. False when the engine was asked to stop.
    async fn refuse_for(&mut self, pause: Duration, trouble: &str) -> bool {
        let until = Clock.now().monotonic + pause;
        loop {
            let wakeup = Wakeup { wall: None, monotonic: Some(until) };
            if self.alarm.set(wakeup).is_err() || Clock.now().monotonic >= until {
                return true;
            }
            tokio::select! {
                message = self.messages.recv() => match message {
                    Some(Message::Act(act)) => {
                        let Acted { reply, .. } = act(Err(Refusal::Store(trouble.to_owned())));
                        reply(Ok(()));
                    }
                    Some(Message::Look(look) | Message::Elsewhere { then: look, .. }) => {
                        look(Err(Refusal::Store(trouble.to_owned())));
                    }
                    Some(Message::Subscribe(reply)) => {
                        let _ = reply.send(Err(Refusal::Store(trouble.to_owned())));
                    }
                    Some(Message::Stop { .. }) | None => {
                        self.stop_at_once();
                        return false;
                    }
                    Some(_) => {}
                },
                // Who is connected is noted; what was said is asked for again once the store works.
                Some(event) = self.from_workers.recv() => {
                    self.worker_links.hear(event);
                }
                () = self.alarm.wait() => {}
            }
        }
    }
}
