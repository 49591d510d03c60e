//! Links that come, go and change, and what is told to them on their control streams.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::BytesMut;
use holdfast_core::view::LiveSession;
use holdfast_core::{From, Input};
use holdfast_journal::Log;
use holdfast_protocol::{Message, ParticipantNumber, Reason, SignOn, UnixMillis};

use super::Driver;
use crate::driver::seam::Seam;
use crate::driver::sessions::Live;
use crate::session::Outbound;
use crate::session::outbound::CONTROL;

impl<L: Log, S: Seam> Driver<L, S> {
    /// Writes a message to the control streams of some participants.
    pub fn tell(&self, message: &Message, whose: impl Fn(ParticipantNumber) -> bool) {
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes);
        let bytes = bytes.freeze();
        for live in self.sessions.iter().filter(|live| whose(live.from.participant)) {
            live.outbound.push(CONTROL, bytes.clone());
        }
    }

    /// Ends all links, telling why.
    pub fn close_links(&self, reason: Reason) {
        self.close_links_of(reason, |_| true);
    }

    /// Ends the links of some participants, telling why.
    pub fn close_links_of(&self, reason: Reason, whose: impl Fn(ParticipantNumber) -> bool) {
        for live in self.sessions.iter().filter(|live| whose(live.from.participant)) {
            live.outbound.close(reason);
        }
    }

    pub(super) fn up(
        &mut self,
        now: UnixMillis,
        from: From,
        sign_on: &SignOn,
        address: SocketAddr,
        outbound: Arc<Outbound>,
    ) {
        if !self.core.is_configured(from.participant) {
            // Removed by a reload while the link was signing on.
            outbound.close(Reason::Removed);
            return;
        }
        let links = self.view.links.entry(from.participant).or_default();
        let older = links.iter().find(|link| link.instance == from.instance).map(|link| link.session);
        if older.is_none() && links.len() >= self.settings.instances_max {
            outbound.close(Reason::TooManyLinks);
            return;
        }
        if let Some(session) = older {
            if let Some(live) = self.sessions.get_mut(session) {
                live.outbound.close(Reason::Replaced);
            }
            self.down(now, From { session, ..from });
        }
        let link = LiveSession {
            session: from.session,
            instance: from.instance,
            receives: sign_on.receives,
            shared_deduplication: sign_on.shared_deduplication,
            draining: false,
            window: sign_on.window,
        };
        let links = self.view.links.entry(from.participant).or_default();
        let place = links.partition_point(|other| other.instance < link.instance);
        links.insert(place, link);
        self.sessions.add(Live::new(from, sign_on, address, now, outbound));
        self.step(now, &Input::LinkUp(from));
    }

    pub(super) fn down(&mut self, now: UnixMillis, from: From) {
        if self.sessions.remove(from.session).is_none() {
            return; // Replaced before, or never admitted.
        }
        if let Some(links) = self.view.links.get_mut(&from.participant) {
            links.retain(|link| link.session != from.session);
            if links.is_empty() {
                self.view.links.remove(&from.participant);
            }
        }
        self.step(now, &Input::LinkLost(from));
    }

    pub(super) fn change_link(&mut self, from: From, change: impl FnOnce(&mut LiveSession)) {
        let links = self.view.links.get_mut(&from.participant).into_iter().flatten();
        if let Some(link) = links.into_iter().find(|link| link.session == from.session) {
            change(link);
        }
    }

    /// A link takes another number of unanswered forwards, and takes forwards again if it drained: what waited for room may
    /// leave.
    pub(super) fn window(&mut self, now: UnixMillis, from: From, window: u32) {
        self.change_link(from, |link| (link.window, link.draining) = (window, false));
        self.step(now, &Input::LinkUp(from));
    }
}
