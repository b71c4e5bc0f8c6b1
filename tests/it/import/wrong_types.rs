//! JSON of the right format with a value of another type: the message speaks of JSON, not of this program's types.

use a7probe::run::import::{self, FileFormat, ImportOptions};
use serde_json::{Value, json};

use super::{FIXTURES, bytes};

/// The first document of a file and what follows it; `None` of a file that is not JSON.
fn document(bytes: &[u8]) -> Option<(Value, Vec<u8>)> {
    let mut documents = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    let first = documents.next()?.ok().filter(Value::is_object)?;
    let rest = bytes[documents.byte_offset()..].to_vec();
    Some((first, rest))
}

/// JSON pointers of every object and list, and of the first element of each list.
fn containers(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.push(at.to_owned());
            for (key, member) in members {
                let key = key.replace('~', "~0").replace('/', "~1");
                containers(member, &format!("{at}/{key}"), found);
            }
        }
        Value::Array(elements) => {
            found.push(at.to_owned());
            if let Some(first) = elements.first() {
                containers(first, &format!("{at}/0"), found);
            }
        }
        _ => {}
    }
}

fn error(bytes: &[u8], format: FileFormat) -> Option<String> {
    let options = ImportOptions {
        format: Some(format),
        ..ImportOptions::default()
    };
    import::read(bytes, &options).err().map(|e| e.to_string())
}

#[test]
fn no_import_error_names_a_type_of_this_program() {
    let mut errors = Vec::new();
    for (name, format) in FIXTURES {
        let Some((whole, rest)) = document(&bytes(name)) else {
            continue;
        };
        let mut pointers = Vec::new();
        containers(&whole, "", &mut pointers);
        for pointer in pointers {
            for wrong in [json!(3), json!("x"), json!([]), json!([[]]), json!({})] {
                let mut changed = whole.clone();
                *changed.pointer_mut(&pointer).expect("a place") = wrong;
                let text = [changed.to_string().as_bytes(), &rest].concat();
                errors.extend(error(&text, format).map(|e| format!("{name} {pointer}: {e}")));
            }
        }
    }
    assert!(errors.len() > 100, "{} errors", errors.len());
    let telling = |error: &&String| {
        ["struct ", "Document", "enum ", "tuple ", "variant"]
            .iter()
            .any(|word| error.contains(word))
    };
    let wrong: Vec<&String> = errors.iter().filter(telling).collect();
    assert_eq!(wrong, Vec::<&String>::new());
    let of_oha = error(b"3", FileFormat::OhaJson);
    assert!(of_oha.is_some_and(|error| error.contains("expected an object")));
}
