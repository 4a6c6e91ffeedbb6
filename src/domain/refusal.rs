//! Why a request is not accepted: one list of words for answer, log, metric and `explain`.
//!
//! A refusal is what the caller hears before anything is stored. "Too late to cancel" is not
//! here: that is a decision, and leaves as an `on_cancel`.

use std::fmt;

macro_rules! words {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// The fixed word that a refusal's text begins with.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Word { $($(#[$doc])* $variant,)* }

        impl Word {
            /// Every word there is.
            pub const ALL: &'static [Word] = &[$(Word::$variant,)*];

            /// The word as answers, logs and metrics write it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Word::$variant => $word,)* }
            }
        }
    };
}

words! {
    /// Too many requests are in hand.
    Overloaded = "overloaded",
    /// This caller sends too fast.
    RateLimited = "rate_limited",
    /// What came in is no HTTP request that has one meaning only.
    RequestMalformed = "request_malformed",
    /// The head of the request is over the limit.
    HeadTooLarge = "head_too_large",
    /// The head of the request did not arrive in time.
    HeadTimeout = "head_timeout",
    /// The path is no action served here.
    UnknownAction = "unknown_action",
    /// Only POST is served.
    MethodNotAllowed = "method_not_allowed",
    /// The content type is not `application/json`.
    UnsupportedMediaType = "unsupported_media_type",
    /// The body is compressed.
    UnsupportedEncoding = "unsupported_encoding",
    /// The body is over the limit.
    BodyTooLarge = "body_too_large",
    /// The body did not arrive in time.
    BodyTimeout = "body_timeout",
    /// The body ended before it was complete.
    BodyIncomplete = "body_incomplete",
    /// There is no signature.
    HeaderMissing = "header_missing",
    /// The signature header does not follow the grammar.
    HeaderMalformed = "header_malformed",
    /// The algorithm is not ed25519.
    AlgorithmNotSupported = "algorithm_not_supported",
    /// The algorithm parameter and the keyId disagree.
    AlgorithmMismatch = "algorithm_mismatch",
    /// The signature does not cover the body.
    DigestNotCovered = "digest_not_covered",
    /// `created` lies ahead of our clock.
    CreatedInFuture = "created_in_future",
    /// `expires` has passed.
    Expired = "expired",
    /// `expires` is too far from `created`.
    LifetimeTooLong = "lifetime_too_long",
    /// A `Digest` header names another digest than the body has.
    DigestMismatch = "digest_mismatch",
    /// The signature does not verify over these bytes with this key.
    SignatureMismatch = "signature_mismatch",
    /// The signer is not the party the context names.
    SignerIsNotCaller = "signer_is_not_caller",
    /// The registry does not know this subscriber with this key id.
    UnknownKey = "unknown_key",
    /// The key is revoked, not yet valid, no longer valid, or weak.
    KeyNotUsable = "key_not_usable",
    /// The registry lists different keys under this key id.
    KeyAmbiguous = "key_ambiguous",
    /// The subscriber has another role on the network.
    WrongRole = "wrong_role",
    /// What came to `/on_subscribe` is no challenge of ours; why not is not said.
    ChallengeRefused = "challenge_refused",
    /// The registry cannot be asked.
    RegistryUnavailable = "registry_unavailable",
    /// The body is not JSON.
    InvalidJson = "invalid_json",
    /// A JSON object holds a key twice.
    DuplicateKey = "duplicate_key",
    /// The JSON is nested too deeply.
    TooDeep = "too_deep",
    /// The JSON has too many nodes.
    TooManyNodes = "too_many_nodes",
    /// The context lacks a required member, or one is not usable.
    ContextInvalid = "context_invalid",
    /// `context.action` is not the action of the path.
    WrongAction = "wrong_action",
    /// The version is not one we speak.
    UnknownVersion = "unknown_version",
    /// The domain is not served here.
    DomainNotServed = "domain_not_served",
    /// `context.bpp_id` is not us.
    WrongRecipient = "wrong_recipient",
    /// `bap_uri` does not agree with the registry.
    CallbackUrlMismatch = "callback_url_mismatch",
    /// The same request ids came before with another body.
    RequestReused = "request_reused",
    /// `timestamp` plus `ttl` has passed.
    Stale = "stale",
    /// The message does not follow the schema of its version.
    SchemaMismatch = "schema_mismatch",
    /// No such order of this caller.
    OrderNotFound = "order_not_found",
    /// The order has no such fulfilment.
    FulfillmentNotFound = "fulfillment_not_found",
    /// One fulfilment of several is to be cancelled by itself.
    PartNotSupported = "part_not_supported",
    /// The provider is being asked about another part of the order.
    InProgress = "cancellation_in_progress",
    /// The reason code is not in the table, or not this side's to use.
    InvalidReason = "invalid_reason",
    /// It is said to be late, and the promised time is not past.
    NotLate = "not_late",
    /// The terms want a reason.
    ReasonRequired = "reason_required",
    /// Nothing can be stored at present.
    StoreUnavailable = "store_unavailable",
    /// A fault of ours.
    Internal = "internal",
}

/// A refusal: the word, and what was expected and got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The fixed word.
    pub word: Word,
    /// A plain sentence; never a secret or another party's data.
    pub detail: String,
    /// The JSON path of the member at fault, where there is one.
    pub path: Option<String>,
    /// When to try again, for what passes by itself.
    pub retry_after_seconds: Option<u64>,
}

impl Refusal {
    /// A refusal without path or time.
    #[must_use]
    pub fn new(word: Word, detail: impl Into<String>) -> Self {
        Self {
            word,
            detail: detail.into(),
            path: None,
            retry_after_seconds: None,
        }
    }

    /// Names the member at fault.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.word.as_str(), self.detail)
    }
}
