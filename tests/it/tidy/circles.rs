//! No two files import each other, over however many steps: a leaf type that both need has a file of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::{Source, sources};

/// Path of a module below the crate: `judge/gate`.
type Module = String;

/// What a `use` names: a module, and the item in it if it is not the module itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    module: Module,
    item: Option<String>,
}

/// The modules of the crate, and the items that each passes on from another one.
struct Crate {
    code: BTreeMap<Module, String>,
    passed_on: BTreeMap<(Module, String), Named>,
}

impl Crate {
    fn of(sources: &[Source]) -> Crate {
        let code = sources
            .iter()
            .filter(|source| !matches!(source.module.as_str(), "lib" | "main"))
            .map(|source| (source.module.clone(), source.code()));
        let mut read = Crate {
            code: code.collect(),
            passed_on: BTreeMap::new(),
        };
        let mut passed_on = BTreeMap::new();
        for (module, code) in &read.code {
            for (_, tree) in uses(code).iter().filter(|(is_public, _)| *is_public) {
                for path in paths(tree) {
                    let (path, alias) = match path.split_once(" as ") {
                        Some((path, alias)) => (path.to_owned(), Some(alias.trim().to_owned())),
                        None => (path, None),
                    };
                    let Some(named) = read.named(module, &path) else {
                        continue;
                    };
                    if let Some(name) = alias.or_else(|| named.item.clone()) {
                        passed_on.insert((module.clone(), name), named);
                    }
                }
            }
        }
        read.passed_on = passed_on;
        read
    }

    /// The module and the item that a path in this module means; `None` outside of the crate.
    fn named(&self, module: &str, path: &str) -> Option<Named> {
        let mut words = path.split("::").map(str::trim).peekable();
        let mut at: Vec<&str> = match *words.peek()? {
            "crate" => Vec::new(),
            "self" | "super" => module.split('/').collect(),
            first => {
                let child = format!("{module}/{first}");
                self.code.contains_key(&child).then_some(())?;
                module.split('/').collect()
            }
        };
        while let Some(&word) = words.peek() {
            match word {
                "crate" | "self" => {}
                "super" => {
                    at.pop();
                }
                _ => break,
            }
            words.next();
        }
        while let Some(&word) = words.peek() {
            let deeper = [&at[..], &[word]].concat().join("/");
            if !self.code.contains_key(&deeper) {
                break;
            }
            at.push(word);
            words.next();
        }
        Some(Named {
            module: at.join("/"),
            item: words.next().map(str::to_owned),
        })
    }

    /// The module in which an item is written, behind all that pass it on.
    fn home(&self, mut named: Named) -> Module {
        for _ in 0..10 {
            let Some(item) = named.item.clone() else {
                break;
            };
            match self.passed_on.get(&(named.module.clone(), item)) {
                Some(behind) => named = behind.clone(),
                None => break,
            }
        }
        named.module
    }

    /// The modules that the code of a module names, without those that it only passes on.
    fn imported(&self, module: &str) -> BTreeSet<Module> {
        let code = &self.code[module];
        let mut named: Vec<String> = Vec::new();
        let mut rest = code.clone();
        for (is_public, tree) in uses(code) {
            rest = rest.replace(&tree, "");
            if !is_public {
                named.extend(paths(&tree));
            }
        }
        named.extend(written_paths(&rest));
        let homes = named.iter().filter_map(|path| {
            let path = path.split(" as ").next().unwrap_or_default();
            self.named(module, path).map(|named| self.home(named))
        });
        homes
            .filter(|home| home != module && self.code.contains_key(home))
            .collect()
    }
}

/// The trees of all `use` items, and whether each is passed on.
fn uses(code: &str) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = code[at..].find("use ").map(|start| start + at) {
        let line = code[..start].rfind('\n').map_or(0, |end| end + 1);
        let before = code[line..start].trim();
        let is_item = before.is_empty() || before.starts_with("pub") && !before.contains("fn");
        let Some(length) = code[start..].find(';') else {
            break;
        };
        if is_item {
            let tree = code[start + 4..start + length].to_owned();
            found.push((!before.is_empty(), tree));
            at = start + length;
        } else {
            at = start + 4;
        }
    }
    found
}

/// `a::b` and `a::c` of `a::{b, c}`.
fn paths(tree: &str) -> Vec<String> {
    let Some((prefix, rest)) = tree.split_once('{') else {
        return vec![tree.trim().to_owned()];
    };
    let inside = rest.rsplit_once('}').map_or(rest, |(inside, _)| inside);
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, sign) in inside.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inside[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inside[start..]);
    let parts = parts.into_iter().filter(|part| !part.trim().is_empty());
    parts
        .flat_map(|part| paths(&format!("{}{}", prefix.trim(), part.trim())))
        .collect()
}

/// `crate::a::b` and `super::b` where they stand in the code.
fn written_paths(code: &str) -> Vec<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for root in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(root) {
            let before = &code[..at];
            // Who may see an item is no import.
            let is_visibility = before.ends_with("pub(in ");
            if is_visibility || before.ends_with(|c| is_word(c) || c == ':') {
                continue;
            }
            let rest = &code[at..];
            let end = rest.find(|c: char| !is_word(c) && c != ':');
            found.push(
                rest[..end.unwrap_or(rest.len())]
                    .trim_end_matches(':')
                    .to_owned(),
            );
        }
    }
    found
}

/// Modules from which a walk along imports leads back to them.
fn in_circles(imports: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<(Module, Module)> {
    let reached = |from: &Module| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(module) = open.pop() {
            for next in imports.get(&module).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        seen
    };
    let all: BTreeMap<&Module, BTreeSet<Module>> =
        imports.keys().map(|from| (from, reached(from))).collect();
    let mut circles = Vec::new();
    for (from, targets) in imports {
        let back = targets
            .iter()
            .filter(|to| all.get(to).is_some_and(|r| r.contains(from)));
        circles.extend(back.map(|to| (from.clone(), to.clone())));
    }
    circles
}

#[test]
fn no_two_files_import_each_other() {
    let read = Crate::of(&sources());
    let imports: BTreeMap<Module, BTreeSet<Module>> = read
        .code
        .keys()
        .map(|module| (module.clone(), read.imported(module)))
        .collect();
    assert!(imports.values().map(BTreeSet::len).sum::<usize>() > 2_000);
    let circles: Vec<String> = in_circles(&imports)
        .iter()
        .map(|(from, to)| format!("src/{from}.rs imports {to}, which leads back"))
        .collect();
    assert!(circles.is_empty(), "\n{}", circles.join("\n"));
}

#[test]
fn a_circle_is_seen_through_what_a_roof_passes_on() {
    let source = |module: &str, text: &str| Source {
        module: module.to_owned(),
        text: text.to_owned(),
    };
    let of = |sources: &[Source]| {
        let read = Crate::of(sources);
        let imports = read.code.keys().map(|m| (m.clone(), read.imported(m)));
        in_circles(&imports.collect())
    };
    let roof = source("a", "mod b;\nmod c;\npub use b::{B, Other as Alias};\n");
    let b = source(
        "a/b",
        "use super::c::C;\npub struct B;\npub struct Other;\n",
    );
    let open = source("a/c", "pub struct C;\n");
    assert_eq!(of(&[roof, b, open]), []);
    let roof = source("a", "mod b;\nmod c;\npub use b::{B, Other as Alias};\n");
    let b = source(
        "a/b",
        "use super::c::C;\npub struct B;\npub struct Other;\n",
    );
    let closed = source("a/c", "pub struct C;\nfn d() -> crate::a::Alias {\n");
    let found = of(&[roof, b, closed]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0], ("a/b".to_owned(), "a/c".to_owned()));
}
