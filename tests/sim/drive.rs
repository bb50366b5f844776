//! One simulation: processes come and go over the same log and the same stores until everything is in, then the audit.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aliquot_core::position::{Offset, Partition, Positions};
use aliquot_core::prices::BookId;
use aliquot_core::state::{Rules, TimeLimits};
use aliquot_pipeline::{Backoff, Books, Error, Progress, Settings, run};
use aliquot_wire::snapshot;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::auditor::audit;
use crate::faults::{Counts, Death, Faults};
use crate::group::{Group, LogSource};
use crate::prices::{LISTS, books};
use crate::random::Random;
use crate::sinks::{Door, LakeSink, LedgerSink, World};
use crate::stores::{Lake, Ledger, Sabotage};
use crate::workload::{LIMITS, REGISTERED, Workload};

/// What came out of a simulation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// What is wrong; empty if all is well.
    pub(crate) findings: Vec<String>,
    pub(crate) counts: Counts,
    /// Of everything in the stores.
    pub(crate) digest: u64,
    /// The last state of each partition that is whole, and where it lies: not every commit has one.
    pub(crate) states: BTreeMap<Partition, (Offset, u64)>,
}

/// How a simulation goes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Plan {
    /// Nothing goes wrong on our side.
    pub(crate) is_calm: bool,
    pub(crate) sabotage: Option<Sabotage>,
}

/// Runs the simulation of `seed` in a runtime of its own: one thread, and no timer that fires, so that nothing but the seed
/// decides about the order of things.
pub(crate) fn simulate(seed: u64, plan: Plan) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(Simulation::new(seed, plan).go())
}

struct Simulation {
    random: Random,
    plan: Plan,
    workload: Arc<Workload>,
    group: Arc<Mutex<Group>>,
    world: Arc<Mutex<World>>,
    book: BookId,
    /// A copy of the lake, to be put back later.
    backup: Option<Lake>,
}

/// How a process ended.
enum End {
    Died,
    Returned(Box<Result<Progress, Error>>, u64),
}

impl Simulation {
    fn new(seed: u64, plan: Plan) -> Self {
        let workload = Arc::new(Workload::new(seed));
        let world = World {
            lake: Lake::default(),
            ledger: Ledger::default(),
            faults: Faults::new(seed),
            sabotage: plan.sabotage,
            findings: Vec::new(),
        };
        Self {
            random: Random::new(seed, "rounds"),
            plan,
            group: Arc::new(Mutex::new(Group::new(Arc::clone(&workload), seed))),
            workload,
            world: Arc::new(Mutex::new(world)),
            book: LISTS[0],
            backup: None,
        }
    }

    async fn go(mut self) -> Outcome {
        let rounds = if self.plan.is_calm { 0 } else { 2 + self.random.below(7) };
        for _ in 0..rounds {
            if self.is_complete() {
                break;
            }
            self.between_rounds();
            let members = *self.random.pick(&[1, 2, 2, 3]);
            self.round(members).await;
        }
        self.world.lock().unwrap().faults.is_calm = true;
        self.round(1).await;
        self.outcome()
    }

    /// Lets `count` processes run until each of them has ended.
    async fn round(&mut self, count: usize) {
        let is_calm = self.world.lock().unwrap().faults.is_calm;
        self.group.lock().unwrap().begin(count, is_calm);
        let books = Arc::new(books(self.book));
        let mut processes = JoinSet::new();
        for member in 0..count {
            let door = Door { world: Arc::clone(&self.world), death: Death::default() };
            let settings = self.settings();
            let stop = self.group.lock().unwrap().stop_of(member);
            let (group, books) = (Arc::clone(&self.group), Arc::clone(&books));
            processes.spawn(async move { (member, process(member, door, group, books, settings, stop).await) });
        }
        while let Some(ended) = processes.join_next().await {
            let (member, end) = ended.unwrap();
            let promised = self.group.lock().unwrap().promised_by(member);
            self.judge(end, count, &promised);
            self.group.lock().unwrap().leave(member);
        }
    }

    fn judge(&self, end: End, count: usize, promised: &Positions) {
        let world = &mut *self.world.lock().unwrap();
        let End::Returned(result, fenced) = end else { return };
        if count == 1 && fenced > 0 {
            world.findings.push("a single owner was fenced: its commits straddle the ledger's position".to_owned());
        }
        match *result {
            Ok(progress) => {
                let rejected = progress.rejected.values().sum::<u64>();
                if progress.events != progress.charged + progress.reports + progress.duplicates + rejected {
                    world.findings.push(format!("progress does not add up: {progress:?}"));
                }
                let missing = |(partition, end): &(&Partition, &Offset)| {
                    world.ledger.at.get(partition).copied().unwrap_or_default() < **end
                };
                if let Some((partition, end)) = promised.iter().find(missing) {
                    world
                        .findings
                        .push(format!("a process ended well before {partition:?} was committed up to {end:?}"));
                }
            }
            // A hole is found by the ledger itself.
            Err(Error::Halt { .. } | Error::GaveUp { .. }) if !world.faults.is_calm => {}
            Err(error) => world.findings.push(format!("a process ended by {error:?}")),
        }
    }

    fn settings(&mut self) -> Settings {
        let rules =
            Rules { times: TimeLimits::default(), tenants: Some(REGISTERED.into_iter().map(str::to_owned).collect()) };
        Settings {
            limits: LIMITS,
            rules,
            commit_rows_max: 1 + self.random.place(60),
            commit_bytes_max: 1_000 + self.random.place(60_000),
            commit_interval: Duration::MAX,
            backoff: Backoff { first: Duration::ZERO, max: Duration::ZERO, tries_after_stop: 20 },
            ..Settings::default()
        }
    }

    /// What happens to stores and prices while nobody looks.
    fn between_rounds(&mut self) {
        let Self { random, workload, world, backup, .. } = self;
        let world = &mut *world.lock().unwrap();
        if random.chance(40) {
            self.book = *random.pick(&LISTS);
        }
        // The last state of a finished partition is compared with that of a calm run.
        let at = &world.ledger.at;
        let unfinished = |partition: &Partition| at.get(partition) != Some(&workload.end(*partition));
        for (_, states) in world.ledger.states.iter_mut().filter(|(partition, _)| unfinished(partition)) {
            let damaged = match random.below(10) {
                0..4 => 0,
                4..9 => 1.min(states.len()),
                _ => states.len(),
            };
            for (_, bytes) in states.iter_mut().take(damaged) {
                damage(bytes, random, &mut world.faults.counts);
            }
        }
        if random.chance(15)
            && let Some(old) = backup.take()
        {
            world.faults.counts.add("lake restored from a copy");
            world.lake = old;
        } else if random.chance(50) {
            *backup = Some(world.lake.clone());
        }
    }

    fn is_complete(&self) -> bool {
        let world = self.world.lock().unwrap();
        let ends: Positions = self.workload.all_partitions().into_iter().map(|p| (p, self.workload.end(p))).collect();
        ends == world.lake.at && ends == world.ledger.at
    }

    fn outcome(self) -> Outcome {
        let world = self.world.lock().unwrap();
        let mut counts = self.workload.counts.clone();
        counts.merge(&world.faults.counts);
        let newest = |(partition, states): (&Partition, &Vec<(Offset, Vec<u8>)>)| {
            let (at, bytes) = states.iter().find(|(_, bytes)| snapshot::decode(bytes).is_ok())?;
            Some((*partition, (*at, digest(&format!("{bytes:?}")))))
        };
        let states = world.ledger.states.iter().filter_map(newest).collect();
        Outcome {
            findings: audit(&self.workload, &world),
            counts,
            digest: digest(&format!("{:?} {:?}", world.lake, world.ledger)),
            states,
        }
    }
}

/// Tears a state, or flips a bit in it. The version stays as it is: another one is no accident.
fn damage(bytes: &mut Vec<u8>, random: &mut Random, counts: &mut Counts) {
    if bytes.len() <= 12 || random.chance(50) {
        counts.add("torn state");
        bytes.truncate(random.place(bytes.len() + 1));
    } else {
        counts.add("corrupt state");
        let place = 12 + random.place(bytes.len() - 12);
        bytes[place] ^= 1 << random.below(8);
    }
}

fn digest(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// One process, until it returns or dies.
async fn process(
    member: usize,
    door: Door,
    group: Arc<Mutex<Group>>,
    books: Arc<Books>,
    settings: Settings,
    stop: Arc<Notify>,
) -> End {
    let death = Arc::clone(&door.death);
    let source = LogSource { group, member, door: door.clone() };
    let (progress, watched) = watch::channel(Progress::default());
    let (lake, ledger) = (LakeSink(door.clone()), LedgerSink(door));
    tokio::select! {
        biased;
        () = death.notified() => End::Died,
        result = run(source, lake, ledger, &books, settings, progress, stop.notified()) => {
            End::Returned(Box::new(result), watched.borrow().fenced)
        }
    }
}
