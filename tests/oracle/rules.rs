//! Against simple rules: how much of the money each puts on the wrong line. The table stands in `docs/attribution.md` as printed.

use aliquot_attribution::recency::Resolution;
use aliquot_sim::cache::Kind;
use aliquot_sim::matrix::{Matrix, bill_factor, misallocation};
use aliquot_sim::rules::{by_footprint, equally, last_evictor, observe};
use aliquot_sim::scenario::{Case, HOG, LENGTH, TENANTS};

use crate::drive::Drive;
use crate::stories::Story;

/// A method: what it misplaces, and by which factor it changes the hog's bill.
type Method = (f64, f64);

/// The model and the rules.
fn methods(case: Case) -> (Method, [Method; 3]) {
    let story = Story::new(case, Kind::Lru, LENGTH);
    let lost = observe(&story.trace, &story.setup);
    let capacity = story.setup.capacity_blocks;
    let whole = story.truth.whole();
    let told = Drive { resolution: Resolution::Epochs, ..Drive::new(&story) }.run().lines.whole();
    // The rules speak of lost blocks in parts, and of no help.
    let missed = story.truth.matrix(|line| &line.missed);
    let scaled = |matrix: &Matrix| {
        let mut scaled = Matrix::new(TENANTS);
        for victim in 0..TENANTS {
            scaled.add_own(victim, matrix.own(victim) * 1_000);
            (0..TENANTS).for_each(|culprit| scaled.add_share(culprit, victim, matrix.share(culprit, victim) * 1_000));
        }
        scaled
    };
    let rules =
        [last_evictor(TENANTS, &lost), by_footprint(TENANTS, capacity, &lost), equally(TENANTS, capacity, &lost)];
    let held = |truth: &Matrix, said: &Matrix| (misallocation(truth, said), bill_factor(truth, said, HOG));
    (held(&whole, &told), rules.map(|rule| held(&missed, &scaled(&rule))))
}

fn cell((misplaced, factor): Method) -> String {
    format!("{:.1} / {factor:.2}", 100.0 * misplaced)
}

#[test]
fn the_model_beats_every_simple_rule_in_every_story() {
    let document = include_str!("../../docs/attribution.md");
    let cases = Case::DISJOINT.into_iter().chain(Case::SHARED);
    let rows: Vec<_> = cases.map(|case| (case.name(), methods(case))).collect();
    for (name, (model, rules)) in &rows {
        println!("| {name} | {} | {} |", cell(*model), rules.map(cell).join(" | "));
    }
    for (name, (model, rules)) in rows {
        assert!(model.0 < 0.01, "{name}: {model:?}");
        assert!(rules.iter().all(|rule| rule.0 > 2.0 * model.0), "{name}: {model:?}, {rules:?}");
        // The model's own number may move by a tenth; what the rules do is as it is.
        let rules = format!(" | {} |", rules.map(cell).join(" | "));
        let row = document.lines().find(|line| line.starts_with(&format!("| {name} |")));
        assert!(row.is_some_and(|row| row.ends_with(&rules)), "docs/attribution.md says otherwise of {name}: {rules}");
    }
}
