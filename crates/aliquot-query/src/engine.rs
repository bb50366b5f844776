//! The engine: one statement over the newest tables, within the limits. It plans and collects; what is asked stands in the named
//! queries and the series.
//!
//! # What keeps a statement from changing anything?
//! Three things, each enough: statements that are not questions are refused before they are planned; the plan is checked again
//! for nodes that write or set; and the session lives for one statement, so that nothing set in it could outlive it.
//!
//! # What does a reader see while rows are written?
//! Each statement reads one version per table, taken when it begins. Rows that become durable later are in the next answer.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aliquot_core::externality::{CauseTotals, Externalities};
use aliquot_core::totals::Totals;
use aliquot_lake::{Reader, TableName};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::config::Dialect;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryConsumer};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{SQLOptions, SessionContext};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast;
use futures::TryStreamExt;
use tokio::sync::Mutex;

use crate::answer::Answer;
use crate::error::Error;
use crate::limits::Limits;
use crate::named::{Named, named_queries};
use crate::{ledger_attribution, ledger_totals, parameter, session, texts};

/// The lake, open for questions. Clones share the memory, the limits and what was read of the tables' logs.
#[derive(Clone, Debug)]
pub struct Engine {
    dir: PathBuf,
    limits: Limits,
    runtime: Arc<RuntimeEnv>,
    lake: Arc<Mutex<Reader>>,
    /// Tables of the ledger, by name.
    ledger: Vec<(&'static str, Arc<dyn TableProvider>)>,
    /// The queries of a directory that replace the ones that came with the program.
    queries: Option<Arc<[Named]>>,
}

impl Engine {
    /// An engine over the lake in `lake_dir`. The lake may come into being later: until then every question is answered with
    /// [`Error::NoLake`], and a lake without rows with no rows.
    ///
    /// # Errors
    /// When DataFusion cannot be set up.
    pub fn open(lake_dir: &Path, limits: Limits) -> Result<Self, Error> {
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(limits.memory_bytes)))
            // A query that outgrows its memory is refused; it does not fill somebody's disk instead.
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
            .build_arc()
            .map_err(Error::Engine)?;
        let lake = Arc::new(Mutex::new(Reader::new(lake_dir)));
        Ok(Self { dir: lake_dir.to_owned(), limits, runtime, lake, ledger: Vec::new(), queries: None })
    }

    /// The same engine with the ledger's totals as the table `ledger_totals`: `hour`, `tenant`, `provider`, `model`, `class`,
    /// `rate_usd`, `price_book`, `quantity`, `cost_usd`.
    ///
    /// # Errors
    /// When a total does not fit the columns, which is an amount past 10²⁶ dollars.
    pub fn with_totals(&self, totals: &Totals) -> Result<Self, Error> {
        let table = ledger_totals::to_table(totals).map_err(Error::Engine)?;
        Ok(self.with_ledger_table(ledger_totals::NAME, table))
    }

    /// The same engine with the ledger's sums of attribution as the tables `ledger_externalities` (`hour`, `domain`, `game`, `harm`,
    /// `cause`, `evidence`, `victim`, `culprit_kind`, `culprit`, `quantity`, `credit_quantity`, `charges_usd`, `credits_usd`,
    /// `avoidable_usd`) and `ledger_causes` (`hour`, `domain`, `tenant`, `model`, `cause`, `evidence`, `tokens`, `cost_usd`).
    ///
    /// # Errors
    /// When a sum does not fit the columns, which is an amount past 10²⁶ dollars.
    pub fn with_attribution(&self, externalities: &Externalities, causes: &CauseTotals) -> Result<Self, Error> {
        let blame = ledger_attribution::externalities_table(externalities).map_err(Error::Engine)?;
        let causes = ledger_attribution::causes_table(causes).map_err(Error::Engine)?;
        let with_blame = self.with_ledger_table(ledger_attribution::EXTERNALITIES, blame);
        Ok(with_blame.with_ledger_table(ledger_attribution::CAUSES, causes))
    }

    fn with_ledger_table(&self, name: &'static str, table: Arc<dyn TableProvider>) -> Self {
        let mut engine = self.clone();
        engine.ledger.retain(|(other, _)| *other != name);
        engine.ledger.push((name, table));
        engine
    }

    /// The same engine with the queries of the files below `dir` instead of its own.
    ///
    /// # Errors
    /// When the directory or a file in it cannot be read.
    pub fn with_queries(&self, dir: &Path) -> Result<Self, Error> {
        Ok(Self { queries: Some(Named::read(dir)?.into()), ..self.clone() })
    }

    /// The queries that [`Self::named`] knows.
    pub fn queries(&self) -> &[Named] {
        self.queries.as_deref().unwrap_or_else(|| named_queries())
    }

    /// The limits.
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// Answers a named query; parameters that are not given have the defaults of its header.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn named(&self, name: &str, params: &[(String, String)]) -> Result<Answer, Error> {
        let query = self.queries().iter().find(|query| query.name == name);
        let query = query.ok_or_else(|| Error::UnknownQuery {
            name: name.to_owned(),
            known: self.queries().iter().map(|query| query.name.as_ref()).collect::<Vec<_>>().join(", "),
        })?;
        self.sql(&query.sql, params).await
    }

    /// Answers one SQL question. `$name` in it stands for a parameter; comments at its head may declare defaults, as in the
    /// named queries.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn sql(&self, sql: &str, params: &[(String, String)]) -> Result<Answer, Error> {
        self.within_time(self.answer(sql, params)).await
    }

    /// One question of this crate's own making.
    pub(crate) async fn collect(
        &self,
        ask: impl AsyncFnOnce(&SessionContext) -> Result<DataFrame, DataFusionError>,
    ) -> Result<Answer, Error> {
        self.within_time(async {
            let context = self.context().await?;
            let frame = ask(&context).await.map_err(|error| self.sort(error))?;
            self.run(frame).await
        })
        .await
    }

    async fn within_time<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let answer = tokio::time::timeout(self.limits.time, Box::pin(answer)).await;
        answer.unwrap_or(Err(Error::Time(self.limits.time)))
    }

    async fn answer(&self, sql: &str, params: &[(String, String)]) -> Result<Answer, Error> {
        let context = self.context().await?;
        let state = context.state();
        let mut statement = state.sql_to_statement(sql, &Dialect::Generic).map_err(|error| self.sort(error))?;
        check_is_question(&statement)?;
        parameter::bind(&mut statement, sql, params)?;
        let tables = state.resolve_table_references(&statement).map_err(|error| self.sort(error))?;
        let is_absent = |name: &str| self.ledger.iter().all(|(there, _)| *there != name);
        if let Some(name) =
            LEDGER_TABLES.into_iter().find(|name| is_absent(name) && tables.iter().any(|table| table.table() == *name))
        {
            return Err(Error::NoLedger(name));
        }
        let plan = state.statement_to_plan(statement).await.map_err(|error| self.sort(error))?;
        let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        read_only.verify_plan(&plan).map_err(|error| Error::ReadOnly(error.strip_backtrace()))?;
        let frame = context.execute_logical_plan(plan).await.map_err(|error| self.sort(error))?;
        self.run(frame).await
    }

    /// A session for one statement: the newest tables, and nothing that another statement left behind.
    async fn context(&self) -> Result<SessionContext, Error> {
        let tables = self.lake.lock().await.newest().await?;
        if tables.len() < TableName::ALL.len() {
            return Err(Error::NoLake(self.dir.clone()));
        }
        let context = session::new(&self.runtime);
        for (name, table) in tables {
            context.register_table(name.name(), table).map_err(Error::Engine)?;
        }
        for (name, table) in &self.ledger {
            context.register_table(*name, Arc::clone(table)).map_err(Error::Engine)?;
        }
        Ok(context)
    }

    /// Runs a plan to its end. What has been collected counts against the memory like what is being computed.
    async fn run(&self, frame: DataFrame) -> Result<Answer, Error> {
        let schema: SchemaRef = Arc::new(texts::plain_schema(frame.schema().as_arrow()));
        let held = MemoryConsumer::new("answer").register(&self.runtime.memory_pool);
        let mut stream = Box::pin(frame.execute_stream()).await.map_err(|error| self.sort(error))?;
        let mut batches: Vec<RecordBatch> = Vec::new();
        let mut rows = 0_usize;
        while let Some(batch) = stream.try_next().await.map_err(|error| self.sort(error))? {
            rows = rows.saturating_add(batch.num_rows());
            if rows > self.limits.rows {
                return Err(Error::Rows(self.limits.rows));
            }
            let batch = texts::plain(&batch, &schema).map_err(|error| self.sort(error.into()))?;
            held.try_grow(batch.get_array_memory_size()).map_err(|error| self.sort(error))?;
            batches.push(batch);
        }
        tracing::debug!(answer.rows = rows, answer.bytes = held.size(), "query answered");
        Ok(Answer { schema, batches })
    }

    fn sort(&self, error: DataFusionError) -> Error {
        Error::from_datafusion(error, self.limits.memory_bytes)
    }
}

/// The tables that only an engine with the ledger has.
pub(crate) const LEDGER_TABLES: [&str; 3] =
    [ledger_totals::NAME, ledger_attribution::EXTERNALITIES, ledger_attribution::CAUSES];

/// Refuses what is no question by its first words, so that the refusal does not depend on whether it could be planned.
fn check_is_question(statement: &Statement) -> Result<(), Error> {
    let refused = |what: &dyn std::fmt::Display| {
        let text = what.to_string();
        let first = text.split_whitespace().next().unwrap_or_default().to_uppercase();
        Err(Error::ReadOnly(first))
    };
    match statement {
        Statement::Explain(explain) => check_is_question(&explain.statement),
        Statement::Statement(statement) => match statement.as_ref() {
            ast::Statement::Query(_)
            | ast::Statement::ExplainTable { .. }
            | ast::Statement::ShowTables { .. }
            | ast::Statement::ShowVariable { .. }
            | ast::Statement::ShowColumns { .. }
            | ast::Statement::ShowFunctions { .. } => Ok(()),
            ast::Statement::Explain { statement, .. } => {
                check_is_question(&Statement::Statement(Box::new(statement.as_ref().clone())))
            }
            other => refused(other),
        },
        other => refused(other),
    }
}
