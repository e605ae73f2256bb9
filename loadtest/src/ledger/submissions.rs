//! What submission n says and what must become of it ([`content`]), what its sender was answered ([`books`]), what was
//! asked of it later ([`changes`]), and whether that is what the database holds ([`audit`]). [`row`] is a submission as
//! the service shows it, [`sequence`] says which row may be seen after which, [`reruns`] how soon work that a killed
//! worker held was begun again, and [`losses`] how much lost its worker without such a cause. Pure.

pub(crate) mod audit;
pub(crate) mod books;
pub(crate) mod changes;
pub(crate) mod content;
pub(crate) mod findings;
pub(crate) mod losses;
pub(crate) mod reruns;
pub(crate) mod row;
pub(crate) mod sequence;
