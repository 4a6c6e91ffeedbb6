//! The official OpenAPI files as judges of what we send and take.
//!
//! They lie outside this tree (`shared/protocol/spec`, in some directory above the manifest) and
//! are only read, never copied. Where they are missing every question is answered with "no
//! errors", and stderr says so; a test that needs the answer asks [`protocol_dir`] first.

#![allow(
    dead_code,
    reason = "each test binary that includes this module uses another part of it"
)]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

/// Every version whose transaction file is known here.
pub const VERSIONS: [&str; 7] = [
    "0.9.2",
    "0.9.3",
    "0.9.4",
    "0.9.x-lts",
    "1.0.0",
    "1.1.0",
    "1.1.1",
];

/// The 2.0.0 files, which are OpenAPI 3.1; not among [`VERSIONS`], because we do not speak 2.0.
pub const VERSIONS_2: [&str; 2] = ["2.0.0-lts", "2.0.0-lts-branch-2026-05"];

/// The directory `shared/protocol`, when there is one above the manifest.
pub fn protocol_dir() -> Option<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = manifest
        .ancestors()
        .map(|dir| dir.join("shared/protocol"))
        .find(|dir| dir.is_dir());
    if found.is_none() {
        // Straight to the stream: the test harness hides what `eprintln!` writes.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: no shared/protocol above {}, nothing is checked against the official files",
            manifest.display()
        );
    }
    found
}

/// What the official file of that version has against an `on_cancel` message.
pub fn official_on_cancel_errors(version: &str, message: &Value) -> Vec<String> {
    official_errors(version, "/on_cancel", message)
}

/// What the official file of that version has against a `cancel` message.
pub fn official_cancel_errors(version: &str, message: &Value) -> Vec<String> {
    official_errors(version, "/cancel", message)
}

/// What the official file of that version has against a `cancellation_reasons` message.
pub fn official_reasons_errors(version: &str, message: &Value) -> Vec<String> {
    official_errors(version, "/cancellation_reasons", message)
}

/// Reads a JSON file below `shared/protocol`.
pub fn example(path: &Path) -> Value {
    let text = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn official_errors(version: &str, action: &str, message: &Value) -> Vec<String> {
    let Some(dir) = protocol_dir() else {
        return Vec::new();
    };
    let name = match version.starts_with("2.") {
        true => format!("spec/core-{version}-beckn.yaml"),
        false => format!("spec/core-{version}-transaction.yaml"),
    };
    let file = dir.join(name);
    let errors = request_validator(&file, action);
    let errors = errors.iter_errors(message);
    errors
        .map(|e| format!("{version} {}: {}", e.instance_path(), e.masked()))
        .collect()
}

/// Built once per file and action: reading 80 KiB of YAML takes longer than any check.
fn request_validator(file: &Path, action: &str) -> Arc<Validator> {
    static BUILT: Mutex<BTreeMap<(PathBuf, String), Arc<Validator>>> = Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().expect("no test panics while it builds");
    let key = (file.to_owned(), action.to_owned());
    let made = built.entry(key);
    Arc::clone(made.or_insert_with(|| Arc::new(build(file, action))))
}

fn build(file: &Path, action: &str) -> Validator {
    let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let document: Value = serde_yaml_ng::from_str(&text).expect("the file is YAML");
    // OpenAPI 3.1 has the schemas of draft 2020-12. For 3.0 draft 7 is the nearest whose `$ref`
    // hides its neighbours.
    let is_3_1 = document["openapi"].as_str() > Some("3.1");
    let (draft, mut schema) = match is_3_1 {
        true => (Draft::Draft202012, document),
        false => (Draft::Draft7, as_json_schema(document)),
    };
    let body = "post/requestBody/content/application~1json/schema";
    let start = format!("#/paths/{}/{body}", action.replace('/', "~1"));
    let members = schema.as_object_mut().expect("an object");
    members.insert("$ref".to_owned(), json!(start));
    // Formats are left out: 0.9.x calls ids URIs and then shows host names.
    jsonschema::options()
        .with_draft(draft)
        .should_validate_formats(false)
        .build(&schema)
        .unwrap_or_else(|e| panic!("{} {action}: {e}", file.display()))
}

/// Turns the schemas inside an OpenAPI 3.0 document into JSON Schemas, in place.
fn as_json_schema(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(as_json_schema).collect(),
        Value::Object(members) => {
            let members = members.into_iter().map(|(k, v)| (k, as_json_schema(v)));
            let mut members: Map<String, Value> = members.collect();
            allow_null(&mut members);
            wrap_all_of(&mut members);
            exclusive(&mut members, "exclusiveMinimum", "minimum");
            exclusive(&mut members, "exclusiveMaximum", "maximum");
            Value::Object(members)
        }
        scalar => scalar,
    }
}

/// `nullable: true` is a second type.
fn allow_null(members: &mut Map<String, Value>) {
    if members.get("nullable") != Some(&Value::Bool(true)) {
        return;
    }
    if let Some(Value::String(name)) = members.get("type") {
        members.insert("type".to_owned(), json!([name, "null"]));
    }
    if let Some(Value::Array(values)) = members.get_mut("enum") {
        values.push(Value::Null);
    }
}

/// Person.age of 1.0.0 has one schema where `allOf` wants a list of them.
fn wrap_all_of(members: &mut Map<String, Value>) {
    if let Some(only @ Value::Object(_)) = members.get_mut("allOf") {
        *only = json!([only.take()]);
    }
}

/// A boolean `exclusiveMinimum` moves the number of its neighbour.
fn exclusive(members: &mut Map<String, Value>, flag: &str, bound: &str) {
    let Some(Value::Bool(exclusive)) = members.get(flag) else {
        return;
    };
    let exclusive = *exclusive;
    members.remove(flag);
    if exclusive && let Some(number) = members.remove(bound) {
        members.insert(flag.to_owned(), number);
    }
}
