//! The command line, and what is printed at the end.

use std::path::PathBuf;

use serde::Serialize;

use crate::operator::Deeds;

/// At most so many violations are printed in full.
const SHOWN: usize = 20;

/// Kills the server under load, and proves that nothing was lost or altered.
#[derive(Debug, clap::Parser)]
pub struct Arguments {
    /// How often it is killed under load
    #[arg(long, default_value_t = 20)]
    pub rounds: u32,
    /// What decides faults, times and the mix of requests
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Clients that send at the same time
    #[arg(long, default_value_t = 32)]
    pub clients: u64,
    /// The server's binary; by default the one built beside this program
    #[arg(long)]
    pub server: Option<PathBuf>,
    /// Keep the directory with store, configuration and ledger
    #[arg(long)]
    pub keep: bool,
    /// Print the result as one JSON document on stdout; progress goes to stderr in any case
    #[arg(long)]
    pub json: bool,
}

/// What a whole run came to.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    pub seed: u64,
    pub rounds: u32,
    pub kills: u32,
    pub kills_in_recovery: u32,
    pub slowest_start_ms: u128,
    pub requests_sent: u64,
    pub messages_acknowledged: usize,
    pub unacknowledged_present: usize,
    pub unacknowledged_absent: usize,
    pub orders_taken_in: usize,
    pub orders_cancelled: usize,
    pub callbacks_received: usize,
    pub repeated_across_kills: usize,
    pub repeated_within_a_life: usize,
    pub previews_overtaken: usize,
    pub deeds: Deeds,
    pub fee_refund_due_paise: [u64; 3],
    pub violations: Vec<String>,
}

impl Arguments {
    /// Prints the counts, and the violations if there are any.
    pub fn print(&self, summary: &Summary) {
        if self.json {
            let text = serde_json::to_string_pretty(summary);
            println!("{}", text.unwrap_or_else(|error| error.to_string()));
            return;
        }
        let unanswered = summary.unacknowledged_present + summary.unacknowledged_absent;
        println!("seed {}: {} rounds", summary.seed, summary.rounds);
        println!(
            "  {} kills, {} of them during recovery; slowest start {} ms",
            summary.kills, summary.kills_in_recovery, summary.slowest_start_ms
        );
        println!(
            "  {} requests sent, {} messages acknowledged, {unanswered} not ({} present, {} absent)",
            summary.requests_sent,
            summary.messages_acknowledged,
            summary.unacknowledged_present,
            summary.unacknowledged_absent
        );
        println!(
            "  {} orders taken in, {} cancelled",
            summary.orders_taken_in, summary.orders_cancelled
        );
        println!(
            "  {} callbacks received; again after an ACK: {} across a kill, {} within a life \
             (0 allowed)",
            summary.callbacks_received,
            summary.repeated_across_kills,
            summary.repeated_within_a_life
        );
        let Deeds {
            holds,
            held_over,
            erased,
            decided,
            redriven,
        } = summary.deeds;
        println!(
            "  {} previews overtaken by their outcomes; {holds} holds ({held_over} lives began under one), {erased} orders erased, \
             {decided} decided on later, {redriven} dead callbacks redriven",
            summary.previews_overtaken
        );
        println!(
            "  fee, refund and due in paise: {:?}",
            summary.fee_refund_due_paise
        );
        println!("  {} violations", summary.violations.len());
        for violation in summary.violations.iter().take(SHOWN) {
            println!("    {violation}");
        }
    }
}
