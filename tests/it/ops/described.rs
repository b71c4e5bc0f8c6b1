//! Every answer of the server that a test receives is held to the description that the server gives of itself.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock, PoisonError};

use a7probe::reference::server::Route;
use serde_json::{Value, json};

use crate::serve_client::Response;

thread_local! {
    static SEEN: RefCell<BTreeSet<(String, String)>> = const { RefCell::new(BTreeSet::new()) };
}

pub(super) fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let text = include_str!("../../../src/reference/server/openapi.json");
        serde_json::from_str(text).expect("the description is JSON")
    })
}

/// What this thread has seen: pairs of path and status.
pub(super) fn seen() -> BTreeSet<(String, String)> {
    SEEN.with_borrow(Clone::clone)
}

/// Panics if the answer is not described: its status, its headers, its body.
pub(crate) fn check(method: &str, path: &str, answer: &Response) {
    let path = path.split('?').next().unwrap_or_default();
    let route = Route::of(path);
    let operation = &document()["paths"][route.pattern()][method.to_ascii_lowercase()];
    if operation.is_null() {
        let refused = [401, 404, 405].contains(&answer.status);
        assert!(refused, "{method} {path} is not described: {answer:?}");
        return check_content(&problem(), answer, path);
    }
    let status = answer.status.to_string();
    let described = resolved(&operation["responses"][&status]);
    assert!(
        !described.is_null(),
        "{method} {path}: {status} is not described"
    );
    for name in ["x-request-id", "server-timing"] {
        assert!(
            answer.header(name).is_some(),
            "{path} {status} lacks {name}"
        );
    }
    for name in described["headers"].as_object().into_iter().flatten() {
        let optional = match name.0.as_str() {
            "Idempotent-Replayed" => true,
            // Not every conflict passes with time; a refusal for want of room does.
            "Retry-After" => ![429, 503].contains(&answer.status),
            _ => false,
        };
        let header = answer.header(&name.0.to_ascii_lowercase());
        match header {
            Some(value) => assert_valid(&resolved(name.1)["schema"], &json!(value), path),
            None => assert!(optional, "{path} {status} lacks {}", name.0),
        }
    }
    check_content(described, answer, path);
    SEEN.with_borrow_mut(|seen| seen.insert((route.pattern().to_owned(), status)));
}

fn check_content(described: &Value, answer: &Response, path: &str) {
    let given = answer.header("content-type").unwrap_or_default();
    let media_type = given.split(';').next().unwrap_or_default();
    let content = &described["content"][media_type];
    assert!(
        !content.is_null(),
        "{path} {}: {given} is not described",
        answer.status
    );
    if media_type.ends_with("json") && media_type != "application/x-ndjson" {
        assert_valid(&content["schema"], &answer.json(), path);
    }
    if media_type == "application/x-ndjson" {
        // The schema of a line cannot be said in OpenAPI 3.1, only in words.
        let name = match Route::of(path) {
            Route::Dead => "DeadLetter",
            _ => "EventRecord",
        };
        let record = json!({"$ref": format!("#/components/schemas/{name}")});
        for line in answer.lines() {
            assert_valid(&record, &line, path);
        }
    }
}

fn problem() -> Value {
    json!({"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}})
}

/// What a reference stands for.
pub(super) fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => document()
            .pointer(reference.trim_start_matches('#'))
            .unwrap_or_else(|| panic!("{reference} leads nowhere")),
        None => value,
    }
}

fn assert_valid(schema: &Value, value: &Value, what: &str) {
    static VALIDATORS: Mutex<BTreeMap<String, &jsonschema::Validator>> =
        Mutex::new(BTreeMap::new());
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let validator = *validators.entry(schema.to_string()).or_insert_with(|| {
        let mut whole = schema.clone();
        whole["components"] = document()["components"].clone();
        Box::leak(Box::new(
            jsonschema::validator_for(&whole).expect("a schema"),
        ))
    });
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| error.to_string())
        .collect();
    drop(validators);
    assert!(errors.is_empty(), "{what}: {value}: {errors:?}");
}
