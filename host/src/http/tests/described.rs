//! The OpenAPI document says what the router does.

use super::*;

pub(super) struct Operation {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) scope: Option<String>,
}

pub(super) async fn operations(server: &Server) -> Vec<Operation> {
    let document = server.get("/v1/openapi.json").await.is(200);
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let security = operation["security"].as_array().unwrap();
            let scope = security[0].get("apiKey").map(|scopes| {
                assert_eq!(scopes.as_array().unwrap().len(), 1);
                scopes[0].as_str().unwrap().to_owned()
            });
            operations.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                scope,
            });
        }
    }
    operations
}

/// The calls of `docs/protocol.md` and those of operators. A route that is added must be
/// described, for a router offers only what it describes.
#[tokio::test]
async fn every_call_is_described() {
    let server = Server::new();
    let mut described: Vec<_> = operations(&server)
        .await
        .into_iter()
        .map(|operation| format!("{} {}", operation.method, operation.path))
        .collect();
    described.sort();
    assert_eq!(
        described,
        [
            "DELETE /v1/connections/{socketId}",
            "DELETE /v1/users/{userId}",
            "DELETE /v1/workspaces/{workspaceId}",
            "DELETE /v1/workspaces/{workspaceId}/channels/{channelId}",
            "DELETE /v1/workspaces/{workspaceId}/channels/{channelId}/members/{userId}",
            "DELETE /v1/workspaces/{workspaceId}/members/{userId}",
            "GET /healthz",
            "GET /metrics",
            "GET /readyz",
            "GET /v1/connections/{socketId}",
            "GET /v1/explain",
            "GET /v1/explain/decisions/{decisionId}",
            "GET /v1/openapi.json",
            "GET /v1/policies",
            "GET /v1/policies/{policy}/shadow",
            "GET /v1/users/{userId}",
            "GET /v1/workspaces",
            "GET /v1/workspaces/{workspaceId}",
            "GET /v1/workspaces/{workspaceId}/connections",
            "GET /v1/workspaces/{workspaceId}/members/{userId}",
            "POST /v1/connections/{socketId}/select-channel",
            "POST /v1/connections/{socketId}/unselect-channel",
            "POST /v1/connections/{socketId}/update-media-state",
            "POST /v1/connections/{socketId}/update-online-status",
            "POST /v1/explain/admission",
            "POST /v1/explain/command",
            "POST /v1/explain/event",
            "POST /v1/policies/{policy}/dry-run",
            "POST /v1/policies/{policy}/promote",
            "POST /v1/policies/{policy}/rollback",
            "POST /v1/users/{userId}/disconnect",
            "POST /v1/users/{userId}/events",
            "POST /v1/workspaces/{workspaceId}/events",
            "PUT /v1/users/{userId}",
            "PUT /v1/workspaces/{workspaceId}",
            "PUT /v1/workspaces/{workspaceId}/channels/{channelId}",
            "PUT /v1/workspaces/{workspaceId}/channels/{channelId}/members/{userId}",
            "PUT /v1/workspaces/{workspaceId}/members/{userId}",
        ]
    );
}

#[tokio::test]
async fn every_described_call_is_explained_in_the_documentation() {
    let text = include_str!("../../../../docs/http-api.md");
    for operation in operations(&Server::new()).await {
        // A query may follow.
        let heading = format!("#### `{} {}", operation.method, operation.path);
        let mut headings = text.match_indices(&heading);
        let ends = |at: usize| text[at + heading.len()..].starts_with(['`', '?']);
        assert!(
            headings.any(|(at, _)| ends(at)),
            "docs/http-api.md lacks {heading}"
        );
    }
    for scope in Scope::ALL {
        assert!(
            text.contains(&format!("`{scope}`")),
            "docs/http-api.md lacks {scope}"
        );
    }
}

#[tokio::test]
async fn the_document_is_whole() {
    let document = Server::new().get("/v1/openapi.json").await.is(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let text = document.to_string();
    let mut rest = &*text;
    while let Some(at) = rest.find("\"#/components/schemas/") {
        rest = &rest[at + "\"#/components/schemas/".len()..];
        let name = &rest[..rest.find('"').unwrap()];
        let schema = &document["components"]["schemas"][name];
        assert!(schema.is_object(), "the schema {name} is missing");
    }
    let scheme = &document["components"]["securitySchemes"]["apiKey"];
    assert_eq!(scheme["scheme"], "bearer");
    let to = &document["components"]["schemas"]["To"]["oneOf"];
    assert_eq!(to.as_array().unwrap().len(), 6, "{to}");
}

#[tokio::test]
async fn posts_take_an_idempotency_key() {
    let document = Server::new().get("/v1/openapi.json").await.is(200);
    for (path, methods) in document["paths"].as_object().unwrap() {
        // Those that explain change nothing, however often they are made.
        let Some(post) = methods
            .get("post")
            .filter(|_| !path.starts_with("/v1/explain/"))
        else {
            continue;
        };
        let parameters = post["parameters"].as_array().unwrap();
        let names: Vec<_> = parameters
            .iter()
            .map(|p| p["name"].as_str().unwrap())
            .collect();
        assert!(names.contains(&"Idempotency-Key"), "{path}");
    }
}

#[tokio::test]
async fn ids_say_what_they_may_hold() {
    let document = Server::new().get("/v1/openapi.json").await.is(200);
    let ids = ["workspaceId", "userId", "channelId", "socketId"];
    let mut seen = 0;
    for methods in document["paths"].as_object().unwrap().values() {
        for operation in methods.as_object().unwrap().values() {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            for parameter in parameters {
                let name = parameter["name"].as_str().unwrap();
                if ids.contains(&name) || ["policy", "Idempotency-Key"].contains(&name) {
                    let pattern = parameter["schema"]["pattern"].as_str();
                    assert!(pattern.is_some(), "{parameter}");
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 30, "{seen}");
    let schemas = &document["components"]["schemas"];
    for (schema, property) in [
        ("SelectBody", "channelId"),
        ("SelectBody", "workspaceId"),
        ("ConnectionView", "selectedChannelId"),
        ("SocketsOf", "userId"),
    ] {
        let id = &schemas[schema]["properties"][property];
        assert!(
            id["pattern"].is_string() && id["maxLength"] == 128,
            "{schema}: {id}"
        );
    }
    let members = &schemas["ChannelBody"]["properties"]["members"]["items"];
    assert!(members["pattern"].is_string(), "{members}");
    let to = schemas["To"].to_string();
    assert_eq!(to.matches("pattern").count(), 4, "{to}");
}
