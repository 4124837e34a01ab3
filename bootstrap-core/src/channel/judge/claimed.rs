//! What a peer claims, held against its flow, its side and its evidence (protocol section 4, additions l).

use attest_core::claims::Claims as TeeClaims;
use attest_core::policy::Accepted;

use super::disbelief::Disbelief;
use crate::channel::binding::Side;
use crate::channel::evidence::JudgeRequest;
use crate::channel::guard::{self, holds};
use crate::ids::{BootId, ConfigDigest};
use crate::peer::{Facts, LockClaim};
use crate::wire::{Claims, Flow, Item, LockClass, LockState};

/// What the claims say of the node that makes them.
pub(super) struct Claimed {
    lock: Option<LockState>,
    configuration: Option<ConfigDigest>,
    boot: Option<BootId>,
}

impl Claimed {
    pub(super) fn read(request: &JudgeRequest) -> Result<Self, Disbelief> {
        let JudgeRequest { flow, side, .. } = *request;
        let claims = Claims::from_bytes(request.claims.as_bytes())?;
        if !holds(guard::CLAIMS, fits(flow, side, &claims)) {
            return Err(Disbelief::ClaimsKind { flow, side });
        }
        let node =
            |lock, config, boot| Self { lock: Some(lock), configuration: Some(config), boot: Some(boot) };
        Ok(match claims {
            Claims::Node(claims) => node(claims.lock, claims.config, claims.boot),
            Claims::Join(claims) => node(claims.lock, claims.config, claims.boot),
            Claims::Rejoin(claims) => node(claims.lock, claims.config, claims.boot),
            Claims::Renew(claims) => node(claims.lock, claims.config, claims.boot),
            Claims::Service(claims) => Self { lock: Some(claims.lock), configuration: None, boot: None },
            Claims::Init(_) | Claims::Recover(_) | Claims::Author(_) => {
                Self { lock: None, configuration: None, boot: None }
            }
        })
    }

    pub(super) fn add_to(self, facts: &mut Facts, tees: &[(&Item, Accepted)]) -> Result<(), Disbelief> {
        facts.lock = self.lock.map(|lock| match lock {
            LockState::Open => LockClaim::Open,
            LockState::Locked { class: LockClass::Software, cluster } => LockClaim::Software(cluster),
            LockState::Locked { class: LockClass::TpmPcr, cluster } => LockClaim::Pcr(cluster),
            LockState::Locked { class: LockClass::Rtmr, cluster } => LockClaim::Rtmr(cluster),
        });
        (facts.configuration, facts.boot) = (self.configuration, self.boot);
        for (_, accepted) in tees {
            let TeeClaims::Snp(claims) = accepted.claims() else { continue };
            let shown = ConfigDigest::new(claims.report().host_data());
            // All zero is a VM that was started without: the digest is then the image's word, and the facts say so.
            let Some(claimed) = self.configuration.filter(|_| *shown.as_bytes() != [0; 32]) else { continue };
            if !holds(guard::CONFIGURATION, shown == claimed) {
                return Err(Disbelief::Configuration { claimed, shown });
            }
            facts.configuration_in_evidence = true;
        }
        Ok(())
    }
}

/// The table of flows in protocol section 4: who claims what.
const fn fits(flow: Flow, side: Side, claims: &Claims) -> bool {
    match (flow, side) {
        (Flow::Init, Side::Client) => matches!(claims, Claims::Init(_)),
        (Flow::Join, Side::Client) => matches!(claims, Claims::Join(_)),
        (Flow::Rejoin, Side::Client) => matches!(claims, Claims::Rejoin(_)),
        (Flow::Recover, Side::Client) => matches!(claims, Claims::Recover(_)),
        (Flow::Renew, Side::Client) => matches!(claims, Claims::Renew(_)),
        (Flow::Statement | Flow::Probe | Flow::Rotate, Side::Client) => matches!(claims, Claims::Author(_)),
        (Flow::Init | Flow::Recover, Side::Server) => matches!(claims, Claims::Node(_)),
        (Flow::Probe, Side::Server) => matches!(claims, Claims::Node(_) | Claims::Service(_)),
        (Flow::Join | Flow::Rejoin | Flow::Statement | Flow::Renew | Flow::Rotate, Side::Server) => {
            matches!(claims, Claims::Service(_))
        }
    }
}
