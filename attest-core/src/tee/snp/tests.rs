//! Tests of the SNP line.
