//! How each family of registries is asked for a key, and what sets its answers apart.
//!
//! Three forms: the core specification's `/lookup`, ONDC's `/v2.0/lookup` and UHI's
//! `networkregistry/lookup`. What differs is the path, the filters that must be there, the words
//! for roles, which member holds the key that verifies signatures, and how much a row must say.
//! All of that is here; reading a row is in `row`.

use serde_json::{Value, json};

use super::row;
use crate::crypto::signature::Scheme;
use crate::domain::ids::{KeyId, SubscriberId};

/// The family a registry belongs to, by how it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// The core specification's.
    Core,
    /// ONDC's.
    Ondc,
    /// UHI's.
    Uhi,
}

/// The role in which somebody is asked for, which UHI wants to know beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A buyer app: the only caller of `/cancel`.
    Buyer,
    /// A gateway, which signs what it forwards beside the buyer's own signature.
    Gateway,
    /// A seller platform, such as we are.
    Provider,
}

/// Whom a question is about.
#[derive(Debug, Clone)]
pub struct Question {
    /// The subscriber.
    pub subscriber: SubscriberId,
    /// One of its keys; without it, all of them.
    pub key_id: Option<KeyId>,
    /// What it is asked for as.
    pub role: Role,
}

/// Where the network is: filters that some registries insist on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// The values of `context.domain` that the network serves.
    pub domains: Vec<String>,
    /// Such as `IND`.
    pub country: Option<String>,
    /// Such as `std:011`.
    pub city: Option<String>,
}

impl Form {
    /// Where the question is posted, below the registry's base URL.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Form::Core => "lookup",
            Form::Ondc => "v2.0/lookup",
            Form::Uhi => "api/v1/networkregistry/lookup",
        }
    }

    /// How questions are signed, whatever kind of network they are asked for.
    #[must_use]
    pub fn scheme(self) -> Scheme {
        match self {
            Form::Core | Form::Ondc => Scheme::Beckn,
            Form::Uhi => Scheme::Uhi,
        }
    }

    /// The type words that a registry of this form lists a role under.
    #[must_use]
    pub fn words(self, role: Role) -> &'static [&'static str] {
        match (self, role) {
            (Form::Core | Form::Ondc, Role::Buyer) => &["BAP", "buyerApp"],
            (Form::Core | Form::Ondc, Role::Gateway) => &["BG", "gateway"],
            (Form::Core | Form::Ondc, Role::Provider) => &["BPP", "sellerApp"],
            (Form::Uhi, Role::Buyer) => &["EUA", "consumer"],
            (Form::Uhi, Role::Gateway) => &["gateway"],
            (Form::Uhi, Role::Provider) => &["HSPA", "provider"],
        }
    }

    /// Whether a row of this form that has no status is no member's: the others' registries may
    /// know no states.
    #[must_use]
    pub fn needs_status(self) -> bool {
        self != Form::Core
    }

    /// The members that may hold the key that verifies signatures, the first before the others.
    /// UHI's registry has it in the one that is named for encryption.
    pub(super) fn verifying_key_members(self) -> &'static [&'static [&'static str]] {
        match self {
            Form::Core | Form::Ondc => &[row::SIGNING_KEY],
            Form::Uhi => &[row::ENCRYPTION_KEY, row::SIGNING_KEY],
        }
    }

    /// The bodies to post, one after the other; what they find adds up.
    ///
    /// Every filter that a registry knows narrows its answer, so the core form sends only what
    /// identifies the key: as `key_id` (the core specification) and `ukId` (older registries);
    /// whoever knows neither returns all keys of the subscriber, which is correct, only longer.
    /// `type` and `domain` stay out where they may: their words differ between registries
    /// (`BAP`, `bap`, `buyerApp`), a mismatch would hide a subscriber that exists, and a signer
    /// with the wrong role is to be told so instead of being unknown. UHI insists on both, and
    /// is asked once for each domain.
    #[must_use]
    pub fn bodies(self, question: &Question, scope: &Scope) -> Vec<Value> {
        let mut body = json!({"subscriber_id": question.subscriber});
        for name in self.key_id_members() {
            set(&mut body, name, question.key_id.as_ref().map(KeyId::as_str));
        }
        set(&mut body, "country", scope.country.as_deref());
        set(&mut body, "city", scope.city.as_deref());
        if self != Form::Uhi {
            return vec![body];
        }
        set(
            &mut body,
            "type",
            self.words(question.role).first().copied(),
        );
        let within = |domain: &String| {
            let mut body = body.clone();
            set(&mut body, "domain", Some(domain));
            body
        };
        scope.domains.iter().map(within).collect()
    }

    fn key_id_members(self) -> &'static [&'static str] {
        match self {
            Form::Core => &["key_id", "ukId"],
            Form::Ondc => &["ukid"],
            Form::Uhi => &["pub_key_id"],
        }
    }
}

fn set(body: &mut Value, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        body[name] = json!(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(form: Form, key_id: Option<&str>, scope: &Scope) -> Value {
        let question = Question {
            subscriber: SubscriberId::parse("https://bap.example/").expect("valid"),
            key_id: key_id.map(|id| KeyId::parse(id).expect("valid")),
            role: Role::Buyer,
        };
        json!(form.bodies(&question, scope))
    }

    #[test]
    fn each_form_names_subscriber_and_key_and_what_its_registry_insists_on() {
        let nowhere = Scope::default();
        let id = "https://bap.example/";
        assert_eq!(
            bodies(Form::Core, Some("k1"), &nowhere),
            json!([{"subscriber_id": id, "key_id": "k1", "ukId": "k1"}])
        );
        assert_eq!(
            bodies(Form::Core, None, &nowhere),
            json!([{"subscriber_id": id}])
        );
        let india = Scope {
            domains: vec!["a".to_owned(), "b".to_owned()],
            country: Some("IND".to_owned()),
            city: None,
        };
        assert_eq!(
            bodies(Form::Ondc, Some("k1"), &india),
            json!([{"subscriber_id": id, "ukid": "k1", "country": "IND"}])
        );
        let delhi = Scope {
            city: Some("std:011".to_owned()),
            ..india
        };
        let one = |domain: &str| {
            json!({"subscriber_id": id, "pub_key_id": "k1", "country": "IND", "city": "std:011",
                "type": "EUA", "domain": domain})
        };
        assert_eq!(
            bodies(Form::Uhi, Some("k1"), &delhi),
            json!([one("a"), one("b")])
        );
    }
}
