//! Rules about Rust files: what they open with, how long they are, what they are called, and what has no place in them.

use crate::Findings;
use crate::tree::File;

/// Lines of a file without its tests. A longer one has more than one duty.
const LINES_MAX: usize = 500;

/// Names that say nothing: whatever is called so has no single duty.
const CATCH_ALL: [&str; 11] =
    ["util", "utils", "common", "manager", "service", "processor", "helper", "helpers", "misc", "shared", "handler"];

/// Crates in which nothing is a float, because money passes through them.
const EXACT: [&str; 5] = ["aliquot-billing", "aliquot-core", "aliquot-wire", "aliquot-ledger", "aliquot-pipeline"];

pub(crate) fn check(file: &File, found: &mut Findings) {
    check_names(file, found);
    if file.is_rust() {
        check_rust(file, found);
    }
}

fn check_names(file: &File, found: &mut Findings) {
    let in_source = file.path.starts_with("crates/") || file.path.starts_with("tests/");
    for part in file.path.split('/').filter(|_| in_source) {
        let stem = part.split('.').next().unwrap_or_default().trim_start_matches("aliquot-");
        if CATCH_ALL.contains(&stem) {
            found.push(format!("{}: the name {stem:?} says nothing; name it for its duty", file.path));
        }
    }
}

fn check_rust(file: &File, found: &mut Findings) {
    let path = &file.path;
    let opening = file.text.lines().next().unwrap_or_default();
    if !opening.starts_with("//! ") {
        found.push(format!("{path}: does not open with `//!` and one sentence of duty"));
    }
    let lines = if is_test(path) { Vec::new() } else { without_tests(&file.text) };
    if lines.len() > LINES_MAX {
        found.push(format!("{path}: {} lines without tests, more than {LINES_MAX}; split it by duty", lines.len()));
    }
    for (number, line) in lines {
        let code = line.split("//").next().unwrap_or_default();
        if let Some(name) = code.trim().trim_end_matches([';', '{', ' ']).rsplit_once("mod ").map(|(_, name)| name)
            && CATCH_ALL.contains(&name)
        {
            found.push(format!("{path}:{number}: the module name {name:?} says nothing"));
        }
        let exact = file.package().is_some_and(|package| EXACT.contains(&package));
        // Reading a float in order to refuse it takes its name.
        let refuses = code.trim_start().starts_with("fn visit_f64");
        if exact && !refuses && ["f32", "f64"].iter().any(|float| has_word(code, float)) {
            found.push(format!("{path}:{number}: a float where money passes; use whole units"));
        }
        let prints = ["println!(", "print!(", "eprintln!(", "eprint!("].iter().any(|print| code.contains(print));
        if prints && file.package() != Some("aliquot") {
            found
                .push(format!("{path}:{number}: prints; only the binary speaks to people, the rest returns or traces"));
        }
    }
}

/// Whether all of the file is tests.
fn is_test(path: &str) -> bool {
    path.contains("/tests/")
        || path.starts_with("tests/")
        || path.ends_with("/tests.rs")
        || path.ends_with("/testing.rs")
}

/// The numbered lines outside `#[cfg(test)]` modules, which end with a brace at the start of a line.
fn without_tests(text: &str) -> Vec<(usize, &str)> {
    let mut kept = Vec::new();
    let mut lines = text.lines().zip(1..).peekable();
    while let Some((line, number)) = lines.next() {
        let opens = |next: &&(&str, usize)| next.0.starts_with("mod ") && next.0.ends_with('{');
        if line == "#[cfg(test)]" && lines.peek().as_ref().is_some_and(opens) {
            for (inside, _) in lines.by_ref() {
                if inside == "}" {
                    break;
                }
            }
        } else {
            kept.push((number, line));
        }
    }
    kept
}

/// Whether `word` stands in `text` by itself.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(word).any(|(place, _)| {
        let before = text[..place].chars().next_back();
        let after = text[place + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[test]
fn every_rule_about_sources_can_be_broken() {
    let long = format!("//! A duty.\n{}", "line();\n".repeat(LINES_MAX));
    let doc = "//! A duty.\n";
    crate::assert_found(
        check,
        &[
            ("crates/aliquot-core/src/a.rs", "fn a() {}", "open with"),
            ("crates/aliquot-core/src/a.rs", &long, "501 lines"),
            ("crates/aliquot-core/src/utils.rs", doc, "\"utils\""),
            ("crates/aliquot-common/src/lib.rs", doc, "\"common\""),
            ("crates/aliquot-core/src/helpers/a.rs", doc, "\"helpers\""),
            ("crates/aliquot-core/src/a.rs", &format!("{doc}pub(crate) mod manager {{\n}}\n"), "\"manager\""),
            ("crates/aliquot-wire/src/a.rs", &format!("{doc}fn a(b: f64) {{}}"), ":2: a float"),
            ("crates/aliquot-api/src/a.rs", &format!("{doc}fn a() {{ println!(\"\"); }}"), ":2: prints"),
        ],
    );
}

#[test]
fn tests_comments_and_the_binary_are_outside_of_the_rules_about_code() {
    let long_tests = format!("//! A duty.\nfn a() {{}}\n#[cfg(test)]\nmod tests {{\n{}}}\n", "    a();\n".repeat(600));
    let samples = [
        ("crates/aliquot-core/src/a.rs", long_tests.as_str()),
        ("crates/aliquot-core/src/tests.rs", &format!("//! A duty.\n{}", "a();\n".repeat(600))),
        ("crates/aliquot-core/src/a.rs", "//! Why no f64 and no println!(..)?\n#[cfg(test)]\nmod tests;\nfn f640() {}"),
        ("crates/aliquot-api/src/a.rs", "//! Rates of hits.\nfn a() -> f64 { 0.5 }"),
        ("crates/aliquot/src/a.rs", "//! Speaks.\nfn a() { println!(\"\"); }"),
    ];
    for (path, text) in samples {
        assert_eq!(crate::findings(check, path, text), Vec::<String>::new(), "{path}");
    }
}
