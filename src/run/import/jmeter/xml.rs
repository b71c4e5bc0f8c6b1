//! JTL as XML: the elements directly under `testResults` are samples; those inside a sample are parts of it.

use super::{JmeterSample, imported, no_success};
use crate::run::import::endpoint_names::EndpointKey;
use crate::run::import::imported::Imported;
use crate::run::import::requests::{ImportedRequest, RequestsByEndpoint};
use crate::run::import::{FileFormat, ImportError, TimeUnit, value};

const FORMAT: FileFormat = FileFormat::JmeterXml;

/// Deeper than JMeter nests anything.
const MAX_DEPTH: usize = 64;

/// Whether a text is such a file.
pub(in crate::run::import) fn is_xml(text: &str) -> bool {
    text.trim_start().starts_with('<') && text.contains("<testResults")
}

/// Every sample, by label.
pub(in crate::run::import) fn read(text: &str) -> Result<Imported, ImportError> {
    let (mut requests, mut index) = (RequestsByEndpoint::default(), 0i64);
    let mut open: Vec<&str> = Vec::new();
    let mut tags = Tags { rest: text, text };
    let mut closed = false;
    while let Some(tag) = tags.next_tag()? {
        match tag {
            XmlTag::Close(name) => {
                if open.pop() != Some(name) {
                    let line = tags.line();
                    return Err(FORMAT.damaged(format!("line {line}: </{name}> closes nothing")));
                }
                closed = open.is_empty();
            }
            XmlTag::Open {
                name,
                attributes,
                empty,
            } => {
                let is_sample = matches!(name, "httpSample" | "sample");
                if is_sample && open == ["testResults"] {
                    let (key, request) = sample(&attributes, index, &tags)?;
                    requests.add(FORMAT, key, request)?;
                    index += 1;
                }
                if empty {
                    continue;
                }
                if open.len() >= MAX_DEPTH {
                    let line = tags.line();
                    return Err(
                        FORMAT.damaged(format!("line {line} nests deeper than JMeter does"))
                    );
                }
                open.push(name);
            }
        }
    }
    if closed {
        Ok(imported(FORMAT, requests, text))
    } else {
        Err(FORMAT.cut("</testResults> is missing at the end: the file is cut"))
    }
}

fn sample(
    attributes: &[(&str, &str)],
    index: i64,
    tags: &Tags<'_>,
) -> Result<(EndpointKey, ImportedRequest), ImportError> {
    let get = |name: &str| {
        attributes
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, v)| *v)
    };
    let damaged = |what: String| FORMAT.damaged(format!("line {}: {what}", tags.line()));
    let elapsed =
        get("t").ok_or_else(|| damaged("a sample without t, its elapsed time".to_owned()))?;
    let latency = value::parse(elapsed, Some(TimeUnit::Milliseconds))
        .ok()
        .flatten()
        .ok_or_else(|| damaged(format!("'{elapsed}' is not an elapsed time")))?;
    if get("s").is_none() && get("rc").is_none() {
        return Err(no_success(FORMAT));
    }
    let sample = JmeterSample {
        start_ms: get("ts").and_then(|ts| ts.parse().ok()),
        success: get("s").unwrap_or(""),
        code: get("rc").unwrap_or(""),
        message: get("rm").unwrap_or(""),
    };
    let outcome = sample
        .outcome()
        .ok_or_else(|| damaged(format!("'{}' is neither true nor false", sample.success)))?;
    let request = ImportedRequest {
        start_ns: sample.start_ns(index),
        latency,
        outcome,
        status: sample.code.parse().ok(),
    };
    Ok((
        EndpointKey::new("", &unescaped(get("lb").unwrap_or(""))),
        request,
    ))
}

/// The five entities of XML; JMeter writes other characters as they are.
fn unescaped(text: &str) -> String {
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ];
    let text = text.to_owned();
    entities
        .iter()
        .fold(text, |text, (entity, c)| text.replace(entity, c))
}

enum XmlTag<'a> {
    Open {
        name: &'a str,
        attributes: Vec<(&'a str, &'a str)>,
        empty: bool,
    },
    Close(&'a str),
}

/// The tags of a text, one after the other.
struct Tags<'a> {
    rest: &'a str,
    text: &'a str,
}

impl<'a> Tags<'a> {
    /// The next tag. Text between tags is skipped.
    fn next_tag(&mut self) -> Result<Option<XmlTag<'a>>, ImportError> {
        loop {
            let Some(at) = self.rest.find('<') else {
                return Ok(None);
            };
            self.rest = &self.rest[at + 1..];
            let passed = [("!--", "-->"), ("![CDATA[", "]]>"), ("?", "?>"), ("!", ">")];
            match passed
                .iter()
                .find(|(start, _)| self.rest.starts_with(start))
            {
                Some((_, end)) => self.pass(end)?,
                None => return self.tag().map(Some),
            }
        }
    }

    fn pass(&mut self, end: &str) -> Result<(), ImportError> {
        let at = self.rest.find(end).ok_or_else(cut)?;
        self.rest = &self.rest[at + end.len()..];
        Ok(())
    }

    fn tag(&mut self) -> Result<XmlTag<'a>, ImportError> {
        if let Some(rest) = self.rest.strip_prefix('/') {
            let (name, rest) = rest.split_once('>').ok_or_else(cut)?;
            self.rest = rest;
            return Ok(XmlTag::Close(name.trim()));
        }
        let name = self.word();
        let mut attributes = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            if let Some(rest) = self.rest.strip_prefix("/>") {
                self.rest = rest;
                return Ok(XmlTag::Open {
                    name,
                    attributes,
                    empty: true,
                });
            }
            if let Some(rest) = self.rest.strip_prefix('>') {
                self.rest = rest;
                return Ok(XmlTag::Open {
                    name,
                    attributes,
                    empty: false,
                });
            }
            attributes.push(self.attribute()?);
        }
    }

    /// `name="value"` or `name='value'`.
    fn attribute(&mut self) -> Result<(&'a str, &'a str), ImportError> {
        let name = self.word();
        let rest = self.rest.trim_start();
        let wrong = |tags: &Tags<'_>| {
            if tags.rest.is_empty() {
                cut()
            } else {
                FORMAT.damaged(format!("line {} has a tag that is not XML", tags.line()))
            }
        };
        let value = rest.strip_prefix('=').map(str::trim_start);
        let quote = value
            .and_then(|value| value.chars().next())
            .filter(|c| matches!(c, '"' | '\''));
        let (Some(value), Some(quote), false) = (value, quote, name.is_empty()) else {
            return Err(wrong(self));
        };
        let (value, rest) = value[1..].split_once(quote).ok_or_else(cut)?;
        self.rest = rest;
        Ok((name, value))
    }

    fn word(&mut self) -> &'a str {
        let end = |c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/' | '<' | '"' | '\'');
        let at = self.rest.find(end).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(at);
        self.rest = rest;
        word
    }

    /// Where it is, from 1.
    fn line(&self) -> usize {
        let read = &self.text[..self.text.len() - self.rest.len()];
        read.matches('\n').count() + 1
    }
}

fn cut() -> ImportError {
    FORMAT.cut("a tag has no end: the file is cut")
}
