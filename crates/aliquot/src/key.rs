//! `aliquot key`: who may ask the API for what. A key is shown when it is made, and never again.

use aliquot_ledger::{KEY_RANDOM_BYTES, NewKey, Scope as Granted};

use crate::cli::control::{Key, KeyCreate, Listed, Listing, One, Scope};
use crate::{output, records};

pub(crate) async fn run(command: Key) -> anyhow::Result<()> {
    match command {
        Key::Create(args) => create(args).await,
        Key::List(args) => list(args).await,
        Key::Revoke(args) => revoke(args).await,
    }
}

async fn create(args: KeyCreate) -> anyhow::Result<()> {
    let KeyCreate { name, scopes, tenant, expires, shown } = args;
    let scopes = scopes.into_iter().map(granted).collect();
    let expires_at = expires.map(|at| records::time("--expires", &at)).transpose()?;
    let mut random = [0; KEY_RANDOM_BYTES];
    getrandom::fill(&mut random)?;
    let ledger = shown.place.layout()?.open_ledger().await?;
    let new = NewKey { name, scopes, tenant, expires_at };
    let (text, key) = ledger.create_key(records::author(&records::user()), new, random).await?;
    if shown.format == Listing::Json {
        let mut record = records::to_json(&key);
        if let Some(members) = record.as_object_mut() {
            members.insert("key".to_owned(), text.into());
        }
        return output::print(&format!("{record:#}\n"));
    }
    records::print(&[key], shown.format)?;
    output::note("aliquot: this is the key; it is kept nowhere and not shown again");
    output::print(&format!("{text}\n"))
}

const fn granted(scope: Scope) -> Granted {
    match scope {
        Scope::Ingest => Granted::Ingest,
        Scope::Read => Granted::Read,
        Scope::Finance => Granted::Finance,
        Scope::Admin => Granted::Admin,
    }
}

async fn list(Listed { after, limit, shown }: Listed) -> anyhow::Result<()> {
    let ledger = shown.place.layout()?.read_ledger().await?;
    records::print(&ledger.keys(after.as_deref(), limit.into()).await?, shown.format)
}

async fn revoke(One { id, shown }: One) -> anyhow::Result<()> {
    let ledger = shown.place.layout()?.open_ledger().await?;
    let revoked = ledger.revoke_key(records::author(&records::user()), &id).await?;
    records::print(&[revoked], shown.format)
}
