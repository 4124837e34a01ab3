//! The operator's tool: verify, inspect and explain the evidence of confidential machines.
