//! The command line, checked once and turned into a [`Plan`]: every run is bounded in messages
//! and in time, and goes to this machine unless told that another one is ours to load.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use url::Url;

use crate::binary;

/// Messages when nobody says how many.
const COUNT: u64 = 20_000;
/// Where registry and BAP listen for a server that was configured by hand.
const REGISTRY: u16 = 8092;
const BAP: u16 = 8093;

/// Load for a Beckn BPP: signed cancels in, on_cancel callbacks out, and a reckoning
#[derive(Debug, clap::Parser)]
#[command(name = "load")]
pub struct Arguments {
    /// Start this server for the run; by default the beckn-bpp built beside this program
    #[arg(long, value_name = "PROGRAM", conflicts_with = "url")]
    spawn: Option<PathBuf>,
    /// The program to start is a ceiling (examples/ceiling), by default the one built beside
    #[arg(long, conflicts_with = "url")]
    ceiling: bool,
    /// Load a server that runs already: the URL that /cancel is below
    #[arg(long)]
    url: Option<Url>,
    /// Its subscriber id
    #[arg(long, default_value = "bpp.example.org")]
    bpp_id: String,
    /// Its public key, base64 of 32 bytes; the developer BPP's by default
    #[arg(long, default_value = include_str!("../../keys/bpp.public"), hide_default_value = true)]
    bpp_public_key: String,
    /// Its process, to read processor time and memory of
    #[arg(long, requires = "url")]
    pid: Option<u32>,
    /// Its admin API, to hand the orders over; without it they must be there already
    #[arg(long, requires_all = ["url", "token_file"])]
    admin: Option<Url>,
    /// File with the token of its admin API
    #[arg(long)]
    token_file: Option<PathBuf>,
    /// Write the orders to this file, one a line, and end
    #[arg(long, value_name = "FILE", requires = "url")]
    orders_out: Option<PathBuf>,
    /// Where our registry listens [default: free, or 127.0.0.1:8092 with --url]
    #[arg(long)]
    registry_bind: Option<SocketAddr>,
    /// Where our BAP receives callbacks [default: free, or 127.0.0.1:8093 with --url]
    #[arg(long)]
    bap_bind: Option<SocketAddr>,
    /// On how many ports, one after the other, the BAP receives: to a server, so many hosts
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    bap_hosts: u16,
    /// Requests arrive at this rate, in requests per second, however slow the answers are
    #[arg(long)]
    rate: Option<f64>,
    /// So many clients, each waiting for its answer; with --rate, the most at once
    /// [default: 64, with --rate 256]
    #[arg(long)]
    concurrency: Option<usize>,
    /// Messages sent at most [default: 20000, or what --rate times --seconds makes]
    #[arg(long)]
    count: Option<u64>,
    /// Send for at most so long
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// Orders handed over [default: as many as messages]
    #[arg(long)]
    orders: Option<u64>,
    /// What is sent
    #[arg(long, value_enum, default_value_t = Mix::Cancel)]
    mix: Mix,
    /// Give up on callbacks when none has come for so many seconds
    #[arg(long, default_value_t = 30)]
    drain_seconds: u64,
    /// Verify the signature of one callback in so many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    verify_every: u64,
    /// Eight hex digits that all ids of this run begin with; random by default
    #[arg(long)]
    run: Option<String>,
    /// Log level of a started server
    #[arg(long, default_value = "info")]
    log_level: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Load addresses other than loopback
    #[arg(long)]
    i_own_this_host: bool,
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mix {
    /// Each order is cancelled once
    Cancel,
    /// Each cancel is posted twice, the same bytes: two ACKs, one callback
    Replay,
    /// Only the price is asked for, of the same orders again and again
    Soft,
}

/// What to start.
#[derive(Debug, Clone)]
pub struct Spawn {
    /// The program.
    pub program: PathBuf,
    /// Whether it is a ceiling.
    pub ceiling: bool,
    /// Log level.
    pub log_level: String,
}

/// A run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What to start, unless it runs already.
    pub spawn: Option<Spawn>,
    /// Where it is, when it runs already.
    pub url: Option<Url>,
    /// The BPP's subscriber id.
    pub bpp_id: String,
    /// The BPP's public key.
    pub bpp_public_key: String,
    /// The process to watch.
    pub pid: Option<u32>,
    /// Admin API and token file.
    pub admin: Option<(Url, PathBuf)>,
    /// Where to write the orders instead of running.
    pub orders_out: Option<PathBuf>,
    /// Where the registry listens.
    pub registry_bind: SocketAddr,
    /// Where the BAP listens, first of its ports.
    pub bap_bind: SocketAddr,
    /// How many ports the BAP has.
    pub bap_hosts: u16,
    /// Requests per second; none: each client waits for its answer.
    pub rate: Option<f64>,
    /// Clients.
    pub concurrency: usize,
    /// Messages at most.
    pub count: u64,
    /// Time at most.
    pub time: Duration,
    /// Orders.
    pub orders: u64,
    /// What is sent.
    pub mix: Mix,
    /// How long a silence ends the wait for callbacks.
    pub drain: Duration,
    /// One in so many signatures is verified.
    pub verify_every: u64,
    /// What all ids begin with.
    pub run: String,
    /// Print JSON.
    pub json: bool,
}

impl Arguments {
    /// Checks what clap cannot.
    pub fn plan(self) -> anyhow::Result<Plan> {
        self.check_addresses()?;
        if self.rate.is_some_and(|rate| !(0.01..=1e6).contains(&rate)) {
            bail!("--rate is between 0.01 and 1000000");
        }
        let count = self.count.unwrap_or_else(|| self.usual_count());
        let orders = self.orders.unwrap_or(count);
        if count == 0 || orders == 0 || (self.mix != Mix::Soft && orders < count) {
            bail!("{count} messages need as many --orders, got {orders}: each cancels another");
        }
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let fixed = |port| local(if self.url.is_some() { port } else { 0 });
        Ok(Plan {
            spawn: self.to_spawn()?,
            pid: self.pid,
            admin: self.admin.zip(self.token_file),
            orders_out: self.orders_out,
            registry_bind: self.registry_bind.unwrap_or(fixed(REGISTRY)),
            bap_bind: self.bap_bind.unwrap_or(fixed(BAP)),
            bap_hosts: self.bap_hosts,
            rate: self.rate,
            concurrency: self
                .concurrency
                .unwrap_or(if self.rate.is_some() { 256 } else { 64 }),
            count,
            time: Duration::from_secs(self.seconds),
            orders,
            mix: self.mix,
            drain: Duration::from_secs(self.drain_seconds),
            verify_every: self.verify_every,
            run: run_name(self.run)?,
            json: self.json,
            url: self.url,
            bpp_id: self.bpp_id,
            bpp_public_key: self.bpp_public_key,
        })
    }

    fn usual_count(&self) -> u64 {
        match self.rate {
            Some(rate) => (rate * Duration::from_secs(self.seconds).as_secs_f64()).ceil() as u64,
            None => COUNT,
        }
    }

    fn to_spawn(&self) -> anyhow::Result<Option<Spawn>> {
        if self.url.is_some() {
            return Ok(None);
        }
        let program = match &self.spawn {
            Some(program) => program.clone(),
            None => binary::beside(self.ceiling)?,
        };
        let program = binary::checked(program)?;
        Ok(Some(Spawn {
            program,
            ceiling: self.ceiling,
            log_level: self.log_level.clone(),
        }))
    }

    /// A load test is an attack on a machine that is not one's own.
    fn check_addresses(&self) -> anyhow::Result<()> {
        if self.i_own_this_host {
            return Ok(());
        }
        for url in [&self.url, &self.admin].into_iter().flatten() {
            let addresses = url.socket_addrs(|| None).context("cannot resolve")?;
            check_loopback(url.as_str(), addresses.iter().map(SocketAddr::ip))?;
        }
        for bind in [self.registry_bind, self.bap_bind].into_iter().flatten() {
            check_loopback(&bind.to_string(), [bind.ip()])?;
        }
        Ok(())
    }
}

fn check_loopback(what: &str, ips: impl IntoIterator<Item = IpAddr>) -> anyhow::Result<()> {
    match ips.into_iter().all(|ip| ip.is_loopback()) {
        true => Ok(()),
        false => bail!("{what} is not this machine; if it is yours, say --i-own-this-host"),
    }
}

fn run_name(given: Option<String>) -> anyhow::Result<String> {
    let name = match given {
        Some(name) => name,
        None => format!("{:08x}", getrandom::u32()?),
    };
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    if name.len() != 8 || !name.chars().all(hex) {
        bail!("--run is eight hex digits, got {name:?}");
    }
    Ok(name)
}

impl Plan {
    /// The BAP's URLs where its ports are known beforehand.
    pub fn fixed_hosts(&self) -> anyhow::Result<Vec<Url>> {
        let first = self.bap_bind.port();
        (0..self.bap_hosts)
            .map(|number| {
                let port = first
                    .checked_add(number)
                    .context("the ports end at 65535")?;
                let address = SocketAddr::new(self.bap_bind.ip(), port);
                Ok(Url::parse(&format!("http://{address}"))?)
            })
            .collect()
    }

    /// How often each message is posted.
    pub fn copies(&self) -> u64 {
        match self.mix {
            Mix::Replay => 2,
            Mix::Cancel | Mix::Soft => 1,
        }
    }
}

/// The first address of an `http` URL.
pub fn address_of(url: &Url) -> anyhow::Result<SocketAddr> {
    if url.scheme() != "http" {
        bail!("{url}: only http is spoken here");
    }
    let host = url.host_str().context("a URL without a host")?;
    let port = url.port_or_known_default().unwrap_or(80);
    let mut found = (host.trim_matches(['[', ']']), port).to_socket_addrs()?;
    found
        .next()
        .with_context(|| format!("{url} has no address"))
}
