//! `attestrap-state.json`: what an operator knows of a cluster. No secret.

use super::error::FileError;
use super::json::{Format, Json, Kept, Object, hash};
use crate::ids::{
    AttemptId, BootId, ClusterId, ConfigDigest, DiskId, MachineId, NodeId, Role, SameNodeClass, StatementHash,
};
use crate::keys::{AuditMac, cluster_id};
use crate::wire::{Enrolled, Enrolment};

const FORMAT: Format =
    Format { file: "state file", family: "attestrap-state/1.", current: "attestrap-state/1.0" };

/// The content of the state file.
#[expect(clippy::exhaustive_structs, reason = "whoever makes one must say all of it")]
pub struct StateFile {
    /// The bytes of the genesis. Its hash is the cluster id once it is complete.
    pub genesis: Vec<u8>,
    /// The cluster, once the genesis is complete.
    pub cluster: Option<ClusterId>,
    /// The run of init.
    pub attempt: AttemptId,
    /// How far it has come.
    pub phase: Phase,
    /// The only node that will do.
    pub bound: Option<Bound>,
    /// Where seats are reached.
    pub endpoints: Vec<String>,
    /// The members that were seen.
    pub members: Vec<MemberEntry>,
    /// What never goes back.
    pub floors: Floors,
    /// Statements, in order.
    pub statements: Vec<StatementHash>,
    /// The code of the newest audit record seen.
    pub audit: Option<AuditMac>,
    /// What was not known.
    pub kept: Kept,
}

/// How far an init has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "protocol section 3, `phase`")]
pub enum Phase {
    /// Secrets and genesis are made.
    Prepared,
    /// One node was believed; no other one will do.
    Bound,
    /// The roots are about to be sent, or were.
    Granting,
    /// The node is a member.
    Member,
    /// Given up by a person: this genesis meets no node any more.
    Abandoned,
}

/// The node that an init is bound to: its bound.
#[expect(clippy::exhaustive_structs, reason = "whoever makes one must say all of it")]
pub struct Bound {
    /// By what it is known again.
    pub same_node: Vec<Enrolment>,
    /// Its machine, where evidence tells.
    pub machine: Option<MachineId>,
    /// Its configuration.
    pub configuration: ConfigDigest,
    /// Its boot.
    pub boot: BootId,
    /// What was not known.
    pub kept: Kept,
}

/// One member.
#[expect(clippy::exhaustive_structs, reason = "whoever makes one must say all of it")]
pub struct MemberEntry {
    /// Its id.
    pub node: NodeId,
    /// Its role.
    pub role: Role,
    /// Its name.
    pub name: String,
    /// By what it is known again.
    pub same_node: Enrolment,
    /// Its machine, where evidence tells.
    pub machine: Option<MachineId>,
    /// Its disk.
    pub disk: DiskId,
    /// The newest generation seen on that disk.
    pub generation: u32,
    /// What was not known.
    pub kept: Kept,
}

/// Numbers that never go back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "protocol section 3")]
pub struct Floors {
    /// Policy epoch.
    pub policy: u32,
    /// Recovery epoch.
    pub recovery: u32,
    /// Unix seconds.
    pub time: u64,
}

impl StateFile {
    /// Reads the file. A cluster id that is not the hash of the genesis is refused: one of them was changed.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn read(bytes: &[u8]) -> Result<Self, FileError> {
        let mut object = Object::file(&FORMAT, bytes)?;
        let genesis = object.bytes("genesis")?;
        let cluster = object.optional_cluster()?;
        if let Some(cluster) = cluster {
            let hash = cluster_id(&genesis).map_err(|error| FileError::Key { file: FORMAT.file, error })?;
            if hash != cluster {
                return Err(object.refuse("cluster", "not the hash of the genesis"));
            }
        }
        let phase = object.text("phase")?;
        let phase = PHASES.into_iter().find(|(_, word)| *word == phase);
        let (phase, _) = phase
            .ok_or_else(|| object.refuse("phase", "not prepared, bound, granting, member or abandoned"))?;
        let bound = object.optional("bound").map(|raw| read_bound(Object::inner(FORMAT.file, "bound", raw)?));
        let floors = object.object("floors").and_then(read_floors)?;
        let members = object.array("members")?.into_iter();
        let statements: Vec<String> = object.parsed("statements", "not an array of strings")?;
        let statements = statements.iter().map(|text| StatementHash::from_hex(text));
        let statements = statements.collect::<Result<_, _>>();
        let audit = match object.optional("audit") {
            Some(raw) => Some(hash_in(&object, "audit", raw)?),
            None => None,
        };
        let bound = bound.transpose()?;
        if matches!(phase, Phase::Bound | Phase::Granting) && bound.is_none() {
            return Err(object.refuse("bound", "missing, in a phase that is bound to a node"));
        }
        Ok(Self {
            genesis,
            cluster,
            attempt: object.id("attempt", AttemptId::from_hex)?,
            phase,
            bound,
            endpoints: object.parsed("endpoints", "not an array of strings")?,
            members: members
                .map(|raw| read_member(Object::inner(FORMAT.file, "members", raw)?))
                .collect::<Result<_, _>>()?,
            floors,
            statements: statements.map_err(|_| object.refuse("statements", "not hashes"))?,
            audit: audit.map(AuditMac::new),
            kept: object.kept(),
        })
    }

    /// Writes the file.
    pub fn write(&self) -> Vec<u8> {
        let bound = self.bound.as_ref().map(|bound| {
            Json::object(
                [
                    Some(("same_node", Json::array(bound.same_node.iter().map(same_node)))),
                    bound.machine.map(|machine| ("machine", Json::hex(machine.as_bytes()))),
                    Some(("configuration", Json::hex(bound.configuration.as_bytes()))),
                    Some(("boot", Json::hex(bound.boot.as_bytes()))),
                ],
                &bound.kept,
            )
        });
        let members = self.members.iter().map(|member| {
            Json::object(
                [
                    Some(("node", Json::hex(member.node.as_bytes()))),
                    Some(("role", Json::text(member.role.word()))),
                    Some(("name", Json::text(&member.name))),
                    Some(("same_node", same_node(&member.same_node))),
                    member.machine.map(|machine| ("machine", Json::hex(machine.as_bytes()))),
                    Some(("disk", Json::hex(member.disk.as_bytes()))),
                    Some(("generation", Json::number(member.generation))),
                ],
                &member.kept,
            )
        });
        let floors = [
            Some(("policy", Json::number(self.floors.policy))),
            Some(("recovery", Json::number(self.floors.recovery))),
            Some(("time", Json::number(self.floors.time))),
        ];
        let phase = PHASES.into_iter().find(|(phase, _)| *phase == self.phase).map_or("", |(_, word)| word);
        let statements = self.statements.iter().map(|hash| Json::hex(hash.as_bytes()));
        let fields = [
            Some(("genesis", Json::hex(&self.genesis))),
            self.cluster.map(|cluster| ("cluster", Json::hex(cluster.as_bytes()))),
            Some(("attempt", Json::hex(self.attempt.as_bytes()))),
            Some(("phase", Json::text(phase))),
            bound.map(|bound| ("bound", bound)),
            Some(("endpoints", Json::array(self.endpoints.iter().map(|endpoint| Json::text(endpoint))))),
            Some(("members", Json::array(members))),
            Some(("floors", Json::object(floors, &Kept::default()))),
            Some(("statements", Json::array(statements))),
            self.audit.map(|audit| ("audit", Json::hex(audit.as_bytes()))),
        ];
        Json::file(&FORMAT, fields, &self.kept).to_vec()
    }
}

const PHASES: [(Phase, &str); 5] = [
    (Phase::Prepared, "prepared"),
    (Phase::Bound, "bound"),
    (Phase::Granting, "granting"),
    (Phase::Member, "member"),
    (Phase::Abandoned, "abandoned"),
];

fn read_bound(mut object: Object<'_>) -> Result<Bound, FileError> {
    let same_node = object.array("same_node")?.into_iter();
    let bound = Bound {
        same_node: same_node
            .map(|raw| read_same_node(Object::inner(FORMAT.file, "same_node", raw)?))
            .collect::<Result<_, _>>()?,
        machine: optional_machine(&mut object)?,
        configuration: object.id("configuration", ConfigDigest::from_hex)?,
        boot: object.id("boot", BootId::from_hex)?,
        kept: Kept::default(),
    };
    Ok(Bound { kept: object.kept(), ..bound })
}

fn read_member(mut object: Object<'_>) -> Result<MemberEntry, FileError> {
    let role = object.text("role")?;
    let role = Role::from_word(&role).ok_or_else(|| object.refuse("role", "not worker or seat"))?;
    Ok(MemberEntry {
        node: object.id("node", NodeId::from_hex)?,
        role,
        name: object.text("name")?,
        same_node: object.object("same_node").and_then(read_same_node)?,
        machine: optional_machine(&mut object)?,
        disk: object.id("disk", DiskId::from_hex)?,
        generation: object.number("generation")?,
        kept: object.kept(),
    })
}

fn read_floors(mut object: Object<'_>) -> Result<Floors, FileError> {
    Ok(Floors {
        policy: object.number("policy")?,
        recovery: object.number("recovery")?,
        time: object.number("time")?,
    })
}

fn read_same_node(mut object: Object<'_>) -> Result<Enrolment, FileError> {
    let class = SameNodeClass::from_number(object.number("class")?);
    let class = class.ok_or_else(|| object.refuse("same_node", "not a class, 0 to 3"))?;
    let mut id = || {
        let id = Enrolled::new(object.bytes("id")?);
        id.map_err(|_| object.refuse("same_node", "not an id of 1 to 1024 bytes"))
    };
    Ok(match class {
        SameNodeClass::None => Enrolment::None,
        SameNodeClass::Platform => Enrolment::Platform(id()?),
        SameNodeClass::SnpKey => Enrolment::SnpKey(id()?),
        SameNodeClass::Tpm => Enrolment::Tpm(id()?),
    })
}

fn same_node(same: &Enrolment) -> Json {
    let id = same.proof().map(|id| ("id", Json::hex(id.as_bytes())));
    Json::object([Some(("class", Json::number(same.class().number()))), id], &Kept::default())
}

fn optional_machine(object: &mut Object<'_>) -> Result<Option<MachineId>, FileError> {
    match object.optional("machine") {
        Some(raw) => Ok(Some(MachineId::new(hash_in(object, "machine", raw)?))),
        None => Ok(None),
    }
}

fn hash_in(
    object: &Object<'_>,
    field: &'static str,
    raw: &serde_json::value::RawValue,
) -> Result<[u8; 32], FileError> {
    let text = serde_json::from_str::<&str>(raw.get()).ok();
    text.and_then(hash).ok_or_else(|| object.refuse(field, "not hexadecimal of its length"))
}
