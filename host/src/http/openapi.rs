//! The OpenAPI 3.1 document, made from the same code as the routes. It adds what no single call
//! can say: how a caller shows its key, and the schemas that the domain does not know.

mod patterns;

use std::borrow::Cow;
use std::sync::Arc;

use axum::Extension;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder, RefOr};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::problem::Document as ProblemDocument;

const ABOUT: &str = "The calls of backends to Wardroom. Every call needs an API key with the scope \
that its `security` names, unless that is empty. Whatever goes wrong is answered with a problem \
document (RFC 9457).";

/// A router that describes itself, before it has any route.
pub(super) fn description() -> OpenApiRouter<Arc<Api>> {
    let key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API key, as `wardroom api-key` prints it."));
    let components = ComponentsBuilder::new()
        .security_scheme("apiKey", SecurityScheme::Http(key.build()))
        .schema_from::<ProblemDocument>()
        .schema_from::<OnlineStatusSchema>()
        .schema_from::<UserMediaStateSchema>();
    let info = InfoBuilder::new()
        .title("Wardroom HTTP API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT));
    OpenApiRouter::with_openapi(
        OpenApiBuilder::new()
            .info(info)
            .components(Some(components.build()))
            .build(),
    )
}

/// The call that gives the document.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(get_document))
}

/// The document as it is served.
#[derive(Clone)]
pub(super) struct Document(Bytes);

impl Document {
    /// The document in a form that the route can hand out.
    pub(super) fn new(document: &OpenApi) -> Extension<Self> {
        let strings = "an OpenAPI document has string keys only";
        let mut document = serde_json::to_value(document).expect(strings);
        patterns::add(&mut document);
        let text = serde_json::to_vec(&document).expect(strings);
        Extension(Self(Bytes::from(text)))
    }
}

/// This description
///
/// The OpenAPI 3.1 document of every call.
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    tag = "operations",
    operation_id = "getOpenApi",
    security(()),
    responses((status = 200, description = "The document", body = Object)),
)]
async fn get_document(Extension(Document(text)): Extension<Document>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// Stands for the names of online statuses.
pub(super) enum OnlineStatusSchema {}

impl PartialSchema for OnlineStatusSchema {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(["online", "idle", "offline"]))
            .into()
    }
}

impl ToSchema for OnlineStatusSchema {
    fn name() -> Cow<'static, str> {
        "OnlineStatus".into()
    }
}

/// Stands for `UserMediaStateSchema`.
pub(super) enum UserMediaStateSchema {}

impl PartialSchema for UserMediaStateSchema {
    fn schema() -> RefOr<Schema> {
        let about = "The state of a user's media devices. Keys beyond the known ones are kept as \
                     sent, 2 KiB in all. In a request any part may be left out.";
        let known = ["microphone", "speakers", "screen", "camera", "speaking"];
        known
            .into_iter()
            .fold(ObjectBuilder::new(), |object, key| {
                let flag = ObjectBuilder::new()
                    .schema_type(Type::Boolean)
                    .default(Some((key == "speakers").into()));
                object.property(key, flag)
            })
            .description(Some(about))
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(true)))
            .into()
    }
}

impl ToSchema for UserMediaStateSchema {
    fn name() -> Cow<'static, str> {
        "UserMediaState".into()
    }
}
