//! The lake open for reading: each table at its newest version, as a provider for DataFusion. It creates, writes and asks nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use deltalake::datafusion::catalog::TableProvider;
use deltalake::{DeltaTable, DeltaTableError};

use crate::error::Error;
use crate::table::{TableName, load};

/// A reader of the lake. It keeps the logs it has read, so that the next look reads only what was committed since.
#[derive(Debug)]
pub struct Reader {
    dir: PathBuf,
    tables: [(TableName, Option<DeltaTable>); TableName::ALL.len()],
}

impl Reader {
    /// A reader of the lake in `dir`, which may come into being later.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), tables: TableName::ALL.map(|name| (name, None)) }
    }

    /// The tables that exist, as of their newest versions. What is committed later does not change them.
    ///
    /// # Errors
    /// What the store says; the next call starts afresh.
    pub async fn newest(&mut self) -> Result<Vec<(TableName, Arc<dyn TableProvider>)>, Error> {
        let mut providers = Vec::with_capacity(self.tables.len());
        for (name, kept) in &mut self.tables {
            // Taken out while it is brought up to date: a log that could not be read halfway is not kept.
            let found = match kept.take() {
                Some(mut table) => table.update_state().await.map(|()| table).map(Some),
                None if self.dir.join(name.name()).join("_delta_log").is_dir() => {
                    Ok(Some(load(&self.dir, *name).await?).filter(|table| table.version().is_some()))
                }
                None => Ok(None),
            };
            if let Some(table) = found.map_err(Error::delta("read the log of", *name))? {
                let provider = table.table_provider().await.map_err(DeltaTableError::from);
                providers.push((*name, provider.map_err(Error::delta("read", *name))?));
                *kept = Some(table);
            }
        }
        Ok(providers)
    }
}
