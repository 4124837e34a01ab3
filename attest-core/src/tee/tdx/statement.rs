//! What Intel states, as JSON: TCB info and the quoting enclave's identity. Read only after the signature was found to hold.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::checks::wire as checks;
use super::tcb::{Level, PlatformLevel, SvnLevel, TcbStatus, sort, sort_by_svn};
use crate::checks::{Check, holds};
use crate::error::{Malformed, Problem};
use crate::json_tree::{Bounds, Node, offset};

/// Intel's nest six deep; the longest list has 30 advisories.
const BOUNDS: Bounds = Bounds { depth: 12, items: 256 };

/// When something was said, and until when it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dates {
    /// issueDate, in Unix seconds.
    pub(super) issued: u64,
    /// nextUpdate, in Unix seconds.
    pub(super) next_update: u64,
}

/// TCB info, version 3, for TDX (Intel PCS v4).
#[derive(Clone, Debug)]
pub(super) struct TcbInfo {
    pub(super) dates: Dates,
    pub(super) fmspc: [u8; 6],
    pub(super) pce_id: [u8; 2],
    pub(super) evaluation_number: u64,
    /// The module of version 0.
    pub(super) module: ModuleIdentity,
    /// The modules of later versions, by `TDX_` and the version in hexadecimal.
    pub(super) modules: Vec<(String, ModuleIdentity)>,
    pub(super) levels: Vec<PlatformLevel>,
}

/// Who may have signed a module, and what it may be.
#[derive(Clone, Debug)]
pub(super) struct ModuleIdentity {
    pub(super) mr_signer: [u8; 48],
    pub(super) attributes: [u8; 8],
    pub(super) attributes_mask: [u8; 8],
    /// None for the module of version 0, which the platform's levels cover.
    pub(super) levels: Vec<SvnLevel>,
}

/// The identity of the TD quoting enclave, version 2 (Intel PCS v4).
#[derive(Clone, Debug)]
pub(super) struct QeIdentity {
    pub(super) dates: Dates,
    pub(super) evaluation_number: u64,
    pub(super) misc_select: [u8; 4],
    pub(super) misc_select_mask: [u8; 4],
    pub(super) attributes: [u8; 16],
    pub(super) attributes_mask: [u8; 16],
    pub(super) mr_signer: [u8; 32],
    pub(super) isv_prod_id: u16,
    pub(super) levels: Vec<SvnLevel>,
}

/// One kind of statement.
pub(super) trait Stated: Sized {
    /// The name of the document's member.
    const NAME: &'static str;
    /// What it is, in words.
    const WHAT: &'static str;

    /// Reads what was signed.
    fn read(body: &[u8]) -> Result<Self, Malformed>;

    /// When it was said.
    fn dates(&self) -> Dates;
}

impl TcbInfo {
    /// The identity of the module of this version.
    pub(super) fn module(&self, version: u8) -> Option<&ModuleIdentity> {
        if version == 0 {
            return Some(&self.module);
        }
        let id = alloc::format!("TDX_{version:02X}");
        self.modules.iter().find(|(name, _)| *name == id).map(|(_, identity)| identity)
    }
}

impl Stated for TcbInfo {
    const NAME: &'static str = "tcbInfo";
    const WHAT: &'static str = "TCB info";

    fn read(body: &[u8]) -> Result<Self, Malformed> {
        let form = Form { structure: Self::WHAT, check: &checks::TCB_INFO };
        let root = form.tree(body)?;
        form.constant(&root, "id", "TDX")?;
        form.constant_number(&root, "version", 3)?;
        form.constant_number(&root, "tcbType", 0)?;
        let mut modules: Vec<(String, ModuleIdentity)> = Vec::new();
        // Older statements have none.
        let listed = root.member("tdxModuleIdentities").map_or(Some(&[][..]), Node::list);
        for node in listed.ok_or_else(|| form.wrong("tdxModuleIdentities"))? {
            let id = form.text(node, "id")?;
            if modules.iter().any(|(earlier, _)| earlier == id) {
                return Err(form.wrong("tdxModuleIdentities.id"));
            }
            modules.push((id.to_owned(), form.module(node, true)?));
        }
        let module = root.member("tdxModule").ok_or_else(|| form.wrong("tdxModule"))?;
        let mut levels = Vec::new();
        for node in form.list(&root, "tcbLevels")? {
            let tcb = node.member("tcb").ok_or_else(|| form.wrong("tcbLevels.tcb"))?;
            levels.push(PlatformLevel {
                sgx: form.components(tcb, "sgxtcbcomponents")?,
                pce_svn: form.small(tcb, "pcesvn")?,
                tdx: form.components(tcb, "tdxtcbcomponents")?,
                level: form.level(node)?,
            });
        }
        sort(&mut levels);
        Ok(Self {
            dates: form.dates(&root)?,
            fmspc: form.hex(&root, "fmspc")?,
            pce_id: form.hex(&root, "pceId")?,
            evaluation_number: form.number(&root, "tcbEvaluationDataNumber")?,
            module: form.module(module, false)?,
            modules,
            levels,
        })
    }

    fn dates(&self) -> Dates {
        self.dates
    }
}

impl Stated for QeIdentity {
    const NAME: &'static str = "enclaveIdentity";
    const WHAT: &'static str = "QE identity";

    fn read(body: &[u8]) -> Result<Self, Malformed> {
        let form = Form { structure: Self::WHAT, check: &checks::QE_IDENTITY };
        let root = form.tree(body)?;
        form.constant(&root, "id", "TD_QE")?;
        form.constant_number(&root, "version", 2)?;
        Ok(Self {
            dates: form.dates(&root)?,
            evaluation_number: form.number(&root, "tcbEvaluationDataNumber")?,
            misc_select: form.hex(&root, "miscselect")?,
            misc_select_mask: form.hex(&root, "miscselectMask")?,
            attributes: form.hex(&root, "attributes")?,
            attributes_mask: form.hex(&root, "attributesMask")?,
            mr_signer: form.hex(&root, "mrsigner")?,
            isv_prod_id: form.small(&root, "isvprodid")?,
            levels: form.svn_levels(&root)?,
        })
    }

    fn dates(&self) -> Dates {
        self.dates
    }
}

/// Reads members, and says which is wrong.
#[derive(Clone, Copy)]
struct Form {
    structure: &'static str,
    check: &'static Check,
}

impl Form {
    fn wrong(self, field: &'static str) -> Malformed {
        let problem = Problem::value(self.check, "a value of the known form", "missing, or of another form");
        Malformed { structure: self.structure, field, offset: 0, problem }
    }

    fn tree(self, body: &[u8]) -> Result<Node, Malformed> {
        Node::read(body, BOUNDS).map_err(|error| {
            let actual = crate::values::Value::text(&alloc::format!("{error}"));
            let problem = Problem::value(self.check, "JSON, no member twice", actual);
            let offset = offset(body, &error);
            Malformed { structure: self.structure, field: "document", offset, problem }
        })
    }

    fn text<'a>(self, node: &'a Node, field: &'static str) -> Result<&'a str, Malformed> {
        node.member(field).and_then(Node::text).ok_or_else(|| self.wrong(field))
    }

    fn constant(self, node: &Node, field: &'static str, wanted: &str) -> Result<(), Malformed> {
        let found = node.member(field).and_then(Node::text);
        if holds(self.check, found == Some(wanted)) { Ok(()) } else { Err(self.wrong(field)) }
    }

    fn constant_number(self, node: &Node, field: &'static str, wanted: u64) -> Result<(), Malformed> {
        let found = node.member(field).and_then(Node::number);
        if holds(self.check, found == Some(wanted)) { Ok(()) } else { Err(self.wrong(field)) }
    }

    fn number(self, node: &Node, field: &'static str) -> Result<u64, Malformed> {
        node.member(field).and_then(Node::number).ok_or_else(|| self.wrong(field))
    }

    fn small<T: TryFrom<u64>>(self, node: &Node, field: &'static str) -> Result<T, Malformed> {
        self.number(node, field)?.try_into().map_err(|_| self.wrong(field))
    }

    fn hex<const N: usize>(self, node: &Node, field: &'static str) -> Result<[u8; N], Malformed> {
        node.member(field).and_then(Node::hex).ok_or_else(|| self.wrong(field))
    }

    fn list<'a>(self, node: &'a Node, field: &'static str) -> Result<&'a [Node], Malformed> {
        node.member(field).and_then(Node::list).ok_or_else(|| self.wrong(field))
    }

    fn time(self, node: &Node, field: &'static str) -> Result<u64, Malformed> {
        let time = self.text(node, field)?.parse::<der::DateTime>().map_err(|_| self.wrong(field))?;
        Ok(time.unix_duration().as_secs())
    }

    fn dates(self, root: &Node) -> Result<Dates, Malformed> {
        Ok(Dates { issued: self.time(root, "issueDate")?, next_update: self.time(root, "nextUpdate")? })
    }

    /// Sixteen SVNs.
    fn components(self, tcb: &Node, field: &'static str) -> Result<[u8; 16], Malformed> {
        let list = self.list(tcb, field)?;
        let mut svns = [0; 16];
        if list.len() != svns.len() {
            return Err(self.wrong(field));
        }
        for (slot, component) in svns.iter_mut().zip(list) {
            *slot = self.small(component, "svn")?;
        }
        Ok(svns)
    }

    fn level(self, node: &Node) -> Result<Level, Malformed> {
        let status = TcbStatus::from_name(self.text(node, "tcbStatus")?).filter(|status| status.is_stated());
        let listed = node.member("advisoryIDs").map_or(Some(&[][..]), Node::list);
        let texts = listed.and_then(|list| list.iter().map(|id| id.text().map(str::to_owned)).collect());
        Ok(Level {
            status: status.ok_or_else(|| self.wrong("tcbStatus"))?,
            date: self.time(node, "tcbDate")?,
            advisories: texts.ok_or_else(|| self.wrong("advisoryIDs"))?,
        })
    }

    fn svn_levels(self, node: &Node) -> Result<Vec<SvnLevel>, Malformed> {
        let mut levels = Vec::new();
        for node in self.list(node, "tcbLevels")? {
            let tcb = node.member("tcb").ok_or_else(|| self.wrong("tcbLevels.tcb"))?;
            levels.push(SvnLevel { isv_svn: self.small(tcb, "isvsvn")?, level: self.level(node)? });
        }
        sort_by_svn(&mut levels);
        Ok(levels)
    }

    fn module(self, node: &Node, with_levels: bool) -> Result<ModuleIdentity, Malformed> {
        Ok(ModuleIdentity {
            mr_signer: self.hex(node, "mrsigner")?,
            attributes: self.hex(node, "attributes")?,
            attributes_mask: self.hex(node, "attributesMask")?,
            levels: if with_levels { self.svn_levels(node)? } else { Vec::new() },
        })
    }
}
