//! Table `totals`: adding to the hourly totals. What is added up is decided in `aliquot_core::totals`.

use aliquot_core::totals::{Account, Line};
use futures::future::join;

use crate::account_key;
use crate::columns::book_text;
use crate::database::{Dialect, Session, Statement};
use crate::error::Error;
use crate::lines::Lines;

/// Accounts that are read or written by one statement, of eight parameters each; SQLite takes 32,766, PostgreSQL 65,535. Beyond
/// a few hundred a larger statement is not faster, only larger.
const ACCOUNTS_PER_STATEMENT: usize = 500;

/// An account's new totals on their way into the table.
struct Addition<'n> {
    key: Vec<u8>,
    account: Account<'n>,
    lines: Lines,
}

/// Adds to what the table holds. Read, added here and written, because the numbers are wider than SQL's; the transaction keeps
/// others out meanwhile.
///
/// The database works on its own thread. While it answers one question the statement before is composed, and while it writes,
/// the question after.
pub(crate) async fn add(session: &mut Session, new: Vec<(Account<'_>, Vec<Line>)>) -> Result<(), Error> {
    let addition =
        |(account, lines)| Addition { key: account_key::encode(&account), account, lines: Lines::new(lines) };
    let mut additions = new.into_iter().map(addition);
    let dialect = session.dialect();
    let mut question = move || {
        let wanted: Vec<Addition<'_>> = additions.by_ref().take(ACCOUNTS_PER_STATEMENT).collect();
        (!wanted.is_empty()).then(|| Question::new(dialect, wanted))
    };
    let Some(first) = question() else { return Ok(()) };
    let mut asked = Some(first.ask(session).await?);
    let mut ahead = question();
    while let Some(answer) = asked {
        let next = async {
            match ahead {
                Some(question) => question.ask(session).await.map(Some),
                None => Ok(None),
            }
        };
        let (next, composed) = join(next, async { answer.compose(dialect) }).await;
        asked = next?;
        let (written, question) = join(write(session, composed?), async { question() }).await;
        written?;
        ahead = question;
    }
    Ok(())
}

/// A statement that asks for what is held of some accounts.
struct Question<'n> {
    query: Statement,
    wanted: Vec<Addition<'n>>,
}

impl<'n> Question<'n> {
    fn new(dialect: Dialect, wanted: Vec<Addition<'n>>) -> Self {
        let mut query = Statement::composed(dialect, "WITH wanted (place, account_key) AS (");
        query.push_values(wanted.iter().enumerate(), |row, (place, addition)| {
            row.push(place).bind(addition.key.as_slice());
        });
        // One row answers for all accounts, because the library's work for a row is greater than the database's.
        query.push(format_args!(
            ") SELECT string_agg(coalesce(lines, ''), '{SEPARATOR}' ORDER BY place) \
             FROM wanted LEFT JOIN totals USING (account_key)",
        ));
        Self { query: query.kept(is_full(&wanted)), wanted }
    }

    async fn ask(self, session: &mut Session) -> Result<Answer<'n>, Error> {
        let held = self.query.one(session).await.map_err(Error::sql("read the totals of"))?;
        Ok(Answer { held, wanted: self.wanted })
    }
}

/// Between the lines of two accounts; it is in none.
const SEPARATOR: char = '\u{1e}';

/// What is held of some accounts: the lines of each, in the order they were asked for; nothing where there is none.
struct Answer<'n> {
    held: String,
    wanted: Vec<Addition<'n>>,
}

impl Answer<'_> {
    /// The statements that write what is held and what is new together. Accounts that are there and those that are not have one
    /// each: without the clause for known ones, new ones take a third less time.
    fn compose(self, dialect: Dialect) -> Result<[Option<Statement>; 2], Error> {
        let Self { held, wanted } = self;
        let (mut known, mut new) = (Vec::with_capacity(wanted.len()), Vec::new());
        let mut parts = held.split(SEPARATOR);
        for mut addition in wanted {
            match parts.next() {
                Some("") => new.push(addition),
                Some(lines) => {
                    let mut sum = Lines::read(lines)?;
                    sum.add(&addition.lines)?;
                    addition.lines = sum;
                    known.push(addition);
                }
                None => return Err(Error::Corrupt { column: "lines", found: held }),
            }
        }
        if parts.next().is_some() {
            return Err(Error::Corrupt { column: "lines", found: held });
        }
        Ok([write_of(dialect, &known, UPDATE), write_of(dialect, &new, "")])
    }
}

/// What an INSERT of known accounts ends with. An UPDATE from a list of values would do, but SQLite takes several times as long.
const UPDATE: &str = " ON CONFLICT (account_key) DO UPDATE SET unpriced = excluded.unpriced, lines = excluded.lines";

/// A statement that writes accounts.
fn write_of(dialect: Dialect, additions: &[Addition<'_>], conflict: &'static str) -> Option<Statement> {
    if additions.is_empty() {
        return None;
    }
    let start = "INSERT INTO totals (account_key, hour_us, tenant, provider, model, price_book, unpriced, lines) ";
    let mut statement = Statement::composed(dialect, start).kept(is_full(additions));
    statement.push_values(additions, |row, Addition { key, account, lines }| {
        row.bind(key.as_slice())
            .bind(account.hour.0)
            .bind(account.tenant)
            .bind(account.provider)
            .bind(account.model)
            .bind(book_text(account.book).as_str())
            .bind(i32::from(lines.is_unpriced()))
            .bind(lines.text().as_str());
    });
    statement.push(conflict);
    Some(statement)
}

async fn write(session: &mut Session, statements: [Option<Statement>; 2]) -> Result<(), Error> {
    for statement in statements.into_iter().flatten() {
        statement.execute(session).await.map_err(Error::sql("write the totals of"))?;
    }
    Ok(())
}

/// Whether the statement will come again: only full ones are worth keeping prepared.
fn is_full(additions: &[Addition<'_>]) -> bool {
    additions.len() == ACCOUNTS_PER_STATEMENT
}
