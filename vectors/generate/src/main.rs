//! Writes the default chains and reports of every product into a directory, to look at or to feed to other tools.

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

use vectors_generate::{CertSpec, CrlSpec, Line, Platform, Product, Role, TableSpec};

fn main() -> ExitCode {
    let Some(out) = env::args_os().nth(1) else {
        eprintln!("usage: vectors-generate DIRECTORY");
        return ExitCode::FAILURE;
    };
    match write_all(Path::new(&out)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vectors-generate: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_all(out: &Path) -> io::Result<()> {
    for line in Line::ALL {
        let dir = out.join(line.name());
        fs::create_dir_all(&dir)?;
        for (role, file) in Role::ALL.into_iter().zip(["ark.der", "ask.der", "asvk.der"]) {
            fs::write(dir.join(file), CertSpec::ca(line, role).build())?;
        }
        fs::write(dir.join("crl.der"), CrlSpec::new(line).build())?;
    }
    for product in Product::ALL {
        let chip = Platform::new(product);
        let dir = out.join(format!("{product:?}"));
        fs::create_dir_all(&dir)?;
        let [ark, ask] = [Role::Ark, Role::Ask].map(|role| CertSpec::ca(product.line(), role).build());
        let vcek = chip.vcek().build();
        fs::write(dir.join("cert_table.bin"), TableSpec::chain(&ark, &ask, &vcek).build())?;
        fs::write(dir.join("vcek.der"), vcek)?;
        fs::write(dir.join("vlek.der"), chip.vlek().build())?;
        for version in 2..=5 {
            let report = chip.report(version).signed_with(&chip.vcek_key());
            fs::write(dir.join(format!("report-v{version}.bin")), report)?;
        }
        fs::write(dir.join("vlek-report.bin"), chip.vlek_report(5).signed_with(&chip.vlek_key()))?;
    }
    Ok(())
}
