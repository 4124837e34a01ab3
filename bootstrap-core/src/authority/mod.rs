//! Who may do what: statements and their chain, thresholds, and the rules that give a role (protocol sections 7 and 8).
