//! What a process whose clock was ahead has put off for too long.
//!
//! Due times outlive the process. One that ran with a clock a day fast leaves callbacks that the next,
//! whose clock is right, would not touch for a day. What each was meant to wait is known all the
//! same: from what was last written of it to the time it is due. So much it waits, from now on.
//!
//! That the clock was ahead is seen by the newest records, or by the callback that is due last; only
//! then is more read than that.

use chrono::{DateTime, Utc};

use super::draft::{Draft, Numbers};
use super::tables::Tables;
use super::{keys, line, values};
use crate::store::{AuditEntry, Callback, CallbackId, Error, Event};

/// At most so many callbacks are rewritten in one batch.
const CALLBACKS_PER_BATCH: usize = 64;

/// Whether something was written at a time that has not come yet; `due_last` is the callback with
/// the longest wait.
pub(super) fn was_ahead(
    tables: &Tables,
    due_last: CallbackId,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let written = [
        newest_event(tables)?,
        newest_audit_entry(tables)?,
        newest_callback(tables)?,
        tables
            .callback_alone(due_last)?
            .map(|last| written_at(&last)),
    ];
    Ok(written.into_iter().flatten().any(|at| at > now))
}

fn newest_event(tables: &Tables) -> Result<Option<DateTime<Utc>>, Error> {
    let Some(number) = tables.newest_event()? else {
        return Ok(None);
    };
    let event: Option<Event> = values::record(tables.tree(), &keys::event(number))?;
    Ok(event.map(|event| event.at))
}

fn newest_audit_entry(tables: &Tables) -> Result<Option<DateTime<Utc>>, Error> {
    let Some(number) = tables.newest_audit_entry()? else {
        return Ok(None);
    };
    let entry: Option<AuditEntry> = values::record(tables.tree(), &keys::audit(number))?;
    Ok(entry.map(|entry| entry.at))
}

fn newest_callback(tables: &Tables) -> Result<Option<DateTime<Utc>>, Error> {
    let mut newest = tables.tree().scan_prefix([keys::CALLBACK]).keys();
    let newest = newest.next_back().transpose()?;
    let Some(id) = newest.and_then(|key| keys::last_number(&key)) else {
        return Ok(None);
    };
    let callback = tables.callback_alone(CallbackId(id))?;
    Ok(callback.map(|callback| callback.created_at))
}

/// When something was last written of a callback.
fn written_at(callback: &Callback) -> DateTime<Utc> {
    let attempt = callback.attempts.last().map(|attempt| attempt.at);
    let redrive = callback.redrives.last().map(|redrive| redrive.at);
    let later = attempt.into_iter().chain(redrive);
    later.fold(callback.created_at, DateTime::max)
}

/// Lets those wait as long as they were meant to, from now on. An end of the process in between
/// leaves the rest to the next opening.
pub(super) fn put_right(
    tables: &Tables,
    mut numbers: Numbers,
    put_off: &[CallbackId],
    now: DateTime<Utc>,
) -> Result<Numbers, Error> {
    let mut count = 0;
    for some in put_off.chunks(CALLBACKS_PER_BATCH) {
        let mut draft = Draft::new(tables.tree(), numbers);
        for id in some {
            count += usize::from(wait_from(&mut draft, *id, now)?);
        }
        draft.accept();
        let (batch, reached, _) = draft.finish()?;
        tables.apply(batch)?;
        numbers = reached;
    }
    tracing::warn!(
        callbacks = count,
        "the clock was ahead of now when the store was last written; what waits because of that \
         waits no longer than it was meant to"
    );
    Ok(numbers)
}

fn wait_from(draft: &mut Draft<'_>, id: CallbackId, now: DateTime<Utc>) -> Result<bool, Error> {
    let Some(mut kept) = line::kept(draft, id)? else {
        return Ok(false);
    };
    let written_at = written_at(&kept.callback);
    if written_at <= now {
        return Ok(false);
    }
    let meant = (kept.callback.next_at - written_at).max(chrono::TimeDelta::zero());
    kept.callback.next_at = now + meant;
    line::stay(draft, &kept)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::super::SledStore;
    use super::super::tests::{commit, directory, limits, now, open_at};
    use crate::store::{Attempt, Committed, Next, Settlement, Store};

    use super::*;

    /// A callback of this order, committed and tried once by a process whose clock says `at`.
    async fn tried(store: &SledStore, message: &str, at: DateTime<Utc>) -> CallbackId {
        let commit = crate::store::Commit {
            now: at,
            ..commit(message)
        };
        let id = match store.commit(commit).await.expect("commits") {
            Committed::Done { callback: Some(id) } => id,
            other => panic!("{other:?}"),
        };
        let claimed = store.claim(at, &limits()).await.expect("claims");
        assert!(claimed.iter().any(|claimed| claimed.callback.id == id));
        let attempt = Attempt {
            at,
            duration_ms: 1_000,
            outcome: "timeout".to_owned(),
            status: None,
            detail: String::new(),
            signed: None,
        };
        let next = Next::Retry(at + TimeDelta::seconds(10));
        let follow_ups = Vec::new();
        let settlement = Settlement {
            id,
            attempt,
            next,
            follow_ups,
        };
        store.settle(settlement).await.expect("settles");
        id
    }

    #[tokio::test]
    async fn what_a_clock_a_day_ahead_has_put_off_waits_as_long_as_was_meant_after_a_restart() {
        let directory = directory();
        let ahead = now() + TimeDelta::days(1);
        let store = open_at(directory.path()).expect("opens");
        let right = tried(&store, "m1", now()).await;
        let late = tried(&store, "m2", ahead).await;
        let new = crate::store::Commit {
            now: ahead,
            ..commit("m3")
        };
        store.commit(new).await.expect("commits");
        store.close().await;
        drop(store);

        let store = open_at(directory.path()).expect("opens");
        let due = |store: &SledStore, id| {
            let callback = store.tables().expect("open").callback_alone(id);
            callback.expect("reads").expect("there").next_at
        };
        assert_eq!(due(&store, right), now() + TimeDelta::seconds(10));
        assert_eq!(due(&store, late), now() + TimeDelta::seconds(10));
        let at_once = store.claim(now(), &limits()).await.expect("claims");
        assert_eq!(at_once.len(), 1, "the new one is due at once");
        let soon = now() + TimeDelta::seconds(10);
        assert_eq!(store.claim(soon, &limits()).await.expect("claims").len(), 2);
    }
}
