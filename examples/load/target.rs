//! What is loaded: a server started for the run, with a temporary directory, or one that runs
//! already. A started one is killed at the end, because its store goes with the run.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tempfile::TempDir;
use url::Url;

use crate::arguments::{Plan, Spawn, address_of};
use crate::connection::Connection;
use crate::message::KEY_ID;
use crate::parties::Parties;
use crate::usage::Usage;

/// How long a started server may take until it is ready.
const START: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);
/// How much of a server's log is repeated when a run fails.
const LAST_WORDS_BYTES: usize = 2_000;

/// A server to be loaded.
pub struct Target {
    /// `/cancel` is below it.
    pub url: Url,
    /// Its first address.
    pub address: SocketAddr,
    /// Where orders are handed over, with the token.
    pub admin: Option<(Url, String)>,
    pid: Option<u32>,
    process: Option<Process>,
}

/// A server of our own.
struct Process {
    child: Child,
    directory: TempDir,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Target {
    /// Finds or starts the server.
    pub async fn start(plan: &Plan, parties: &Parties) -> anyhow::Result<Self> {
        match (&plan.spawn, &plan.url) {
            (Some(spawn), _) => started(plan, spawn, parties).await,
            (None, Some(url)) => running(plan, url),
            (None, None) => bail!("nothing to load"),
        }
    }

    /// Processor time and memory up to now.
    pub fn usage(&self) -> Usage {
        self.pid.map(Usage::of).unwrap_or_default()
    }

    /// What a started server logged last.
    pub fn last_words(&self) -> String {
        let Some(process) = &self.process else {
            return "the run failed".to_owned();
        };
        let log = std::fs::read_to_string(process.directory.path().join("server.log"));
        let log = log.unwrap_or_default();
        let from = log.ceil_char_boundary(log.len().saturating_sub(LAST_WORDS_BYTES));
        format!(
            "the run failed; the server's log ends with:\n{}",
            &log[from..]
        )
    }

    /// Ends a started server.
    pub fn stop(&mut self) {
        self.process = None;
    }
}

fn running(plan: &Plan, url: &Url) -> anyhow::Result<Target> {
    let token = |file: &Path| {
        std::fs::read_to_string(file)
            .map(|text| text.trim().to_owned())
            .with_context(|| format!("cannot read {}", file.display()))
    };
    let admin = match &plan.admin {
        Some((url, file)) => Some((url.clone(), token(file)?)),
        None => None,
    };
    Ok(Target {
        url: url.clone(),
        address: address_of(url)?,
        admin,
        pid: plan.pid,
        process: None,
    })
}

async fn started(plan: &Plan, spawn: &Spawn, parties: &Parties) -> anyhow::Result<Target> {
    let directory = tempfile::tempdir()?;
    let [public, admin] = free_ports()?;
    let mut command = Command::new(&spawn.program);
    if spawn.ceiling {
        ceiling(&mut command, public, directory.path(), parties);
    } else {
        let config = configuration(plan, spawn, [public, admin], parties);
        let file = directory.path().join("beckn-bpp.toml");
        std::fs::write(&file, config)?;
        let key = include_str!("../../keys/bpp.signing");
        std::fs::write(directory.path().join("bpp.signing"), key)?;
        command.arg("serve").arg("--config").arg(file);
    }
    let log = File::create(directory.path().join("server.log"))?;
    let command = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    let child = command
        .spawn()
        .with_context(|| format!("cannot start {}", spawn.program.display()))?;
    let mut target = Target {
        url: Url::parse(&format!("http://{public}"))?,
        address: public,
        admin: None,
        pid: Some(child.id()),
        process: Some(Process { child, directory }),
    };
    ready(&mut target)
        .await
        .with_context(|| target.last_words())?;
    if let (false, Some(process)) = (spawn.ceiling, &target.process) {
        let token = std::fs::read_to_string(process.directory.path().join("admin.token"))?;
        let url = Url::parse(&format!("http://{admin}"))?;
        target.admin = Some((url, token.trim().to_owned()));
    }
    Ok(target)
}

fn ceiling(command: &mut Command, bind: SocketAddr, directory: &Path, parties: &Parties) {
    let callback = parties.hosts.first().map(Url::as_str).unwrap_or_default();
    command
        .arg("--bind")
        .arg(bind.to_string())
        .arg("--data")
        .arg(directory.join("data"))
        .arg("--callback")
        .arg(format!("{callback}on_cancel"));
}

fn configuration(
    plan: &Plan,
    spawn: &Spawn,
    [public, admin]: [SocketAddr; 2],
    parties: &Parties,
) -> String {
    let (bpp, registry) = (&plan.bpp_id, &parties.registry.url);
    let level = &spawn.log_level;
    format!(
        r#"environment = "development"
[http]
bind = "{public}"
admin_bind = "{admin}"
[store]
path = "data"
[network.mobility]
kind = "beckn"
domains = ["mobility:ondemandride"]
subscriber_id = "{bpp}"
subscriber_url = "http://{public}"
key_id = "{KEY_ID}"
signing_key_file = "bpp.signing"
registry_url = "{registry}"
[log]
level = "{level}"
"#
    )
}

/// Ports that were free a moment ago.
fn free_ports() -> anyhow::Result<[SocketAddr; 2]> {
    let one = TcpListener::bind("127.0.0.1:0")?;
    let other = TcpListener::bind("127.0.0.1:0")?;
    Ok([one.local_addr()?, other.local_addr()?])
}

async fn ready(target: &mut Target) -> anyhow::Result<()> {
    let asked = "GET /health/ready HTTP/1.1\r\nhost: load\r\n\r\n";
    let until = Instant::now() + START;
    while Instant::now() < until {
        if let Some(process) = &mut target.process
            && let Some(status) = process.child.try_wait()?
        {
            bail!("the server ended while starting: {status}");
        }
        let answer = async {
            let mut connection = Connection::open(target.address).await?;
            connection.exchange(asked.as_bytes()).await
        };
        if answer.await.is_ok_and(|answer| answer.status == 200) {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    bail!("the server was not ready within {} s", START.as_secs())
}
