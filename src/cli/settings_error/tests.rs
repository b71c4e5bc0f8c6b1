//! Mistakes of settings files, and the messages about them.

use std::path::PathBuf;

use super::super::settings_file::parse;

fn message(text: &str) -> String {
    parse(text, None, PathBuf::new(), &|_| None)
        .expect_err(text)
        .to_string()
}

/// A file, and the message about it.
const MISTAKES: &[(&str, &str)] = &[
    (
        "url = 'http://h'\n\ntagret = '1s'\n",
        "line 3: unknown key 'tagret'\nhint: did you mean 'target'?",
    ),
    (
        "rate = 5\n[endpoints.search]\nrat = 5\n",
        "line 3: unknown key 'rat' in [endpoints.search]\nhint: did you mean 'rate'?",
    ),
    (
        "[audit]\nurl = '/{id}'\nresnd = '5%'\n",
        "line 3: unknown key 'resnd' in [audit]\nhint: did you mean 'resend'?",
    ),
    (
        "zeta = 1\nalpha = 1\n",
        "line 1: unknown key 'zeta'\nhint: see a7probe help environment",
    ),
    (
        "[profiles.ci]\nfoo = 1\n",
        "line 2: unknown key 'foo' in [profiles.ci]\nhint: see a7probe help environment",
    ),
    (
        "[profiles.ci.audit]\nquite = '1s'\n",
        "line 2: unknown key 'quite' in [profiles.ci.audit]\nhint: did you mean 'quiet'?",
    ),
    (
        "[endpoint.search]\npath = '/'\n",
        "line 1: unknown key 'endpoint'\nhint: did you mean 'endpoints'?",
    ),
    (
        "\n  timeout = \"5\"\n",
        "line 2: timeout: has no unit\nhint: write for example timeout = \"10s\"",
    ),
    (
        "target = 200\n",
        "line 1: target: expected a duration in quotes, found a number without quotes\nhint: write for example \
             target = \"10s\"",
    ),
    (
        "requests = '600'\n",
        "line 1: requests: expected a whole number, found text\nhint: write for example requests = 600",
    ),
    (
        "requests = -1\n",
        "line 1: requests: expected a whole number, found a negative number\nhint: write for example requests = 600",
    ),
    (
        "iid = 'yes'\n",
        "line 1: iid: expected true or false, found text\nhint: write for example iid = true",
    ),
    (
        "gates = 'p95 <= 1s'\n",
        "line 1: gates: expected a list of texts, found text\nhint: write for example gates = [\"p95 <= 150ms\"]",
    ),
    (
        "[headers]\nx = 5\n",
        "line 2: headers.x: expected text in quotes, found a number without quotes\nhint: write for example x = \"…\"",
    ),
    (
        "[profiles.ci.endpoints.a]\nexpect = [200]\n",
        "line 2: profiles.ci.endpoints.a.expect: expected a status, or a list in quotes, found a list\nhint: write \
             for example expect = \"200,202\"",
    ),
    (
        "arrivals = 'often'\n",
        "line 1: arrivals: expected \"jitter\", \"grid\" or \"poisson\"\nhint: write for example arrivals = \"jitter\"",
    ),
    (
        "endpoints = 5\n",
        "line 1: endpoints: expected a table, found a number without quotes\nhint: write for example endpoints = { … }",
    ),
    (
        "a = 1\nprofiles = 5\n",
        "line 2: profiles: expected a table\nhint: write [profiles.NAME]",
    ),
    (
        "[profiles]\nci = 5\n",
        "line 2: profiles.ci: expected a table\nhint: write [profiles.ci]",
    ),
];

#[test]
fn a_mistake_is_reported_with_its_line_key_and_form() {
    for (text, reported) in MISTAKES {
        assert_eq!(message(text), *reported, "{text}");
    }
    let syntax = message("url = 'h'\ntarget = 150ms\n");
    assert!(syntax.starts_with("line 2: not valid TOML"), "{syntax}");
}

#[test]
fn no_value_of_the_file_is_in_a_message() {
    for text in [
        "headers = { Authorization = \"Bearer s3cret }\n",
        "[headers]\nAuthorization = Bearer s3cret\n",
        "url = 's3cret\n",
        "token = s3cret\n",
        "[headers]\nx = \"a\" s3cret\n",
        "requests = \"s3cret\"\n",
        "timeout = \"s3cret\"\n",
        "timeout = \"5 s3cret\"\n",
        "arrivals = \"s3cret\"\n",
        "iid = \"s3cret\"\n",
        "gates = \"s3cret\"\n",
        "[endpoints.a]\nheaders = \"s3cret\"\n",
        "[endpoints.a]\nbody = [\"s3cret\"]\n",
        "[endpoints.a]\nexpect = { x = \"s3cret\" }\n",
        "[audit]\ntimeout = \"s3cret\"\n",
        "profiles = \"s3cret\"\n",
        "[profiles.ci]\nduration = \"s3cret\"\n",
        "a = \"\"\"s3cret\n",
        "a = \"s3cret\\q\"\n",
        "s3cret\n",
        "[s3cret\n",
    ] {
        let error = message(text);
        assert!(!error.contains("s3cret"), "{text}: {error}");
    }
}

#[test]
fn a_variable_that_is_not_set_is_named_with_its_key_and_line() {
    for (text, named) in [
        (
            "rate = 5\n[headers]\nX-A = \"s3cret ${NOPE}\"\n",
            "line 3: headers.X-A: the variable NOPE is not set\nhint: export NOPE=…, or write $${ for the text ${",
        ),
        (
            "gates = [\n  \"p95 <= 1s\",\n  \"${NOPE}\",\n]\n",
            "line 3: gates.1: the variable NOPE is not set",
        ),
        (
            "[endpoints.a]\npath = \"/\"\nheaders = { X = \"${}\" }\n",
            "line 3: endpoints.a.headers.X: ${…} does not name a variable\nhint: write ${NAME}",
        ),
        ("auth = \"${TOKEN\"\n", "line 1: auth: ${ is not closed"),
    ] {
        let message = message(text);
        assert!(message.starts_with(named), "{text}: {message}");
        assert!(!message.contains("s3cret"), "{message}");
    }
}

#[test]
fn a_value_of_a_variable_is_not_in_a_message() {
    let look_up = |_: &str| Some("s3cret".to_owned());
    for text in [
        "timeout = \"${X}\"\n",
        "arrivals = \"${X}\"\n",
        "iid = \"5 ${X}\"\n",
        "[audit]\ntimeout = \"5${X}\"\n",
        "[profiles.ci]\nduration = \"${X}\"\n",
    ] {
        let error = parse(text, None, PathBuf::new(), &look_up).expect_err(text);
        assert!(
            !format!("{error:#}").contains("s3cret"),
            "{text}: {error:#}"
        );
    }
}
