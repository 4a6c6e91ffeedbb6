//! One of the clients: sends what the seed decides until the server is gone.
//!
//! 70 % new cancels, some of them after one to three questions for the price, 10 % exact replays (of an old request, or of one that is on its way at the
//! same moment), 5 % of a known message id with another body (old, or at the same moment), 10 %
//! second cancels of an order, 5 % cancels by a stranger. An answer that contradicts what was
//! acknowledged before is a violation at once; all else is left to the audit.

use std::net::SocketAddr;
use std::sync::Arc;

use chrono::Utc;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::Value;

use crate::fate::{self, Fate};
use crate::ledger::Line;
use crate::outside::books::Request;
use crate::outside::orders::Numbered;
use crate::outside::surroundings::Admin;
use crate::random::Random;
use crate::town::Town;

/// A client for one life of the server.
pub struct Client {
    pub town: Arc<Town>,
    pub admin: Admin,
    pub http: reqwest::Client,
    pub public: SocketAddr,
    pub random: Random,
}

/// The answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Ack,
    Nack,
}

/// The server is gone, or the ledger is.
struct Gone;

type Answered = Result<Answer, Gone>;

impl Client {
    /// Sends until there is no answer any more.
    pub async fn run(mut self) {
        while self.send_something().await.is_ok() {}
    }

    async fn send_something(&mut self) -> Result<(), Gone> {
        match self.random.within(0..100) {
            0..70 => self.new_cancel().await,
            70..80 => self.replay().await,
            80..85 => self.reuse().await,
            85..95 => self.second_cancel().await,
            _ => self.foreign().await,
        }
    }

    async fn new_cancel(&mut self) -> Result<(), Gone> {
        let request = self.fresh().await?;
        if Fate::of(request.order) == Fate::Previewed {
            for _ in 0..self.random.within(1..4) {
                let preview = self.preview(&request);
                self.expect(&preview, Answer::Ack).await?;
            }
            // Not everybody likes the price.
            if self.random.within(0..4) == 0 {
                return Ok(());
            }
        }
        self.expect(&request, Answer::Ack).await
    }

    /// The question for the price of a cancel, in a message of its own.
    fn preview(&self, cancel: &Request) -> Request {
        let message = format!("preview-{}", self.town.next_number());
        let bap = &self.town.bap(cancel.order.bap()).1;
        let body = cancel.order.cancel(bap, &message);
        Request {
            body: fate::preview(&body).unwrap_or(body),
            message,
            ..cancel.clone()
        }
    }

    async fn fresh(&mut self) -> Result<Request, Gone> {
        let order = self.town.fresh_order(&self.admin).await.map_err(|_| Gone)?;
        Ok(self.request(order, order.bap()))
    }

    /// A cancel of the order by the BAP with this index.
    fn request(&self, order: Numbered, bap: usize) -> Request {
        let message = format!("message-{}", self.town.next_number());
        Request {
            order,
            body: order.cancel(&self.town.bap(bap).1, &message),
            message,
            is_foreign: bap != order.bap(),
        }
    }

    async fn replay(&mut self) -> Result<(), Gone> {
        let chance = self.random.next();
        match self.random.within(0..4) {
            0 => {
                let Some(old) = self.town.some_acknowledged(chance) else {
                    return Ok(());
                };
                self.expect(&old, Answer::Ack).await
            }
            1 => {
                // It may have lost against another body, so any answer will do.
                let Some(old) = self.town.some_request(chance) else {
                    return Ok(());
                };
                self.send(&old).await.map(drop)
            }
            _ => {
                let request = self.fresh().await?;
                let (one, other) = tokio::join!(
                    self.expect(&request, Answer::Ack),
                    self.expect(&request, Answer::Ack)
                );
                one.and(other)
            }
        }
    }

    async fn reuse(&mut self) -> Result<(), Gone> {
        let chance = self.random.next();
        if self.random.within(0..2) == 0 {
            let Some(old) = self.town.some_acknowledged(chance) else {
                return Ok(());
            };
            return self.expect(&with_another_body(&old), Answer::Nack).await;
        }
        let request = self.fresh().await?;
        let other = with_another_body(&request);
        let (one, two) = tokio::join!(self.send(&request), self.send(&other));
        if (one?, two?) == (Answer::Nack, Answer::Nack) {
            self.town
                .found(format!("{}: both bodies were refused", request.message));
        }
        Ok(())
    }

    async fn second_cancel(&mut self) -> Result<(), Gone> {
        let again = |first: &Request| Fate::of(first.order).may_be_cancelled_again();
        let Some(first) = self.town.some_request(self.random.next()).filter(again) else {
            return Ok(());
        };
        let request = self.request(first.order, first.order.bap());
        self.expect(&request, Answer::Ack).await
    }

    async fn foreign(&mut self) -> Result<(), Gone> {
        let Some(first) = self.town.some_request(self.random.next()) else {
            return Ok(());
        };
        let request = self.request(first.order, 1 - first.order.bap());
        self.expect(&request, Answer::Nack).await
    }

    async fn expect(&self, request: &Request, expected: Answer) -> Result<(), Gone> {
        let answer = self.send(request).await?;
        if answer != expected {
            let message = &request.message;
            self.town
                .found(format!("{message}: expected {expected:?}, got {answer:?}"));
        }
        Ok(())
    }

    /// Sends a request, with the ledger before and after.
    async fn send(&self, request: &Request) -> Answered {
        let ledger = &self.town.ledger;
        ledger.write(&Line::sent(request)).await.map_err(|_| Gone)?;
        if !request.is_foreign {
            self.town.remember(request, false);
        }
        let answer = self.post(request).await.map_err(|_| Gone)?;
        if answer == Answer::Ack {
            ledger
                .write(&Line::acked(request))
                .await
                .map_err(|_| Gone)?;
            self.town.remember(request, true);
        }
        Ok(answer)
    }

    async fn post(&self, request: &Request) -> reqwest::Result<Answer> {
        let bap = request.order.bap();
        let bap = if request.is_foreign { 1 - bap } else { bap };
        let (signer, _) = self.town.bap(bap);
        let authorization = signer.authorization(request.body.as_bytes(), Utc::now().timestamp());
        let post = self.http.post(format!("http://{}/cancel", self.public));
        let answer = post
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, authorization)
            .body(request.body.clone())
            .send()
            .await?;
        let (status, body) = (answer.status(), answer.bytes().await?);
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status != reqwest::StatusCode::OK {
            let message = &request.message;
            self.town
                .found(format!("{message}: answered {status}: {body}"));
        }
        match body["message"]["ack"]["status"] == "ACK" {
            true => Ok(Answer::Ack),
            false => Ok(Answer::Nack),
        }
    }
}

fn with_another_body(request: &Request) -> Request {
    let [one, other] = ["\"001\"", "\"002\""];
    let body = match request.body.contains(one) {
        true => request.body.replace(one, other),
        false => request.body.replace(other, one),
    };
    Request {
        body,
        ..request.clone()
    }
}
