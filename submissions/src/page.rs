//! The page: a form, a list that shows each status as it changes, and one page for each submission. It is whole without
//! scripts: forms post, the answer is 303, and a view that reloads itself shows what is new. With scripts (`page/src`)
//! the same elements are filled from the [API](crate::api), once a second.
//!
//! The address has all of the state (`view`). `list`, `one` and `problem` make HTML from plain data, `fields` has the
//! elements that scripts fill, `shown` their texts, `actions` does what forms ask for, and `assets` serves script and
//! style.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Body;
use hyper::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, HeaderValue, LOCATION, REFERRER_POLICY, REFRESH, SET_COOKIE,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};
use service::Access;
use service::auth::Caller;
use service::http::body::{BodyReader, BufferFull};
use service::http::{RequestBody, Route, response};
use uuid::Uuid;

use crate::api::metrics::ApiCounters;
use crate::held::held;
use crate::operations::{Operations, Unavailable};
use crate::page::assets::Assets;
use crate::page::frame::{Frame, POLICY, Root, Visitor};
use crate::page::list::{Draft, ListPage, RELOAD_SECONDS};
use crate::page::problem::Problem;
use crate::page::sign_in::{SIGN_IN, SIGN_OUT, SignIn, Step};
use crate::page::view::View;
use crate::scope::Scope;
use crate::store::Listing;

mod actions;
mod assets;
mod fields;
mod frame;
mod limits;
mod list;
mod next;
mod one;
mod posted;
mod problem;
mod shown;
mod sign_in;
mod span;
mod view;

pub(crate) use limits::Limits;
pub(crate) use next::to_sign_in;

const LIST: &str = "/";
const ONE: &str = "/submissions/{id}";
const CANCEL: &str = "/submissions/{id}/cancel";
const RETRY: &str = "/submissions/{id}/retry";
const RETRY_ALL: &str = "/submissions/retry";
const SCRIPT: &str = "/page.js";
const STYLE: &str = "/page.css";

/// The routes served here.
pub const ROUTES: &[Route] = &[
    Route::get(LIST, "the page: a form, the list, counts, workers; `?status=` and `?after=` as in the API"),
    Route::post(LIST, "submits the page's form without scripts: 303, or the page with what is wrong"),
    Route::get(ONE, "the page of one submission"),
    Route::post(CANCEL, "cancels it, for the page without scripts: 303"),
    Route::post(RETRY, "retries it, for the page without scripts: 303"),
    Route::post(RETRY_ALL, "retries all that have a status, for the page without scripts: 303"),
    Route::get(SIGN_IN, "the form to sign in, where callers are asked who they are").open(),
    Route::post(SIGN_IN, "signs in with an API key or a token: 303 with a cookie, or 401 with what is wrong").open(),
    Route::post(SIGN_OUT, "ends the session of the browser: 303").open(),
    Route::get(SCRIPT, "the page's script").open(),
    Route::get(STYLE, "the page's style").open(),
];

/// What a browser is answered with 401. It asks nobody for a password because of it.
const CHALLENGE: &str = r#"Bearer realm="api""#;

/// Rows of a list.
pub(crate) const ROWS: u32 = 25;

/// The handlers of [`ROUTES`].
pub(crate) struct Page {
    operations: Arc<Operations>,
    bodies: Arc<BodyReader>,
    counters: ApiCounters,
    limits: Limits,
    assets: Assets,
    /// Where callers are asked who they are.
    sign_in: Option<SignIn>,
}

type Answer = Result<Response<Full<Bytes>>, Problem>;

impl Page {
    /// The page of these operations, which reads forms with `bodies` and counts what they submit. With `access` people
    /// can sign in.
    pub(crate) fn new(
        operations: Arc<Operations>,
        bodies: Arc<BodyReader>,
        counters: ApiCounters,
        limits: Limits,
        access: Option<Access>,
    ) -> Self {
        let sign_in = access.map(|access| SignIn::new(access, Arc::clone(&bodies)));
        Self { operations, bodies, counters, limits, assets: Assets::new(), sign_in }
    }

    /// Answers a request for one of [`ROUTES`].
    pub(crate) async fn answer(
        &self,
        route: &Route,
        request: &mut Request<RequestBody>,
        caller: &Caller,
    ) -> Response<Full<Bytes>> {
        let id = route.parameter(request.uri().path()).and_then(|id| Uuid::try_parse(id).ok());
        let query = request.uri().query();
        let (root, answer) = match (route.path, route.method == Method::POST) {
            (SCRIPT, _) => return self.assets.script.answer(query),
            (STYLE, _) => return self.assets.style.answer(query),
            (LIST, false) => {
                let view = View::of(query.unwrap_or_default());
                (Root::LIST, self.list(caller, view, Draft::new(), StatusCode::OK).await)
            }
            (LIST, true) => (Root::LIST, self.submit(request, caller).await),
            (RETRY_ALL, _) => (Root::ONE, self.retry_all(request, caller).await),
            (ONE, _) => (Root::ONE, self.one(id, caller).await),
            (SIGN_IN | SIGN_OUT, _) => (Root::LIST, self.account(route, request, caller).await),
            (path, _) => (Root::ACTION, self.change(path == CANCEL, id, request, caller).await),
        };
        answer.unwrap_or_else(|problem| {
            let mut response = html(problem.status, problem.render(self.frame(caller), root));
            // A form that was not read to its end would look like the next request.
            if !request.body().is_end_stream() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            // A page that was opened while the server started shows itself once it can.
            if problem.status == StatusCode::SERVICE_UNAVAILABLE && route.method == Method::GET {
                reload(&mut response, &format!("?{}", request.uri().query().unwrap_or_default()));
            }
            response
        })
    }

    fn frame<'a>(&'a self, caller: &'a Caller) -> Frame<'a> {
        Frame { assets: &self.assets, limits: &self.limits, visitor: Visitor::of(caller) }
    }

    /// Signs somebody in or out.
    async fn account(&self, route: &Route, request: &mut Request<RequestBody>, caller: &Caller) -> Answer {
        let Some(sign_in) = &self.sign_in else {
            return Err(Problem::new(
                StatusCode::NOT_FOUND,
                "There is nothing to sign in to: nobody is asked who he is.",
            ));
        };
        Ok(match sign_in.answer(route, request, caller).await? {
            Step::Form(form) => {
                let mut response = html(form.status, form.render(self.frame(caller)));
                if form.status == StatusCode::UNAUTHORIZED {
                    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
                }
                response
            }
            Step::Go { location, cookie } => {
                let mut response = see_other(&location);
                response.headers_mut().insert(SET_COOKIE, cookie);
                response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response
            }
        })
    }

    async fn list(&self, caller: &Caller, view: View, draft: Draft<'_>, status: StatusCode) -> Answer {
        let scope = Scope::of(caller);
        let listing = Listing { status: view.status, after: view.after, limit: self.limits.rows };
        let workers = async {
            match caller.is_admin() {
                true => self.operations.workers().await.map(Some),
                false => Ok(None),
            }
        };
        let (page, stats, workers) =
            tokio::try_join!(self.operations.list(&scope, listing), self.operations.stats(&scope), workers)?;
        let page = ListPage { view, page: &page, stats: &stats, workers: workers.as_deref(), draft, now: now() };
        let mut response = self.held(html(status, page.render(self.frame(caller))))?;
        if view.is_live {
            reload(&mut response, &view.query());
        }
        Ok(response)
    }

    async fn one(&self, id: Option<Uuid>, caller: &Caller) -> Answer {
        let submission = match id {
            Some(id) => self.operations.get(&Scope::of(caller), id).await?,
            None => None,
        };
        let submission = submission.ok_or_else(missing)?;
        self.held(html(StatusCode::OK, one::render(&submission, now(), self.frame(caller))))
    }

    /// A page that may be large, with its share of the budget.
    fn held(&self, response: Response<Full<Bytes>>) -> Answer {
        Ok(held(response, self.bodies.budget())?)
    }
}

fn missing() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "There is no such submission. Final ones are kept for a limited time.")
}

impl From<Unavailable> for Problem {
    fn from(_: Unavailable) -> Self {
        // Why is in the log: it may name what readers need not know.
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "The database does not answer. Try again.")
    }
}

impl From<BufferFull> for Problem {
    fn from(BufferFull: BufferFull) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Too much is on its way at this moment. Try again.")
    }
}

impl Draft<'_> {
    /// Nothing yet, in a form of its own.
    fn new() -> Self {
        Self { key: Uuid::now_v7().to_string(), ..Self::default() }
    }
}

fn html(status: StatusCode, document: String) -> Response<Full<Bytes>> {
    let mut response = response(status, "text/html; charset=utf-8", document);
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    // Its statuses are those of a moment, and its form has a key for one use.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Has the browser load the same path again, with this query. It is named, because with a `#` in the address browsers
/// would only look for that place in what they have.
fn reload(response: &mut Response<Full<Bytes>>, query: &str) {
    // A query has only what an address may have.
    if let Ok(value) = HeaderValue::from_str(&format!("{RELOAD_SECONDS}; url={query}")) {
        response.headers_mut().insert(REFRESH, value);
    }
}

/// Leads the browser to an address that is relative to the request's.
fn see_other(location: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let location = HeaderValue::from_str(location).expect("ids, statuses and our own words are plain ASCII");
    response.headers_mut().insert(LOCATION, location);
    response
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
