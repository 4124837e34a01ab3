//! What an engine must not keep.

use core::time::Duration;

use attest_core::UnixTime;

use super::{Belief, Engine, Given, PublisherSetup};
use crate::channel::session::ChannelEvent;
use crate::ids::{ClusterId, KeyEpoch, NodeId};
use crate::keys::Secret;
use crate::machine::ChannelId;
use crate::time::Instant;
use crate::wire::{DiskKey, Grant, List, Message, RecoverGrant};

#[test]
fn a_grant_that_nobody_waits_for_is_not_held() {
    let setup = PublisherSetup {
        cluster: ClusterId::new([1; 32]),
        belief: Belief { sets: Vec::new(), lifetime: Duration::ZERO },
        statements: Vec::new(),
    };
    let mut engine = Engine::publisher(setup).unwrap();
    let grant = Grant::Recover(RecoverGrant {
        cluster: ClusterId::new([1; 32]),
        node: NodeId::new([2; 16]),
        disk_keys: List::new(vec![DiskKey {
            epoch: KeyEpoch::FIRST,
            key: Secret::new("disk key", &[3; 32]).unwrap(),
        }])
        .unwrap(),
        roots: None,
    });
    let wall = UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000));
    let given = Given { now: Instant::default(), wall, draw: &|bytes| bytes.fill(7) };
    engine.event(ChannelId::new(0), ChannelEvent::Message(Message::Grant(grant)), given);
    assert!(engine.keyring().is_empty());
}
