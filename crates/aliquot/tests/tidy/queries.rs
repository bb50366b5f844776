//! Rules about the questions in `queries/`: each file says what it answers before it answers it.

use crate::Findings;
use crate::tree::File;

/// The keys of the header, in their order; each begins a comment line at the top of the file.
const KEYS: [&str; 5] = ["Question", "Grain", "Inputs", "Columns", "Who acts"];

pub(crate) fn check(file: &File, found: &mut Findings) {
    if !file.path.starts_with("queries/") || !file.path.ends_with(".sql") {
        return;
    }
    let header: Vec<&str> = file.text.lines().map_while(|line| line.strip_prefix("--")).map(str::trim).collect();
    let mut below = header.as_slice();
    for key in KEYS {
        let place = below.iter().position(|line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')));
        let Some(place) = place else {
            found.push(format!("{}: the header has no line `-- {key}:`, or not in the order {KEYS:?}", file.path));
            continue;
        };
        let says = below[place].trim_start_matches(key).trim_start_matches(':').trim();
        below = &below[place + 1..];
        let goes_on =
            below.first().is_some_and(|line| !line.is_empty() && !KEYS.iter().any(|key| line.starts_with(key)));
        if says.is_empty() && !goes_on {
            found.push(format!("{}: `-- {key}:` says nothing", file.path));
        }
    }
}

#[test]
fn every_rule_about_queries_can_be_broken() {
    let whole = "-- Question: Who?\n-- Grain: one row\n-- Inputs: requests\n-- Columns:\n--   tenant  who is billed\n-- Who acts: finance\nSELECT 1";
    assert_eq!(crate::findings(check, "queries/reports/a.sql", whole), Vec::<String>::new());
    for key in KEYS {
        let without: Vec<&str> = whole.lines().filter(|line| !line.contains(&format!("-- {key}:"))).collect();
        assert_eq!(crate::findings(check, "queries/a.sql", &without.join("\n")).len(), 1, "{key}");
    }
    crate::assert_found(
        check,
        &[("queries/a.sql", &whole.replace("Grain: one row", "Grain:"), "`-- Grain:` says nothing")],
    );
    assert_eq!(crate::findings(check, "schemas/a.sql", "SELECT 1"), Vec::<String>::new());
}
