//! Against simple rules: how much of the money each puts on the wrong line. The table stands in `docs/attribution.md` as printed.

use aliquot_attribution::recency::Resolution;
use aliquot_sim::cache::Kind;
use aliquot_sim::matrix::{Matrix, bill_factor, misallocation};
use aliquot_sim::rules::{by_footprint, equally, last_evictor, observe};
use aliquot_sim::scenario::{Case, HOG, LENGTH, TENANTS};

use crate::drive::Drive;
use crate::stories::Story;

/// One row: the story, and of each method what it misplaces and by which factor it changes the hog's bill.
fn row(case: Case) -> (String, Vec<f64>) {
    let story = Story::new(case, Kind::Lru, LENGTH);
    let lost = observe(&story.trace, &story.setup);
    let capacity = story.setup.capacity_blocks;
    let whole = story.truth.whole();
    let told = Drive { resolution: Resolution::Epochs, ..Drive::new(&story) }.run().lines.whole();
    // The rules speak of lost blocks in parts, and of no help.
    let missed = story.truth.matrix(|line| &line.missed);
    let scaled = |matrix: Matrix| {
        let mut scaled = Matrix::new(TENANTS);
        for victim in 0..TENANTS {
            scaled.add_own(victim, matrix.own(victim) * 1_000);
            (0..TENANTS).for_each(|culprit| scaled.add_share(culprit, victim, matrix.share(culprit, victim) * 1_000));
        }
        scaled
    };
    let rules =
        [last_evictor(TENANTS, &lost), by_footprint(TENANTS, capacity, &lost), equally(TENANTS, capacity, &lost)];
    let mut methods = vec![(misallocation(&whole, &told), bill_factor(&whole, &told, HOG))];
    methods
        .extend(rules.map(scaled).iter().map(|said| (misallocation(&missed, said), bill_factor(&missed, said, HOG))));
    let cells: Vec<String> =
        methods.iter().map(|(misplaced, factor)| format!("{:.1} / {factor:.2}", 100.0 * misplaced)).collect();
    (
        format!("| {} | {} |", case.name(), cells.join(" | ")),
        methods.into_iter().map(|(misplaced, _)| misplaced).collect(),
    )
}

#[test]
fn the_model_beats_every_simple_rule_in_every_story() {
    let document = include_str!("../../docs/attribution.md");
    let rows: Vec<_> = Case::DISJOINT.into_iter().chain(Case::SHARED).map(row).collect();
    rows.iter().for_each(|(row, _)| println!("{row}"));
    for (row, misplaced) in rows {
        assert!(misplaced[0] < 0.01, "{row}");
        assert!(misplaced[1..].iter().all(|rule| *rule > 2.0 * misplaced[0]), "{row}");
        assert!(document.contains(&row), "docs/attribution.md says otherwise than {row}");
    }
}
