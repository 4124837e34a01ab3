//! A TPM's quote by an RSA key with 2048 bits, and a log of so many events that replays to it.

use std::hint::black_box;
use std::time::Duration;

use ::aws_lc_rs::digest;
use attest_core::crypto::{CryptoProvider, HashAlgorithm, aws_lc_rs};
use attest_core::eventlog::{Boot, Log, Register, Replay};
use attest_core::rules::{AllOf, Bit, OneOf, Registers};
use attest_core::tee::vtpm::{self, Name, TrustedAk};
use attest_core::values::Nonce;
use attest_core::{
    Claims, Context, Evidence, Expect, Policy, Store, TrustAnchors, UnixTime, Verified, Verifier,
};
use vectors_generate::Hash;
use vectors_generate::eventlog::{Header, LogWriter};
use vectors_generate::keys::SMALL;
use vectors_generate::tpm::{AkSpec, AttestSpec, Key, PublicSpec, QuoteSpec, RSASSA, evidence};

const SHA1: u16 = 0x0004;
const SHA256: u16 = 0x000b;
const SEPARATOR: u32 = 4;
const IPL: u32 = 0xd;
const VARIABLE: u32 = 0x8000_0001;
const VARIABLE_BOOT: u32 = 0x8000_0002;
const APPLICATION: u32 = 0x8000_0003;
const AUTHORITY: u32 = 0x8000_00e0;
const GLOBAL: &[u8; 16] = b"\x61\xdf\xe4\x8b\xca\x93\xd2\x11\xaa\x0d\x00\xe0\x98\x03\x2b\x8c";
const DATABASE: &[u8; 16] = b"\xcb\xb2\x19\xd7\x3a\x3d\x96\x45\xa3\xbc\xda\xd0\x0e\x67\x65\x6f";

/// The quote, its log, and everything a verification takes.
#[derive(Debug)]
pub struct TpmFixture {
    /// The evidence.
    pub evidence: Evidence,
    /// The pinned attestation key.
    pub anchors: TrustAnchors,
    /// The strict policy, with the registers of the log and Secure Boot.
    pub policy: Policy,
    /// The log.
    pub log: Vec<u8>,
    /// Of each event: the register, the digest in the SHA-256 bank, and the data.
    pub events: Vec<(u8, [u8; 32], Vec<u8>)>,
    /// The attestation key as a PKCS #1 RSAPublicKey.
    pub key: Vec<u8>,
    /// TPMS_ATTEST.
    pub attest: Vec<u8>,
    /// The number that signs it.
    pub signature: Vec<u8>,
}

/// An event: register, type, what is hashed, what is logged.
type Event = (u8, u32, Vec<u8>, Vec<u8>);

fn variable(guid: &[u8; 16], name: &str, data: &[u8]) -> Vec<u8> {
    let lengths = [name.len(), data.len()].map(|len| (len as u64).to_le_bytes()).concat();
    let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    [&guid[..], &lengths, &name, data].concat()
}

/// A boot of a PC with Secure Boot and GRUB; what is above 25 events is lines of GRUB and files that it loads, in turns.
fn boot(count: usize) -> Vec<Event> {
    let whole = |pcr, kind, data: Vec<u8>| (pcr, kind, data.clone(), data);
    let mut events = vec![
        whole(0, 8, vec![0x31; 40]),
        whole(7, VARIABLE, variable(GLOBAL, "SecureBoot", &[1])),
        whole(7, VARIABLE, variable(GLOBAL, "PK", &[1; 1_000])),
        whole(7, VARIABLE, variable(GLOBAL, "KEK", &[2; 3_000])),
        whole(7, VARIABLE, variable(DATABASE, "db", &[3; 5_000])),
        whole(7, VARIABLE, variable(DATABASE, "dbx", &[4; 12_000])),
        whole(4, 0x8000_0007, b"Calling EFI Application from Boot Option".to_vec()),
    ];
    events.extend((0..8).map(|pcr| whole(pcr, SEPARATOR, vec![0; 4])));
    events.push(whole(7, AUTHORITY, variable(DATABASE, "db", &[5; 1_500])));
    for number in 0..6_u8 {
        let contents = vec![number; 120];
        events.push((1, VARIABLE_BOOT, contents.clone(), variable(GLOBAL, "Boot0000", &contents)));
    }
    events.extend((0..3).map(|number| (4, APPLICATION, vec![number; 9], vec![number; 170])));
    for number in events.len()..count {
        events.push(match number % 2 {
            0 => {
                let text = format!("linux /vmlinuz {number:05}");
                (8, IPL, text.clone().into_bytes(), format!("grub_cmd: {text}\0").into_bytes())
            }
            _ => (9, IPL, vec![7; 64], format!("/grub/x86_64-efi/{number:05}.mod\0").into_bytes()),
        });
    }
    events.truncate(count);
    events
}

impl TpmFixture {
    /// A quote over registers 0 to 9 of the SHA-256 bank and a log of `count` events in two banks, of whose data a quarter
    /// is not what was hashed.
    ///
    /// # Panics
    /// If the generator's key and the verifier do not agree.
    pub fn new(count: usize) -> Self {
        let mut log = LogWriter::agile(&Header::new(&[(SHA1, 20), (SHA256, 32)]));
        let mut events = Vec::new();
        for (pcr, kind, hashed, data) in boot(count) {
            let digest: [u8; 32] = Hash::Sha256.digest(&hashed).try_into().expect("32 bytes");
            log = log.event(u32::from(pcr), kind, &[(SHA1, &[9; 20]), (SHA256, &digest)], &data);
            events.push((pcr, digest, data));
        }
        let log = log.into_bytes();
        let parsed = Log::parse(&log).expect("our own log");
        let replay = Replay::new(&parsed, HashAlgorithm::Sha256, &aws_lc_rs::PROVIDER);
        let value = |pcr| {
            let Some(Register::Value(value)) = replay.register(pcr) else { return vec![0; 32] };
            value.as_bytes().to_vec()
        };
        let values: Vec<_> = (0..10).map(|pcr| (SHA256, pcr, value(pcr))).collect();

        let key = Key::Rsa(&SMALL);
        let public = PublicSpec::ak(&key, Some((RSASSA, Hash::Sha256)));
        let quoted: Vec<u8> = values.iter().flat_map(|(_, _, value)| value.clone()).collect();
        let digest = Hash::Sha256.digest(&quoted);
        let attest =
            AttestSpec::quote(&public.qualified_name(), &[0x5a; 32], (SHA256, [0xff, 3, 0]), &digest).build();
        let signature = key.sign(RSASSA, Hash::Sha256, &attest);
        let number = signature[6..].to_vec();
        let quote = QuoteSpec { attest: attest.clone(), signature, values };
        let bytes = evidence(&[quote], &AkSpec::Public(public.build()), &log);
        let mut anchors = TrustAnchors::pinned();
        anchors.vtpm.add_key(TrustedAk::pinned(Name::from_bytes(&public.name()).expect("a name")));
        let mut policy = vtpm::Policy::strict(OneOf::Any, Registers::Any);
        policy.replayed = AllOf(OneOf::Listed((0..10).filter(|pcr| count > 25 || *pcr < 8).collect()));
        policy.secure_boot = Bit::Set;
        Self {
            evidence: Verifier::new().detect(&bytes).expect("TPM evidence"),
            anchors,
            policy: Policy::for_vtpm(policy),
            log,
            events,
            key: SMALL.pkcs1_public(),
            attest,
            signature: number,
        }
    }

    /// The quote verified, the log replayed, Secure Boot read.
    ///
    /// # Panics
    /// If it does not verify.
    pub fn verify(&self, provider: &CryptoProvider) -> Verified<Claims> {
        let verified = Verifier::new().verify(&self.evidence, &Store::new(), &self.context(provider));
        verified.expect("the quote verifies")
    }

    fn context<'a>(&'a self, provider: &'a CryptoProvider) -> Context<'a> {
        let now = UnixTime::since_unix_epoch(Duration::from_secs(crate::NOW));
        Context::new(provider, &self.anchors, now, Expect::Nonce(Nonce::new(&[0x5a; 32]).expect("a nonce")))
    }

    /// The same without handing the claims out: what the library does, and no move of its answer.
    pub fn holds(&self, provider: &CryptoProvider) -> bool {
        let verified =
            Verifier::new().verify(black_box(&self.evidence), &Store::new(), &self.context(provider));
        black_box(&verified).is_ok()
    }

    /// The least that a log costs with the same library: each event's data hashed once, each register extended with each digest.
    pub fn hash(&self) -> [[u8; 32]; 24] {
        let mut registers = [[0; 32]; 24];
        for (pcr, event, data) in &self.events {
            black_box(digest::digest(&digest::SHA256, black_box(data)));
            let register = &mut registers[usize::from(*pcr)];
            let mut both = [0; 64];
            both[..32].copy_from_slice(register);
            both[32..].copy_from_slice(event);
            register.copy_from_slice(digest::digest(&digest::SHA256, &both).as_ref());
        }
        registers
    }

    /// The log alone: read, replayed, compared, and every event judged.
    ///
    /// # Panics
    /// If it cannot be read.
    pub fn replay(&self, provider: &CryptoProvider) -> usize {
        let log = Log::parse(black_box(&self.log)).expect("our own log");
        let replay = Replay::new(&log, HashAlgorithm::Sha256, provider);
        let own = replay.clone();
        let compared = replay.compare(|_, pcr| {
            let Register::Value(value) = own.register(pcr)? else { return None };
            Some(value)
        });
        Boot::new(compared, provider).events().iter().filter(|event| event.proven().is_some()).count()
    }
}
