//! The words of a command line that is shown, for lines that are broken between them.

/// A flag and its value stay together.
pub(crate) fn with_values(words: Vec<String>) -> Vec<String> {
    let mut whole: Vec<String> = Vec::new();
    for word in words {
        match whole.last_mut() {
            Some(flag)
                if flag.starts_with('-') && !flag.contains(' ') && !word.starts_with('-') =>
            {
                flag.push(' ');
                flag.push_str(&word);
            }
            _ => whole.push(word),
        }
    }
    whole
}

/// The words of a text; what stands in single quotes is part of one.
pub(crate) fn quoted_words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    let mut before = ' ';
    for c in text.chars() {
        if c == '\'' && (is_quoted || before == ' ') {
            is_quoted = !is_quoted;
        }
        match words.last_mut() {
            Some(word) if c != ' ' || is_quoted => word.push(c),
            _ => words.push(String::new()),
        }
        before = c;
    }
    words
}
