//! Why a file was not read. No variant carries what stands in it, apart from its format.

use attest_core::values::Value;

use crate::keys::KeyError;

/// Why a file was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// A field that is missing, there twice, or of another form.
    #[error("{file}: {field}: {problem}")]
    Field {
        /// Which file.
        file: &'static str,
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Another format, or a major version that is not known here.
    #[error("{file}: expected format {expected}, got {actual}")]
    Format {
        /// Which file.
        file: &'static str,
        /// The format that is read.
        expected: &'static str,
        /// What the file says.
        actual: Value,
    },
    /// Not the text that it should be.
    #[error("{file}: line {line}, column {column}: {problem}")]
    Form {
        /// Which file.
        file: &'static str,
        /// Where, from 1.
        line: usize,
        /// Where, from 1.
        column: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A secret or a share that is none.
    #[error("{file}: {error}")]
    Key {
        /// Which file.
        file: &'static str,
        /// What is wrong.
        error: KeyError,
    },
    /// More bytes than a file of ours ever has.
    #[error("{file}: at most {max} bytes, got {actual}")]
    TooLarge {
        /// Which file.
        file: &'static str,
        /// How many are read.
        max: usize,
        /// How many there are.
        actual: usize,
    },
}
