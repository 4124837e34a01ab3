//! `vectors run DIR`: judges a set of vectors, prints a line for every entry, and a sum alone on the last line.

use std::path::Path;
use std::process::ExitCode;

use vectors::run::{providers, run};

const USAGE: &str = "usage: vectors run DIR [--provider NAME]";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (dir, provider) = match words.as_slice() {
        ["run", dir] => (dir, None),
        ["run", dir, "--provider", name] => (dir, Some(*name)),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let judged = providers(provider).and_then(|providers| run(Path::new(dir), &providers));
    let sum = match judged {
        Ok(Ok(sum)) => sum,
        Ok(Err(unknown)) => {
            eprintln!("vectors: no adapter reads this format: {}", unknown.0);
            return ExitCode::from(2);
        }
        Err(error) => {
            eprintln!("vectors: {error}");
            return ExitCode::from(1);
        }
    };
    for line in &sum.lines {
        let word = line.mark.word();
        println!("{word} {}: expected {}; got {}", line.id, line.expected, line.got);
    }
    sum.missing_files.iter().for_each(|file| println!("MISSING {file}"));
    println!("{} passed, {} failed, {} unsupported", sum.passed(), sum.failed(), sum.unsupported());
    if sum.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
