//! Plan, evidence with nulls, and verdicts.
