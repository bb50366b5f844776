//! A provider's cache: others fill it whom we do not see, nobody tells its size, and perhaps it has none and keeps blocks for a time.

use aliquot_attribution::recency::Resolution;
use aliquot_attribution::settings::DomainSettings;
use aliquot_core::cause::Cause;
use aliquot_core::externality::Tier;
use aliquot_core::position::Partition;
use aliquot_core::time::Micros;
use aliquot_sim::cache::Kind;
use aliquot_sim::coalition::{Setup, Trace};
use aliquot_sim::matrix::misallocation;
use aliquot_sim::scenario::{Case, LENGTH, Scenario};

use crate::drive::{Drive, Driven, UNSEEN};
use crate::lines::{Line, Lines, Side};
use crate::stories::Story;

/// Tenants of other organisations: three of eight, none of which grows.
const HIDDEN: [usize; 3] = [5, 6, UNSEEN];

/// All that those did whom we do not see, on one line.
fn together(side: &Side) -> Side {
    let mut side = side.clone();
    for culprit in [5, 6] {
        let (charges, credits) =
            (std::mem::take(&mut side.charges[culprit]), std::mem::take(&mut side.credits[culprit]));
        (side.charges[UNSEEN], side.credits[UNSEEN]) = (side.charges[UNSEEN] + charges, side.credits[UNSEEN] + credits);
    }
    side
}

/// What is said of our requests as soon as anything is, beside the truth: misplaced, and the part of those whom we do not see.
fn held(story: &Story, driven: &Driven) -> (f64, f64, f64) {
    let told = driven.lines.0.iter().zip(&story.truth.0);
    let told = told.filter(|(line, truth)| line.unexplained == 0 && !HIDDEN.contains(&truth.victim));
    let merged = |line: &Line| Line { missed: together(&line.missed), read: together(&line.read), ..line.clone() };
    let (lines, truth): (Vec<_>, Vec<_>) = told.map(|(line, truth)| (line.clone(), merged(truth))).unzip();
    let (lines, truth) = (Lines(lines).matrix(|line| &line.missed), Lines(truth).matrix(|line| &line.missed));
    let part = |matrix: &aliquot_sim::matrix::Matrix| matrix.caused(UNSEEN) as f64 / matrix.total().max(1) as f64;
    (100.0 * misallocation(&truth, &lines), part(&truth), part(&lines))
}

#[test]
fn those_whom_we_do_not_see_are_a_row_of_their_own() {
    for case in [Case::Moderate, Case::BarelyOver, Case::HotHog] {
        let story = Story::new(case, Kind::Lru, LENGTH);
        let drive = Drive {
            settings: DomainSettings::default(),
            resolution: Resolution::Epochs,
            hidden: &HIDDEN,
            provider: "mistral",
            ..Drive::new(&story)
        };
        let mut driven = drive.run();
        let (misplaced, truth, told) = held(&story, &driven);
        println!("{} | {misplaced:.1} % | background {told:.3} of {truth:.3}", case.name());
        // In the smaller cache half of what is theirs is taken for ours. Where all load is steady, time, blocks and both go together:
        // then nobody is blamed.
        let (bound, least) = match case {
            Case::Moderate => (7.0, 0.9),
            Case::BarelyOver => (19.0, 0.4),
            _ => (0.0, 0.0),
        };
        assert!(least > 0.0 || driven.lines.whole().charged() == 0, "{case:?}: nobody is blamed");
        let mut news = Vec::new();
        driven.domain.take_news(Partition(0), "pool", &mut news);
        let tier = news.pop().map(|fit| fit.tier);
        assert!(least == 0.0 || tier == Some(Tier::Background), "{case:?}: {tier:?}");
        assert!(misplaced <= bound, "{case:?}: {misplaced}");
        assert!(told >= least * truth, "{case:?}: {told} of {truth}");
    }
}

/// Times in whole steps of the model's, so that both agree about what is over.
fn story_with_lifetime(case: Case, lifetime: Micros) -> Story {
    let whole = |time: Micros| Micros(time.0 >> 16 << 16);
    let mut trace: Trace = Scenario::new(case, 1, Micros(LENGTH.0 / 2)).trace.instant();
    for request in &mut trace.requests {
        (request.start, request.ready, request.end) =
            (whole(request.start), whole(request.start), whole(request.start));
    }
    let setup = Setup { kind: Kind::Ttl { lifetime: whole(lifetime) }, ..Scenario::new(case, 1, LENGTH).setup };
    Story::of(trace, setup, Vec::new())
}

#[test]
fn who_kept_a_block_alive_has_a_credit_as_the_replays_say() {
    for (case, seconds) in [(Case::SharedTemplates, 60), (Case::SharedSystemPrompt, 5), (Case::Moderate, 60)] {
        let lifetime = Micros(seconds * 1_000_000);
        let story = story_with_lifetime(case, lifetime);
        let settings = DomainSettings { lifetime: Some(Micros(lifetime.0 >> 16 << 16)), ..DomainSettings::default() };
        for resolution in [Resolution::Exact, Resolution::Epochs] {
            let driven = Drive { settings: settings.clone(), resolution, ..Drive::new(&story) }.run();
            for (number, (truth, told)) in story.truth.0.iter().zip(&driven.lines.0).enumerate() {
                assert_eq!(told, truth, "{case:?}, {resolution:?}, request {number}: {:?}", driven.told[number]);
            }
        }
        let truth = story.truth.whole();
        assert_eq!(truth.credited() > 0, case != Case::Moderate, "{case:?}: help is where blocks are shared");
        assert_eq!(truth.charged(), 0, "{case:?}: nobody can harm");
    }
}

#[test]
fn a_time_that_nobody_tells_is_found() {
    for case in [Case::Moderate, Case::BarelyOver] {
        let story = story_with_lifetime(case, Micros(60_000_000));
        let settings = DomainSettings::default();
        let drive = Drive { settings, provider: "mistral", resolution: Resolution::Epochs, ..Drive::new(&story) };
        let driven = drive.run();
        let parts = driven.told.iter().flat_map(|told| &told.parts);
        let of = |cause: Cause| parts.clone().filter(|part| part.0 == cause).map(|part| part.2).sum::<i64>();
        let (expired, evicted) = (of(Cause::TtlExpired), of(Cause::EvictedNeighbour) + of(Cause::EvictedSelf));
        println!("{} | expired {expired} | unknown {} | evicted {evicted}", case.name(), of(Cause::NoEvidence));
        assert!(expired > of(Cause::NoEvidence), "{case:?}");
        assert_eq!((evicted, driven.lines.whole().charged()), (0, 0), "{case:?}: nobody is to blame");
    }
}
