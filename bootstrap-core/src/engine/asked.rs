//! What the other end asks for, from the claims under its evidence.

use super::Error;
use super::message::name;
use crate::authority::PolicyTip;
use crate::keyring::{genesis_facts, request_facts};
use crate::machine::Claims;
use crate::machine::facts::{
    DiskHeader, Floors, InitClaims, JoinClaims, NodeClaims, RecoverClaims, RejoinClaims, RenewClaims,
    ServiceClaims, ShownVoucher,
};
use crate::peer::SameNode;
use crate::wire::{self, Enrolment, Signed, Statement};

/// The claims as machines read them.
///
/// # Errors
/// [`Error`] for a voucher that is no statement of one.
pub(super) fn asked(claims: &wire::Claims) -> Result<Claims, Error> {
    Ok(match claims {
        wire::Claims::Init(claims) => Claims::Init(InitClaims {
            genesis: request_facts(&claims.genesis),
            attempt: claims.attempt,
            custody: claims.custody,
            policy: claims.policy.as_ref().map(Signed::to_bytes),
        }),
        wire::Claims::Node(claims) => Claims::Node(NodeClaims {
            header: claims.header.as_ref().map(header),
            generation: claims.generation,
        }),
        wire::Claims::Join(claims) => Claims::Join(JoinClaims {
            csr: claims.csr.as_bytes().to_vec(),
            enrol: enrolled(&claims.enrolment),
            disk: claims.disk,
            wish: claims.name.as_ref().map(name).transpose()?,
            node: claims.node,
            voucher: claims.voucher.as_ref().map(voucher).transpose()?,
        }),
        wire::Claims::Rejoin(claims) => Claims::Rejoin(RejoinClaims {
            csr: claims.csr.as_bytes().to_vec(),
            disk: claims.disk,
            node: claims.node,
            generation: claims.generation,
            enrol: claims.enrolment.as_ref().map(enrolled),
        }),
        wire::Claims::Service(claims) => Claims::Service(ServiceClaims {
            genesis: genesis_facts(&claims.genesis),
            policy: PolicyTip { epoch: claims.policy_epoch, hash: claims.policy },
            node: claims.node,
        }),
        wire::Claims::Recover(claims) => Claims::Recover(RecoverClaims {
            cluster: claims.cluster,
            source: claims.source,
            floors: Floors {
                policy: claims.floors.policy_epoch,
                generation: claims.floors.generation,
                recovery: claims.floors.recovery_epoch,
                time: claims.floors.time.as_secs(),
            },
            alone: claims.alone,
            shares: claims.shares,
            genesis: claims.genesis.as_ref().map(genesis_facts),
            statements: claims.authority.iter().map(Signed::to_bytes).collect(),
        }),
        wire::Claims::Author(claims) => Claims::Author(claims.cluster),
        wire::Claims::Renew(claims) => Claims::Renew(RenewClaims {
            csr: claims.csr.as_bytes().to_vec(),
            node: claims.node,
            generation: claims.generation,
            policy: PolicyTip { epoch: claims.policy_epoch, hash: claims.policy },
            epochs: claims.epochs.to_vec(),
        }),
    })
}

fn header(header: &wire::DiskHeader) -> DiskHeader {
    DiskHeader {
        cluster: header.cluster,
        node: header.node,
        disk: header.disk,
        epochs: header.epochs.to_vec(),
    }
}

fn enrolled(enrolment: &Enrolment) -> SameNode {
    let id = enrolment.proof().map(|proof| proof.as_bytes().to_vec()).unwrap_or_default();
    SameNode { class: enrolment.class(), id }
}

/// Its id, for the store; whether it holds, the rules say.
fn voucher(signed: &Signed) -> Result<ShownVoucher, Error> {
    match Statement::from_payload(&signed.payload)? {
        Statement::Voucher(voucher) => Ok(ShownVoucher { id: voucher.id, signed: signed.to_bytes() }),
        Statement::Policy(_) | Statement::Transition(_) | Statement::Rescue(_) => {
            Err(Error::Unsayable { what: "voucher" })
        }
    }
}
