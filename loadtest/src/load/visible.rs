//! Which accepted posts are looked for in the store, when, and what counts: the pure cores of the sampling.

pub(crate) mod pending;
pub(crate) mod sampler;
pub(crate) mod seen;
pub(crate) mod watched;
