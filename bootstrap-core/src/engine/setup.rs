//! What an engine is started with: the machine's own configuration, and what its channels show and accept.

use core::time::Duration;

use attest_core::UnixTime;

use super::Error;
use crate::channel::judge::ReferenceSet;
use crate::ids::{AttemptId, BootId, ClusterId, ConfigDigest, DiskId, NodeId, Role, ShareSetId};
use crate::keyring::Entropy;
use crate::keys::{Handle, Secret};
use crate::machine::facts::{Authority, Custody, LockRegister};
use crate::machine::record::OperatorRecord;
use crate::machine::{self, LockFound, NodeConfig, OperatorConfig, PusherConfig};
use crate::time::Instant;
use crate::wire::{DriverConfig, DriverPayload, Encoded, Enrolment, Floors, Genesis, Kind, Name, Signed};

/// What comes in with every call: both clocks, and entropy.
#[derive(Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "an engine has no other way to time and chance")]
pub struct Given<'a> {
    /// The monotonic clock.
    pub now: Instant,
    /// The wall clock.
    pub wall: UnixTime,
    /// Fills its argument from the host's cryptographic generator.
    pub draw: &'a dyn Fn(&mut [u8]),
}

impl Given<'_> {
    /// Bytes of the host's generator.
    pub(super) fn drawn<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.draw)(&mut bytes);
        bytes
    }

    /// What one request of the key ring may use.
    pub(super) fn entropy(&self) -> Entropy {
        Entropy::new(self.drawn())
    }
}

/// Whom an end believes before it holds a policy of its cluster.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever starts an engine must say all of it")]
pub struct Belief {
    /// Sets of reference values that are accepted; none accepts nobody. A node that holds a policy goes by the sets of that policy.
    pub sets: Vec<ReferenceSet>,
    /// How long a verdict stands at most.
    pub lifetime: Duration,
}

/// An operator that makes a cluster of one node.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever starts an engine must say all of it")]
pub struct OperatorSetup {
    /// The decisions of an init.
    pub machine: OperatorConfig,
    /// The state file of an init that goes on, and the key ring's handle to its secrets.
    pub found: Option<(OperatorRecord, Handle)>,
    /// Whom it believes.
    pub belief: Belief,
    /// The name of the cluster.
    pub cluster_name: Option<Name>,
    /// What the cluster driver of the first node is told.
    pub driver: DriverConfig,
}

/// A node, in one boot: initialised, joining, a member, and a service once it is a seat.
#[expect(clippy::exhaustive_structs, reason = "whoever starts an engine must say all of it")]
pub struct NodeSetup {
    /// What the node knows when it starts.
    pub machine: NodeConfig,
    /// What it finds of earlier work in the same boot.
    pub found: LockFound,
    /// Its measured configuration.
    pub configuration: ConfigDigest,
    /// Whom it believes before it holds a policy.
    pub belief: Belief,
    /// Kinds of evidence that its devices make.
    pub shows: Vec<Kind>,
    /// What will prove the same node after a boot.
    pub enrolment: Enrolment,
    /// The name that it would like.
    pub wish: Option<Name>,
    /// A voucher that it was handed.
    pub voucher: Option<Signed>,
    /// The generation that the header of its disk names.
    pub generation: Option<u32>,
    /// The init secret, where no authority is configured.
    pub init_secret: Option<([u8; 16], Secret)>,
    /// What its driver tells those who join here.
    pub payload: DriverPayload,
}

/// Somebody who brings a node's disk back: an operator with the roots in the key ring, or a custodian with a share.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever starts an engine must say all of it")]
pub struct PusherSetup {
    /// Which node, and what goes to it.
    pub machine: PusherConfig,
    /// Whom it believes.
    pub belief: Belief,
    /// The least that the disk may show.
    pub floors: Floors,
    /// No peer will come: the services may open without one.
    pub alone: bool,
    /// The share, and its set, of a custodian.
    pub share: Option<(Handle, ShareSetId)>,
    /// The genesis, for a header that is damaged.
    pub genesis: Option<Encoded<Genesis>>,
    /// Policies, in order, that say who may ask.
    pub authority: Vec<Signed>,
}

/// Somebody who publishes statements to a service.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever starts an engine must say all of it")]
pub struct PublisherSetup {
    /// The cluster.
    pub cluster: ClusterId,
    /// Whom it believes.
    pub belief: Belief,
    /// The statements, in order.
    pub statements: Vec<Signed>,
}

impl OperatorSetup {
    /// A new cluster of which `authority` has authority, with one master secret that the operator keeps, and an unnamed cluster whose
    /// first node is `seat-1`. Other decisions are fields.
    ///
    /// # Errors
    /// [`Error::Wire`], which an empty configuration never gives.
    pub fn new(
        authority: Authority,
        configuration: ConfigDigest,
        register: LockRegister,
        belief: Belief,
        given: Given<'_>,
    ) -> Result<Self, Error> {
        let machine = OperatorConfig {
            attempt: AttemptId::new(given.drawn()),
            authority,
            custody: Custody::Joint,
            configurations: vec![configuration],
            register,
            least_lock: register.class(),
            node: NodeId::new(given.drawn()),
            name: machine::facts::Name::new("seat-1").ok_or(Error::Unsayable { what: "name" })?,
        };
        let driver = DriverConfig::new(Vec::new())?;
        Ok(Self { machine, found: None, belief, cluster_name: None, driver })
    }
}

impl NodeSetup {
    /// A node with a blank disk, in its first start of a boot. It follows any cluster whose services are of `belief`, is initialised by
    /// nobody, and takes any role: other decisions are fields.
    ///
    /// # Errors
    /// [`Error::Wire`], which an empty payload never gives.
    pub fn blank(
        configuration: ConfigDigest,
        register: LockRegister,
        belief: Belief,
        shows: Vec<Kind>,
        enrolment: Enrolment,
        given: Given<'_>,
    ) -> Result<Self, Error> {
        let machine = NodeConfig {
            boot: BootId::new(given.drawn()),
            register,
            service_register: register,
            seat_sets: belief.sets.iter().map(|set| set.id).collect(),
            authority: None,
            init_secret: None,
            pinned: None,
            largest_role: Role::Seat,
            endpoints: 0,
            header: None,
            genesis: None,
            fresh_disk: DiskId::new(given.drawn()),
            certificate_life: Duration::from_secs(86_400),
        };
        Ok(Self {
            machine,
            found: LockFound { file: None, register: register.open().map(<[u8]>::to_vec) },
            configuration,
            belief,
            shows,
            enrolment,
            wish: None,
            voucher: None,
            generation: None,
            init_secret: None,
            payload: DriverPayload::new(Vec::new())?,
        })
    }
}
