//! `a7probe judge`, end to end: files in, texts and exit codes out.
