//! Where a data directory keeps what: opens lake, ledger, log and the price books. Decides nothing about their content.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aliquot_core::prices::{BookId, PriceBook};
use aliquot_lake::Lake;
use aliquot_ledger::{Ledger, Server, StoredBook};
use aliquot_pipeline::Books;
use aliquot_wire::prices::book;
use anyhow::{Context, bail};

use crate::clock;

/// The places in a data directory.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) dir: PathBuf,
    /// The server that has the ledger; without one, it is a file of the directory.
    pub(crate) server: Option<Server>,
}

impl Layout {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), server: None }
    }

    /// The Delta tables, one folder each.
    pub(crate) fn lake(&self) -> PathBuf {
        self.dir.join("lake")
    }

    /// The ledger's file, unless a server has it.
    fn ledger_file(&self) -> PathBuf {
        self.dir.join("ledger.sqlite")
    }

    /// The embedded event log.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    fn create(&self) -> anyhow::Result<()> {
        std::fs::create_dir_all(&self.dir)
            .with_context(|| format!("cannot create the data directory {}; choose another", self.dir.display()))
    }

    /// The lake for writing.
    pub(crate) async fn open_lake(&self) -> anyhow::Result<Lake> {
        self.create()?;
        Ok(Box::pin(Lake::open(&self.lake())).await?)
    }

    /// Whether there may be a ledger: a server's is asked when it is opened.
    pub(crate) fn has_ledger(&self) -> bool {
        self.server.is_some() || self.ledger_file().exists()
    }

    /// The ledger for writing.
    pub(crate) async fn open_ledger(&self) -> anyhow::Result<Ledger> {
        self.create()?;
        Ok(match &self.server {
            Some(server) => Ledger::connect(server).await?,
            None => Ledger::open(&self.ledger_file()).await?,
        })
    }

    /// The ledger as it is, for reading only.
    pub(crate) async fn read_ledger(&self) -> anyhow::Result<Ledger> {
        if let Some(server) = &self.server {
            return Ok(Ledger::connect_read_only(server).await?);
        }
        if !self.has_ledger() {
            bail!(
                "no ledger in {}; name the directory of a `serve`, `replay` or `demo` with --data-dir",
                self.dir.display()
            );
        }
        Ok(Ledger::open_read_only(&self.ledger_file()).await?)
    }
}

/// Where the book comes from that a ledger has before anything was imported.
pub(crate) const BUILT_IN: &str = "built-in";

/// The book in force: the built-in one where nothing was imported. Writes nothing.
pub(crate) async fn book_in_force(ledger: &Ledger) -> anyhow::Result<PriceBook> {
    ledger.current_price_book().await?.map_or_else(|| Ok(book::builtin()), |stored| decode(&stored))
}

/// The book in force. The built-in one is put into a ledger that has none, so that it too can be found again later.
pub(crate) async fn current_book(ledger: &Ledger) -> anyhow::Result<PriceBook> {
    let current = book_in_force(ledger).await?;
    if ledger.current_price_book().await?.is_none() {
        let (id, body) = (current.id, book::encode(&current));
        let stored = StoredBook { id, source: BUILT_IN.to_owned(), imported_at: clock::now(), body };
        ledger.put_price_book(&stored).await?;
    }
    Ok(current)
}

/// The book in force and every other one in the ledger: what was rated by an older one is rated by it again after a restart.
pub(crate) async fn books(ledger: &Ledger) -> anyhow::Result<Books> {
    let current = current_book(ledger).await?;
    let mut all = BTreeMap::<BookId, PriceBook>::new();
    for listed in ledger.price_books().await? {
        if listed.id != current.id
            && let Some(stored) = ledger.price_book(listed.id).await?
        {
            all.insert(listed.id, decode(&stored)?);
        }
    }
    let id = current.id;
    all.insert(id, current);
    Ok(Books { current: id, all })
}

fn decode(stored: &StoredBook) -> anyhow::Result<PriceBook> {
    book::decode(&stored.body)
        .with_context(|| format!("price book {:016x} in the ledger cannot be read; import it again", stored.id.0))
}
