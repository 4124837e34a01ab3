//! `benches ratios`: one line a figure, `name value`, all from one run.
//!
//! Every ratio is the median of interleaved runs, so that a machine whose speed drifts slows both sides alike.

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::LazyLock;
use std::time::Instant;

use attest_core::crypto::{self, CryptoProvider, SignatureAlgorithm};
use attest_core::tee::snp::Report;
use aws_lc_rs::signature as aws;
use benches::channel::{ChannelFixture, cpu_without_firmware};
use benches::tpm::TpmFixture;
use benches::{Fixture, cpu};

const ROUNDS: usize = 1_500;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("handshakes") => handshakes(words.get(1).and_then(|count| count.parse().ok()).unwrap_or(ROUNDS)),
        Some("ratios") => ratios(words.get(1).map(Path::new)),
        _ => {
            eprintln!(
                "usage: benches ratios [FILE WITH PEERS' LINES `name nanoseconds`] | handshakes [COUNT]"
            );
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// A clock, in nanoseconds.
type Clock = fn() -> f64;

/// Time as it passes.
fn wall() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_nanos() as f64
}

/// Nanoseconds of each work, in interleaved rounds: the median of each, and the median of each one's ratio to the first.
fn interleaved(rounds: usize, clock: Clock, works: &mut [&mut dyn FnMut()]) -> Vec<(f64, f64)> {
    let mut times = vec![Vec::with_capacity(rounds); works.len()];
    for round in 0..rounds + rounds / 10 {
        for (work, times) in works.iter_mut().zip(&mut times) {
            let start = clock();
            work();
            let spent = clock() - start;
            // The first tenth warms caches.
            if round >= rounds / 10 {
                times.push(spent);
            }
        }
    }
    let first = times[0].clone();
    times
        .into_iter()
        .map(|times| {
            let ratios = times.iter().zip(&first).map(|(time, first)| time / first).collect();
            (median(times), median(ratios))
        })
        .collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn ratios(peers: Option<&Path>) {
    let fixture = Fixture::new();
    let provider = &crypto::aws_lc_rs::PROVIDER;
    let warm_store = fixture.warm_store(provider);
    let raw_p384 = || {
        let key = aws::UnparsedPublicKey::new(&aws::ECDSA_P384_SHA384_FIXED, &fixture.vcek_key);
        key.verify(black_box(fixture.signed_bytes()), &fixture.signature).expect("the report is signed");
    };
    let raw_rsa = || {
        let key = aws::UnparsedPublicKey::new(&aws::RSA_PSS_2048_8192_SHA384, &fixture.ask_key);
        key.verify(black_box(&fixture.vcek_tbs), &fixture.vcek_signature).expect("the VCEK is signed");
    };
    let verified = fixture.warm(&warm_store, provider);

    let measured = interleaved(
        ROUNDS,
        wall,
        &mut [
            &mut || raw_p384(),
            &mut || {
                black_box(fixture.warm(&warm_store, provider));
            },
            &mut || drop(black_box(Report::parse(black_box(&fixture.evidence.bytes)))),
            &mut || drop(black_box(fixture.policy.judge(black_box(verified.clone())))),
        ],
    );
    let [(p384, _), (warm, warm_ratio), (parse, _), (policy, _)] = measured[..] else { return };
    let measured = interleaved(
        ROUNDS,
        wall,
        &mut [
            &mut || {
                raw_p384();
                raw_rsa();
            },
            &mut || {
                black_box(fixture.cold(provider));
            },
        ],
    );
    let [(raw, _), (cold, cold_ratio)] = measured[..] else { return };
    println!("snp_warm_vs_raw_p384 {warm_ratio:.3}");
    println!("snp_cold_vs_raw_p384_and_rsa4096 {cold_ratio:.3}");
    println!("snp_parse_share_of_warm_percent {:.2}", 100.0 * parse / warm);
    println!("snp_policy_share_of_warm_percent {:.2}", 100.0 * policy / warm);
    println!("raw_p384_us {:.1}", p384 / 1e3);
    println!("raw_p384_and_rsa4096_us {:.1}", raw / 1e3);
    println!("snp_warm_us {:.1}", warm / 1e3);
    println!("snp_cold_us {:.1}", cold / 1e3);
    others(&fixture);
    tpm(provider);
    channel(provider);
    match peers.map_or_else(run_peers, |file| std::fs::read_to_string(file).ok()) {
        Some(lines) => compare(&lines, cold),
        None => println!("# the peers were not run: benches/peers/run needs Go and OpenSSL"),
    }
}

/// The other providers against their own raw signature.
fn others(fixture: &Fixture) {
    let providers: [&CryptoProvider; 2] = [&crypto::ring::PROVIDER, &crypto::rustcrypto::PROVIDER];
    for provider in providers {
        let store = fixture.warm_store(provider);
        let measured = interleaved(
            ROUNDS / 5,
            wall,
            &mut [
                &mut || {
                    let (key, message) = (&fixture.vcek_key, black_box(fixture.signed_bytes()));
                    let algorithm = SignatureAlgorithm::EcdsaP384Sha384;
                    provider
                        .verify(algorithm, key, message, &fixture.signature)
                        .expect("it has P-384")
                        .expect("the report is signed");
                },
                &mut || {
                    black_box(fixture.warm(&store, provider));
                },
            ],
        );
        if let [(_, _), (_, ratio)] = measured[..] {
            println!("snp_warm_vs_raw_p384_{} {ratio:.3}", provider.name);
        }
    }
}

/// Quotes and logs, against the bare arithmetic of the same library.
fn tpm(provider: &CryptoProvider) {
    let fixture = TpmFixture::new(150);
    let verified = fixture.verify(provider);
    assert!(fixture.policy.judge(verified.clone()).is_accepted());
    let measured = interleaved(
        ROUNDS,
        cpu,
        &mut [
            &mut || {
                let key = aws::UnparsedPublicKey::new(&aws::RSA_PKCS1_2048_8192_SHA256, &fixture.key);
                key.verify(black_box(&fixture.attest), &fixture.signature).expect("the quote is signed");
                black_box(fixture.hash());
            },
            &mut || assert!(fixture.holds(provider)),
            &mut || {
                assert!(fixture.holds(provider));
                black_box(fixture.replay(provider));
            },
            &mut || {
                black_box(fixture.hash());
            },
            &mut || drop(black_box(fixture.policy.judge(black_box(verified.clone())))),
        ],
    );
    let [(raw, _), (whole, ratio), (_, all), (hashing, _), (policy, _)] = measured[..] else { return };
    println!("tpm_quote_150_events_vs_raw {ratio:.3}");
    println!("tpm_quote_150_events_and_every_event_judged_vs_raw {all:.3}");
    println!("tpm_policy_share_percent {:.2}", 100.0 * policy / whole);
    println!("raw_rsa2048_and_hashing_us {:.1}", raw / 1e3);
    println!("raw_hashing_us {:.1}", hashing / 1e3);
    println!("tpm_quote_150_events_us {:.1}", whole / 1e3);

    let fixture = TpmFixture::new(10_000);
    let measured = interleaved(
        ROUNDS / 10,
        cpu,
        &mut [
            &mut || {
                black_box(fixture.hash());
            },
            &mut || {
                black_box(fixture.replay(provider));
            },
        ],
    );
    let [(raw, _), (replay, ratio)] = measured[..] else { return };
    println!("tpm_replay_10000_events_vs_hashing {ratio:.3}");
    println!("raw_hashing_10000_events_us {:.1}", raw / 1e3);
    println!("tpm_replay_10000_events_us {:.1}", replay / 1e3);
}

/// A channel of two attested ends, against the arithmetic that both cannot do without.
fn channel(provider: &CryptoProvider) {
    let fixture = ChannelFixture::new(provider);
    let mut works: [&mut dyn FnMut(); 2] =
        [&mut || fixture.arithmetic(), &mut || fixture.handshake(provider)];
    let measured = interleaved(ROUNDS / 3, cpu_without_firmware, &mut works);
    let [(raw, _), (whole, ratio)] = measured[..] else { return };
    println!("bootstrap_handshake_vs_raw {ratio:.3}");
    println!("raw_handshake_arithmetic_us {:.1}", raw / 1e3);
    println!("bootstrap_handshake_us {:.1}", whole / 1e3);
}

/// Handshakes and nothing else, for a profiler.
fn handshakes(count: usize) {
    let provider = &crypto::aws_lc_rs::PROVIDER;
    let fixture = ChannelFixture::new(provider);
    (0..count).for_each(|_| fixture.handshake(provider));
}

fn run_peers() -> Option<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/run");
    let output = Command::new(script).arg(vectors::folder("real/milan")).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Lines `name nanoseconds` of the peers against our cold verification.
fn compare(lines: &str, cold: f64) {
    for line in lines.lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(Ok(time))) = (words.next(), words.next().map(str::parse::<f64>)) {
            println!("{name}_us {:.1}", time / 1e3);
            println!("snp_cold_vs_{name} {:.2}", time / cold);
        }
    }
}
