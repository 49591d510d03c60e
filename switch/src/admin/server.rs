//! The admin interface over HTTP.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /healthz` | 200 while the process runs |
//! | `GET /readyz` | 200 once recovered and listening, else 503; 503 also while the journal has no room for new work |
//! | `GET /metrics` | OpenMetrics text |
//! | `GET /status` | [`StatusReport`] |
//! | `GET /transaction/{participant}/{id}` | [`TransactionReport`](super::report::TransactionReport) |
//! | `GET /undelivered?destination={name}&max={n}` | [`UndeliveredReport`](super::report::UndeliveredReport), oldest first |
//! | `GET /route/{payment_id}` | [`RouteReport`](super::report::RouteReport) |
//! | `POST /participant/{name}/{suspend,resume,drain}` | 200 when durable |
//! | `POST /cutover/{date}` | 200 when durable |
//! | `POST /reload` | [`ReloadReport`], 200 when durable |
//!
//! An error is `{"error": "..."}` with 400 (not understood), 403 (guard), 404 (unknown), 409 (refused), 503 (the driver
//! takes no commands) or 504 (the driver did not answer in time; whether an order was carried out is then unknown).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use holdfast_core::registry::{ParticipantRecord, ParticipantStatus};
use holdfast_protocol::{BusinessDate, PaymentId, RequestId};
use serde_json::json;
use tokio::sync::oneshot;

use super::command::{Command, CommandError, CommandSender, Reply, Who};
use super::guard;
use super::reload::{ReloadError, reload};
use super::report::{ChangeReport, ReloadReport, StatusReport};
use crate::config::{Change, Config};
use crate::telemetry::{self, Named, Names, Telemetry};

/// How long the driver may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// The same for the levels of a scrape, which must not make the scrape itself fail.
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(1);

/// Transactions that `/undelivered` lists, unless it is asked for another number, and at most (I8).
const UNDELIVERED_DEFAULT: usize = 50;
const UNDELIVERED_MAX: usize = 1_000;

/// What the handlers share.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    pub(super) telemetry: Telemetry,
    pub(super) commands: CommandSender,
    /// As it runs: replaced by a reload.
    pub(super) config: Arc<Mutex<Config>>,
    /// One reload at a time.
    reloading: Arc<tokio::sync::Mutex<()>>,
}

impl Desk {
    pub(super) fn new(telemetry: Telemetry, commands: CommandSender, config: Config) -> Self {
        Self { telemetry, commands, config: Arc::new(Mutex::new(config)), reloading: Arc::default() }
    }

    async fn ask<T>(
        &self,
        timeout: Duration,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> Result<T, Failure> {
        let (reply, answer) = oneshot::channel();
        self.commands.try_send(command(reply)).map_err(|_| Failure::DriverAway)?;
        match tokio::time::timeout(timeout, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(Failure::DriverAway),
            Err(_) => Err(Failure::DriverSlow),
        }
    }

    async fn status(&self, timeout: Duration) -> Result<Box<StatusReport>, Failure> {
        self.ask(timeout, |reply| Command::Status { reply }).await
    }

    fn names(&self) -> Names {
        let config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        let named = |p: &ParticipantRecord| Named {
            name: p.name.clone(),
            originates: p.originates,
            receives: p.receives,
        };
        config.participants.iter().map(|p| (p.number.get(), named(p))).collect()
    }

    /// Reads configuration and certificates again; what changed. The log has it too, whoever asked.
    pub(super) async fn reload(&self, asked_by: &str) -> Result<Vec<Change>, ReloadError> {
        let _one_at_a_time = self.reloading.lock().await;
        let running = self.config.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let reload = reload(running, &self.commands, ANSWER_TIMEOUT).await.inspect_err(|error| {
            tracing::error!(asked_by, %error, "not reloaded");
            // A driver that did not answer may have taken it over all the same.
            if !matches!(error, ReloadError::DriverSlow) {
                self.telemetry.reload_refused(&error.to_string());
            }
        })?;
        self.telemetry.reload_taken();
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = reload.config;
        for change in &reload.changes {
            tracing::info!(asked_by, %change, "configuration changed");
        }
        tracing::info!(asked_by, changes = reload.changes.len(), "reloaded: certificates read again");
        Ok(reload.changes)
    }
}

pub(super) fn router(desk: Desk) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .route("/transaction/{participant}/{id}", get(transaction))
        .route("/undelivered", get(undelivered))
        .route("/route/{payment_id}", get(route))
        .route("/participant/{name}/{order}", post(participant))
        .route("/cutover/{date}", post(cutover))
        .route("/reload", post(reload_now))
        .layer(middleware::from_fn(guard::check))
        .with_state(desk)
}

async fn ready(State(desk): State<Desk>) -> Response {
    desk.telemetry.not_ready().map_or_else(
        || (StatusCode::OK, "ready\n").into_response(),
        |why| (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")).into_response(),
    )
}

async fn metrics(State(desk): State<Desk>) -> Response {
    let status = desk.status(SCRAPE_TIMEOUT).await.ok();
    match telemetry::exposition(&desk.telemetry, &desk.names(), status.as_deref()) {
        Ok(text) => ([(header::CONTENT_TYPE, telemetry::CONTENT_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn status(State(desk): State<Desk>) -> Result<Json<StatusReport>, Failure> {
    desk.status(ANSWER_TIMEOUT).await.map(|report| Json(*report))
}

async fn transaction(
    State(desk): State<Desk>,
    Path((participant, id)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let id: RequestId = id.parse().map_err(not_understood)?;
    let originator = who(&participant);
    let report = desk.ask(ANSWER_TIMEOUT, |reply| Command::Transaction { originator, id, reply }).await??;
    Ok(Json(report).into_response())
}

/// What `/undelivered` may be asked for.
#[derive(Debug, serde::Deserialize)]
struct UndeliveredQuery {
    destination: Option<String>,
    max: Option<usize>,
}

async fn undelivered(
    State(desk): State<Desk>,
    Query(query): Query<UndeliveredQuery>,
) -> Result<Response, Failure> {
    let destination = query.destination.as_deref().map(who);
    // The driver makes the list between two turns: it must stay short.
    let max = query.max.unwrap_or(UNDELIVERED_DEFAULT).min(UNDELIVERED_MAX);
    let report = desk.ask(ANSWER_TIMEOUT, |reply| Command::Undelivered { destination, max, reply }).await??;
    Ok(Json(report).into_response())
}

async fn route(State(desk): State<Desk>, Path(payment_id): Path<String>) -> Result<Response, Failure> {
    let payment_id: PaymentId = payment_id.parse().map_err(not_understood)?;
    let report = desk.ask(ANSWER_TIMEOUT, |reply| Command::ExplainRoute { payment_id, reply }).await?;
    Ok(Json(report).into_response())
}

async fn participant(
    State(desk): State<Desk>,
    Path((name, order)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let status = match order.as_str() {
        "suspend" => ParticipantStatus::Suspended,
        "resume" => ParticipantStatus::Active,
        "drain" => ParticipantStatus::Draining,
        other => return Err(not_understood(format!("expected suspend, resume or drain, found {other:?}"))),
    };
    let participant = who(&name);
    // The answer says the name, whichever way it was asked.
    let name = match &participant {
        Who::Number(number) => desk.names().get(&number.get()).map_or(name, |named| named.name.clone()),
        Who::Name(_) => name,
    };
    desk.ask(ANSWER_TIMEOUT, |reply| Command::SetStatus { participant, status, reply }).await??;
    Ok(Json(json!({ "participant": name, "done": order })).into_response())
}

async fn cutover(State(desk): State<Desk>, Path(date): Path<String>) -> Result<Response, Failure> {
    let date: BusinessDate = date.parse().map_err(not_understood)?;
    let before = desk.ask(ANSWER_TIMEOUT, |reply| Command::CutOver { date, reply }).await??;
    Ok(Json(json!({ "before": before.to_string(), "business_date": date.to_string() })).into_response())
}

async fn reload_now(State(desk): State<Desk>) -> Result<Response, Failure> {
    let changes = desk.reload("command").await.map_err(|error| match error {
        ReloadError::DriverAway => Failure::DriverAway,
        ReloadError::DriverSlow => Failure::DriverSlow,
        ReloadError::Config(_) | ReloadError::Certificates(_) | ReloadError::Refused(_) => {
            Failure::Answer(StatusCode::CONFLICT, error.to_string())
        }
    })?;
    let report = |change: Change| {
        let Change { key, before, after, needs_restart } = change;
        ChangeReport { key, before, after, needs_restart }
    };
    let report = ReloadReport { changes: changes.into_iter().map(report).collect() };
    Ok(Json(report).into_response())
}

fn who(text: &str) -> Who {
    let Ok(who) = text.parse();
    who
}

fn not_understood(error: impl ToString) -> Failure {
    Failure::Answer(StatusCode::BAD_REQUEST, error.to_string())
}

/// What goes back instead of an answer.
#[derive(Debug)]
enum Failure {
    DriverAway,
    DriverSlow,
    Answer(StatusCode, String),
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        let code = match error {
            CommandError::ParticipantUnknown(_)
            | CommandError::TransactionUnknown
            | CommandError::OriginalUnknown(_) => StatusCode::NOT_FOUND,
            CommandError::Refused(_) | CommandError::Conflict(_) => StatusCode::CONFLICT,
        };
        Self::Answer(code, error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (code, text) = match self {
            Self::DriverAway => {
                (StatusCode::SERVICE_UNAVAILABLE, "the driver takes no commands now".to_owned())
            }
            Self::DriverSlow => (
                StatusCode::GATEWAY_TIMEOUT,
                "the driver did not answer in time; an order may or may not have been carried out".to_owned(),
            ),
            Self::Answer(code, text) => (code, text),
        };
        (code, Json(json!({ "error": text }))).into_response()
    }
}
