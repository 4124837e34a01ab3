//! `bundle`: one offline file from many.

use attest_core::Store;
use attest_core::collateral::Collateral;

use crate::answer::Answer;
use crate::args::Bundle;
use crate::collateral;
use crate::exit::Failure;

impl Bundle {
    pub(crate) fn run(&self) -> Result<Answer, Failure> {
        let mut all = Collateral::new();
        self.inputs.iter().try_for_each(|input| collateral::add_path(&mut all, input))?;
        let (certificates, crls) = (all.certificates().count(), all.crls().count());
        let bytes = Store::with(all).to_bundle();
        collateral::write(&self.output, &bytes)?;
        let file = self.output.display();
        Ok(Answer::text(format!("{file}: {certificates} certificates, {crls} CRLs, {} bytes\n", bytes.len())))
    }
}
