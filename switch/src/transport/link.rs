//! The life of one link: handshake, sign-on, lanes, and why it ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use holdfast_core::From;
use holdfast_core::view::SessionId;
use holdfast_link::Identity;
use holdfast_protocol::{Reason, SignOn};
use quinn::rustls::pki_types::CertificateDer;
use quinn::{Connection, RecvStream, SendStream, VarInt};
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::handshakes::Standing;
use super::shared::Shared;
use super::streams::{read_lane, write_stream};
use crate::driver::Event;
use crate::session::control::{Control, Wish};
use crate::session::directory::LinkPlace;
use crate::session::inbound::Agreed;
use crate::session::outbound::CONTROL;
use crate::session::{Inbound, Outbound};
use crate::telemetry::Matter;

/// Bytes of the control stream taken with one read.
const CONTROL_READ_BYTES: usize = 4_096;

/// How long a switch that stops waits for a peer to take what was decided.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// One link from the end of its handshake to its last packet; it has its place among those of the switch until then.
pub(super) async fn serve_link(connection: Connection, shared: Arc<Shared>, _standing: Standing) {
    let Some(session) = shared.enter() else { return refuse(&connection, &shared, Reason::TooManyLinks) };
    let place = identity(&connection)
        .and_then(|identity| shared.directory.enter(&identity, shared.limits.links_for_participant_max));
    match place {
        Ok(place) => {
            let (address, participant) = (connection.remote_address(), &place.member().name);
            let reason = serve(&connection, &shared, session, &place).await;
            shared.telemetry.links.closed.of(place.member().number).outcomes_shared(reason, 1);
            info!(%address, participant, %reason, "link ended");
            end(&connection, reason);
        }
        Err(reason) => refuse(&connection, &shared, reason),
    }
    shared.leave(session);
}

/// Ends a link that has no place. Whoever dials a thousand of them gets one line in the log now and then.
fn refuse(connection: &Connection, shared: &Shared, reason: Reason) {
    let (address, closed) = (connection.remote_address(), &shared.telemetry.links.closed);
    let member = identity(connection).ok().and_then(|identity| shared.directory.find(&identity));
    let number = member.as_ref().map(|member| member.number);
    number.map_or_else(|| closed.of_nobody(), |number| closed.of(number)).outcomes_shared(reason, 1);
    if let Some(times) = shared.remark(Matter::LinkRefused(number, reason)) {
        let participant = member.as_ref().map_or("nobody", |member| &member.name);
        warn!(%address, participant, %reason, times, "link refused");
    }
    end(connection, reason);
}

fn end(connection: &Connection, reason: Reason) {
    connection.close(VarInt::from_u32(u32::from(reason.number())), reason.name().as_bytes());
}

fn identity(connection: &Connection) -> Result<Identity, Reason> {
    let certificates = connection
        .peer_identity()
        .and_then(|any| any.downcast::<Vec<CertificateDer<'static>>>().ok())
        .ok_or(Reason::IdentityUnknown)?;
    let certificate = certificates.first().ok_or(Reason::IdentityUnknown)?;
    Identity::from_der(certificate).map_err(|_| Reason::IdentityUnknown)
}

/// A link whose sign-on is done and whose lanes are open.
struct SignedOn {
    control: Control,
    control_streams: (SendStream, RecvStream),
    lanes: Vec<(SendStream, RecvStream)>,
    sign_on: SignOn,
}

async fn serve(
    connection: &Connection,
    shared: &Arc<Shared>,
    session: SessionId,
    place: &LinkPlace,
) -> Reason {
    let timeout = shared.limits.sign_on_timeout;
    let signed_on = match tokio::time::timeout(timeout, sign_on(connection, shared, place)).await {
        Ok(Ok(signed_on)) => signed_on,
        Ok(Err(reason)) => return reason,
        Err(_) => return Reason::SignOnTimedOut,
    };
    let SignedOn { control, control_streams, lanes, sign_on } = signed_on;
    let member = place.member();
    let from = From { participant: member.number, instance: sign_on.instance, session };
    let outbound = Arc::new(Outbound::default());
    let agreed = Agreed {
        originates: sign_on.originates,
        receives: sign_on.receives,
        window: shared.offer(member.number).window,
        retry_after_ms: shared.limits.retry_after_ms,
    };
    info!(participant = member.name, instance = sign_on.instance.0, "signed on");
    let address = connection.remote_address();
    shared.tell_all(&Event::Up { from, sign_on, address, outbound: Arc::clone(&outbound) }).await;
    shared.telemetry.links.signed_on.add_shared(1);
    let (mut tasks, mut writers) = (JoinSet::new(), JoinSet::new());
    for (lane, (send, receive)) in (0_u8..).zip(lanes) {
        let inbound = Inbound::new(from, Arc::clone(member), Arc::clone(&outbound), agreed, lane);
        tasks.spawn(read_lane(receive, inbound, lane, Arc::clone(shared)));
        writers.spawn(write_stream(send, usize::from(lane) + 1, Arc::clone(&outbound)));
    }
    let (send, receive) = control_streams;
    writers.spawn(write_stream(send, CONTROL, Arc::clone(&outbound)));
    let reason = tokio::select! {
        reason = run_control(control, receive, &outbound, from, shared) => reason,
        reason = outbound.closed() => reason,
        ended = tasks.join_next() => ended.and_then(Result::ok).unwrap_or(Reason::SignedOff),
        ended = writers.join_next() => ended.and_then(Result::ok).unwrap_or(Reason::SignedOff),
    };
    if reason == Reason::SwitchStopping {
        // What was decided and is durable is told before the link goes.
        outbound.finish();
        let told = async { while writers.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST_WORDS, told).await.is_err() {
            let unsent_bytes = outbound.queued_bytes();
            warn!(%address, participant = member.name, unsent_bytes, "did not take the last answers");
        }
    }
    // Before the streams are dropped: their ends must not reach the peer ahead of the reason.
    end(connection, reason);
    tasks.shutdown().await;
    writers.shutdown().await;
    shared.tell_all(&Event::Down { from }).await;
    reason
}

async fn sign_on(connection: &Connection, shared: &Shared, place: &LinkPlace) -> Result<SignedOn, Reason> {
    let (mut send, mut receive) = connection.accept_bi().await.map_err(|_| Reason::SignedOff)?;
    let mut control = Control::new(shared.limits.echo, Instant::now());
    let sign_on = loop {
        let chunk = read(&mut receive).await?;
        if let Some(sign_on) = control.sign_on(chunk)? {
            break sign_on;
        }
    };
    if sign_on.receives && !shared.is_enough(sign_on.window) {
        return Err(Reason::WindowTooSmall);
    }
    control.welcome(&sign_on, place.member(), shared.offer(place.member().number), shared.now())?;
    send.write_chunk(control.out.split().freeze()).await.map_err(|_| Reason::SignedOff)?;
    let mut lanes = Vec::with_capacity(usize::from(sign_on.lanes));
    for _ in 0..sign_on.lanes {
        lanes.push(connection.accept_bi().await.map_err(|_| Reason::SignedOff)?);
    }
    Ok(SignedOn { control, control_streams: (send, receive), lanes, sign_on })
}

async fn read(stream: &mut RecvStream) -> Result<Bytes, Reason> {
    match stream.read_chunk(CONTROL_READ_BYTES, true).await {
        Ok(Some(chunk)) => Ok(chunk.bytes),
        Ok(None) | Err(_) => Err(Reason::SignedOff),
    }
}

/// Runs the control stream until the link is to end.
async fn run_control(
    mut control: Control,
    mut receive: RecvStream,
    outbound: &Outbound,
    from: From,
    shared: &Shared,
) -> Reason {
    let mut wishes = Vec::new();
    let mut chunk = Bytes::new(); // What came together with the sign-on is looked at first.
    loop {
        if let Err(reason) = control.receive(chunk, shared.now(), &mut wishes) {
            return reason;
        }
        for wish in wishes.drain(..) {
            match wish {
                Wish::Drain => shared.tell_all(&Event::Drain(from)).await,
                Wish::Window(window) if !shared.is_enough(window) => return Reason::WindowTooSmall,
                Wish::Window(window) => shared.tell_all(&Event::Window(from, window)).await,
                Wish::SignOff => return Reason::SignedOff,
            }
        }
        if !control.out.is_empty()
            && outbound.push(CONTROL, control.out.split().freeze()) > shared.limits.outbound_bytes_max
        {
            return Reason::NotReading;
        }
        let due = tokio::time::Instant::from_std(control.next_tick());
        chunk = tokio::select! {
            read = read(&mut receive) => match read {
                Ok(chunk) => chunk,
                Err(reason) => return reason,
            },
            () = tokio::time::sleep_until(due) => Bytes::new(),
        };
        if let Err(reason) = control.tick(Instant::now(), shared.now()) {
            return reason;
        }
    }
}
