//! The proof: who cancels, who completes, who kills, and what is compared.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use beckn_bpp::mock::bap::{self, BapHandle};
use beckn_bpp::mock::provider::{self, ProviderHandle};
use serde_json::{Value, json};
use url::Url;

use crate::back_end::{BackEnd, Book};
use crate::outside::orders::{Bap, Numbered};
use crate::outside::process::Process;
use crate::outside::surroundings::{Admin, BAP_KEYS, Surroundings, listener, signer};
use crate::pushed::Pushed;
use crate::random::Random;
use crate::{Arguments, binary};

/// The longest anything is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long each side waits after each order.
const PACE: Duration = Duration::from_millis(15);

/// How often what is waited for is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Short steps and many of them, so that kills never make a callback dead; no breaker.
const DELIVERY: &str = r#"
schedule = ["0s", "100ms", "200ms", "500ms", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s",
    "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s"]
breaker_failures = 1000000
"#;

/// Everything around the two processes that are killed.
struct Scene {
    around: Surroundings,
    bap: BapHandle,
    /// Who is asked, and takes the pushed events.
    listener: ProviderHandle,
    who: Bap,
    server: std::path::PathBuf,
    public: SocketAddr,
    admin: SocketAddr,
    over: AtomicBool,
    kills: [AtomicU64; 2],
}

/// Runs it; returns what does not fit.
pub async fn run(arguments: &Arguments) -> anyhow::Result<Vec<String>> {
    let began = Instant::now();
    let scene = Scene::new(arguments)?;
    let server = scene.serve()?;
    let orders: Vec<Numbered> = (0..arguments.orders).map(Numbered).collect();
    let documents = orders.iter().map(|order| order.document(&scene.who));
    let documents: Vec<Value> = documents.collect::<anyhow::Result<_>>()?;
    Admin::at(scene.admin)?.hand_over(&documents).await?;
    // A third each is cancelled, completed, and wanted by both.
    let to_complete = orders.iter().filter(|order| order.0 % 3 != 0);
    let ids: Vec<String> = to_complete.map(|order| order.id()).collect();
    scene.write("work.json", &json!(ids).to_string())?;
    let to_cancel: Vec<Numbered> = orders.iter().copied().filter(|o| o.0 % 3 != 1).collect();
    let back_end = scene.spawn_back_end()?;
    let random = Random::of(&[arguments.seed]);
    let (killed, cancelled) = tokio::join!(
        scene.kill_again_and_again(random, server, back_end),
        scene.cancel_all(&to_cancel)
    );
    let (server, mut back_end) = killed?;
    let acknowledged = cancelled?;
    let broken = scene.compare(&orders, &ids, &acknowledged).await;
    let _ = back_end.kill();
    let _ = back_end.wait();
    server.terminate(PATIENCE)?;
    let [servers, back_ends] = scene
        .kills
        .each_ref()
        .map(|kills| kills.load(Ordering::Relaxed));
    let broken = broken?;
    println!(
        "{} orders, {} cancels acknowledged; the server was killed {servers} times, the back end \
         {back_ends} times; {} findings, in {:.1} s",
        orders.len(),
        acknowledged.len(),
        broken.len(),
        began.elapsed().as_secs_f64()
    );
    scene.bap.stop().await;
    Ok(broken)
}

/// The back end's process: everything it needs is in the directory.
pub async fn back_end(directory: &Path) -> anyhow::Result<()> {
    let read = |name: &str| std::fs::read_to_string(directory.join(name));
    let work: Vec<String> = serde_json::from_str(&read("work.json")?)?;
    let back_end = BackEnd {
        book: tokio::sync::Mutex::new(Book::open(&directory.join("book"))?),
        api: read("api")?,
        token: read("admin.token")?,
        http: reqwest::Client::builder().no_proxy().build()?,
    };
    let complete = async {
        for order in &work {
            back_end.complete(order).await?;
            tokio::time::sleep(PACE).await;
        }
        std::future::pending::<anyhow::Result<()>>().await
    };
    tokio::try_join!(back_end.read_events(), complete).map(|((), ())| ())
}

impl Scene {
    fn new(arguments: &Arguments) -> anyhow::Result<Self> {
        let around = Surroundings::new(DELIVERY)?;
        let signer = signer("bap.example.org", BAP_KEYS[0])?;
        let bap = bap::start(listener()?, signer, &around.registry.url, "/beckn")?;
        around.register(&[(bap.signer(), &bap.url)]);
        let who = Bap {
            id: "bap.example.org".to_owned(),
            uri: bap.url.to_string(),
        };
        let held: Vec<TcpListener> = (0..2).map(|_| listener()).collect::<Result<_, _>>()?;
        let (public, admin) = (held[0].local_addr()?, held[1].local_addr()?);
        let config = std::fs::read_to_string(around.config_file())?;
        let config = config
            .replacen("bind = \"127.0.0.1:0\"", &format!("bind = \"{public}\""), 1)
            .replacen("bind = \"127.0.0.1:0\"", &format!("bind = \"{admin}\""), 1);
        let listener = provider::start(listener()?)?;
        let pushed = format!(
            "[provider]\nsecret_file = \"provider.secret\"\nevents_url = \"{}\"\n\
             hook_url = \"{}\"\n",
            listener.events_url, listener.hook_url
        );
        std::fs::write(around.config_file(), config + &pushed)?;
        let scene = Self {
            around,
            bap,
            listener,
            who,
            server: binary::server(arguments.server.as_ref())?,
            public,
            admin,
            over: AtomicBool::new(false),
            kills: Default::default(),
        };
        scene.write("api", &format!("http://{admin}"))?;
        scene.write("provider.secret", provider::SECRET)?;
        Ok(scene)
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        Ok(std::fs::write(
            self.around.directory.path().join(name),
            text,
        )?)
    }

    fn serve(&self) -> anyhow::Result<Process> {
        let server = Process::start(&mut self.around.serve(&self.server))?;
        server.ready(PATIENCE)?;
        Ok(server)
    }

    fn spawn_back_end(&self) -> anyhow::Result<Child> {
        let mut command = Command::new(std::env::current_exe()?);
        let command = command.arg("--back-end").arg(self.around.directory.path());
        Ok(command.stdin(Stdio::null()).spawn()?)
    }

    /// Kills one or the other, and starts it again, until all that is to be cancelled is.
    async fn kill_again_and_again(
        &self,
        mut random: Random,
        mut server: Process,
        mut back_end: Child,
    ) -> anyhow::Result<(Process, Child)> {
        while !self.over.load(Ordering::Relaxed) {
            let pause = Duration::from_millis(random.within(200..1_000));
            tokio::time::sleep(pause).await;
            let which = usize::from(random.within(0..2) == 0);
            self.kills[which].fetch_add(1, Ordering::Relaxed);
            if which == 0 {
                server.kill();
                server = self.serve()?;
            } else {
                back_end.kill()?;
                back_end.wait()?;
                back_end = self.spawn_back_end()?;
            }
        }
        Ok((server, back_end))
    }

    /// Each until it is acknowledged, under one message id; returns the ids by order.
    async fn cancel_all(&self, orders: &[Numbered]) -> anyhow::Result<BTreeMap<String, String>> {
        let mut acknowledged = BTreeMap::new();
        let url: Url = format!("http://{}/cancel", self.public).parse()?;
        for order in orders {
            let message = uuid::Uuid::new_v4().to_string();
            let body = order.cancel(&self.who, &message);
            let began = Instant::now();
            loop {
                let reply = self.bap.sign_and_post(&url, body.clone()).await;
                let ack = reply.map(|reply| reply.json()["message"]["ack"]["status"] == "ACK");
                if ack.unwrap_or(false) {
                    break;
                }
                ensure!(
                    began.elapsed() < PATIENCE,
                    "{} is not acknowledged",
                    order.id()
                );
                tokio::time::sleep(LOOK).await;
            }
            acknowledged.insert(order.id(), message);
            // As slow as the other side, so that they meet.
            tokio::time::sleep(PACE).await;
        }
        self.over.store(true, Ordering::Relaxed);
        Ok(acknowledged)
    }

    /// What the server, the back end and the BAP say must be the same.
    async fn compare(
        &self,
        orders: &[Numbered],
        completed: &[String],
        acknowledged: &BTreeMap<String, String>,
    ) -> anyhow::Result<Vec<String>> {
        let admin = Admin::at(self.admin)?;
        for (order, message) in acknowledged {
            // Whose outcome the listener still decides is owed nothing yet.
            let heard = self.bap.received(message, PATIENCE).await;
            ensure!(heard.is_some(), "{order}: the BAP heard nothing");
        }
        admin.quiet(PATIENCE).await?;
        let events = self.events(&admin).await?;
        let last = events.last().copied().unwrap_or_default();
        let book = self.caught_up(last, completed).await?;
        let listed = admin.all("orders", "").await?;
        let listed: BTreeMap<&str, &Value> = listed
            .iter()
            .filter_map(|order| Some((order["id"].as_str()?, order)))
            .collect();
        let mut broken = self.pushes(&events);
        for order in orders {
            let id = order.id();
            let there = listed.get(id.as_str()).context("an order is gone")?;
            let server = there["state"].as_str().unwrap_or("?");
            let ours = book.orders.get(&id).map_or("Confirmed", String::as_str);
            if server != ours {
                broken.push(format!(
                    "{id}: the server says {server}, the back end {ours}"
                ));
            }
            if let Some(message) = acknowledged.get(&id) {
                let heard = self.bap.received(message, PATIENCE).await;
                let heard = heard.map(|heard| heard.json()["error"].is_null());
                if heard != Some(server == "Cancelled") {
                    broken.push(format!("{id}: {server}, and the BAP heard {heard:?}"));
                }
            }
        }
        Ok(broken)
    }

    /// What is wrong with the pushes: all events, signed, and those of an order in their order.
    fn pushes(&self, listed: &BTreeSet<u64>) -> Vec<String> {
        let pushed = Pushed::read(&self.listener.events());
        let missing = listed.difference(&pushed.sequences);
        let missing = missing.map(|sequence| format!("event {sequence} was never pushed"));
        let questions = self.listener.questions().into_iter();
        let unsigned = questions.filter_map(|asked| asked.verdict.err());
        let unsigned = unsigned.map(|why| format!("a question: {why}"));
        pushed
            .faults
            .into_iter()
            .chain(missing)
            .chain(unsigned)
            .collect()
    }

    async fn events(&self, admin: &Admin) -> anyhow::Result<BTreeSet<u64>> {
        let events = admin.all("events", "").await?;
        let sequences = events.iter().map(|event| event["sequence"].as_u64());
        sequences
            .collect::<Option<_>>()
            .context("an event has a number")
    }

    /// The back end's book once it has read all events and done all its work.
    async fn caught_up(&self, last: u64, completed: &[String]) -> anyhow::Result<Book> {
        let path = self.around.directory.path().join("book");
        let waiting = async {
            loop {
                // Read from a copy: the book is the other process's to mend.
                let copy = self.around.directory.path().join("book.copy");
                std::fs::copy(&path, &copy)?;
                let book = Book::open(&copy)?;
                let done = completed.iter().all(|id| book.orders.contains_key(id));
                if book.after >= last && done {
                    return anyhow::Ok(book);
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        let caught_up = tokio::time::timeout(PATIENCE, waiting).await;
        caught_up.context("the back end does not catch up")?
    }
}
