//! Applies load to the API of submissions: [`users`] submit, [`changer`] cancels and retries some of what they have
//! submitted, and [`watcher`] looks at some of it until it is final. Each of them asks through a [`client`], and books
//! what it gets in the [`records`].

pub(crate) mod changer;
pub(crate) mod client;
pub(crate) mod records;
pub(crate) mod requests;
pub(crate) mod shared;
pub(crate) mod users;
pub(crate) mod watcher;
