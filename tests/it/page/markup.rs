//! A reader of markup as strict as XML: every element is closed, every attribute quoted, no bare sign.

/// Elements of HTML that have no end.
const VOID: [&str; 2] = ["meta", "link"];

/// What is wrong with a page or a picture.
pub(crate) fn check(text: &str) -> Result<(), String> {
    let text = text.strip_prefix("<!DOCTYPE html>\n").unwrap_or(text);
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    let mut ids = std::collections::HashSet::new();
    while let Some(start) = rest.find('<') {
        let before = &rest[..start];
        if open.last() != Some(&"style") {
            references(before)?;
        }
        if open.is_empty() && !before.trim().is_empty() {
            return Err(format!("text outside: {before}"));
        }
        rest = &rest[start..];
        let end = rest.find('>').ok_or("a tag without an end")?;
        let tag = &rest[1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return Err(format!("</{name}> closes nothing"));
            }
            continue;
        }
        let (tag, is_empty) = match tag.strip_suffix('/') {
            Some(tag) => (tag, true),
            None => (tag, false),
        };
        let name = tag.split(' ').next().unwrap_or_default();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(format!("<{tag}> is no tag"));
        }
        if let Some(id) = attributes(&tag[name.len()..])?
            && !ids.insert(id)
        {
            return Err(format!("id {id} twice"));
        }
        if !is_empty && !VOID.contains(&name) {
            open.push(name);
        }
    }
    if open.is_empty() && rest.trim().is_empty() {
        Ok(())
    } else {
        Err(format!("left open: {open:?}"))
    }
}

/// ` name="value"` and so on; answers with the id.
fn attributes(text: &str) -> Result<Option<&str>, String> {
    let mut rest = text;
    let mut names = Vec::new();
    let mut id = None;
    while !rest.is_empty() {
        let wrong = || format!("attributes{text}");
        let after = rest.strip_prefix(' ').ok_or_else(wrong)?;
        let (name, after) = after.split_once("=\"").ok_or_else(wrong)?;
        let (value, after) = after.split_once('"').ok_or_else(wrong)?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if name.is_empty() || !name.chars().all(is_name) || names.contains(&name) {
            return Err(wrong());
        }
        references(value)?;
        if name == "id" {
            id = Some(value);
        }
        names.push(name);
        rest = after;
    }
    Ok(id)
}

/// No sign that is markup, but in a reference.
fn references(text: &str) -> Result<(), String> {
    if text.contains(['<', '>', '"', '\'']) && !text.contains("%3C") {
        return Err(format!("a bare sign in {text}"));
    }
    for (at, _) in text.match_indices('&') {
        let known = ["&lt;", "&gt;", "&amp;", "&quot;", "&#39;"];
        if !known
            .iter()
            .any(|reference| text[at..].starts_with(reference))
        {
            return Err(format!("a bare & in {text}"));
        }
    }
    let control = text.chars().find(|c| c.is_control() && *c != '\n');
    match control {
        Some(c) => Err(format!("{c:?} in {text}")),
        None => Ok(()),
    }
}

#[test]
fn what_is_not_well_formed_is_found() {
    assert_eq!(check("<p a=\"1\">x &amp; y<br/></p>\n"), Ok(()));
    for wrong in [
        "<p>",
        "<p></b>",
        "<p a=1></p>",
        "<p a=\"1\" a=\"2\"></p>",
        "<p>x & y</p>",
        "<p>x > y</p>",
        "<p a=\"x'\"></p>",
        "<p>\u{1}</p>",
        "<p id=\"a\"></p><p id=\"a\"></p>",
        "x<p></p>",
    ] {
        assert!(check(wrong).is_err(), "{wrong}");
    }
}
