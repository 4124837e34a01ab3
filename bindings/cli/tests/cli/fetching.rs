//! Fetching, against a small server on this machine.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use attest_core::collateral::Collateral;
use attest_core::x509::CertificateList;

use crate::tool::{Ran, attestrap, directory, vector};

/// Serves one answer after the other, the last one for ever, and remembers what was asked for.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answers: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        // The thread ends with the process.
        thread::spawn(move || {
            for (count, connection) in listener.incoming().enumerate() {
                let mut connection = connection.unwrap();
                let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
                let request = lines.next().unwrap().unwrap();
                lines.take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty())).for_each(drop);
                let crl = request.contains("/crl ");
                log.lock().unwrap().push(request);
                let answer = if crl {
                    answer("404 Not Found", "", b"")
                } else {
                    answers[count.min(answers.len() - 1)].clone()
                };
                drop(connection.write_all(&answer));
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn verify(&self, bundle: &Path) -> Ran {
        let report = vector("real/milan/report.bin");
        let policy = vector("policies/real-milan.toml");
        attestrap(
            [
                &[
                    "verify",
                    report.to_str().unwrap(),
                    "--at",
                    "2026-11-24",
                    "--policy",
                    policy.to_str().unwrap(),
                ][..],
                &["--fetch", "--base-url", &self.url, "--bundle", bundle.to_str().unwrap()],
            ]
            .concat(),
        )
    }
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

fn vcek() -> Vec<u8> {
    answer("200 OK", "", &fs::read(vector("real/milan/vcek.der")).unwrap())
}

#[test]
fn what_is_fetched_goes_into_the_bundle() {
    let server = Server::start(vec![vcek()]);
    let bundle = directory().join("fetched.bundle");
    let ran = server.verify(&bundle);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    // The CRL is optional: that it could not be had is a note.
    assert!(ran.err.contains("/vcek/v1/Milan/crl: the server answered 404"), "{}", ran.err);
    assert!(server.asked()[0].contains("/vcek/v1/Milan/d49554ec717f4e5b"), "{:?}", server.asked());
    assert!(attestrap(["inspect", bundle.to_str().unwrap()]).out.contains("CN=SEV-VCEK"));
    let before = server.asked().len();
    assert_eq!(server.verify(&bundle).code, 0);
    assert_eq!(server.asked().len(), before + 1, "only the CRL is asked for again");
}

#[test]
fn needs_fetches_too() {
    let server = Server::start(vec![vcek()]);
    let bundle = directory().join("needs.bundle");
    let report = vector("real/milan/report.bin");
    let ran = attestrap([
        "needs",
        report.to_str().unwrap(),
        "--fetch",
        "--base-url",
        &server.url,
        "--bundle",
        bundle.to_str().unwrap(),
    ]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(bundle.exists());
}

#[test]
fn a_server_that_asks_for_time_gets_it() {
    let server = Server::start(vec![answer("429 Too Many Requests", "Retry-After: 1\r\n", b""), vcek()]);
    let started = std::time::Instant::now();
    let ran = server.verify(&directory().join("waited.bundle"));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(started.elapsed().as_millis() >= 1000);
}

#[test]
fn a_server_that_asks_for_too_much_is_left() {
    let server = Server::start(vec![answer("429 Too Many Requests", "Retry-After: 3600\r\n", b"")]);
    let ran = server.verify(&directory().join("too-long.bundle"));
    assert_eq!(ran.code, 12);
    assert!(ran.err.contains("try again in 3600 s"), "{}", ran.err);
}

#[test]
fn four_tries_and_no_more() {
    let server = Server::start(vec![answer("429 Too Many Requests", "Retry-After: 0\r\n", b"")]);
    assert_eq!(server.verify(&directory().join("four.bundle")).code, 12);
    assert_eq!(server.asked().len(), 4);
}

#[test]
fn what_is_not_there_is_missing() {
    let server = Server::start(vec![answer("404 Not Found", "", b"")]);
    let ran = server.verify(&directory().join("absent.bundle"));
    assert_eq!(ran.code, 12);
    assert!(ran.err.contains("the server answered 404"), "{}", ran.err);
}

#[test]
fn an_answer_over_the_bound_is_not_read() {
    let server = Server::start(vec![answer("200 OK", "", &[0x30; 100_000])]);
    let ran = server.verify(&directory().join("oversized.bundle"));
    assert_eq!(ran.code, 12);
    assert!(ran.err.contains("larger than 16384 bytes"), "{}", ran.err);
}

#[test]
fn an_answer_that_is_no_certificate_is_malformed() {
    let server = Server::start(vec![answer("200 OK", "", b"<html>")]);
    assert_eq!(server.verify(&directory().join("html.bundle")).code, 30);
}

#[test]
fn plain_http_elsewhere_is_refused() {
    let report = vector("real/milan/report.bin");
    let ran = attestrap(["needs", report.to_str().unwrap(), "--fetch", "--base-url", "http://example.com"]);
    assert_eq!(ran.code, 2);
}

/// Two lists of one issuer from the test PKI: the earlier, the later.
fn two_lists() -> [Vec<u8>; 2] {
    let blobs =
        fs::read_dir(vector("snp/blobs")).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    let of_milan = |der: &Vec<u8>| {
        CertificateList::parse(der).is_ok_and(|crl| crl.issuer().common_name() == Some("ARK-Milan"))
    };
    let mut lists: Vec<Vec<u8>> = blobs.filter(of_milan).collect();
    let made = |der: &[u8]| CertificateList::parse(der).unwrap().this_update();
    lists.sort_by_key(|der| made(der));
    let (earlier, later) = (lists.remove(0), lists.pop().unwrap());
    assert!(made(&earlier) < made(&later));
    [earlier, later]
}

#[test]
fn a_later_list_takes_the_place_of_an_earlier_one() {
    let [earlier, later] = two_lists();
    for order in [[&earlier, &later], [&later, &earlier]] {
        let mut collateral = Collateral::new();
        order.iter().for_each(|der| assert_eq!(collateral.add(der).unwrap(), 1));
        collateral.keep_newest_crls();
        assert!(collateral.crls().eq([later.as_slice()]));
    }
}
