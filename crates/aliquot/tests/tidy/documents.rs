//! Rules about all text, and about the documents that must be there.

use crate::Findings;
use crate::sources::has_word;
use crate::tree::File;

/// ARCHITECTURE.md is read before the code, in one sitting.
const ARCHITECTURE_LINES_MAX: usize = 200;

/// Endings of the files that people write. Data, golden files and lock files quote what others wrote.
const WRITTEN: [&str; 9] = [".rs", ".toml", ".sql", ".md", ".sh", ".py", ".yml", ".yaml", ".xml"];

/// Marks of unfinished work, spelt so that this list is none.
const UNFINISHED: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Where only one machine has something.
const MACHINE: [&str; 6] = [
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
    concat!("/m", "nt/"),
    concat!("C:", "\\"),
];

/// Parts of the hosts from which one network gets its packages. Elsewhere they are other ones, and each tool has a setting.
const REGISTRY: [&str; 10] = [
    concat!("registry", "."),
    concat!("mir", "ror"),
    concat!("art", "ifactory"),
    concat!("ne", "xus"),
    concat!("pro", "xy."),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("pyp", "i.org"),
    concat!("python", "hosted.org"),
    concat!("repo", ".maven."),
];

fn is_written(file: &File) -> bool {
    WRITTEN.iter().any(|ending| file.path.ends_with(ending))
        || !file.name().contains('.')
        || file.name() == ".gitignore"
}

pub(crate) fn check(file: &File, found: &mut Findings) {
    for (line, number) in file.text.lines().zip(1..).filter(|_| is_written(file)) {
        let at = format!("{}:{number}", file.path);
        for mark in UNFINISHED.iter().filter(|mark| has_word(line, mark)) {
            found.push(format!("{at}: {mark}: finish it, or file an issue"));
        }
        for path in MACHINE.iter().filter(|path| names_path(line, path)) {
            found.push(format!("{at}: the path {path} is there on one machine only"));
        }
        for host in hosts(line).filter(|host| REGISTRY.iter().any(|part| host.contains(part))) {
            found.push(format!("{at}: the package registry {host} is a matter of each machine's configuration"));
        }
    }
}

/// Whether `path` begins something in the line, and is not the middle of a longer path.
fn names_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(place, _)| {
        let before = line[..place].chars().next_back();
        !before.is_some_and(|letter| letter.is_alphanumeric() || ".-_}~*".contains(letter))
    })
}

/// The hosts of the addresses in a line.
fn hosts(line: &str) -> impl Iterator<Item = &str> {
    line.split("://").skip(1).map(|rest| {
        let end = rest.find(|letter: char| !(letter.is_alphanumeric() || ".-:@".contains(letter)));
        &rest[..end.unwrap_or(rest.len())]
    })
}

pub(crate) fn check_all(files: &[File], found: &mut Findings) {
    for needed in ["README.md", "ARCHITECTURE.md", "Makefile", "deny.toml"] {
        if !files.iter().any(|file| file.path == needed) {
            found.push(format!("{needed}: is missing"));
        }
    }
    let architecture = files.iter().find(|file| file.path == "ARCHITECTURE.md");
    let lines = architecture.map_or(0, |file| file.text.lines().count());
    if lines > ARCHITECTURE_LINES_MAX {
        found.push(format!(
            "ARCHITECTURE.md: {lines} lines, more than {ARCHITECTURE_LINES_MAX}; leave out what the code says"
        ));
    }
    // The linter does not merge configurations: a second one switches off all bans of the first in its crate.
    let second = files
        .iter()
        .filter(|file| ["clippy.toml", ".clippy.toml"].contains(&file.name()) && file.path != "clippy.toml");
    found.extend(second.map(|file| format!("{}: a second clippy.toml switches the first one off", file.path)));
}

#[test]
fn every_rule_about_text_can_be_broken() {
    let [mark, ..] = UNFINISHED;
    let [_, home, ..] = MACHINE;
    let address = concat!("https", "://mir", "ror.example/simple");
    crate::assert_found(
        check,
        &[
            ("a.rs", &format!("//! A.\n// {mark}: later"), "a.rs:2"),
            ("queries/a.sql", &format!("-- {mark}"), "finish it"),
            ("Makefile", &format!("run: {home}me/bin"), "one machine"),
            ("a/b.md", &format!("see {address}/x"), "registry"),
        ],
    );
    let fine = format!("mktemp -t a.{}X; ls target{home}; see https://example.com/index", UNFINISHED[2]);
    assert_eq!(crate::findings(check, "a.sh", &fine), Vec::<String>::new());
    assert_eq!(crate::findings(check, "tests/data/trace.jsonl", &format!("{mark} {home}")), Vec::<String>::new());
}

#[test]
fn every_rule_about_documents_can_be_broken() {
    let file = |path: &str, text: String| File { path: path.to_owned(), text };
    let mut found = Findings::new();
    check_all(
        &[
            file("ARCHITECTURE.md", "line\n".repeat(ARCHITECTURE_LINES_MAX + 1)),
            file("clippy.toml", String::new()),
            file("crates/a/clippy.toml", String::new()),
        ],
        &mut found,
    );
    let expected = [
        "README.md: is missing",
        "Makefile: is missing",
        "deny.toml: is missing",
        "ARCHITECTURE.md: 201",
        "crates/a/clippy.toml",
    ];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    assert!(found.iter().zip(expected).all(|(finding, expected)| finding.starts_with(expected)), "{found:?}");
}
