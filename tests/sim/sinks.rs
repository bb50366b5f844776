//! The ports of one simulated process to the stores: every call may be slow, fail, or be the last one.

use std::sync::{Arc, Mutex, MutexGuard};

use aliquot_core::commit::Commit;
use aliquot_core::ports::{Activations, Kind, Sink, Snapshots};
use aliquot_core::position::{Offset, Partition, Positions};
use aliquot_core::prices::BookId;

use crate::faults::{ACTIVATE, Call, Death, Faults, LAKE_COMMIT, LEDGER_COMMIT, LOOK, SimError, Trouble, When};
use crate::stores::{Lake, Ledger, Refused, Sabotage};

/// What outlives every process.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) lake: Lake,
    pub(crate) ledger: Ledger,
    pub(crate) faults: Faults,
    pub(crate) sabotage: Option<Sabotage>,
    /// What was seen to be wrong while it happened.
    pub(crate) findings: Vec<String>,
}

/// One process's access to the world.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    pub(crate) world: Arc<Mutex<World>>,
    pub(crate) death: Death,
}

impl Door {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Begins a call: lets others have their turns, and says what goes wrong.
    pub(crate) async fn enter(&self, call: &Call) -> Trouble {
        let (turns, trouble) = {
            let faults = &mut self.world().faults;
            (faults.turns(), faults.trouble(call))
        };
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        trouble
    }

    pub(crate) async fn strike(&self, trouble: Trouble, when: When) -> Result<(), SimError> {
        trouble.strike(when, &self.death).await
    }

    /// Begins a call that only reads.
    pub(crate) async fn look(&self, call: &Call) -> Result<(), SimError> {
        let trouble = self.enter(call).await;
        self.strike(trouble, When::Before).await
    }
}

#[derive(Debug)]
pub(crate) struct LakeSink(pub(crate) Door);

impl Sink for LakeSink {
    type Error = SimError;

    fn name(&self) -> &'static str {
        "lake"
    }

    async fn positions(&mut self, partitions: &[Partition]) -> Result<Positions, SimError> {
        self.0.look(&LOOK).await?;
        Ok(among(&self.0.world().lake.at, partitions))
    }

    async fn commit(&mut self, commit: &Commit) -> Result<(), SimError> {
        let door = &self.0;
        let trouble = door.enter(&LAKE_COMMIT).await;
        door.strike(trouble, When::Before).await?;
        let sabotage = {
            let world = &mut *door.world();
            world.lake.put_rejects(commit, world.sabotage);
            world.lake.put_intervals(commit, world.sabotage);
            if world.sabotage == Some(Sabotage::PositionBeforeData) && trouble.is_at(When::Between) {
                world.lake.advance(commit);
            }
            world.sabotage
        };
        door.strike(trouble, When::Between).await?;
        {
            let lake = &mut door.world().lake;
            lake.put_rows(commit, sabotage);
            if sabotage != Some(Sabotage::DataBeforePosition) || !trouble.is_at(When::After) {
                lake.advance(commit);
            }
        }
        door.strike(trouble, When::After).await
    }
}

#[derive(Debug)]
pub(crate) struct LedgerSink(pub(crate) Door);

impl Sink for LedgerSink {
    type Error = SimError;

    fn name(&self) -> &'static str {
        "ledger"
    }

    async fn positions(&mut self, partitions: &[Partition]) -> Result<Positions, SimError> {
        self.0.look(&LOOK).await?;
        Ok(among(&self.0.world().ledger.at, partitions))
    }

    async fn commit(&mut self, commit: &Commit) -> Result<(), SimError> {
        let door = &self.0;
        let trouble = door.enter(&LEDGER_COMMIT).await;
        door.strike(trouble, When::Before).await?;
        door.world().commit_to_ledger(commit)?;
        door.strike(trouble, When::After).await
    }
}

impl World {
    /// Empty stores that do what they should.
    pub(crate) fn calm() -> Self {
        let mut faults = Faults::new(0);
        faults.is_calm = true;
        let (lake, ledger) = (Lake::default(), Ledger::default());
        Self { lake, ledger, faults, sabotage: None, findings: Vec::new() }
    }

    fn commit_to_ledger(&mut self, commit: &Commit) -> Result<(), SimError> {
        for (partition, range) in &commit.ranges {
            let lake_at = self.lake.at.get(partition).copied().unwrap_or_default();
            if lake_at < range.to {
                self.findings
                    .push(format!("{partition:?}: committed {range:?} to the ledger, but the lake is at {lake_at:?}"));
            }
            if self.ledger.at.get(partition).is_some_and(|at| *at >= range.to) {
                self.faults.counts.add("commit of what is held already");
            }
        }
        match self.ledger.put(commit, self.sabotage) {
            Ok(()) => Ok(()),
            Err(Refused::Straddle) => {
                self.faults.counts.add("fenced");
                Err(SimError { kind: Kind::Fenced, what: "another owner was faster" })
            }
            Err(Refused::Hole) => {
                self.findings
                    .push(format!("a commit leaves a hole: {:?}, ledger at {:?}", commit.ranges, self.ledger.at));
                Err(SimError { kind: Kind::Halt, what: "a hole" })
            }
        }
    }
}

impl Snapshots for LedgerSink {
    type Error = SimError;

    async fn load(&mut self, partition: Partition, at: Offset) -> Result<Vec<(Offset, Vec<u8>)>, SimError> {
        self.0.look(&LOOK).await?;
        let states = self.0.world().ledger.states.get(&partition).cloned().unwrap_or_default();
        Ok(states.into_iter().filter(|(offset, _)| *offset <= at).collect())
    }
}

impl Activations for LedgerSink {
    type Error = SimError;

    async fn activations(&mut self, partition: Partition) -> Result<Vec<(Offset, BookId)>, SimError> {
        self.0.look(&LOOK).await?;
        let world = self.0.world();
        if world.sabotage == Some(Sabotage::ForgetsActivations) {
            return Ok(Vec::new());
        }
        Ok(world.ledger.activations.get(&partition).into_iter().flatten().map(|(from, book)| (*from, *book)).collect())
    }

    async fn activate(&mut self, partition: Partition, from: Offset, book: BookId) -> Result<(), SimError> {
        let trouble = self.0.enter(&ACTIVATE).await;
        self.0.strike(trouble, When::Before).await?;
        {
            let world = &mut *self.0.world();
            if world.ledger.at.get(&partition).is_some_and(|held| from < *held) {
                return Err(SimError { kind: Kind::Fenced, what: "another owner was faster" });
            }
            world.faults.counts.add("price list activated");
            world.ledger.activations.entry(partition).or_default().insert(from, book);
        }
        self.0.strike(trouble, When::After).await
    }
}

fn among(at: &Positions, partitions: &[Partition]) -> Positions {
    partitions.iter().map(|partition| (*partition, at.get(partition).copied().unwrap_or_default())).collect()
}
