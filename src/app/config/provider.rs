//! The section `[provider]`: where the provider's own systems hear of changes, and where they are
//! asked.
//!
//! Gathers where events are pushed and how the hook asks. The same secrets sign both; their file is
//! read again when it changes, so that one can take the place of another without a restart.

use std::path::Path;
use std::time::Duration;

use url::Url;

use super::fault::Problem;
use super::section::Section;
use super::values::invalid;
use super::watched::{Taken, Watched};
use super::{Environment, Surroundings, secret_file, signing_key};
use crate::crypto::standard_webhook::Secrets;
use crate::delivery::provider::Endpoint;
use crate::engine::undecided::Asking;
use crate::engine::waiting::Places;

/// The longest the provider may take, as nobody waits longer for an answer.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// The section.
#[derive(Debug, Clone, Default)]
pub struct Provider {
    /// Where events are pushed.
    pub events: Option<Endpoint>,
    /// Where the provider is asked, and when.
    pub hook: Option<(Endpoint, Asking)>,
}

/// Reads the section out of `root`.
pub fn read(root: &mut Section<'_>, around: &Surroundings) -> Provider {
    let mut section = root.section("provider");
    let names = ["secret", "secret_file"];
    let secrets = secrets(&mut section, names, around);
    let allow_http = section.or("allow_http", around.environment == Environment::Development);
    let events_url = url(&mut section, "events_url", allow_http);
    let hook_url = url(&mut section, "hook_url", allow_http);
    let asking = asking(&mut section);
    let is_given = section.is_given(names[0]) || section.is_given(names[1]);
    if (events_url.is_some() || hook_url.is_some()) && !is_given {
        let expected = "the name of a file with whsec_ and 32 random bytes in base64: what is sent \
                        to the provider is signed";
        section.missing("secret_file", expected.to_owned());
    }
    section.finish();
    let endpoint = |url: Option<Url>| {
        Some(Endpoint {
            url: url?,
            secrets: secrets.clone()?,
        })
    };
    Provider {
        events: endpoint(events_url),
        hook: endpoint(hook_url).map(|endpoint| (endpoint, asking)),
    }
}

/// The secrets, read again whenever their file changes.
fn secrets(
    section: &mut Section<'_>,
    names: [&'static str; 2],
    around: &Surroundings,
) -> Option<Secrets> {
    let found = signing_key::private_key(section, names, around, Secrets::parse)?;
    if let Some(path) = found.path {
        let (held, environment) = (found.key.clone(), around.environment);
        around.watch(Watched::new(path, move |path| {
            exchange(&held, path, environment)
        }));
    }
    Some(found.key)
}

fn exchange(held: &Secrets, path: &Path, environment: Environment) -> Taken {
    let text = secret_file::open(path, environment)?;
    let new = Secrets::parse(&text);
    let new = new.map_err(|e| secret_file::wrong(path, format!("holds no secret: {e}")))?;
    let count = new.count();
    let news = format!("from now on {count} of the provider's secrets sign");
    Ok(held.take(&new).then_some(news))
}

fn url(section: &mut Section<'_>, name: &'static str, allow_http: bool) -> Option<Url> {
    let url: Url = section.optional(name)?;
    if url.scheme() == "http" && !allow_http {
        let rule = "the line to the provider is not private: use https, or, where it is, set \
                    allow_http = true";
        section.fault(name, Problem::Production(rule.to_owned()));
        return None;
    }
    Some(url)
}

fn asking(section: &mut Section<'_>) -> Asking {
    let wait = section.or("hook_wait", Duration::from_secs(20));
    if wait.is_zero() || wait > LONGEST_WAIT {
        section.fault("hook_wait", invalid("a duration from \"1ms\" to \"2m\""));
    }
    let usual = Places::default();
    let places = Places {
        in_all: section.or("hook_waiting", usual.in_all),
        of_client: section.or("hook_waiting_per_client", usual.of_client),
    };
    for (name, is_zero) in [
        ("hook_waiting", places.in_all == 0),
        ("hook_waiting_per_client", places.of_client == 0),
    ] {
        if is_zero {
            section.fault(
                name,
                invalid("more than 0, or nothing could be asked at a door"),
            );
        }
    }
    Asking {
        places,
        wait,
        fulfillment_states: section.list("hook_states", Some(Vec::new())),
    }
}
