//! A software TPM for tests: one swtpm for each, driven by tpm2-tools. Bytes come out as the tools write them.
//!
//! The tools talk to the TPM directly, without a resource manager, and it holds three objects: after each command what it
//! loaded is flushed.

pub mod credential_file;
mod evidence;
mod files;

pub use evidence::{Judge, evidence, failed};
pub use files::{KeyFiles, QuoteFiles};

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

use attest_core::tee::vtpm::Public;
use attest_core::tee::vtpm::credential::Challenge;

/// What tpm2_certify has as qualifying data.
pub const CERTIFY_NONCE: &[u8] = &[0x00, 0xff, 0x55, 0xaa];

const USER_WITH_AUTH: u32 = 1 << 6;

/// An endorsement key as tpm2_createek makes it, by the EK Credential Profile's template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EkKind {
    /// L-2: P-256, SHA-256, AES-128.
    P256,
    /// H-3: P-384, SHA-384, AES-256.
    P384,
    /// L-1: RSA-2048, SHA-256, AES-128.
    Rsa2048,
}

impl EkKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::P256, Self::P384, Self::Rsa2048];

    const fn tool_name(self) -> &'static str {
        match self {
            Self::P256 => "ecc256",
            Self::P384 => "ecc384",
            Self::Rsa2048 => "rsa2048",
        }
    }
}

/// An attestation key as tpm2_createak makes it: its nameAlg is SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AkKind {
    /// The key, as tpm2-tools name it.
    pub key: &'static str,
    /// The scheme.
    pub scheme: &'static str,
    /// The scheme's hash.
    pub hash: &'static str,
}

impl AkKind {
    /// Every scheme with every hash that swtpm has for it.
    pub const ALL: [Self; 7] = [
        Self { key: "rsa2048", scheme: "rsassa", hash: "sha256" },
        Self { key: "rsa2048", scheme: "rsassa", hash: "sha384" },
        Self { key: "rsa2048", scheme: "rsapss", hash: "sha256" },
        Self { key: "rsa2048", scheme: "rsapss", hash: "sha384" },
        Self { key: "ecc256", scheme: "ecdsa", hash: "sha256" },
        Self { key: "ecc384", scheme: "ecdsa", hash: "sha384" },
        Self { key: "ecc521", scheme: "ecdsa", hash: "sha512" },
    ];
}

/// One swtpm. It ends, and its folder goes, when this is dropped.
#[derive(Debug)]
pub struct LiveTpm {
    folder: PathBuf,
    swtpm: Child,
}

impl LiveTpm {
    /// Starts one; `None`, said on standard error, where the programs are missing.
    pub fn start(test: &str) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if !on_path("swtpm") || !on_path("tpm2_quote") {
            // Not println!, which the harness shows for failures only.
            let line = format!("skipped: {test}: swtpm and tpm2-tools are not on PATH\n");
            std::io::stderr().write_all(line.as_bytes()).expect("standard error");
            return None;
        }
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("live-tpm-{}-{count}", std::process::id()));
        fs::create_dir_all(folder.join("state")).expect("a folder for the state");
        let (server, control) = (folder.join("s"), folder.join("s.ctrl"));
        // A child that is waited for, not a daemon: nobody else would reap it.
        let swtpm = Command::new("swtpm")
            .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear", "--tpmstate"])
            .arg(format!("dir={}", folder.join("state").display()))
            .arg("--server")
            .arg(format!("type=unixio,path={}", server.display()))
            .arg("--ctrl")
            .arg(format!("type=unixio,path={}", control.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("swtpm starts");
        let live = Self { folder, swtpm };
        for _ in 0..500 {
            if server.exists() && control.exists() {
                return Some(live);
            }
            sleep(Duration::from_millis(10));
        }
        panic!("swtpm has no sockets after five seconds");
    }

    /// Runs one of tpm2-tools inside the folder, flushes what it loaded, and gives its standard output.
    ///
    /// # Panics
    /// If it fails, with what it said.
    pub fn tool(&self, name: &str, arguments: &[&str]) -> Vec<u8> {
        let output = self.run(name, arguments);
        assert!(
            output.status.success(),
            "{name} {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        self.run("tpm2_flushcontext", &["-t"]);
        output.stdout
    }

    /// Whether one of tpm2-tools refuses.
    pub fn refuses(&self, name: &str, arguments: &[&str]) -> bool {
        let refused = !self.run(name, arguments).status.success();
        self.run("tpm2_flushcontext", &["-t"]);
        refused
    }

    fn run(&self, name: &str, arguments: &[&str]) -> std::process::Output {
        Command::new(name)
            .args(arguments)
            .current_dir(&self.folder)
            .env("TPM2TOOLS_TCTI", format!("swtpm:path={}", self.folder.join("s").display()))
            .stdin(Stdio::null())
            .output()
            .expect("tpm2-tools run")
    }

    /// A file of the folder.
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Writes a file of the folder.
    pub fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.folder.join(name), content).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// TPM2_CreatePrimary with an endorsement key's template.
    pub fn create_ek(&self, kind: EkKind) -> KeyFiles {
        self.tool("tpm2_createek", &["-c", "ek.ctx", "-G", kind.tool_name(), "-u", "ek.pub"]);
        self.key("ek")
    }

    /// An attestation key under the endorsement key.
    pub fn create_ak(&self, kind: AkKind) -> KeyFiles {
        let AkKind { key, scheme, hash } = kind;
        let arguments = ["-C", "ek.ctx", "-c", "ak.ctx", "-G", key, "-g", hash, "-s", scheme, "-u", "ak.pub"];
        self.tool("tpm2_createak", &arguments);
        self.run("tpm2_flushcontext", &["-s"]);
        self.key("ak")
    }

    /// A primary key of the owner's hierarchy, with this algorithm and these attributes in tpm2-tools' words.
    pub fn create_primary(&self, name: &str, key: &str, attributes: &str) -> KeyFiles {
        let (context, data, hash, ticket) = creation_files(name);
        self.tool(
            "tpm2_createprimary",
            &[
                "-C",
                "o",
                "-G",
                key,
                "-a",
                attributes,
                "-c",
                &context,
                "--creation-data",
                &data,
                "-d",
                &hash,
                "-t",
                &ticket,
            ],
        );
        self.key(name)
    }

    /// A key's public area and name, read back from the TPM.
    fn key(&self, name: &str) -> KeyFiles {
        let context = format!("{name}.ctx");
        self.tool("tpm2_readpublic", &["-c", &context, "-f", "tss", "-o", "read.pub", "-n", "read.name"]);
        KeyFiles { context, public: sized(&self.read("read.pub")).to_vec(), name: self.read("read.name") }
    }

    /// TPM2_PCR_Extend.
    pub fn extend(&self, index: u8, bank: &str, digest: &[u8]) {
        self.tool("tpm2_pcrextend", &[&format!("{index}:{bank}={}", vectors::hex(digest))]);
    }

    /// TPM2_PCR_Read of some registers of one bank, ascending, one after the other.
    pub fn pcr_values(&self, bank: &str, indices: &[u8]) -> Vec<u8> {
        let list: Vec<String> = indices.iter().map(ToString::to_string).collect();
        let selection = format!("{bank}:{}", list.join(","));
        self.tool("tpm2_pcrread", &["-o", "read.pcrs", &selection]);
        self.read("read.pcrs")
    }

    /// TPM2_PolicyPCR in a trial session, over the registers as they are.
    pub fn pcr_policy(&self, hash: &str, selection: &str) -> Vec<u8> {
        self.tool("tpm2_createpolicy", &["--policy-pcr", "-g", hash, "-l", selection, "-L", "pcr.policy"]);
        self.run("tpm2_flushcontext", &["-l"]);
        self.read("pcr.policy")
    }

    /// TPM2_Quote by `ak` with its scheme; `selection` in tpm2-tools' words, for example `sha256:0,7+sha384:4`.
    pub fn quote(&self, ak: &KeyFiles, kind: AkKind, selection: &str, nonce: &[u8]) -> QuoteFiles {
        let nonce = vectors::hex(nonce);
        let files = ["-m", "quote.attest", "-s", "quote.sig", "-f", "tss"];
        let mut arguments = vec!["-c", &ak.context, "-l", selection, "-q", &nonce, "-g", kind.hash];
        arguments.extend(["--scheme", kind.scheme]);
        arguments.extend(files);
        self.tool("tpm2_quote", &arguments);
        QuoteFiles { attest: self.read("quote.attest"), signature: self.read("quote.sig") }
    }

    /// TPM2_Certify: `subject` is certified by `ak`. The tool takes no nonce; it always asks for [`CERTIFY_NONCE`].
    pub fn certify(&self, ak: &KeyFiles, kind: AkKind, subject: &KeyFiles) -> QuoteFiles {
        let mut arguments = vec!["-c", &subject.context, "-C", &ak.context, "-g", kind.hash];
        arguments.extend(["--scheme", kind.scheme, "-o", "certify.attest", "-s", "certify.sig", "-f", "tss"]);
        self.tool("tpm2_certify", &arguments);
        QuoteFiles { attest: self.read("certify.attest"), signature: self.read("certify.sig") }
    }

    /// TPM2_CertifyCreation of a key of [`LiveTpm::create_primary`] by `ak`, and the TPMS_CREATION_DATA.
    pub fn certify_creation(
        &self,
        ak: &KeyFiles,
        kind: AkKind,
        name: &str,
        nonce: &[u8],
    ) -> (QuoteFiles, Vec<u8>) {
        let (context, data, hash, ticket) = creation_files(name);
        let nonce = vectors::hex(nonce);
        let mut arguments = vec!["-C", &ak.context, "-c", &context, "-d", &hash, "-t", &ticket, "-q", &nonce];
        arguments.extend(["-g", kind.hash, "-s", kind.scheme, "-f", "tss"]);
        arguments.extend(["-o", "creation.sig", "--attestation", "creation.attest"]);
        self.tool("tpm2_certifycreation", &arguments);
        let files = QuoteFiles { attest: self.read("creation.attest"), signature: self.read("creation.sig") };
        (files, sized(&self.read(&data)).to_vec())
    }

    /// TPM2_ActivateCredential. A low-range endorsement key wants its policy, the endorsement hierarchy's authorisation; a
    /// high-range key takes its own, which is empty (EK Credential Profile, B.3 and B.4: userWithAuth). `None` if the TPM refuses.
    pub fn activate_credential(
        &self,
        ek: &KeyFiles,
        ak: &KeyFiles,
        challenge: &Challenge,
    ) -> Option<Vec<u8>> {
        self.write("activate.cred", &credential_file::write(challenge));
        let mut arguments = vec!["-c", &ak.context, "-C", &ek.context, "-i", "activate.cred"];
        arguments.extend(["-o", "activate.secret"]);
        let attributes = Public::parse(&ek.public).expect("an endorsement key").attributes();
        if attributes.0 & USER_WITH_AUTH == 0 {
            self.tool("tpm2_startauthsession", &["--policy-session", "-S", "session.ctx"]);
            self.tool("tpm2_policysecret", &["-S", "session.ctx", "-c", "e"]);
            arguments.extend(["-P", "session:session.ctx"]);
        }
        let refused = self.refuses("tpm2_activatecredential", &arguments);
        self.run("tpm2_flushcontext", &["-s"]);
        (!refused).then(|| self.read("activate.secret"))
    }

    /// TPM2_MakeCredential as the tools do it without a TPM.
    pub fn make_credential(&self, ek: &KeyFiles, ak: &KeyFiles, secret: &[u8]) -> Challenge {
        self.write("make.secret", secret);
        self.write("make.pub", &with_size(&ek.public));
        let name = vectors::hex(&ak.name);
        let arguments = ["-T", "none", "-u", "make.pub", "-s", "make.secret", "-n", &name, "-o", "make.cred"];
        self.tool("tpm2_makecredential", &arguments);
        credential_file::read(&self.read("make.cred")).expect("a credential file")
    }
}

impl Drop for LiveTpm {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is reaped here.
        let _ = self.swtpm.kill();
        let _ = self.swtpm.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn creation_files(name: &str) -> (String, String, String, String) {
    let file = |kind: &str| format!("{name}.{kind}");
    (file("ctx"), file("data"), file("hash"), file("ticket"))
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
    })
}

/// What a TPM2B holds; the tools write some structures with their size.
fn sized(bytes: &[u8]) -> &[u8] {
    let (size, content) = bytes.split_at(2);
    assert_eq!(usize::from(u16::from_be_bytes([size[0], size[1]])), content.len(), "a TPM2B");
    content
}

fn with_size(content: &[u8]) -> Vec<u8> {
    let size = u16::try_from(content.len()).expect("a public area");
    [&size.to_be_bytes(), content].concat()
}
