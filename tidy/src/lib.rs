//! What keeps this repository in order. Each check takes the files of a [`Repository`] and gives a sentence for everything that
//! is out of order, with file and line; `tidy/tests` runs them all on this one, and plants what each must see.
//!
//! [`text`] looks at lines and lengths, [`words`] at phrases that docs/words.md refuses, [`links`] at what documents link to.
//! [`imports`] makes a graph of which file imports which, out of the [`modules`] of a crate; [`layers`] says in which direction
//! imports may go; [`dependencies`] finds those that no file uses. [`reference`] makes the README's tables
//! from the code; `cargo run -p tidy` writes them.

pub mod dependencies;
pub mod imports;
pub mod layers;
pub mod links;
pub mod modules;
pub mod reference;
pub mod repository;
pub mod text;
pub mod words;

pub use repository::Repository;
