//! The engine against real lakes in temporary directories.
