//! Verify the evidence of confidential machines: SEV-SNP reports first. Sans-IO, no_std.
