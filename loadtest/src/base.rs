//! What every layer needs: numbers as people read them, exit codes, and the error of an input that cannot be used.

pub(crate) mod exit;
pub(crate) mod text;
