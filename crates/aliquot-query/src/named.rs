//! The named queries: the files of `queries/`, which come with the program, or those of a directory. It holds their texts; what
//! they mean stands in their headers.

use std::borrow::Cow;
use std::path::Path;

use crate::error::Error;
use crate::parameter::{self, Parameter};

/// A query with a name: a path below `queries/` without its ending, such as `reports/cost_by_tenant_day`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// What it is called by.
    pub name: Cow<'static, str>,
    /// Its text, header and all.
    pub sql: Cow<'static, str>,
}

/// The table of the queries that come with the program; a test holds it against the files.
macro_rules! table {
    ($($name:literal),+ $(,)?) => {
        &[$(Named {
            name: Cow::Borrowed($name),
            sql: Cow::Borrowed(include_str!(concat!("../../../queries/", $name, ".sql"))),
        }),+]
    };
}

static NAMED: &[Named] = table![
    "anomalies/hit_rate_drop",
    "anomalies/unpriced_models",
    "reports/bill_change",
    "reports/cause_breakdown",
    "reports/cost_by_tenant_day",
    "reports/culprit_ranking",
    "reports/externality_matrix",
    "reports/hit_rate_by_tenant_minute",
    "reports/idle_cost",
    "reports/incurred_and_caused",
    "reports/noisy_neighbour",
    "reports/price_of_isolation",
    "reports/rate_limit_blame",
    "reports/reconcile_attribution",
    "reports/reconcile_lake_ledger",
    "reports/rejects_by_reason",
    "reports/tenants_before_after",
    "reports/tokens_by_model_hour",
    "reports/usage_by_feature",
    "reports/waits",
];

/// The queries that come with the program, by name.
pub fn named_queries() -> &'static [Named] {
    NAMED
}

impl Named {
    /// The comment at the head of the query, without the dashes.
    pub fn header(&self) -> String {
        let lines = parameter::header_lines(&self.sql).map(|line| line.strip_prefix(' ').unwrap_or(line));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The first line of the header: the question that is answered.
    pub fn question(&self) -> &str {
        parameter::header_lines(&self.sql).next().unwrap_or_default().trim().trim_start_matches("Question: ")
    }

    /// The parameters it takes.
    ///
    /// # Errors
    /// [`Error::Header`] when a line of its header cannot be read.
    pub fn parameters(&self) -> Result<Vec<Parameter>, Error> {
        parameter::declared(&self.sql)
    }

    /// The `.sql` files in `dir` and in the directories in it, by name.
    pub(crate) fn read(dir: &Path) -> Result<Vec<Self>, Error> {
        let mut found = read_files(dir, "")?;
        for directory in entries(dir)?.iter().filter(|path| path.is_dir()) {
            let prefix = directory.file_name().unwrap_or_default().to_string_lossy();
            found.extend(read_files(directory, &format!("{prefix}/"))?);
        }
        found.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(found)
    }
}

fn read_files(dir: &Path, prefix: &str) -> Result<Vec<Named>, Error> {
    let files = entries(dir)?.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "sql"));
    files
        .map(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let name = Cow::Owned(format!("{prefix}{name}"));
            let sql = std::fs::read_to_string(&path).map_err(|source| Error::Queries { path, source })?;
            Ok(Named { name, sql: Cow::Owned(sql) })
        })
        .collect()
}

fn entries(dir: &Path) -> Result<Vec<std::path::PathBuf>, Error> {
    let failed = |source| Error::Queries { path: dir.to_owned(), source };
    std::fs::read_dir(dir).map_err(failed)?.map(|entry| Ok(entry.map_err(failed)?.path())).collect()
}
