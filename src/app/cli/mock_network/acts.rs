//! What happens on the network of `mock-network`: the provider hands over all orders, and then the
//! ten acts, each a cancellation that must come to its end.

use anyhow::bail;
use serde_json::Value;

use super::{Network, WAIT, health, market, rides};
use crate::mock::orders::Sample;

impl Network {
    /// Hands over the sample orders as the provider's system would. Returns those that an
    /// earlier run in the same directory has cancelled; they stay so.
    pub(super) async fn hand_over_orders(&self) -> anyhow::Result<Vec<&'static str>> {
        let mut orders = rides::orders(self)?;
        orders.extend(self.health.orders(self.server.public_address)?);
        orders.extend(market::orders(&self.bap, self.server.public_address)?);
        let (placed, mut lines): (Vec<Sample>, Vec<String>) = orders.into_iter().unzip();
        let mut ids: Vec<&str> = placed.iter().map(|sample| sample.id).collect();
        lines.push(self.spa.booking());
        ids.push(self.spa.id());
        let answers = self.admin("POST", "/orders", lines.join("\n")).await?;
        let cancelled = self.admin("GET", "/orders?state=Cancelled", String::new());
        let cancelled: Value = serde_json::from_str(&cancelled.await?)?;
        let orders = cancelled["orders"].as_array().into_iter().flatten();
        let over: Vec<&str> = orders.filter_map(|order| order["id"].as_str()).collect();
        for (line, id) in answers.lines().zip(&ids) {
            if line.contains("\"refused\"") && !over.contains(id) {
                bail!("a sample order was not taken in: {line}");
            }
        }
        ids.retain(|id| over.contains(id));
        Ok(ids)
    }

    /// Asks the server's admin API, as the provider's system would.
    pub(super) async fn admin(
        &self,
        method: &str,
        path: &str,
        body: String,
    ) -> anyhow::Result<String> {
        let url = format!("http://{}{path}", self.server.admin_address);
        let answer = super::super::http_client()?
            .request(method.parse()?, url)
            .bearer_auth(&self.token)
            .body(body)
            .send()
            .await?;
        Ok(answer.error_for_status()?.text().await?)
    }

    /// The first cancellations: of rides, of visits to a doctor, on ONDC, of a booking at a spa.
    pub(super) async fn play(&self, quiet: bool) -> anyhow::Result<Vec<Value>> {
        let mut acts = rides::play(self, quiet).await?;
        acts.extend(self.play_visits(quiet).await?);
        acts.extend(market::play(self, quiet).await?);
        if !quiet {
            println!("\n=== 10. a booking app cancels at a spa, on no network\n");
        }
        acts.push(self.spa.cancel(self.server.public_address, quiet).await?);
        Ok(acts)
    }

    /// A patient's cancel, a doctor's, and one by a partner's app.
    async fn play_visits(&self, quiet: bool) -> anyhow::Result<[Value; 3]> {
        let say = |title: &str| {
            if !quiet {
                println!("\n=== {title}\n");
            }
        };
        say("4. a patient cancels visit_1: UHI 0.7.1, with a copy for the gateway");
        let public = self.server.public_address;
        let patient = self.health.patient(public, WAIT, quiet).await?;
        say("5. the doctor cancels visit_2: the EUA hears of it unasked");
        let (path, body) = health::doctors_cancel();
        let answer = self.admin("POST", &path, body.to_string()).await?;
        let answer = serde_json::from_str(&answer)?;
        let doctor = self.health.doctor(&answer, WAIT, quiet).await?;
        say(
            "6. a partner's app cancels visit_3 over REST, and hears of it by webhook; so does the EUA",
        );
        let partner = self.health.partner(public, WAIT, quiet).await?;
        Ok([patient, doctor, partner])
    }
}
