//! Belief: a hardware report that was verified commits to the runtime data, and they name the attestation key.

#[cfg(feature = "json")]
use alloc::borrow::ToOwned;

use super::checks::verify as checks;
#[cfg(feature = "json")]
use super::runtime::RuntimeData;
use super::wire::HclReport;
#[cfg(feature = "json")]
use super::wire::ReportType;
#[cfg(feature = "json")]
use crate::checks::{Entry, Outcome};
#[cfg(feature = "json")]
use crate::claims::Claims;
#[cfg(feature = "json")]
use crate::context::Expect;
use crate::crypto::{CryptoProvider, HashAlgorithm};
use crate::error::Error;
#[cfg(feature = "json")]
use crate::policy::Accepted;
#[cfg(feature = "json")]
use crate::tee::snp;
#[cfg(feature = "json")]
use crate::tee::snp::checks::policy;
#[cfg(feature = "json")]
use crate::tee::vtpm::TrustedAk;
#[cfg(feature = "json")]
use crate::values::Value;

/// POLICY.DEBUG (AMD 56860, guest policy).
#[cfg(feature = "json")]
const DEBUG_BIT: u32 = 19;

/// An attestation key that a hardware report vouches for, and what the same report says of the machine.
#[cfg(feature = "json")]
#[derive(Clone, Debug)]
pub struct BoundAk {
    ak: TrustedAk,
    runtime: RuntimeData,
    fresh: bool,
}

#[cfg(feature = "json")]
impl BoundAk {
    /// The key, for [`vtpm::Anchors::add_key`](crate::tee::vtpm::Anchors::add_key).
    pub const fn ak(&self) -> &TrustedAk {
        &self.ak
    }

    /// The runtime data: the paravisor's word, as good as the paravisor.
    pub const fn runtime_data(&self) -> &RuntimeData {
        &self.runtime
    }

    /// Whether the caller gave user-data and they were compared. Otherwise the report may be from any earlier boot of that machine.
    pub const fn fresh(&self) -> bool {
        self.fresh
    }
}

impl HclReport<'_> {
    /// Compares the runtime data with the report data of the hardware report that travels along. The hardware report may be
    /// anybody's, so nothing is vouched for by this.
    ///
    /// # Errors
    /// [`Error::Mismatch`] unless they are SHA-256 of the runtime data and 32 zeros;
    /// [`Unsupported`](crate::error::Unsupported) if the provider lacks SHA-256.
    pub fn compare(&self, provider: &CryptoProvider) -> Result<(), Error> {
        self.commits(self.report_data(), provider)
    }

    /// Reads the runtime data and judges all but the hardware report, which may be anybody's: for looking at a report, and for
    /// machines whose hardware report proves nothing by itself (TDX). Decide nothing by what comes out.
    ///
    /// # Errors
    /// As [`HclReport::bind_snp`], for all but the hardware report.
    #[cfg(feature = "json")]
    pub fn dangerous_unproven(&self, provider: &CryptoProvider) -> Result<RuntimeData, Error> {
        self.compare(provider)?;
        self.read()
    }

    /// The key that this report's runtime data name, vouched for by an SNP report that was verified and that a policy accepted.
    /// The key is as good as the paravisor, and rooted as the report is. So the policy must have listed the paravisor, by its
    /// measurement or by the key that signed it, and debug must be off: any other guest can have a genuine report at VMPL 0 over
    /// whatever key it likes, and the host reads the memory of one that is debugged.
    ///
    /// `user_data` is what the runtime data's user-data must be, all 64 bytes of them. It is another expectation than the one that
    /// the report was verified with, since REPORT_DATA is the paravisor's. Where it is [`Expect::AnyReportData`], the report may
    /// be from any earlier boot of that machine, and only the quote is fresh. A nonce of another length equals no user-data.
    ///
    /// The public area is rebuilt from the bare key by the template of Azure's keys. A key with other attributes has another
    /// name, and its quotes are refused.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if what was accepted is no SNP report, or by a policy that takes any paravisor, if the hardware report is another one, or does not commit to the
    /// runtime data, or if their user-data are missing or not as expected; [`Error::Untrusted`] if it was not asked for at
    /// VMPL 0, or of a guest that can be debugged; [`Error::Malformed`] if the runtime data are not of the known form, or name no key.
    #[cfg(feature = "json")]
    pub fn bind_snp(
        &self,
        accepted: &Accepted,
        user_data: &Expect,
        provider: &CryptoProvider,
    ) -> Result<BoundAk, Error> {
        match accepted.claims() {
            Claims::Snp(claims) => {
                // What the policy asked for is in the record; a rule that takes any, or only warns, pins nobody.
                let listed = |entry: &Entry| {
                    entry.outcome == Outcome::Passed
                        && (*entry.check == policy::MEASUREMENT || *entry.check == policy::ID_KEY_DIGEST)
                };
                let pinned = accepted.checks().iter().any(listed);
                let actual = if pinned { "listed" } else { "the policy takes any" };
                Error::unless(&checks::PARAVISOR, pinned, "listed", actual)?;
                self.bind(claims, user_data, provider)
            }
            // Without SNP's claims there is no way on; the check cannot be taken away.
            other @ (Claims::Nitro(_) | Claims::Tdx(_) | Claims::Vtpm(_)) => {
                let actual = Value::Phrase(other.format().id());
                Err(Error::refusal(&checks::ACCEPTED, "SNP's claims", actual))
            }
        }
    }

    #[cfg(feature = "json")]
    fn bind(
        &self,
        claims: &snp::Claims,
        user_data: &Expect,
        provider: &CryptoProvider,
    ) -> Result<BoundAk, Error> {
        let kind = self.report_type();
        Error::unless(&checks::HARDWARE_TYPE, kind == ReportType::Snp, "snp", kind.name())?;
        let verified = claims.report();
        self.commits(&verified.report_data(), provider)?;
        let carried = snp::Report::parse(self.hardware_report())?;
        let same = carried.fields() == verified;
        let actual = if same { "that report" } else { "another report" };
        Error::unless(&checks::HARDWARE_REPORT, same, "the verified report", actual)?;
        let vmpl = verified.vmpl();
        Error::unless(&checks::VMPL, vmpl == 0, Value::Number(0), vmpl)?;
        let debug = verified.policy() >> DEBUG_BIT & 1 == 1;
        Error::unless(&checks::DEBUG, !debug, "clear", if debug { "set" } else { "clear" })?;
        let runtime = self.read()?;
        if let Some(expected) = user_data.bytes() {
            let carried = runtime.user_data();
            let same = carried.is_some_and(|carried| carried[..] == *expected);
            let actual = carried.map_or(Value::None, |carried| carried[..].into());
            Error::unless(&checks::USER_DATA, same, expected, actual)?;
        }
        let name = runtime.ak().public()?.name(provider)?;
        let fresh = user_data.bytes().is_some();
        let vm_id = runtime.vm_unique_id().map(str::to_owned);
        Ok(BoundAk { ak: TrustedAk::of_report(name, claims.root(), vm_id), runtime, fresh })
    }

    #[cfg(feature = "json")]
    fn read(&self) -> Result<RuntimeData, Error> {
        let runtime = RuntimeData::from_json(self.runtime_data())?;
        self.closed()?;
        Ok(runtime)
    }

    /// Whether all 64 bytes are as the paravisor writes them.
    fn commits(&self, report_data: &[u8; 64], provider: &CryptoProvider) -> Result<(), Error> {
        let digest = provider.digest(HashAlgorithm::Sha256, &[self.runtime_data()])?;
        let (head, tail) = report_data.split_at(32);
        Error::unless(&checks::RUNTIME_DATA, head == digest.as_bytes(), digest, head)?;
        let zero = tail.iter().all(|octet| *octet == 0);
        Error::unless(&checks::REPORT_DATA_TAIL, zero, "32 zeros", tail)
    }
}
