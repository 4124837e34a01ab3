//! What a verified report vouches for.

use super::endorsement::Endorsement;
use super::revocation::ListDates;
use super::tcb::{Part, ProductLine, RawTcb, Tcb};
use super::vek::KeyKind;
use super::wire::Fields;
use crate::claims::Root;
use crate::context::Context;
use crate::values::{Short, Value};

/// Claims of one SNP guest: what the report's signature and the chain above it cover, and how the verification was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Claims {
    fields: Fields,
    line: ProductLine,
    kind: KeyKind,
    csp_id: Option<Short>,
    crl_made: Option<u64>,
    valid_until: u64,
    verified_at: u64,
    fresh: bool,
    root: Root,
    hwid: Option<[u8; 64]>,
}

impl Claims {
    pub(super) fn new(
        fields: &Fields,
        endorsement: &Endorsement,
        lists: &ListDates,
        context: &Context<'_>,
    ) -> Self {
        let chain = [endorsement.ark.validity, endorsement.ca.validity, endorsement.vek.validity];
        let last = chain.iter().map(|validity| validity.not_after).min().unwrap_or_default();
        Self {
            fields: *fields,
            line: endorsement.vek.line,
            kind: endorsement.vek.kind,
            csp_id: endorsement.vek.csp_id,
            crl_made: lists.made,
            // The last second of a certificate still counts, nextUpdate does not.
            valid_until: lists.due.unwrap_or(u64::MAX).min(last.saturating_add(1)),
            verified_at: context.now.as_secs(),
            fresh: context.expect.is_fresh(),
            root: endorsement.root(&context.anchors.snp),
            hwid: endorsement.vek.hwid,
        }
    }

    /// Claims that no verification stands behind.
    #[cfg(all(test, feature = "json"))]
    pub(crate) fn of_report(fields: &Fields) -> Self {
        Self {
            fields: *fields,
            line: ProductLine::Milan,
            kind: KeyKind::Vcek,
            csp_id: None,
            crl_made: None,
            valid_until: 0,
            verified_at: 0,
            fresh: false,
            root: Root::Caller,
            hwid: None,
        }
    }

    /// The report's fields.
    pub const fn report(&self) -> &Fields {
        &self.fields
    }

    /// The product line, as the chain vouches for it.
    pub const fn product_line(&self) -> ProductLine {
        self.line
    }

    /// The part by its CPUID bytes; the line's plain part for a report without them, `None` for a CPU that is not known.
    pub const fn part(&self) -> Option<Part> {
        match self.fields.cpuid {
            Some(cpuid) => cpuid.part(),
            None => Some(Part::of(self.line)),
        }
    }

    /// Which kind of key signed.
    pub const fn signing_key(&self) -> KeyKind {
        self.kind
    }

    /// The chip: CHIP_ID, or the VCEK's HWID where the host masks CHIP_ID. All zero if neither tells (a VLEK).
    pub fn chip_id(&self) -> [u8; 64] {
        match self.hwid {
            Some(hwid) if self.fields.chip_id_is_masked() => hwid,
            _ => self.fields.chip_id(),
        }
    }

    /// CSP_ID of the VLEK: the cloud provider's name.
    pub fn csp_id(&self) -> Option<&str> {
        self.csp_id.as_ref().and_then(|id| core::str::from_utf8(id.as_bytes()).ok())
    }

    /// When the newest CRL of the root was made, in Unix seconds; `None` if none was looked at.
    pub const fn crl_made(&self) -> Option<u64> {
        self.crl_made
    }

    /// The first Unix second at which the same verification would fail: a certificate of the chain has ended, or a CRL that was
    /// looked at is due to be replaced.
    pub const fn valid_until(&self) -> u64 {
        self.valid_until
    }

    /// The time of verification, in Unix seconds.
    pub const fn verified_at(&self) -> u64 {
        self.verified_at
    }

    /// Whether the caller gave report data and they were compared.
    pub const fn fresh(&self) -> bool {
        self.fresh
    }

    /// How deep the trust is rooted.
    pub const fn root(&self) -> Root {
        self.root
    }

    /// The components of a TCB on this product line.
    pub const fn tcb(&self, raw: RawTcb) -> Tcb {
        raw.components(self.line.tcb_layout())
    }

    /// Calls `f` with each claim's name and value, in the order of the report.
    pub fn for_each(&self, mut f: impl FnMut(&'static str, Value)) {
        let report = &self.fields;
        f("product_line", self.line.name().into());
        f("part", self.part().map_or(Value::Phrase("unknown"), |part| part.name().into()));
        f("signing_key", self.kind.name().into());
        if let Some(csp_id) = self.csp_id {
            f("csp_id", Value::Text(csp_id));
        }
        f("root", self.root.name().into());
        report.for_each(f, self.line.tcb_layout());
    }
}

impl Fields {
    /// Calls `f` with each field's name and value, in the order of the report; TCB levels as `layout` has them.
    pub fn for_each(&self, mut f: impl FnMut(&'static str, Value), layout: super::tcb::TcbLayout) {
        let tcb = |raw: RawTcb| Value::from(raw.components(layout));
        f("version", self.version.into());
        f("guest_svn", self.guest_svn.into());
        f("policy", Value::Bits(self.policy));
        f("family_id", self.family_id[..].into());
        f("image_id", self.image_id[..].into());
        f("vmpl", self.vmpl.into());
        f("signature_algo", self.signature_algo.into());
        f("current_tcb", tcb(self.current_tcb));
        f("platform_info", Value::Bits(self.platform_info));
        f("key_info", Value::Bits(u64::from(self.key_info)));
        f("report_data", self.report_data[..].into());
        f("measurement", self.measurement[..].into());
        f("host_data", self.host_data[..].into());
        f("id_key_digest", self.id_key_digest[..].into());
        f("author_key_digest", self.author_key_digest[..].into());
        f("report_id", self.report_id[..].into());
        f("report_id_ma", self.report_id_ma[..].into());
        f("reported_tcb", tcb(self.reported_tcb));
        if let Some(cpuid) = self.cpuid {
            f("cpuid", [cpuid.family, cpuid.model, cpuid.stepping][..].into());
        }
        f("chip_id", self.chip_id[..].into());
        f("committed_tcb", tcb(self.committed_tcb));
        f("current_version", Value::Version(self.current_version));
        f("committed_version", Value::Version(self.committed_version));
        f("launch_tcb", tcb(self.launch_tcb));
        if let Some(vector) = self.launch_mit_vector {
            f("launch_mit_vector", Value::Bits(vector));
        }
        if let Some(vector) = self.current_mit_vector {
            f("current_mit_vector", Value::Bits(vector));
        }
    }
}
