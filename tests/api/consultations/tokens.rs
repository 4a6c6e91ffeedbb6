//! Row 1: who gets in, by each of the three algorithms.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use beckn_bpp::crypto::keys::SigningKey;
use chrono::Utc;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use super::{Door, SECRET, check, claims, hs256, signed_by, token_of};

/// Made for these tests; it opens nothing else.
const RSA_PRIVATE: &str = include_str!("partner-rsa.pkcs8");
const RSA_PUBLIC: &str = include_str!("partner-rsa.public.pem");

#[tokio::test(flavor = "multi_thread")]
async fn row_1_without_a_valid_token_of_a_partner_nothing_is_said() {
    let door = Door::open().await;
    let body = door.triple().to_string();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut claims = claims();
        change(&mut claims);
        token_of(&hs256(), &claims, SECRET)
    };
    let now = Utc::now().timestamp();
    let wrong = [
        token_of(
            &hs256(),
            &claims(),
            "another-secret-of-partners-long-enough",
        ),
        token_of(&json!({"alg": "none"}), &claims(), SECRET),
        token_of(&json!({"alg": "HS512"}), &claims(), SECRET),
        with(&|claims| claims["iss"] = json!("https://elsewhere.example")),
        with(&|claims| claims["aud"] = json!("another")),
        with(&|claims| claims["aud"] = Value::Null),
        with(&|claims| claims["exp"] = json!(now - 1)),
        with(&|claims| claims["exp"] = json!("never")),
        with(&|claims| claims["exp"] = Value::Null),
        with(&|claims| claims["nbf"] = json!(now + 60)),
        with(&|claims| claims["sub"] = json!("a-stranger")),
        with(&|claims| claims["sub"] = Value::Null),
        "x.y.z".to_owned(),
        String::new(),
        "x".repeat(5000),
    ];
    // An issuer whose clock is a little ahead is believed: this one gets as far as the body.
    let ahead = with(&|claims| claims["nbf"] = json!(now + 3));
    let ahead = door
        .headers()
        .with("Authorization", &format!("Bearer {ahead}"));
    door.fails(&ahead, "{", 400, "INVALID_REQUEST").await;
    for token in wrong {
        let headers = door
            .headers()
            .with("Authorization", &format!("Bearer {token}"));
        let answer = door.fails(&headers, &body, 401, "UNAUTHENTICATED").await;
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        assert!(!answer.text.contains(&token) || token.is_empty());
    }
    let basic = door.headers().with("Authorization", "Basic eDp5");
    door.fails(&basic, &body, 401, "UNAUTHENTICATED").await;
    let none = door.headers().without("Authorization");
    door.fails(&none, "not even JSON", 401, "UNAUTHENTICATED")
        .await;
    check(&door.status(&none, "").await, 401, "UNAUTHENTICATED");
    door.health.stop().await;
}

/// A token signed by RSA PKCS#1 v1.5 with SHA-256.
fn rs256(claims: &Value) -> String {
    let der = STANDARD.decode(RSA_PRIVATE.replace('\n', ""));
    let key = RsaKeyPair::from_pkcs8(&der.expect("base64")).expect("a key");
    signed_by(&json!({"alg": "RS256"}), claims, |text| {
        let mut signature = vec![0; key.public().modulus_len()];
        let random = SystemRandom::new();
        let signed = key.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature);
        signed.expect("room");
        signature
    })
}

/// A token signed by Ed25519.
fn eddsa(key: &SigningKey, claims: &Value) -> String {
    signed_by(&json!({"alg": "EdDSA"}), claims, |text| {
        key.sign(text).to_vec()
    })
}

fn pem(key: &SigningKey) -> String {
    let key = key.verifying_key().to_spki_base64();
    format!("-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----\n")
}

fn expired() -> Value {
    let mut claims = claims();
    claims["exp"] = json!(Utc::now().timestamp() - 1);
    claims
}

/// One byte of the signature is another.
fn damaged(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).expect("base64");
    bytes[7] ^= 1;
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// The door takes `good` and none of the others.
async fn only(door: Door, good: String, others: Vec<String>) {
    let body = door.triple().to_string();
    let bearing = |token: &str| {
        let value = format!("Bearer {token}");
        door.headers().with("Authorization", &value)
    };
    for token in &others {
        door.fails(&bearing(token), &body, 401, "UNAUTHENTICATED")
            .await;
    }
    let answer = door.cancel(&bearing(&good)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    door.health.app.settled().await;
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_1_with_rs256_a_token_of_that_key_alone_gets_in() {
    let ed25519 = SigningKey::generate().expect("randomness");
    let good = rs256(&claims());
    let others = vec![
        rs256(&expired()),
        damaged(&good),
        // The public key taken for a secret: the oldest trick there is.
        token_of(&hs256(), &claims(), RSA_PUBLIC),
        token_of(&json!({"alg": "RS256"}), &claims(), RSA_PUBLIC),
        eddsa(&ed25519, &claims()),
    ];
    only(Door::open_by("RS256", RSA_PUBLIC).await, good, others).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_1_with_eddsa_a_token_of_that_key_alone_gets_in() {
    let key = SigningKey::generate().expect("randomness");
    let stranger = SigningKey::generate().expect("randomness");
    let good = eddsa(&key, &claims());
    let others = vec![
        eddsa(&key, &expired()),
        eddsa(&stranger, &claims()),
        damaged(&good),
        token_of(&hs256(), &claims(), &pem(&key)),
        rs256(&claims()),
    ];
    only(Door::open_by("EdDSA", &pem(&key)).await, good, others).await;
}
