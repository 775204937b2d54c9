//! The store: every run with its trials and their accounts, in one SQLite file.
