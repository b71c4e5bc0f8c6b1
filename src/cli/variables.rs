//! Environment variables in header values keep secrets out of the settings file.

use anyhow::Context as _;

/// Looks up an environment variable.
pub(super) type LookUp<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Puts variables into a header value: `Bearer ${TOKEN}`.
pub(super) fn expand_variables(value: &str, look_up: LookUp<'_>) -> anyhow::Result<String> {
    let mut out = String::new();
    let mut rest = value;
    while let Some(open) = rest.find("${") {
        let Some(length) = rest[open..].find('}') else {
            break;
        };
        let name = &rest[open + 2..open + length];
        let found = look_up(name)
            .with_context(|| format!("the variable {name} is not set, which a header needs"))?;
        out.push_str(&rest[..open]);
        out.push_str(&found);
        rest = &rest[open + length + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::expand_variables;

    #[test]
    fn variables_keep_secrets_out_of_the_file() {
        let look_up = |name: &str| (name == "TOKEN").then(|| "s3cret".to_owned());
        assert_eq!(
            expand_variables("Bearer ${TOKEN}!", &look_up).unwrap(),
            "Bearer s3cret!"
        );
        assert_eq!(
            expand_variables("plain $5 ${", &look_up).unwrap(),
            "plain $5 ${"
        );
        assert!(
            expand_variables("${NOPE}", &look_up)
                .unwrap_err()
                .to_string()
                .contains("NOPE")
        );
    }
}
