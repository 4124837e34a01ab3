//! What each check is worth: a case that it refuses, and that passes it once the check is taken away.

use alloc::vec;
use alloc::vec::Vec;

use super::checks::{cel, claims, ima, registers, wire};
use super::{Boot, CelLog, CelRegister, Compared, EventKind, ImaHashing, ImaLog, Log, Register, Replay};
use crate::checks::Check;
use crate::checks::removal::without;
use crate::crypto::{BUILT_IN, CryptoProvider, HashAlgorithm};
use crate::error::Error;
use crate::values::Digest;

const BANK: HashAlgorithm = HashAlgorithm::Sha256;
const GLOBAL: &[u8; 16] = b"\x61\xdf\xe4\x8b\xca\x93\xd2\x11\xaa\x0d\x00\xe0\x98\x03\x2b\x8c";
const DATABASE: &[u8; 16] = b"\xcb\xb2\x19\xd7\x3a\x3d\x96\x45\xa3\xbc\xda\xd0\x0e\x67\x65\x6f";

/// Refused by a rule that nothing can be put in the place of: without it the reader does not know where to go on.
const INDISPENSABLE: &[&Check] = &[
    &wire::ALGORITHM_COUNT,
    &wire::DIGEST_LISTED,
    &claims::SECURE_BOOT_VALUE,
    &ima::PCR_INDEX,
    &ima::REPLAYED,
    &cel::ORDER,
    &cel::REPLAYED,
];

/// Behind these another check stands: data of a register that is not replayed is not proven either.
const BACKED: &[(&Check, &Check)] = &[
    (&claims::SECURE_BOOT_REGISTER, &claims::SECURE_BOOT_COVERED),
    (&claims::SECURE_BOOT_COVERED, &claims::SECURE_BOOT_ACTION),
    (&claims::BOOT_CHAIN_REGISTER, &claims::BOOT_CHAIN_SEPARATOR),
];

fn provider() -> &'static CryptoProvider {
    BUILT_IN.first().unwrap()
}

fn hash(bank: HashAlgorithm, bytes: &[u8]) -> Digest {
    provider().digest(bank, &[bytes]).unwrap()
}

fn le(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn len(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap()
}

/// A header for SHA-256 alone, with the rest of its data as given.
fn header(pcr: u32, rest: &[u8]) -> Vec<u8> {
    let data = [b"Spec ID Event03\0", &le(&[0])[..], rest].concat();
    [&le(&[pcr, 3])[..], &[0; 20], &le(&[len(&data)]), &data].concat()
}

fn start() -> Vec<u8> {
    header(0, b"\0\x02\0\x02\x01\0\0\0\x0b\0\x20\0\0")
}

fn event(pcr: u32, kind: u32, hashed: &[u8], data: &[u8]) -> Vec<u8> {
    let digest = hash(BANK, hashed);
    [&le(&[pcr, kind, 1])[..], &[0x0b, 0], digest.as_bytes(), &le(&[len(data)]), data].concat()
}

fn locality(octet: u8) -> Vec<u8> {
    event(0, 3, b"", &[b"StartupLocality\0", &[octet][..]].concat())
}

fn separator(pcr: u32) -> Vec<u8> {
    event(pcr, 4, &[0; 4], &[0; 4])
}

fn variable(kind: u32, guid: &[u8; 16], name: &str, data: &[u8]) -> Vec<u8> {
    let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let lengths = [u64::from(len(name.as_bytes())), u64::from(len(data))].map(u64::to_le_bytes).concat();
    let whole = [&guid[..], &lengths, &units, data].concat();
    event(7, kind, &whole, &whole)
}

/// PCR 7 with Secure Boot on, one event a piece.
fn secure() -> Vec<Vec<u8>> {
    let config = |guid, name, data: &[u8]| variable(0x8000_0001, guid, name, data);
    vec![
        config(GLOBAL, "SecureBoot", &[1]),
        config(GLOBAL, "PK", b""),
        config(GLOBAL, "KEK", b""),
        config(DATABASE, "db", b""),
        config(DATABASE, "dbx", b""),
        separator(7),
        variable(0x8000_00e0, DATABASE, "db", b"key"),
    ]
}

fn chain() -> Vec<Vec<u8>> {
    vec![separator(4), event(4, EventKind::EFI_BOOT_SERVICES_APPLICATION.0, b"image", b"path")]
}

fn parse(bytes: &[u8]) -> Result<(), Error> {
    Ok(Log::parse(bytes).map(drop)?)
}

fn own<'a>(log: &Log<'a>) -> Compared<'a> {
    let replay = Replay::new(log, BANK, provider());
    let own = replay.clone();
    replay.compare(|_, pcr| match own.register(pcr)? {
        Register::Value(value) => Some(value),
        Register::NoEvents | Register::Unreplayable(_) => None,
    })
}

fn ask(pieces: &[Vec<u8>], claim: impl Fn(&Boot<'_>) -> Result<(), Error>) -> Result<(), Error> {
    let bytes = [start(), pieces.concat()].concat();
    claim(&Boot::new(own(&Log::parse(&bytes)?), provider()))
}

fn secure_boot(change: impl Fn(&mut Vec<Vec<u8>>)) -> Result<(), Error> {
    let mut pieces = secure();
    change(&mut pieces);
    ask(&pieces, |boot| boot.secure_boot().map(drop))
}

fn boot_chain(change: impl Fn(&mut Vec<Vec<u8>>)) -> Result<(), Error> {
    let mut pieces = chain();
    change(&mut pieces);
    ask(&pieces, |boot| boot.boot_chain().map(drop))
}

/// One separator in PCR 7 before registers that `verified` gives, of which register 7 is demanded.
fn required(verified: Option<Digest>, bank: HashAlgorithm) -> Result<(), Error> {
    let bytes = [start(), separator(7)].concat();
    let log = Log::parse(&bytes)?;
    Replay::new(&log, bank, provider()).compare(|_, _| verified).require(&[7])
}

fn ima_record(pcr: u32, template_digest: &[u8]) -> Vec<u8> {
    [&le(&[pcr])[..], template_digest, &le(&[3]), b"new", &le(&[4]), b"data"].concat()
}

fn compare_ima(bytes: &[u8], change: u8) -> Result<(), Error> {
    let log = ImaLog::parse(bytes)?;
    let mut value = log.replay(10, BANK, ImaHashing::PerBank, provider())?.value().as_bytes().to_vec();
    value[0] ^= change;
    log.compare(10, &Digest::new(&value).unwrap(), BANK, ImaHashing::PerBank, provider()).map(drop)
}

fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
    [&[kind][..], &len(value).to_be_bytes(), value].concat()
}

fn cel_record(number: u64, register: &[u8], digest: &[u8]) -> Vec<u8> {
    [tlv(0, &number.to_be_bytes()), register.to_vec(), tlv(3, &tlv(0x0b, digest)), tlv(80, b"content")]
        .concat()
}

fn compare_cel(bytes: &[u8], change: u8) -> Result<(), Error> {
    let log = CelLog::parse_tlv(bytes)?;
    let (register, zero) = (CelRegister::Pcr(1), Digest::filled(0, 32));
    let mut value = log.replay(register, BANK, provider())?.unwrap_or(zero).as_bytes().to_vec();
    value[0] ^= change;
    log.compare(register, BANK, zero, &Digest::new(&value).unwrap(), provider()).map(drop)
}

type Refused = fn() -> Result<(), Error>;

/// A case for each check that it alone refuses.
const CASES: &[(&Check, Refused)] = &[
    (&wire::HEADER, || parse(&header(1, b"\0\x02\0\x02\x01\0\0\0\x0b\0\x20\0\0"))),
    (&wire::HEADER, || parse(&header(0, b"\0\x01\0\x02\x01\0\0\0\x0b\0\x20\0\0"))),
    (&wire::ALGORITHM_COUNT, || parse(&header(0, b"\0\x02\0\x02\0\0\0\0\0"))),
    (&wire::ALGORITHM_ONCE, || parse(&header(0, b"\0\x02\0\x02\x02\0\0\0\x0b\0\x20\0\x0b\0\x20\0\0"))),
    (&wire::ALGORITHM_SIZE, || parse(&header(0, b"\0\x02\0\x02\x01\0\0\0\x0b\0\x14\0\0"))),
    (&wire::VENDOR, || parse(&header(0, b"\0\x02\0\x02\x01\0\0\0\x0b\0\x20\0\x01"))),
    (&wire::DIGEST_COUNT, || parse(&[start(), le(&[0, 5, 0, 0])].concat())),
    (&wire::DIGEST_LISTED, || parse(&[start(), le(&[0, 5, 1]), vec![4, 0], vec![0; 24]].concat())),
    (&wire::DIGEST_ONCE, || {
        let digest = [&[0x0b, 0][..], &[0; 32]].concat();
        parse(
            &[
                header(0, b"\0\x02\0\x02\x02\0\0\0\x0b\0\x20\0\x04\0\x14\0\0"),
                le(&[0, 5, 2]),
                digest.clone(),
                digest,
                le(&[0]),
            ]
            .concat(),
        )
    }),
    (&wire::PCR_INDEX, || parse(&[start(), separator(24)].concat())),
    (&wire::LOCALITY_VALUE, || parse(&[start(), locality(1)].concat())),
    (&wire::LOCALITY_ONCE, || parse(&[start(), locality(3), locality(3)].concat())),
    (&wire::LOCALITY_EARLY, || parse(&[start(), separator(0), locality(3)].concat())),
    (&registers::VERIFIED, || required(None, BANK)),
    (&registers::BANK, || required(Some(Digest::filled(1, 20)), HashAlgorithm::Sha1)),
    (&registers::EXPLAINED, || {
        Replay::new(&Log::parse(&[])?, BANK, provider())
            .compare(|_, _| Some(Digest::filled(1, 32)))
            .require(&[7])
    }),
    (&registers::REPLAYED, || required(Some(Digest::filled(1, 32)), BANK)),
    (&claims::SECURE_BOOT_REGISTER, || {
        let bytes = [start(), secure().concat()].concat();
        let other = Replay::new(&Log::parse(&bytes)?, BANK, provider()).compare(|_, _| None);
        Boot::new(other, provider()).secure_boot().map(drop)
    }),
    (&claims::SECURE_BOOT_KIND, || secure_boot(|pieces| pieces.push(event(7, 0xbeef, b"x", b"x")))),
    (&claims::SECURE_BOOT_COVERED, || {
        secure_boot(|pieces| pieces.push(event(7, 0x8000_0007, b"other", b"DMA Protection Disabled")))
    }),
    (&claims::SECURE_BOOT_SEPARATOR, || secure_boot(|pieces| pieces.push(separator(7)))),
    (&claims::SECURE_BOOT_VARIABLES, || secure_boot(|pieces| pieces.swap(1, 2))),
    (&claims::SECURE_BOOT_ACTION, || {
        secure_boot(|pieces| pieces.push(event(7, 0x8000_0007, b"UEFI Debug Mode", b"UEFI Debug Mode")))
    }),
    (&claims::SECURE_BOOT_VALUE, || {
        secure_boot(|pieces| pieces[0] = variable(0x8000_0001, GLOBAL, "SecureBoot", &[2]))
    }),
    (&claims::SECURE_BOOT_AUTHORITY, || secure_boot(|pieces| pieces.truncate(6))),
    (&claims::BOOT_CHAIN_REGISTER, || {
        let bytes = [start(), chain().concat()].concat();
        let other = Replay::new(&Log::parse(&bytes)?, BANK, provider()).compare(|_, _| None);
        Boot::new(other, provider()).boot_chain().map(drop)
    }),
    (&claims::BOOT_CHAIN_KIND, || boot_chain(|pieces| pieces.push(event(4, 0x8000_0008, b"image", b"blob")))),
    (&claims::BOOT_CHAIN_ACTION, || {
        boot_chain(|pieces| pieces.push(event(4, 0x8000_0007, b"image", b"image")))
    }),
    (&claims::BOOT_CHAIN_SEPARATOR, || boot_chain(|pieces| pieces.push(separator(4)))),
    (&ima::PCR_INDEX, || Ok(ImaLog::parse(&ima_record(24, &[1; 20])).map(drop)?)),
    (&ima::REPLAYED, || compare_ima(&ima_record(10, hash(HashAlgorithm::Sha1, b"data").as_bytes()), 1)),
    (&ima::TEMPLATE_DIGEST, || compare_ima(&ima_record(10, &[1; 20]), 0)),
    (&cel::SEQUENCE, || {
        compare_cel(&cel_record(1, &tlv(1, &[2]), hash(BANK, &tlv(80, b"content")).as_bytes()), 0)
    }),
    (&cel::ORDER, || compare_cel(&cel_record(0, &tlv(2, &[2]), &[1; 32]), 0)),
    (&cel::REGISTER, || compare_cel(&cel_record(0, &tlv(1, &[24]), &[1; 32]), 0)),
    (&cel::DIGEST, || compare_cel(&cel_record(0, &tlv(1, &[2]), &[1; 31]), 0)),
    (&cel::REPLAYED, || compare_cel(&cel_record(0, &tlv(1, &[2]), &[1; 32]), 1)),
    (&cel::CONTENT, || compare_cel(&cel_record(0, &tlv(1, &[1]), &[1; 32]), 0)),
];

#[test]
fn every_check_is_missed() {
    assert!(ask(&secure(), |boot| boot.secure_boot().map(drop)).is_ok());
    assert!(ask(&chain(), |boot| boot.boot_chain().map(drop)).is_ok());
    for check in [wire::ALL, registers::ALL, claims::ALL, ima::ALL, cel::ALL].concat() {
        let cases: Vec<_> = CASES.iter().filter(|(of, _)| *of == check).collect();
        assert!(!cases.is_empty(), "{} has no case", check.id);
        for (_, refused) in cases {
            assert_eq!(refused().unwrap_err().check_id(), Some(check.id));
            let missed = without(check.id, refused);
            let next = BACKED.iter().find(|(of, _)| *of == check).map(|(_, next)| *next);
            let next = next.or_else(|| INDISPENSABLE.contains(&check).then_some(check));
            let id = missed.as_ref().err().map(|error| error.check_id().unwrap());
            assert_eq!(id, next.map(|next| next.id), "without {}: {missed:?}", check.id);
        }
    }
}
