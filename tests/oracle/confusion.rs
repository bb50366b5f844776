//! Causes as the simulated fleet knows them beside causes as they are told, of all labelled stories together. `make test` prints it.

use std::collections::BTreeMap;
use std::fmt::Write;

use aliquot_core::cause::Cause;

use crate::labels::stories;

/// Blocks by true cause and by the cause that is told.
type Confusion = BTreeMap<(Cause, Cause), u64>;

/// One row for each true cause, one column for each that is told; the cells are blocks.
fn matrix(confusion: &Confusion) -> String {
    let sum = |of: &dyn Fn(&(Cause, Cause)) -> bool| {
        confusion.iter().filter(|(pair, _)| of(pair)).map(|(_, blocks)| blocks).sum::<u64>()
    };
    let causes = |of: fn(&(Cause, Cause)) -> Cause| {
        Cause::ALL.into_iter().filter(|cause| confusion.keys().any(|pair| of(pair) == *cause)).collect::<Vec<_>>()
    };
    let (rows, columns) = (causes(|pair| pair.0), causes(|pair| pair.1));
    let mut table = format!("{:<18}", "true \\ told");
    columns.iter().for_each(|told| write!(table, "{:>1$}", told.name(), width(*told)).unwrap());
    writeln!(table, "{:>10}", "right %").unwrap();
    for truth in rows {
        write!(table, "{:<18}", truth.name()).unwrap();
        for told in &columns {
            let blocks = confusion.get(&(truth, *told)).copied().unwrap_or_default();
            write!(table, "{blocks:>0$}", width(*told)).unwrap();
        }
        let (right, all) = (sum(&|pair| *pair == (truth, truth)), sum(&|pair| pair.0 == truth));
        writeln!(table, "{:>10.2}", 100.0 * right as f64 / all as f64).unwrap();
    }
    write!(table, "{:<18}", "right %").unwrap();
    for told in &columns {
        let (right, all) = (sum(&|pair| *pair == (*told, *told)), sum(&|pair| pair.1 == *told));
        write!(table, "{:>1$.2}", 100.0 * right as f64 / all as f64, width(*told)).unwrap();
    }
    let (right, all) = (sum(&|pair| pair.0 == pair.1), sum(&|_| true));
    writeln!(table, "{:>10.2}", 100.0 * right as f64 / all as f64).unwrap();
    table
}

/// Of a column: its name and two spaces, or a number of blocks.
fn width(cause: Cause) -> usize {
    cause.name().len().max(7) + 2
}

#[test]
fn causes_are_told_as_they_were() {
    let mut confusion = Confusion::new();
    for story in stories() {
        for (pair, blocks) in story.confusion() {
            *confusion.entry(pair).or_default() += blocks;
        }
    }
    println!(
        "\nblocks of all stories in tests/scenarios, by true cause and by the cause that is told; cold_first and new_content are"
    );
    println!("one line of the bill\n\n{}", matrix(&confusion));
    let share = |of: &dyn Fn(&(Cause, Cause)) -> bool| {
        let part: u64 = confusion.iter().filter(|(pair, _)| of(pair)).map(|(_, blocks)| blocks).sum();
        part as f64 / confusion.values().sum::<u64>() as f64
    };
    assert!(share(&|pair| pair.0 == pair.1) > 0.97, "told as it was");
    let is_blamed = |cause: Cause| cause == Cause::EvictedNeighbour;
    assert!(
        share(&|pair| is_blamed(pair.1) && !is_blamed(pair.0)) < 0.000_5,
        "a neighbour is blamed for what it did not do"
    );
    assert!(share(&|pair| is_blamed(pair.0) && !is_blamed(pair.1)) < 0.000_5, "what a neighbour did is not seen");
}
