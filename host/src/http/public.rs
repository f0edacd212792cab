//! What the public listener answers besides Socket.IO: whether it lives and, in development mode,
//! the demo page. It must not know what the page shows.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;

use super::problem;
use crate::codes::Code;
use crate::commit::Committer;
use crate::demo::{Action, Asset, Demo, HEADERS};
use crate::limits::MAX_DEMO_ACTION_BYTES;

/// The demo and what its actions run through.
struct Pages {
    demo: Demo,
    committer: Arc<Committer>,
}

/// Every route of the public listener but Socket.IO's.
pub fn public_router(demo: Option<Demo>, committer: Arc<Committer>) -> Router {
    let router = Router::new().route("/healthz", get(|| async { "ok\n" }));
    let router = match demo {
        Some(demo) => router.merge(demo_routes(demo, committer)),
        None => router,
    };
    router.fallback(problem::no_such_route)
}

fn demo_routes(demo: Demo, committer: Arc<Committer>) -> Router {
    Router::new()
        .route("/", get(|| async { Redirect::temporary("/demo") }))
        .route("/demo", get(file))
        .route("/demo/directory.json", get(directory))
        .route("/demo/", get(file))
        .route("/demo/{*file}", get(file))
        .route("/demo/actions/{name}", post(action))
        .layer(DefaultBodyLimit::max(MAX_DEMO_ACTION_BYTES))
        .with_state(Arc::new(Pages { demo, committer }))
}

async fn file(State(pages): State<Arc<Pages>>, uri: Uri) -> Response {
    match pages.demo.respond(uri.path()) {
        Some(asset) => answer(asset),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn directory(State(pages): State<Arc<Pages>>) -> Response {
    let state = pages.committer.store().snapshot(&pages.demo.workspace);
    answer(Demo::directory(&state.unwrap_or_default()))
}

async fn action(
    State(pages): State<Arc<Pages>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // A foreign page cannot declare this type without asking first, and nobody answers it.
    let declared = headers.get(header::CONTENT_TYPE).map(|v| v.as_bytes());
    if declared != Some(b"application/json") {
        return refuse(Code::UnsupportedMediaType, "send application/json");
    }
    let action = match Action::parse(&name, &body) {
        Ok(action) => action,
        Err(error) => return refuse(Code::InvalidData, &error.to_string()),
    };
    let command = action.into_command();
    match pages
        .committer
        .run(&pages.demo.workspace, command, None)
        .await
    {
        Ok(_) => StatusCode::NO_CONTENT.into_response(),
        Err(failure) => refuse(failure.code(), &failure.to_string()),
    }
}

fn answer(asset: Asset) -> Response {
    let headers = HEADERS.into_iter();
    let headers = headers.chain([(header::CONTENT_TYPE.as_str(), asset.content_type)]);
    let mut response = Response::new(Body::from(asset.body));
    for (name, value) in headers {
        response.headers_mut().insert(
            header::HeaderName::from_static(name),
            header::HeaderValue::from_static(value),
        );
    }
    response
}

fn refuse(code: Code, message: &str) -> Response {
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = json!({ "code": code.as_str(), "message": message });
    (status, Json(body)).into_response()
}
