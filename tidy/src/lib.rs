//! Checks that keep this repository in order. Each check reads the files of a [`Repository`] and returns a sentence for
//! everything that is out of order, with file and line. `tidy/tests` runs all of them on this repository, and on small
//! ones in which they must find a planted error.
//!
//! [`text`] looks at lines and lengths, [`words`] at phrases that docs/words.md bans, [`links`] at the links of
//! documents. [`imports`] makes the graph of imports from the [`modules`] of a crate; [`layers`] checks its direction;
//! [`dependencies`] finds those that no file uses. [`mod@reference`] makes the README's tables from the code, and
//! [`openapi`] the descriptions of the HTTP interfaces; `cargo run -p tidy` writes both.

pub mod dependencies;
pub mod imports;
pub mod layers;
pub mod links;
pub mod modules;
pub mod openapi;
pub mod reference;
pub mod repository;
pub mod text;
pub mod words;

pub use repository::Repository;
