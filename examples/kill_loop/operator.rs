//! Who works at the admin API while the server is loaded and killed: holds callbacks and lets them
//! go, erases orders that are over, says what the provider decides, sends dead callbacks again.
//!
//! What was answered must hold in every later life; what was not answered may or may not have
//! been done. The operator remembers which is which, and looks at the beginning of each life.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::fate::Fate;
use crate::ledger::Line;
use crate::outside::orders::Numbered;
use crate::outside::surroundings::Admin;
use crate::random::Random;
use crate::town::Town;

/// How long a BAP that is held is watched at the beginning of a life.
const WATCHED: Duration = Duration::from_millis(150);

/// How many events are read at once.
const EVENTS: usize = 1_000;

/// The milliseconds between two deeds.
const PAUSE: std::ops::Range<u64> = 10..120;

/// What the operator knows of one deed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// An event tells that it is to be done.
    Owed,
    /// It was asked for.
    Asked,
    /// It was answered.
    Done,
}

/// The hold that there is, at most one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Hold {
    #[default]
    None,
    /// It was asked for, or its end was.
    Perhaps,
    /// `*` for all.
    Sure(String),
}

/// What the operator remembers through the lives of the server.
#[derive(Default)]
pub struct Memory {
    hold: Hold,
    decided: BTreeMap<Numbered, Told>,
    /// The last event that was read.
    heard: u64,
    erased: BTreeSet<Numbered>,
    redriven: BTreeSet<u64>,
    /// How many deeds were answered.
    pub deeds: Deeds,
}

/// The same, for all lives.
pub type Shared = Arc<Mutex<Memory>>;

/// How many of each kind were answered.
#[derive(Debug, Default, Clone, Copy, serde::Serialize)]
pub struct Deeds {
    pub holds: usize,
    /// Lives that began under one.
    pub held_over: usize,
    pub erased: usize,
    pub decided: usize,
    pub redriven: usize,
}

/// An operator for one life of the server.
pub struct Operator {
    pub town: Arc<Town>,
    pub admin: Admin,
    pub random: Random,
}

impl Operator {
    /// Looks at what must have held, then works until the server is gone.
    pub async fn run(mut self) {
        let memory = Arc::clone(&self.town.memory);
        let mut memory = memory.lock().await;
        if self.hold_has_held(&mut memory).await.is_err() {
            return;
        }
        while self.do_something(&mut memory).await.is_ok() {
            let pause = self.random.within(PAUSE);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }

    async fn do_something(&mut self, memory: &mut Memory) -> anyhow::Result<()> {
        match self.random.within(0..10) {
            0..=3 if memory.hold == Hold::None => self.hold(memory).await,
            0..=3 => self.release(memory).await,
            4..=6 => self.erase(memory).await,
            7..=8 => self.decide(memory).await,
            _ => self.redrive(memory).await,
        }
    }

    /// A hold that was answered is in force, and nothing comes to who is held; one that was ended
    /// is not.
    async fn hold_has_held(&self, memory: &mut Memory) -> anyhow::Result<()> {
        let arrivals = |who: &str| self.town.arrivals(who);
        let before = match &memory.hold {
            Hold::Sure(who) => arrivals(who),
            _ => 0,
        };
        let answer = self.admin.get("/callbacks/holds").await?;
        let holds = answer["holds"].as_array().context("a list of holds")?;
        let holds: Vec<&str> = holds.iter().filter_map(Value::as_str).collect();
        match &memory.hold {
            Hold::None if !holds.is_empty() => {
                self.town
                    .found(format!("held again after a release: {holds:?}"));
            }
            Hold::Sure(who) if holds != [who.as_str()] => {
                self.town
                    .found(format!("{who} was held, and then {holds:?} were"));
            }
            Hold::Sure(who) => {
                memory.deeds.held_over += 1;
                tokio::time::sleep(WATCHED).await;
                let came = arrivals(who) - before;
                if came > 0 {
                    self.town
                        .found(format!("{came} callbacks came to {who}, which is held"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn hold(&mut self, memory: &mut Memory) -> anyhow::Result<()> {
        memory.hold = Hold::Perhaps;
        let who = match self.random.within(0..3) {
            2 => {
                self.admin.hold().await?;
                "*".to_owned()
            }
            bap => {
                let id = self.town.bap(usize::from(bap == 1)).1.id.clone();
                self.admin.hold_one(&id, true).await?;
                id
            }
        };
        memory.hold = Hold::Sure(who);
        memory.deeds.holds += 1;
        Ok(())
    }

    async fn release(&self, memory: &mut Memory) -> anyhow::Result<()> {
        if memory.hold != Hold::None {
            memory.hold = Hold::Perhaps;
            self.admin.release().await?;
            memory.hold = Hold::None;
        }
        Ok(())
    }

    /// Erases an order whose only cancel was answered, if its BAP has heard of it.
    async fn erase(&mut self, memory: &mut Memory) -> anyhow::Result<()> {
        let is_over = |order: Numbered| Fate::of(order) == Fate::Erased;
        let acknowledged = self.town.some_acknowledged_of(self.random.next(), is_over);
        let Some(request) = acknowledged.filter(|r| !memory.erased.contains(&r.order)) else {
            return Ok(());
        };
        if !self.town.inbox.has_acknowledged(&request.message) {
            return Ok(());
        }
        let order = request.order.0;
        self.town.ledger.write(&Line::Erasing { order }).await?;
        let path = format!("/orders/{}/erase", request.order.id());
        match self.admin.post(&path, &json!({})).await? {
            (200, _) => {
                self.town.ledger.write(&Line::Erased { order }).await?;
                memory.erased.insert(request.order);
                memory.deeds.erased += 1;
            }
            // Its BAP has heard, but that is not yet settled.
            (409, why) if why.contains("still owed") => {}
            (status, why) => self.town.found(format!("{path}: {status} {why}")),
        }
        Ok(())
    }

    /// Says what the provider decides, about every order that an event says it is asked about:
    /// after two minutes the terms would decide.
    async fn decide(&mut self, memory: &mut Memory) -> anyhow::Result<()> {
        memory.hear(&self.admin).await?;
        let told = memory.decided.iter();
        let open = told.filter(|(_, told)| **told != Told::Done);
        let open: Vec<Numbered> = open.map(|(order, _)| *order).collect();
        for order in open {
            decide(&self.town, &self.admin, order, memory).await?;
        }
        Ok(())
    }

    async fn redrive(&self, memory: &mut Memory) -> anyhow::Result<()> {
        redrive(&self.town, &self.admin, memory).await
    }
}

impl Memory {
    /// Reads the events that came since.
    async fn hear(&mut self, admin: &Admin) -> anyhow::Result<()> {
        loop {
            let path = format!("/events?limit={EVENTS}&after={}", self.heard);
            let page = admin.get(&path).await?;
            let events = page["events"].as_array().context("a list of events")?;
            for event in events {
                self.heard = event["sequence"].as_u64().context("a number")?;
                let order = event["order_id"].as_str().and_then(Numbered::of_id);
                if event["type"] == "order.cancellation_pending" {
                    let order = order.context("an order of ours")?;
                    self.decided.insert(order, Told::Owed);
                }
            }
            if events.len() < EVENTS {
                return Ok(());
            }
        }
    }
}

async fn decide(
    town: &Town,
    admin: &Admin,
    order: Numbered,
    memory: &mut Memory,
) -> anyhow::Result<()> {
    let Fate::Decided { refuses } = Fate::of(order) else {
        return Ok(());
    };
    let before = memory.decided.get(&order).copied();
    if before == Some(Told::Done) {
        return Ok(());
    }
    if before == Some(Told::Asked) {
        // The answer was lost: to cancel what waits no more would be another thing.
        let row = admin.get(&format!("/orders/{}", order.id())).await?;
        if row["undecided"].is_null() {
            memory.decided.insert(order, Told::Done);
            return Ok(());
        }
    }
    memory.decided.insert(order, Told::Asked);
    let (deed, body) = match refuses {
        true => ("refuse", json!({"note": "It has begun"})),
        false => ("cancel", json!({"by": "provider"})),
    };
    let path = format!("/orders/{}/{deed}", order.id());
    match admin.post(&path, &body).await? {
        (200, _) => {
            memory.decided.insert(order, Told::Done);
            memory.deeds.decided += 1;
        }
        (status, why) => town.found(format!("{path}: {status} {why}")),
    }
    Ok(())
}

/// Has dead callbacks sent again, those that may be. None dies twice: only the first attempt of a
/// message is ever refused by its BAP.
async fn redrive(town: &Town, admin: &Admin, memory: &mut Memory) -> anyhow::Result<()> {
    for row in admin.all("callbacks", "&state=dead").await? {
        let id = row["id"].as_u64().context("a number")?;
        if memory.redriven.contains(&id) {
            town.found(format!("callback {id} was redriven, and is dead again"));
        }
        match admin
            .post(&format!("/callbacks/{id}/redrive"), &json!({}))
            .await?
        {
            (200, _) => {
                memory.redriven.insert(id);
                memory.deeds.redriven += 1;
            }
            // A price that an outcome has overtaken; the audit looks at whether it was.
            (409, why) if why.contains("overtaken") => {}
            (status, why) => town.found(format!("redrive {id}: {status} {why}")),
        }
    }
    Ok(())
}

/// Does what is left: lets everything go, decides on everything, sends again what is dead.
pub async fn finish(town: &Town, admin: &Admin, within: Duration) -> anyhow::Result<()> {
    let mut memory = town.memory.lock().await;
    admin.release().await?;
    for row in admin.all("orders", "").await? {
        if row["undecided"].is_null() {
            continue;
        }
        let Some(order) = row["id"].as_str().and_then(Numbered::of_id) else {
            bail!("order {} is undecided", row["id"]);
        };
        if memory.decided.get(&order) == Some(&Told::Done) {
            town.found(format!("{} was decided on, and is undecided", order.id()));
            memory.decided.remove(&order);
        }
        decide(town, admin, order, &mut memory).await?;
    }
    admin.quiet(within).await?;
    redrive(town, admin, &mut memory).await?;
    admin.quiet(within).await
}
