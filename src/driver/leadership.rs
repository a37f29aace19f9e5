//! A scheduler that stands by: it watches the lease of the store, says who leads and how that one is reached, and becomes
//! the leader as soon as the lease is free.
//!
//! Owns the waiting, and what a standby says of itself. Never reads or changes what is in force: requests are passed on to
//! the leader by whoever serves this one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::carried::{CarriedPort, CarriedWires, Carrier, port};
use super::feed::{EngineInfo, Leader, SchedulerRole};
use super::last_good;
use super::source::JobsSource;
use super::start::{Definitions, EngineLife, Running, Site, StartError};
use crate::clock::Clock;
use crate::store::{LeaderWatch, Leading, Reach, StoreError};

/// How often the own jobs file is compared with the one in force.
const COMPARISON: Duration = Duration::from_secs(5);

/// What a standby knows at an instant.
#[derive(Debug, Clone)]
pub(crate) struct StandbyView {
    /// The standby itself; its `leader` is whoever leads, as far as that is known.
    pub(crate) engine: EngineInfo,
    /// How the leader is reached.
    pub(crate) reach: Reach,
    /// Why nobody is known to lead.
    pub(crate) trouble: Option<String>,
}

/// See the module's first lines.
#[derive(Debug)]
pub(crate) struct Standby {
    site: Site,
    watch: LeaderWatch,
    source: Arc<JobsSource>,
    /// When the own file was compared last, on the monotonic clock, and what was in force then.
    compared: Option<(Duration, Option<u64>)>,
    view: watch::Sender<StandbyView>,
    port: CarriedPort,
    wires: CarriedWires,
    /// The worker process on this machine, which may still hold what was begun here.
    carrier: Option<Carrier>,
}

impl Standby {
    pub(super) fn on(site: Site) -> Result<Self, StartError> {
        let watch = LeaderWatch::of(&site.options.store)?;
        let mut engine = site.info(Clock.now().wall);
        engine.scheduler = SchedulerRole::Standby;
        engine.leader = None;
        let trouble = Some("it is not known yet who leads".to_owned());
        let view = StandbyView { engine, reach: Reach::default(), trouble };
        let (source, view) = (Arc::new(site.source()), watch::channel(view).0);
        let (port, wires) = port();
        Ok(Self { site, watch, source, compared: None, view, port, wires, carrier: None })
    }

    /// What it knows, from now on.
    pub(crate) fn view(&self) -> watch::Receiver<StandbyView> {
        self.view.subscribe()
    }

    /// What the worker process here still holds, to be reported to the leader.
    pub(crate) fn carried(&self) -> CarriedPort {
        self.port.clone()
    }

    fn carry(&mut self) {
        let program = self.site.options.worker_program.clone();
        let carrier = || Carrier::start(&self.site.data_dir, program, self.wires.clone());
        self.carrier.get_or_insert_with(carrier);
    }

    /// Waits until the lease is free, and starts the engine that leads from then on.
    ///
    /// # Errors
    /// When the lease is free and no engine can be started here: another scheduler may.
    pub(crate) async fn until_leading(&mut self) -> Result<Running, StartError> {
        let mut failures = 0_u64;
        loop {
            let failed = match self.watch.next().await {
                Ok(seen) => {
                    self.note(&seen).await;
                    if !seen.is_free {
                        failures = 0;
                        self.carry();
                        continue;
                    }
                    // The engine connects to the worker process by itself.
                    self.carrier = None;
                    match self.site.start(Definitions::InForce, EngineLife::WhileItLeads).await {
                        Ok(running) => return Ok(running),
                        // Another one was faster.
                        Err(StartError::Store(error)) if error.is_led_by_another() => continue,
                        Err(error) if error.may_pass() => error.to_string(),
                        Err(error) => return Err(error),
                    }
                }
                Err(error) => error.to_string(),
            };
            failures += 1;
            if failures.is_power_of_two() {
                tracing::warn!(error = failed, failures, "nobody is known to lead the store");
            }
            self.view.send_modify(|view| view.trouble = Some(failed));
        }
    }

    /// Says what was seen.
    async fn note(&mut self, seen: &Leading) {
        let Leading { leader, reach, is_free } = seen;
        let changed = self.compare().await;
        let trouble = is_free.then(|| "the lease of the store is free: nobody leads".to_owned());
        let pid = u32::try_from(leader.pid).unwrap_or_default();
        let leader = Leader { host: leader.host.clone(), pid, epoch: Some(leader.epoch) };
        self.view.send_if_modified(|view| {
            let before =
                (view.engine.leader.clone(), view.trouble.is_some(), view.engine.file.changed);
            view.engine.leader = Some(leader);
            view.reach.clone_from(reach);
            view.trouble = trouble;
            view.engine.file.changed = changed.unwrap_or(view.engine.file.changed);
            before != (view.engine.leader.clone(), view.trouble.is_some(), view.engine.file.changed)
        });
    }

    /// Whether the own file differs from what is in force; `None` = as it was found last.
    async fn compare(&mut self) -> Option<bool> {
        let now = Clock.now();
        let (at, before) = self.compared.unwrap_or_default();
        if self.compared.is_some() && now.monotonic < at + COMPARISON {
            return None;
        }
        let saved = self.watch.meta(last_good::FINGERPRINT).await;
        let saved = saved.inspect_err(|error: &StoreError| tracing::debug!(%error, "who knows"));
        let in_force = last_good::saved_fingerprint(saved.ok()?.as_deref());
        let (first, source) =
            (self.compared.is_none() || before != in_force, Arc::clone(&self.source));
        let comparison = tokio::task::spawn_blocking(move || {
            // Reading them says which calendars belong to them.
            match source.load(now.wall) {
                Ok(read) => Some(read.fingerprint) != in_force,
                Err(_) => true,
            }
        });
        let changed = comparison.await.unwrap_or(true);
        self.compared = Some((now.monotonic, in_force));
        if changed && first {
            tracing::warn!("the jobs file of this scheduler differs from the one in force");
        }
        Some(changed)
    }
}
