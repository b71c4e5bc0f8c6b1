//! English: turns that no text of the program, no comment and no page has, and what to write.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use super::sources;

/// A turn, in words between single spaces, and what to write.
const TURNS: [(&str, &str); 70] = [
    ("nobody", NAME_THE_ACTOR),
    ("somebody", NAME_THE_ACTOR),
    ("someone", NAME_THE_ACTOR),
    ("whoever", NAME_THE_ACTOR),
    ("whom", NAME_THE_ACTOR),
    ("reckon", "allow for"),
    ("reckons", "allows for"),
    ("reckoned", "allowed for"),
    ("mend", "fix"),
    ("mends", "fixes"),
    ("mended", "fixed"),
    ("beside", "alongside, next to, during"),
    ("taken for", "treated as"),
    ("taking for", "treating as"),
    ("told", "reported, distinguished, configured"),
    ("does not tell", "does not report"),
    ("go on", "continue"),
    ("goes on", "continues"),
    ("going on", "continuing"),
    ("went on", "continued"),
    ("is over", "has ended"),
    ("are over", "have ended"),
    ("was over", "had ended"),
    ("by itself", "on its own, alone"),
    ("by themselves", "on their own, alone"),
    ("in turns", "interleaved"),
    ("be had", "be available, happen"),
    ("is had", "happens"),
    ("are had", "happen"),
    ("was had", "happened"),
    ("were had", "happened"),
    ("for ever", "indefinitely"),
    ("meanwhile", "at the same time, or nothing"),
    ("whatever else", "other"),
    ("whatever is", NOUN),
    ("whatever was", NOUN),
    ("so many", THE_NUMBER),
    ("so much", THE_NUMBER),
    ("so long", THE_NUMBER),
    ("so far", "until now, received, or nothing"),
    ("so often", THE_NUMBER),
    ("is no", IS_NOT),
    ("are no", IS_NOT),
    ("was no", IS_NOT),
    ("were no", IS_NOT),
    ("it takes", "it needs N"),
    ("pass takes", "a PASS needs N"),
    ("would do", "is enough"),
    ("never a pass", "cannot pass"),
    ("what was", NOUN),
    ("what were", NOUN),
    ("what is to", NOUN),
    ("what are to", NOUN),
    ("what the data do", "inconclusive"),
    ("hang on", "depend on"),
    ("hangs on", "depends on"),
    ("cannot carry", "needs N requests"),
    ("held against", "compared with"),
    ("hold against", "compare with"),
    ("holds against", "compares with"),
    ("own error", "measurement overhead"),
    ("slow episode", "slow spell"),
    ("slow episodes", "slow spells"),
    ("not enough evidence", "cannot tell"),
    ("offered load", "rate"),
    ("cannot be resolved", "needs N requests per side"),
    ("within noise", "within 5%"),
    ("proven", "shown at the 5% level"),
    ("meets the slo", "is within the limit"),
    ("no regression", "within 5%, inconclusive"),
];

const NAME_THE_ACTOR: &str = "the client, the worker, the server; \"unknown\"";
const NOUN: &str = "the noun, such as \"accepted events\"";
const THE_NUMBER: &str = "the number, \"this many\", \"at most 30 s\"";
const IS_NOT: &str = "\"is not a valid …\", \"unknown …\"";

/// Longer turns that are right although they have one of the others in them.
const RIGHT: [&str; 29] = [
    "so far as",
    "so long as",
    "so many as",
    "so much as",
    "there is no",
    "there are no",
    "there was no",
    "there were no",
    "is no longer",
    "are no longer",
    "was no longer",
    "were no longer",
    "is no more than",
    "are no more than",
    "is no less than",
    "is no larger",
    "is no slower",
    "is no smaller",
    "is no faster",
    "is no later",
    "how long it takes",
    "however long it takes",
    "than it takes",
    "as it takes",
    "time it takes",
    "is over http",
    "is over tcp",
    "is over tls",
    "are over all",
];

/// A word or a sign of a text, in lower case, and its line.
#[derive(Clone, Debug, PartialEq)]
struct Word {
    text: String,
    line: usize,
}

/// The words of texts that are read one by one: a text ends where no turn goes across.
#[derive(Default)]
struct Texts {
    done: Vec<Vec<Word>>,
    open: Vec<Word>,
}

impl Texts {
    /// Adds a line to the open text; a word is letters and digits, everything else but white space is a sign.
    fn add(&mut self, text: &str, line: usize) {
        let mut word = String::new();
        for sign in text.chars().chain([' ']) {
            if sign.is_alphanumeric() || sign == '_' {
                word.extend(sign.to_lowercase());
                continue;
            }
            if !word.is_empty() {
                let text = std::mem::take(&mut word);
                self.open.push(Word { text, line });
            }
            if !sign.is_whitespace() {
                let text = sign.to_string();
                self.open.push(Word { text, line });
            }
        }
    }

    fn end(&mut self) {
        if !self.open.is_empty() {
            self.done.push(std::mem::take(&mut self.open));
        }
    }
}

/// The comments of a source, and its string literals that have a space.
fn texts_of_source(source: &str) -> Vec<Vec<Word>> {
    let mut texts = Texts::default();
    let (mut rest, mut line, mut last_comment) = (source, 1, 0);
    while let Some(sign) = rest.chars().next() {
        let after = if rest.starts_with("//") {
            let comment = rest.lines().next().unwrap_or_default();
            let text = comment.trim_start_matches(['/', '!']);
            if line != last_comment + 1 || text.trim().is_empty() {
                texts.end();
            }
            texts.add(&without_code(text), line);
            last_comment = line;
            &rest[comment.len()..]
        } else if let Some((literal, after)) = literal(rest) {
            if literal.contains(' ') {
                texts.end();
                for (at, text) in literal.split('\n').enumerate() {
                    let text = text.strip_suffix('\\').unwrap_or(text);
                    texts.add(&text.replace("\\n", " ¶ "), line + at);
                }
                texts.end();
            }
            after
        } else {
            let character = rest.strip_prefix('\'').and_then(after_character);
            character.unwrap_or(&rest[sign.len_utf8()..])
        };
        line += rest[..rest.len() - after.len()].matches('\n').count();
        rest = after;
    }
    texts.end();
    texts.done
}

/// The content of a string literal that begins here, and the text after it.
fn literal(rest: &str) -> Option<(&str, &str)> {
    if let Some(raw) = rest.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let content = raw[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        return content.split_once(end.as_str());
    }
    let content = rest.strip_prefix('"')?;
    let mut is_escaped = false;
    let end = content.find(|sign| {
        let ends = sign == '"' && !is_escaped;
        is_escaped = sign == '\\' && !is_escaped;
        ends
    })?;
    Some((&content[..end], &content[end + 1..]))
}

/// The text after a character literal whose first quotation mark is before `rest`; `None` for a lifetime.
fn after_character(rest: &str) -> Option<&str> {
    let mut signs = rest.char_indices();
    let (_, first) = signs.next()?;
    if first == '\\' {
        let end = rest[2..].find('\'')?;
        return Some(&rest[end + 3..]);
    }
    let (at, second) = signs.next()?;
    (second == '\'').then(|| &rest[at + 1..])
}

/// The paragraphs of a page, without its code.
fn texts_of_page(page: &str) -> Vec<Vec<Word>> {
    let mut texts = Texts::default();
    let mut is_code = false;
    for (at, line) in page.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
            texts.end();
        } else if line.trim().is_empty() {
            texts.end();
        } else if !is_code {
            texts.add(&without_code(line), at + 1);
        }
    }
    texts.end();
    texts.done
}

/// Code between backticks counts as one sign.
fn without_code(line: &str) -> String {
    let pieces = line.split('`').enumerate();
    pieces
        .map(|(at, piece)| if at % 2 == 0 { piece } else { "`" })
        .collect()
}

/// Every forbidden turn of a text: the line, the turn, and what to write.
fn forbidden(text: &[Word]) -> Vec<(usize, &'static str, &'static str)> {
    let mut found = Vec::new();
    let words: HashSet<&str> = text.iter().map(|word| word.text.as_str()).collect();
    let may_have = |turn: &str| turn.split(' ').all(|word| words.contains(word));
    for (turn, but) in TURNS.into_iter().filter(|(turn, _)| may_have(turn)) {
        let length = turn.split(' ').count();
        for at in places(text, turn) {
            let is_right = RIGHT.iter().any(|right| {
                let longer = right.split(' ').count();
                let mut around = places(text, right);
                around.any(|from| from <= at && at + length <= from + longer)
            });
            if !is_right {
                found.push((text[at].line, turn, but));
            }
        }
    }
    found
}

/// Where the words of a turn follow each other.
fn places<'a>(text: &'a [Word], turn: &'a str) -> impl Iterator<Item = usize> + 'a {
    let length = turn.split(' ').count();
    let windows = text.windows(length).enumerate();
    let is_turn = move |window: &[Word]| {
        let words = window.iter().map(|word| word.text.as_str());
        words.eq(turn.split(' '))
    };
    windows
        .filter(move |(_, window)| is_turn(window))
        .map(|(at, _)| at)
}

fn findings(file: &str, texts: &[Vec<Word>]) -> Vec<String> {
    let found = texts.iter().flat_map(|text| forbidden(text));
    found
        .map(|(line, turn, but)| format!("{file}:{line}: '{turn}'; write {but}"))
        .collect()
}

#[test]
fn no_text_of_the_sources_has_a_forbidden_turn() {
    let mut wrong = Vec::new();
    let mut words = 0;
    for source in sources() {
        let texts = texts_of_source(&source.text);
        words += texts.iter().map(Vec::len).sum::<usize>();
        wrong.extend(findings(&format!("src/{}.rs", source.module), &texts));
    }
    for file in [
        "src/command/init/a7probe.toml",
        "src/reference/server/openapi.json",
        "src/run/import/refused_files.toml",
    ] {
        wrong.extend(findings(file, &texts_of_page(&read(file))));
    }
    assert!(words > 100_000, "the texts were not found: {words} words");
    assert!(
        wrong.is_empty(),
        "{} turns\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn no_page_has_a_forbidden_turn() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_dir(root.join("docs")).expect("docs");
    let docs = docs.map(|entry| entry.expect("a file").file_name());
    let mut pages: Vec<String> = docs
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.ends_with(".md"))
        .map(|name| format!("docs/{name}"))
        .collect();
    pages.sort_unstable();
    pages.extend(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(str::to_owned));
    assert!(pages.len() > 10, "the pages were not found: {pages:?}");
    let found = pages
        .iter()
        .flat_map(|page| findings(page, &texts_of_page(&read(page))));
    let wrong: Vec<String> = found.collect();
    assert!(
        wrong.is_empty(),
        "{} turns\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect(file)
}

/// The turns that a source has.
fn turns_of(source: &str) -> Vec<(usize, &'static str)> {
    let texts = texts_of_source(source);
    let found = texts.iter().flat_map(|text| forbidden(text));
    found.map(|(line, turn, _)| (line, turn)).collect()
}

#[test]
fn a_turn_is_found_in_comments_and_literals_over_line_ends() {
    assert_eq!(
        turns_of("/// Known to\n/// nobody's friend\n"),
        [(2, "nobody")]
    );
    assert_eq!(
        turns_of("// The wait goes\n    // on\nlet a = 'b'; // Meanwhile"),
        [(1, "goes on"), (3, "meanwhile")]
    );
    assert_eq!(turns_of("f(\"'{a}' is \\\n    no unit\");"), [(1, "is no")]);
    assert_eq!(
        turns_of("let c = '\"'; g(r#\"it \"takes\" 5; it takes 6\"#)"),
        [(1, "it takes")]
    );
    assert_eq!(
        turns_of("/// One is over.\n///\n/// Two is\n\nx;\n/// over"),
        [(1, "is over")]
    );
}

#[test]
fn longer_turns_code_and_parts_of_words_are_right() {
    for source in [
        "/// so far as it goes; there is no room, it is no longer there",
        "/// The `told` and `is no` of a code; a foretold mender",
        "let told = nobody(); let code = \"beside\";",
        "/// It ends so. Many follow; the lifetime &'a is over HTTP",
        "/// This is how long it takes",
        "let a: &'static str = \"is\\nno\";",
    ] {
        assert_eq!(turns_of(source), [], "{source}");
    }
}

#[test]
fn a_page_is_read_without_its_code() {
    let page = "A turn that goes\non and `goes on`.\n\n```\nit goes on\n```\nIt is\n\nno text\n";
    let found: Vec<usize> = texts_of_page(page)
        .iter()
        .flat_map(|text| forbidden(text))
        .map(|(line, _, _)| line)
        .collect();
    assert_eq!(found, [1]);
}
