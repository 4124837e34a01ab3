//! From secrets to names of secrets and back: what a machine sees of a grant.

use super::field::List;
use super::grant::{
    DiskKey, Grant, InitGrant, InitKeys, JoinTicket, Place, RecoverGrant, RejoinTicket, RenewTicket, Root,
    RotateGrant, ShareGrant,
};
use super::message::Message;

impl<S> Message<S> {
    /// The message with each secret turned by `f`: into a handle when it arrives, into the secret before it leaves.
    ///
    /// # Errors
    /// The first error of `f`.
    pub fn map_secrets<T, E>(self, mut f: impl FnMut(S) -> Result<T, E>) -> Result<Message<T>, E> {
        Ok(match self {
            Self::Offer(message) => Message::Offer(message),
            Self::Locked(message) => Message::Locked(message),
            Self::Grant(message) => Message::Grant(message.map_secrets(&mut f)?),
            Self::Done(message) => Message::Done(message),
            Self::Progress(message) => Message::Progress(message),
            Self::Result(message) => Message::Result(message),
            Self::Publish(message) => Message::Publish(message),
            Self::Ack(message) => Message::Ack(message),
            Self::Held(message) => Message::Held(message),
        })
    }
}

impl<S> Grant<S> {
    /// The grant with each secret turned by `f`.
    ///
    /// # Errors
    /// The first error of `f`.
    pub fn map_secrets<T, E>(self, f: &mut impl FnMut(S) -> Result<T, E>) -> Result<Grant<T>, E> {
        Ok(match self {
            Self::Init(InitGrant { cluster, attempt, node, name, epoch, keys }) => {
                let keys = match keys {
                    InitKeys::Roots(all) => InitKeys::Roots(roots(all, f)?),
                    InitKeys::Source(source) => InitKeys::Source(source),
                };
                Grant::Init(InitGrant { cluster, attempt, node, name, epoch, keys })
            }
            Self::Join(ticket) => Grant::Join(JoinTicket {
                cluster: ticket.cluster,
                node: ticket.node,
                place: match ticket.place {
                    Place::Worker => Place::Worker,
                    Place::Seat(all) => Place::Seat(roots(all, f)?),
                },
                name: ticket.name,
                generation: ticket.generation,
                disk_keys: disk_keys(ticket.disk_keys, f)?,
                chain: ticket.chain,
                policies: ticket.policies,
                payload: ticket.payload,
                voucher_secret: ticket.voucher_secret.map(&mut *f).transpose()?,
                transitions: ticket.transitions,
            }),
            Self::Rejoin(ticket) => Grant::Rejoin(RejoinTicket {
                cluster: ticket.cluster,
                node: ticket.node,
                generation: ticket.generation,
                disk_keys: disk_keys(ticket.disk_keys, f)?,
                chain: ticket.chain,
                policies: ticket.policies,
                roots: ticket.roots.map(|all| roots(all, f)).transpose()?,
                voucher_secret: ticket.voucher_secret.map(&mut *f).transpose()?,
                transitions: ticket.transitions,
                provisional: ticket.provisional,
            }),
            Self::Recover(RecoverGrant { cluster, node, disk_keys: keys, roots: all }) => {
                let disk_keys = disk_keys(keys, f)?;
                let roots = all.map(|all| roots(all, f)).transpose()?;
                Grant::Recover(RecoverGrant { cluster, node, disk_keys, roots })
            }
            Self::Share(ShareGrant { cluster, share }) => {
                Grant::Share(ShareGrant { cluster, share: share.map_secret(f)? })
            }
            Self::Renew(ticket) => Grant::Renew(RenewTicket {
                cluster: ticket.cluster,
                node: ticket.node,
                generation: ticket.generation,
                disk_keys: ticket.disk_keys.map(|keys| disk_keys(keys, f)).transpose()?,
                chain: ticket.chain,
                policies: ticket.policies,
                roots: ticket.roots.map(|all| roots(all, f)).transpose()?,
                voucher_secret: ticket.voucher_secret.map(&mut *f).transpose()?,
                transitions: ticket.transitions,
            }),
            Self::Rotate(RotateGrant { cluster, epoch, roots: all, transitions }) => {
                let roots = roots(all, f)?;
                Grant::Rotate(RotateGrant { cluster, epoch, roots, transitions })
            }
        })
    }
}

fn roots<S, T, E>(
    roots: List<Root<S>, 1, 4>,
    f: &mut impl FnMut(S) -> Result<T, E>,
) -> Result<List<Root<T>, 1, 4>, E> {
    roots.try_map(|Root { epoch, identity, data }| {
        Ok(Root { epoch, identity: identity.map(&mut *f).transpose()?, data: data.map(&mut *f).transpose()? })
    })
}

fn disk_keys<S, T, E>(
    keys: List<DiskKey<S>, 1, 4>,
    f: &mut impl FnMut(S) -> Result<T, E>,
) -> Result<List<DiskKey<T>, 1, 4>, E> {
    keys.try_map(|DiskKey { epoch, key }| Ok(DiskKey { epoch, key: f(key)? }))
}
