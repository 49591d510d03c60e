//! One operator, one acquirer, and what they do all day.

use holdfast_protocol::{Answer, Authorize, Outcome};

use crate::fixture::Fixture;
use crate::peer::{Peer, wait_until};
use crate::requests::approval;

/// For tests that wait longer than an echo may stay unanswered, which the peers do not answer.
pub const PATIENT: &str = "[sessions]\necho_timeout_ms = 600000\ndrain_timeout_ms = 0\nstart_grace_ms = 0\n";

/// See the module.
#[derive(Debug)]
pub struct Parties {
    /// `operator-1`.
    pub operator: Peer,
    /// `acquirer-1`, which `acq-1` leads to.
    pub acquirer: Peer,
}

impl Parties {
    /// Both signed on.
    pub async fn of(fixture: &Fixture) -> Self {
        let operator = Peer::operator(fixture, "operator-1").await;
        Self { operator, acquirer: Peer::destination(fixture, "acquirer-1").await }
    }

    /// Sends a request and returns its forward, which is unanswered.
    pub async fn forwarded(&mut self, request: &Authorize) -> Authorize {
        self.operator.send(&[request.clone().into()]).await;
        let forward = self.acquirer.next_forward().await;
        assert_eq!(forward.id, request.id);
        forward
    }

    /// Sends a request, which the acquirer approves, and returns the answer.
    pub async fn approved(&mut self, request: &Authorize) -> Answer {
        let forward = self.forwarded(request).await;
        self.acquirer.send(&[approval(&forward, None).into()]).await;
        let answer = self.operator.next_answer().await;
        assert_eq!((answer.id, answer.outcome), (request.id, Outcome::Approved), "{}", answer.reason);
        answer
    }
}

/// Closes a link as a crash would, and waits until the switch knows.
pub async fn lose(fixture: &Fixture, peer: Peer) {
    let address = peer.address().to_string();
    peer.connection.close(0_u32.into(), b"");
    wait_until("the switch to miss the link", async || {
        let status = fixture.status().await;
        status.participants.iter().all(|p| p.links.iter().all(|link| link.address != address))
    })
    .await;
}
