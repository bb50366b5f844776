//! A restart in the middle of the demo's fleet leaves no trace: what is restored answers as what was saved would have.

use aliquot_attribution::attributor::Attributor;
use aliquot_attribution::settings::Settings;
use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::rating::Rater;
use aliquot_sim::fleet::{Fleet, FleetSettings};
use aliquot_wire::prices::book::builtin;

fn saved(attributor: &Attributor) -> Vec<u8> {
    let mut out = Writer::default();
    attributor.save(&mut out);
    out.into_bytes()
}

fn restored(bytes: &[u8]) -> Attributor {
    let mut reader = Reader::new(bytes);
    let attributor = Attributor::restore(&mut reader).expect("what was just written reads");
    assert!(reader.is_at_end());
    attributor
}

#[test]
fn a_restart_leaves_no_trace() {
    let book = builtin();
    let mut rater = Rater::new(&book);
    let settings = Settings::default();
    let fleet = FleetSettings { minutes: 2, launch_minute: 1, ..FleetSettings::default() };
    let (mut steady, mut restarted) = (Attributor::default(), Attributor::default());
    let requests = Fleet::new(fleet).filter_map(|emitted| emitted.event.into_request());
    for (place, event) in requests.enumerate() {
        let event = &event;
        let rated = rater.rate(event).unwrap();
        let missing = u64::from(place % 501 < 100);
        let expected = steady.request(&settings, event, &rated, missing);
        assert_eq!(restarted.request(&settings, event, &rated, missing), expected, "event {place}");
        if place % 997 == 0 {
            let bytes = saved(&restarted);
            restarted = restored(&bytes);
            assert_eq!(saved(&restarted), bytes);
            assert_eq!(bytes, saved(&steady), "after event {place}");
        }
    }
}
