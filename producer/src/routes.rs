//! The producer's own routes and their handlers.

use bytes::Bytes;
use futures_util::future::Either;
use http_body_util::Full;
use hyper::{Method, Request, Response};
use service::http::{Handler, RequestBody, Route};

use crate::create_post::{self, CreatePost};
use crate::create_posts::{self, CreatePosts};

/// The producer's routes.
pub const ROUTES: &[Route] = &[
    Route {
        path: create_post::PATH,
        method: Method::POST,
        meaning: "201 with the post's id, once Kafka has acknowledged it with acks=all",
    },
    Route {
        path: create_posts::PATH,
        method: Method::POST,
        meaning: "201, 207 or 400 with a result for each post of a bulk",
    },
];

/// The handler of all routes.
pub(crate) struct ProducerRoutes {
    pub(crate) create_post: CreatePost,
    pub(crate) create_posts: CreatePosts,
}

impl Handler for ProducerRoutes {
    fn routes(&self) -> &[Route] {
        ROUTES
    }

    fn answer(&self, request: &mut Request<RequestBody>) -> impl Future<Output = Response<Full<Bytes>>> + Send {
        if request.uri().path() == create_post::PATH {
            Either::Left(self.create_post.answer(request))
        } else {
            // Boxed, so that a single post's future does not have this one's size.
            Either::Right(Box::pin(self.create_posts.answer(request)))
        }
    }
}
