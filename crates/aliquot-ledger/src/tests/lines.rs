//! The text of an account's totals: it comes back as it was written, and nothing else is taken for it.

use aliquot_core::money::{Rate, Usd};
use aliquot_core::totals::{Line, WindowTotal};
use aliquot_core::usage::Class;

use crate::Error;
use crate::lines::Lines;

fn line(class: Class, rate: Option<u64>, quantity: u128, cost: i128) -> Line {
    let total = WindowTotal { quantity, cost: Usd::from_pico(cost) };
    Line { class, rate: rate.map(Rate::from_pico), total }
}

#[test]
fn lines_are_written_in_order_and_read_back() {
    let lines = Lines::new(vec![
        line(Class::Uncached, Some(3_000_000), 17, 51_000_000),
        line(Class::Output, Some(u64::MAX), u128::MAX, i128::MAX),
        line(Class::Output, None, 5, 0),
        line(Class::CacheRead, Some(10), 1, i128::MIN),
        line(Class::CacheRead, Some(9), 0, -1),
        line(Class::Output, Some(0), 4, 0),
    ]);
    let text = format!(
        "1\ncache_read 9 0 -1\ncache_read 10 1 {}\noutput ? 5 0\noutput 0 4 0\noutput {} {} {}\nuncached 3000000 17 51000000\n",
        i128::MIN,
        u64::MAX,
        u128::MAX,
        i128::MAX
    );
    assert_eq!(lines.text(), text);
    assert_eq!(Lines::read(&text).unwrap(), lines);
    for class in Class::ALL {
        let lines = Lines::new(vec![line(class, None, 1, 0)]);
        assert_eq!(Lines::read(&lines.text()).unwrap(), lines);
        assert!(lines.is_unpriced());
    }
}

#[test]
fn what_is_not_written_so_is_corrupt() {
    let sound = "1\noutput 1 2 3\nuncached 4 5 6\n";
    assert_eq!(Lines::read(sound).unwrap().len(), 2);
    let spoilt = [
        "",
        "1",
        "1\n",
        "output 1 2 3\n",
        "2\noutput 1 2 3\n",
        "1\noutput 1 2 3",
        "1\n\noutput 1 2 3\n",
        "1\noutput 1 2 3\n\n",
        "1\noutput 1 2 3 \n",
        "1\noutput  1 2 3\n",
        "1\noutput 1 2\n",
        "1\noutput 1 2 3 4\n",
        "1\ntokens 1 2 3\n",
        "1\nOutput 1 2 3\n",
        "1\noutput  2 3\n",
        "1\noutput -1 2 3\n",
        "1\noutput 18446744073709551616 2 3\n",
        "1\noutput 1 -2 3\n",
        "1\noutput 1 2.5 3\n",
        "1\noutput 1 +2 3\n",
        "1\noutput 1 02 3\n",
        "1\noutput 1 ? 3\n",
        "1\noutput 1 2 +3\n",
        "1\noutput 1 2 -0\n",
        "1\noutput 1 2 --3\n",
        "1\noutput 1 2 03\n",
        "1\noutput 1 2 170141183460469231731687303715884105728\n",
        "1\noutput 1 340282366920938463463374607431768211456 3\n",
        "1\nuncached 4 5 6\noutput 1 2 3\n",
        "1\noutput 1 2 3\noutput ? 2 0\n",
        "1\noutput 1 2 3\noutput 1 2 3\n",
        "1\noutput 10 2 3\noutput 9 2 3\n",
    ];
    for text in spoilt {
        let error = Lines::read(text).unwrap_err();
        assert!(matches!(&error, Error::Corrupt { column: "lines", found } if found == text), "{text:?}: {error}");
    }
}

#[test]
fn what_is_new_is_added_in_its_place_or_not_at_all() {
    let mut held = Lines::new(vec![line(Class::Output, Some(1), 10, 10), line(Class::Uncached, None, 3, 0)]);
    let new = Lines::new(vec![
        line(Class::Uncached, None, 4, 0),
        line(Class::Output, None, 1, 0),
        line(Class::CacheRead, Some(2), 5, 10),
        line(Class::Output, Some(1), 1, -1),
    ]);
    held.add(&new).unwrap();
    assert_eq!(held.text(), "1\ncache_read 2 5 10\noutput ? 1 0\noutput 1 11 9\nuncached ? 7 0\n");
    assert_eq!(held.sum().unwrap(), WindowTotal { quantity: 24, cost: Usd::from_pico(19) });

    for (quantity, cost) in [(u128::MAX, 0), (0, i128::MAX), (0, i128::MIN)] {
        let mut held = Lines::new(vec![line(Class::Output, Some(1), 1, cost.signum())]);
        let error = held.add(&Lines::new(vec![line(Class::Output, Some(1), quantity, cost)])).unwrap_err();
        assert!(matches!(error, Error::Overflow { .. }), "{error}");
    }
    let apart = Lines::new(vec![line(Class::Output, None, u128::MAX, 0), line(Class::Requests, None, 1, 0)]);
    assert!(matches!(apart.sum(), Err(Error::Overflow { .. })));
}

#[test]
fn lines_come_after_a_class_and_price_by_name_and_number() {
    let lines = Lines::new(vec![
        line(Class::CacheRead, Some(9), 1, 0),
        line(Class::CacheRead, Some(10), 2, 0),
        line(Class::Output, None, 3, 0),
        line(Class::Uncached, Some(1), 4, 0),
    ]);
    let after = |class, rate: Option<u64>| {
        let left = lines.after(Some((class, rate.map(Rate::from_pico))));
        left.map(|line| line.total.quantity).collect::<Vec<_>>()
    };
    assert_eq!(lines.after(None).count(), 4);
    assert_eq!(after(Class::CacheRead, None), [1, 2, 3, 4]);
    assert_eq!(after(Class::CacheRead, Some(9)), [2, 3, 4]);
    assert_eq!(after(Class::CacheRead, Some(10)), [3, 4]);
    assert_eq!(after(Class::Output, None), [4]);
    // By name, not in the order of the variants.
    assert_eq!(after(Class::GpuMicros, None), [3, 4]);
    assert!(after(Class::WebSearches, None).is_empty());
}
