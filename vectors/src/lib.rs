//! Test cases as data, the one reader of them, and the runner that judges them.
