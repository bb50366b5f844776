//! The rules of the repository that no compiler checks, all broken ones in one list. It reads files and the manifests; whether
//! the code does what it should is for the other tests.
//!
//! A new arrow between crates, or a new heavy library, is a line in `manifests`, in the same commit.

mod documents;
mod manifests;
mod queries;
mod sources;
mod tree;

use tree::File;

/// What is wrong where.
type Findings = Vec<String>;

#[test]
fn the_repository_is_tidy() {
    let files = tree::files();
    assert!(files.len() > 100, "only {} files found; the test looks in the wrong place", files.len());
    let mut found = Findings::new();
    for file in &files {
        sources::check(file, &mut found);
        documents::check(file, &mut found);
        queries::check(file, &mut found);
        manifests::check(file, &mut found);
    }
    documents::check_all(&files, &mut found);
    manifests::check_reach(&mut found);
    assert!(found.is_empty(), "{} rules are broken:\n  {}", found.len(), found.join("\n  "));
}

/// What `check` says about a file at `path` with this text.
fn findings(check: fn(&File, &mut Findings), path: &str, text: &str) -> Findings {
    let mut found = Findings::new();
    check(&File { path: path.to_owned(), text: text.to_owned() }, &mut found);
    found
}

/// Holds that `check` finds something, and something about `what`, in each of the samples.
fn assert_found(check: fn(&File, &mut Findings), samples: &[(&str, &str, &str)]) {
    for (path, text, what) in samples {
        let found = findings(check, path, text);
        assert!(found.iter().any(|finding| finding.contains(what)), "{path} {text:?}: no {what:?} in {found:?}");
    }
}
