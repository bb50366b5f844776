//! The files of the repository as text: everything that is not ignored, whether or not it is committed yet. Judges nothing.

use std::fs;
use std::path::{Path, PathBuf};

/// A text file.
#[derive(Debug)]
pub(crate) struct File {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    /// The last part of the path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Whether it is Rust.
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The crate whose file it is.
    pub(crate) fn package(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All text files, by path.
pub(crate) fn files() -> Vec<File> {
    let root = root();
    let mut ignored = vec![".git".to_owned()];
    let patterns = fs::read_to_string(root.join(".gitignore")).expect("the repository has a .gitignore");
    ignored.extend(patterns.lines().map(|line| line.trim_matches('/').to_owned()));
    let mut files = Vec::new();
    walk(&root, "", &ignored, &mut files);
    files.sort_by(|left, right| left.path.cmp(&right.path));
    files
}

fn walk(dir: &Path, prefix: &str, ignored: &[String], files: &mut Vec<File>) {
    let entries = fs::read_dir(dir).expect("the repository can be listed");
    for entry in entries {
        let entry = entry.expect("the repository can be listed");
        let name = entry.file_name().into_string().expect("names in the repository are UTF-8");
        let path = format!("{prefix}{name}");
        if ignored.iter().any(|pattern| matches(pattern, &name)) {
            continue;
        }
        let kind = entry.file_type().expect("an entry has a type");
        if kind.is_dir() {
            walk(&entry.path(), &format!("{path}/"), ignored, files);
        } else if kind.is_file()
            && let Ok(text) = fs::read_to_string(entry.path())
        {
            // What is not UTF-8 is no text.
            files.push(File { path, text });
        }
    }
}

/// Whether an ignore pattern means `name`: a star at either end is all that the repository uses.
fn matches(pattern: &str, name: &str) -> bool {
    let core = pattern.trim_matches('*');
    match (pattern.starts_with('*'), pattern.ends_with('*')) {
        _ if core.is_empty() => false,
        (true, true) => name.contains(core),
        (true, false) => name.ends_with(core),
        (false, true) => name.starts_with(core),
        (false, false) => name == core,
    }
}
