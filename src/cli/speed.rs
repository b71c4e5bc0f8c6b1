//! How many times as fast a replay is.

/// How many times as fast; `2x` as well.
pub(super) fn parse_speed(text: &str) -> Result<f64, String> {
    let number: f64 = text
        .trim()
        .trim_end_matches('x')
        .parse()
        .unwrap_or(f64::NAN);
    if (0.001..=100_000.0).contains(&number) {
        Ok(number)
    } else {
        Err(format!(
            "'{text}' is not a speed; write a factor from 0.001 to 100000, such as 2 for twice as fast"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::parse_speed;

    #[test]
    fn a_speed_is_a_factor() {
        assert_eq!(parse_speed("2"), Ok(2.0));
        assert_eq!(parse_speed("0.5x"), Ok(0.5));
        for bad in ["", "0", "-1", "nan", "inf", "fast", "1e9"] {
            assert!(parse_speed(bad).is_err(), "{bad}");
        }
    }
}
