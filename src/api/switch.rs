//! What is served at an instant: an engine that leads, or a standby. It may change while connections last.
//!
//! Owns the routers in force. Each request is answered by those that are in force when it comes; streams that began under
//! others end with them, so that whoever reads them asks again.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use tokio_util::sync::CancellationToken;

use super::app::App;
use super::router;
use super::serve::Service;
use super::standby::{self, StandbyService};
use crate::model::Role;

/// See the module's first lines.
#[derive(Clone)]
pub(crate) struct Switch {
    routes: Arc<RwLock<Routes>>,
    shutdown: CancellationToken,
}

impl fmt::Debug for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switch").finish_non_exhaustive()
    }
}

struct Routes {
    socket: Router,
    /// `None` where TCP lets nobody in.
    tcp: Option<Router>,
    /// Ends their streams.
    streams: CancellationToken,
}

impl Routes {
    fn of_leader(service: Service, streams: CancellationToken) -> Self {
        let Service { engine_api, access, metrics, clock } = service;
        // The guard puts each caller's own engine and role in their place.
        let (role, event_fanout, stopping) = (Role::Viewer, Arc::default(), streams.clone());
        let app = App { engine_api, role, metrics, clock, event_fanout, stopping };
        let tcp = access.map(|access| router::tcp(app.clone(), access));
        Self { socket: router::socket(app), tcp, streams }
    }

    fn of_standby(standby: StandbyService, streams: CancellationToken) -> Self {
        let (socket, tcp) = standby::routers(standby, streams.clone());
        Self { socket, tcp: Some(tcp), streams }
    }
}

impl Switch {
    /// Serves an engine that leads, until `shutdown`.
    pub(crate) fn leading(service: Service, shutdown: &CancellationToken) -> Self {
        let routes = Routes::of_leader(service, shutdown.child_token());
        Self { routes: Arc::new(RwLock::new(routes)), shutdown: shutdown.clone() }
    }

    /// Serves a standby, until `shutdown`.
    pub(crate) fn standing_by(standby: StandbyService, shutdown: &CancellationToken) -> Self {
        let routes = Routes::of_standby(standby, shutdown.child_token());
        Self { routes: Arc::new(RwLock::new(routes)), shutdown: shutdown.clone() }
    }

    /// From now on an engine that leads is served.
    pub(crate) fn lead(&self, service: Service) {
        self.replace(Routes::of_leader(service, self.shutdown.child_token()));
    }

    /// From now on a standby is served.
    pub(crate) fn stand_by(&self, standby: StandbyService) {
        self.replace(Routes::of_standby(standby, self.shutdown.child_token()));
    }

    fn replace(&self, routes: Routes) {
        let mut current = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *current, routes);
        drop(current);
        before.streams.cancel();
    }

    /// What answers on the socket.
    pub(super) fn socket(&self) -> Router {
        self.routes.read().unwrap_or_else(PoisonError::into_inner).socket.clone()
    }

    /// What answers over TCP.
    pub(super) fn tcp(&self) -> Option<Router> {
        self.routes.read().unwrap_or_else(PoisonError::into_inner).tcp.clone()
    }
}
