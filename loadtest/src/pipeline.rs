//! The pipeline [under test](under_test) and everything that the lab sees of it: this program's own [`services`], the
//! [`store`], the [`topic`]s, the services' metrics ([`observer`]), the [`lag`] and how it [drains](drain). A trial may
//! have a [`place`] of its own, and the producer an [audit log](audit_log). [`chaos`] brings faults upon the pipeline.
//! [`news`] reports what happens meanwhile.

pub(crate) mod audit_log;
pub(crate) mod chaos;
pub(crate) mod counted;
pub(crate) mod drain;
pub(crate) mod finished;
pub(crate) mod lag;
pub(crate) mod news;
pub(crate) mod observer;
pub(crate) mod place;
pub(crate) mod probe;
pub(crate) mod reconcile;
pub(crate) mod scrape;
pub(crate) mod services;
pub(crate) mod settings;
pub(crate) mod states;
pub(crate) mod store;
pub(crate) mod submissions;
pub(crate) mod topic;
pub(crate) mod under_test;
pub(crate) mod visible;
