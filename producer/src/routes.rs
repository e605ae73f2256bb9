//! The producer's own routes and their handlers. The routes of a kind exist only where the kind is served: elsewhere
//! its paths are unknown ones.

use bytes::Bytes;
use contract::{Kind, SchemaKind};
use futures_util::future::Either;
use http_body_util::Full;
use hyper::{Request, Response, StatusCode};
use service::auth::Caller;
use service::documentation::{DOCS_PATH, Documentation, OPENAPI_PATH};
use service::http::{Handler, RequestBody, Route, json};
use service::{Access, Health, problem};

use crate::create_bulk::{self, CreateBulk};
use crate::create_order::{self, CreateOrder};
use crate::create_post::{self, CreatePost};
use crate::create_record::CreateRecord;
use crate::documentation::DOCUMENTATION_ROUTES;
use crate::paths;

/// The routes of each built-in kind.
pub const ROUTES: &[(Kind, &[Route])] = &[
    (
        Kind::Post,
        &[
            Route::post(create_post::PATH, "201 with the post's id, once Kafka has acknowledged it with acks=all"),
            Route::post(create_bulk::POSTS_PATH, "201, 207 or 400 with a result for each post of a bulk"),
        ],
    ),
    (
        Kind::Order,
        &[
            Route::post(
                create_order::PATH,
                "201 with the order's id and total, once Kafka has acknowledged it with acks=all",
            ),
            Route::post(create_order::PATH_WITHOUT_SLASH, "the same as `/api/orders/`"),
            Route::post(create_bulk::ORDERS_PATH, "201, 207 or 400 with a result for each order of a bulk"),
            Route::get(paths::HEALTH, "200 while `/readyz` says 200, otherwise 503 with the same line").open(),
        ],
    ),
];

/// The handlers of posts.
pub(crate) struct PostHandlers {
    pub(crate) one: CreatePost,
    pub(crate) bulk: CreateBulk,
}

/// The handlers of orders.
pub(crate) struct OrderHandlers {
    pub(crate) one: CreateOrder,
    pub(crate) bulk: CreateBulk,
}

/// The handlers of a kind that a file describes.
pub(crate) struct RecordHandlers {
    pub(crate) one: CreateRecord,
    pub(crate) bulk: CreateBulk,
}

/// The handlers of all routes; each kind's are there if it is served.
pub(crate) struct ProducerRoutes {
    served: Vec<Route>,
    posts: Option<PostHandlers>,
    orders: Option<OrderHandlers>,
    of_files: Vec<RecordHandlers>,
    health: Health,
    documentation: Documentation,
    access: Option<Access>,
}

/// The routes of a kind that a file describes.
pub fn routes_of_file(kind: &'static SchemaKind) -> [Route; 2] {
    let name = kind.name();
    let one = format!("201 with the id of the {name}, once Kafka has acknowledged it with acks=all");
    let bulk = format!("201, 207 or 400 with a result for each {name} of a bulk");
    [(kind.route(), one), (kind.bulk_route(), bulk)]
        .map(|(path, meaning)| Route::post(path, meaning.leak()).of_kind(name))
}

impl ProducerRoutes {
    pub(crate) fn new(
        posts: Option<PostHandlers>,
        orders: Option<OrderHandlers>,
        of_files: Vec<RecordHandlers>,
        health: Health,
        documentation: Documentation,
        access: Option<Access>,
    ) -> Self {
        let is_served = |kind: &Kind| match kind {
            Kind::Post => posts.is_some(),
            Kind::Order => orders.is_some(),
            Kind::Schema(_) => false,
        };
        let served = ROUTES.iter().filter(|(kind, _)| is_served(kind));
        let served = served.flat_map(|(kind, routes)| routes.iter().map(|route| route.clone().of_kind(kind.name())));
        let of_files_served = of_files.iter().flat_map(|handlers| routes_of_file(handlers.one.kind));
        let served = served.chain(of_files_served).chain(DOCUMENTATION_ROUTES.iter().cloned()).collect();
        Self { served, posts, orders, of_files, health, documentation, access }
    }

    /// Answers everything but single posts.
    async fn answer_others(&self, request: &mut Request<RequestBody>, caller: &Caller) -> Response<Full<Bytes>> {
        match (request.uri().path(), &self.posts, &self.orders) {
            (create_bulk::POSTS_PATH, Some(posts), _) => posts.bulk.answer(request, caller).await,
            (create_order::PATH | create_order::PATH_WITHOUT_SLASH, _, Some(orders)) => {
                orders.one.answer(request, caller).await
            }
            (create_bulk::ORDERS_PATH, _, Some(orders)) => orders.bulk.answer(request, caller).await,
            (paths::HEALTH, ..) => health(self.health.check()),
            (OPENAPI_PATH, ..) => self.documentation.json(),
            (DOCS_PATH, ..) => self.documentation.page(),
            _ => self.answer_of_file(request, caller).await,
        }
    }

    async fn answer_of_file(&self, request: &mut Request<RequestBody>, caller: &Caller) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        for RecordHandlers { one, bulk } in &self.of_files {
            if path == one.kind.route() {
                return one.answer(request, caller).await;
            }
            if path == one.kind.bulk_route() {
                return bulk.answer(request, caller).await;
            }
        }
        problem::response(StatusCode::NOT_FOUND, "there is no such path")
    }
}

fn health(state: Result<(), String>) -> Response<Full<Bytes>> {
    match state {
        Ok(()) => json(StatusCode::OK, r#"{"status":"healthy"}"#),
        Err(why) => problem::response(StatusCode::SERVICE_UNAVAILABLE, &why),
    }
}

impl Handler for ProducerRoutes {
    fn routes(&self) -> &[Route] {
        &self.served
    }

    fn access(&self) -> Option<&Access> {
        self.access.as_ref()
    }

    fn answer(
        &self,
        _: &Route,
        request: &mut Request<RequestBody>,
        caller: &Caller,
    ) -> impl Future<Output = Response<Full<Bytes>>> + Send {
        match &self.posts {
            Some(posts) if request.uri().path() == create_post::PATH => Either::Left(posts.one.answer(request, caller)),
            // Boxed, so that a single post's future does not have this one's size.
            _ => Either::Right(Box::pin(self.answer_others(request, caller))),
        }
    }
}

#[cfg(test)]
mod tests {
    use contract::FIXED_ROUTES;

    use super::*;

    #[test]
    fn no_file_can_take_the_path_of_a_fixed_route() {
        let own = ROUTES.iter().flat_map(|(_, routes)| *routes);
        for route in own.chain(service::health::ROUTES) {
            assert!(FIXED_ROUTES.contains(&route.path), "{}", route.path);
        }
    }

    #[test]
    fn the_routes_of_a_kind_are_those_that_it_names() {
        for (kind, routes) in ROUTES {
            for path in [kind.route(), kind.bulk_route()] {
                assert!(routes.iter().any(|route| route.path == path), "{path}");
            }
        }
    }
}
