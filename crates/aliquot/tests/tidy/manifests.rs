//! The arrows between the crates, and which crate names which heavy library: the table, held against every manifest and against
//! what the crates really reach.

use std::collections::BTreeSet;
use std::process::Command;

use toml::{Table, Value};

use crate::Findings;
use crate::tree::{File, root};

/// Which crates of ours a crate may use. A crate that is not listed may not exist.
const ARROWS: [(&str, &[&str]); 13] = [
    ("aliquot-core", &[]),
    ("aliquot-attribution", &["aliquot-core"]),
    ("aliquot-billing", &["aliquot-core"]),
    ("aliquot-wire", &["aliquot-core"]),
    ("aliquot-kafka", &["aliquot-core"]),
    ("aliquot-spool", &["aliquot-core"]),
    ("aliquot-lake", &["aliquot-core"]),
    ("aliquot-ledger", &["aliquot-core"]),
    ("aliquot-pipeline", &["aliquot-attribution", "aliquot-core", "aliquot-wire"]),
    ("aliquot-query", &["aliquot-core", "aliquot-lake"]),
    ("aliquot-api", &["aliquot-core", "aliquot-wire", "aliquot-ledger", "aliquot-query"]),
    ("aliquot-sim", &["aliquot-core", "aliquot-wire"]),
    (
        "aliquot",
        &[
            "aliquot-api",
            "aliquot-attribution",
            "aliquot-core",
            "aliquot-kafka",
            "aliquot-lake",
            "aliquot-ledger",
            "aliquot-pipeline",
            "aliquot-query",
            "aliquot-sim",
            "aliquot-spool",
            "aliquot-wire",
        ],
    ),
];

/// Libraries that fence a system or decide about money, and the only crates that may name them.
const HEAVY: [(&str, &[&str]); 16] = [
    ("rdkafka", &["aliquot-kafka"]),
    ("redb", &["aliquot-spool"]),
    ("deltalake", &["aliquot-lake", "aliquot-query"]),
    ("parquet", &["aliquot-lake", "aliquot-query"]),
    ("object_store", &["aliquot-lake", "aliquot-query"]),
    ("arrow", &["aliquot-lake", "aliquot-query"]),
    ("arrow-array", &["aliquot-wire"]),
    ("arrow-ipc", &["aliquot-wire"]),
    ("arrow-schema", &["aliquot-wire"]),
    ("datafusion", &["aliquot-query"]),
    ("sqlx", &["aliquot-ledger"]),
    ("axum", &["aliquot-api"]),
    ("utoipa", &["aliquot-api"]),
    ("reqwest", &["aliquot"]),
    ("clap", &["aliquot"]),
    ("rust_decimal", &["aliquot-wire", "aliquot"]),
];

/// All that the rules may lean on, for use and for tests, in alphabetical order.
const CORE: (&[&str], &[&str]) = (&["hashbrown", "regex", "xxhash-rust"], &["proptest"]);

/// What a crate must not reach by any path; a name stands for itself and, with a star, for all that begin so.
const UNREACHED: [(&str, &[&str]); 6] = [
    ("aliquot-core", &["arrow*", "chrono", "datafusion*", "getrandom", "rand*", "rust_decimal", "serde*", "tokio*"]),
    ("aliquot-attribution", &["arrow*", "chrono", "getrandom", "rand*", "serde*", "tokio*"]),
    ("aliquot-billing", &["arrow*", "axum", "datafusion*", "getrandom", "rand*", "rust_decimal", "sqlx*", "tokio*"]),
    (
        "aliquot-wire",
        &["arrow", "arrow-cast", "arrow-csv", "datafusion*", "deltalake*", "object_store", "parquet", "tokio*"],
    ),
    ("aliquot-pipeline", &["arrow", "axum", "datafusion*", "deltalake*", "parquet", "rdkafka*", "redb", "sqlx*"]),
    ("aliquot-sim", &["arrow", "axum", "datafusion*", "deltalake*", "parquet", "rdkafka*", "redb", "sqlx*", "tokio*"]),
];

pub(crate) fn check(file: &File, found: &mut Findings) {
    let is_ours = file.package().is_some_and(|package| file.path == format!("crates/{package}/Cargo.toml"));
    match toml::from_str::<Table>(&file.text) {
        Ok(manifest) if is_ours => check_manifest(&file.path, &manifest, found),
        Err(error) if is_ours => found.push(format!("{}: {error}", file.path)),
        _ => {}
    }
}

fn check_manifest(path: &str, manifest: &Table, found: &mut Findings) {
    let name =
        manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str).unwrap_or_default();
    if manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool) != Some(true) {
        found.push(format!("{path}: does not inherit the workspace's lints; add `[lints] workspace = true`"));
    }
    let (normal, dev) = (names(manifest, "dependencies"), names(manifest, "dev-dependencies"));
    for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let entries = manifest.get(table).and_then(Value::as_table).into_iter().flatten();
        let own = entries.filter(|(_, entry)| entry.get("workspace").and_then(Value::as_bool) != Some(true));
        found.extend(own.map(|(dependency, _)| {
            format!("{path}: {dependency} names a version; versions stand in the root manifest")
        }));
    }
    let Some((_, allowed)) = ARROWS.iter().find(|(package, _)| *package == name) else {
        found.push(format!("{path}: the crate {name:?} is not in the table of arrows"));
        return;
    };
    for arrow in normal.iter().filter(|dependency| dependency.starts_with("aliquot") && !allowed.contains(dependency)) {
        found.push(format!("{path}: {name} -> {arrow} is not in the table of arrows"));
    }
    for (library, users) in HEAVY {
        if normal.contains(library) && !users.contains(&name) {
            found.push(format!("{path}: {library} may be named by {users:?} only"));
        }
    }
    if name == "aliquot-core" && (!normal.iter().eq(CORE.0) || !dev.iter().eq(CORE.1)) {
        found.push(format!("{path}: uses {normal:?} and for tests {dev:?}, not exactly {CORE:?}"));
    }
}

fn names<'m>(manifest: &'m Table, table: &str) -> BTreeSet<&'m str> {
    manifest.get(table).and_then(Value::as_table).into_iter().flat_map(Table::keys).map(String::as_str).collect()
}

/// Holds [`UNREACHED`] against what cargo says each crate reaches.
pub(crate) fn check_reach(found: &mut Findings) {
    for (package, unreached) in UNREACHED {
        match reached(package) {
            Ok(reached) => {
                let forbidden = reached.iter().filter(|library| unreached.iter().any(|name| means(name, library)));
                found.extend(
                    forbidden.map(|library| format!("{package}: reaches {library}; see `cargo tree -i {library}`")),
                );
            }
            Err(problem) => found.push(format!("{package}: cargo tree does not say what it reaches: {problem}")),
        }
    }
}

fn reached(package: &str) -> Result<BTreeSet<String>, String> {
    let arguments = ["tree", "--package", package, "--edges", "normal", "--prefix", "none", "--locked", "--offline"];
    let output =
        Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let names: BTreeSet<String> = text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    if names.contains(package) { Ok(names) } else { Err(format!("it lists {names:?}")) }
}

fn means(pattern: &str, library: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == library, |start| library.starts_with(start))
}

#[test]
fn every_rule_about_manifests_can_be_broken() {
    let manifest = |name: &str, rest: &str| format!("[package]\nname = \"{name}\"\n[lints]\nworkspace = true\n{rest}");
    let lake = "crates/aliquot-lake/Cargo.toml";
    crate::assert_found(
        check,
        &[
            (lake, "[package]\nname = \"aliquot-lake\"", "inherit the workspace's lints"),
            (lake, &manifest("aliquot-lake", "[dependencies]\narrow = \"59\""), "names a version"),
            (
                lake,
                &manifest("aliquot-lake", "[dependencies]\naliquot-wire.workspace = true"),
                "aliquot-lake -> aliquot-wire",
            ),
            (lake, &manifest("aliquot-lake", "[dependencies]\nsqlx.workspace = true"), "sqlx may be named"),
            (lake, &manifest("aliquot-pond", ""), "not in the table"),
            (lake, "[package", "TOML"),
            (
                "crates/aliquot-core/Cargo.toml",
                &manifest("aliquot-core", "[dev-dependencies]\ntempfile.workspace = true"),
                "not exactly",
            ),
        ],
    );
    let fine = manifest(
        "aliquot-lake",
        "[dependencies]\narrow.workspace = true\n[dev-dependencies]\naliquot-sim.workspace = true",
    );
    assert_eq!(crate::findings(check, lake, &fine), Vec::<String>::new());
}

#[test]
fn what_a_crate_reaches_is_what_cargo_lists() {
    let reached = reached("aliquot-core").unwrap();
    assert!(CORE.0.iter().all(|library| reached.contains(*library)), "{reached:?}");
    assert!(means("arrow*", "arrow-ipc") && means("arrow", "arrow") && !means("arrow", "arrow-ipc"));
}
