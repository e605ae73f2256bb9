//! `POST /api/orders/`: one order from its head to its answer. As for posts, validity is judged before availability. An
//! `Idempotency-Key` is ignored: the order's id is its key, so an order that is sent again replaces itself.

use std::sync::Arc;

use bytes::Bytes;
use contract::{Kind, Order, TraceContext, created};
use http_body_util::Full;
use hyper::{Request, Response, StatusCode};
use kafka::publish::OrderedPublisher;
use service::auth::Caller;
use service::http::{RequestBody, json};

use crate::ingress::Ingress;
use crate::record::{self, now_ms};
use crate::rejection::{Rejection, RejectionReason};
use crate::{audited, headers, order_log, spans};

/// The path of single orders.
pub(crate) const PATH: &str = "/api/orders/";

/// The same path as some clients write it.
pub(crate) const PATH_WITHOUT_SLASH: &str = "/api/orders";

/// The handler of single orders.
pub(crate) struct CreateOrder {
    pub(crate) ingress: Arc<Ingress>,
    pub(crate) publisher: Arc<OrderedPublisher>,
}

/// An order that Kafka has acknowledged.
struct PlacedOrder {
    order: Order,
    /// The record's partition and offset.
    place: (i32, i64),
}

impl CreateOrder {
    pub(crate) async fn answer(&self, request: &mut Request<RequestBody>, caller: &Caller) -> Response<Full<Bytes>> {
        let (name, path) = match request.uri().path() {
            PATH_WITHOUT_SLASH => ("POST /api/orders", PATH_WITHOUT_SLASH),
            _ => ("POST /api/orders/", PATH),
        };
        let (span, trace) = self.ingress.begin(name, path, request.headers());
        let outcome = self.create(request, caller, trace).await;
        audited::single(caller, outcome.as_ref().map(drop), trace);
        let response = match &outcome {
            Ok(placed) => {
                self.ingress.counters.accepted.increment(1);
                created(&placed.order)
            }
            Err(rejection) => self.ingress.reject(rejection),
        };
        if let Some(span) = span {
            spans::order_answered(span, outcome.as_ref().map(|placed| placed.place), response.status());
        }
        response
    }

    async fn create(
        &self,
        request: &mut Request<RequestBody>,
        caller: &Caller,
        trace: Option<TraceContext>,
    ) -> Result<PlacedOrder, Rejection> {
        let now_ms = now_ms();
        // Read before anything is judged: if the body stayed unread, the connection could not serve the next request.
        let body = self.ingress.bodies.read(request).await?;
        headers::check_json(request.headers())?;
        let order = Order::parse(body.bytes(), now_ms).map_err(|errors| {
            order_log::rejected(None, RejectionReason::Invalid, trace);
            Rejection::Invalid(errors)
        })?;
        // Nobody needs it any more, and it may hold much of the budget.
        drop(body);
        audited::hands_on(caller, 1, trace);
        let held = caller.held(Kind::Order.name());
        let published = self.publisher.publish_of(record::of_order(&order, now_ms, trace), held).await;
        let place = published.map_err(|error| {
            let rejection = Rejection::from(error);
            order_log::rejected(Some(order.order_id()), rejection.reason(), trace);
            rejection
        })?;
        order_log::sent(order.order_id(), self.publisher.topic(), place, trace);
        Ok(PlacedOrder { order, place })
    }
}

fn created(order: &Order) -> Response<Full<Bytes>> {
    json(StatusCode::CREATED, created::order_body(order))
}
