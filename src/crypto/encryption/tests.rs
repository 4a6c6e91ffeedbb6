//! Every encoding in and out, every mistake by name, and the agreed secret of RFC 7748.

use super::*;

/// RFC 7748, section 6.1.
const ALICE: &str = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=";
const ALICE_PUBLIC: &str = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";
const BOB: &str = "XasIfmJKikt54X+Lg4AO5m87sSkmGLb9HC+LJ/+I4Os=";
const BOB_PUBLIC: &str = "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=";
const SHARED: &str = "Sl2dW6TOLeFyjjv0gDUPJeB+IclH0Z4zdvCbPB4WF0I=";

fn alice() -> EncryptionKey {
    EncryptionKey::parse(ALICE).expect("valid")
}

fn bytes(text: &str) -> Vec<u8> {
    STANDARD.decode(text).expect("base64")
}

fn private_error(bytes: &[u8]) -> Error {
    EncryptionKey::parse(&STANDARD.encode(bytes)).expect_err("refused")
}

fn public_error(bytes: &[u8]) -> Error {
    EncryptionPublicKey::parse(&STANDARD.encode(bytes)).expect_err("refused")
}

#[test]
fn two_keys_agree_on_the_published_secret() {
    for (private, public) in [(ALICE, BOB_PUBLIC), (BOB, ALICE_PUBLIC)] {
        let ours = EncryptionKey::parse(private).expect("valid");
        let theirs = EncryptionPublicKey::parse(public).expect("valid");
        let shared = ours.agree(&theirs).expect("a secret");
        assert_eq!(STANDARD.encode(shared.as_bytes()), SHARED);
    }
}

#[test]
fn a_key_reads_back_from_everything_it_writes_and_from_the_two_pkcs8_versions() {
    let mut version_1 = bytes(&alice().to_pkcs8_base64());
    version_1[4] = 1;
    for text in [
        alice().to_raw_base64().to_string(),
        format!("{ALICE}\n"),
        alice().to_pkcs8_base64().to_string(),
        STANDARD.encode(&version_1),
    ] {
        let again = EncryptionKey::parse(&text).expect("readable");
        assert_eq!(*again.to_raw_base64(), ALICE);
        assert_eq!(again.public_key().to_base64(), ALICE_PUBLIC);
    }
    assert!(
        alice()
            .to_pkcs8_base64()
            .starts_with("MC4CAQAwBQYDK2VuBCIEI")
    );
    let public = alice().public_key();
    assert!(public.to_spki_base64().starts_with("MCowBQYDK2VuAyEA"));
    for text in [public.to_base64(), public.to_spki_base64()] {
        assert_eq!(EncryptionPublicKey::parse(&text), Ok(public));
    }
}

#[test]
fn a_signing_key_is_refused_by_name() {
    let signing = crate::crypto::keys::SigningKey::parse(ALICE).expect("any 32 bytes are a seed");
    for text in [signing.to_pkcs8_base64(), signing.to_pair_base64()] {
        let found = EncryptionKey::parse(&text).map(|_| ());
        assert_eq!(found, Err(Error::SigningKey));
    }
    let public = signing.verifying_key().to_spki_base64();
    assert_eq!(EncryptionPublicKey::parse(&public), Err(Error::SigningKey));
}

#[test]
fn other_lengths_other_base64_and_another_public_half_are_refused() {
    for length in [0, 1, 31, 33, 44, 47, 48, 49, 1000] {
        assert_eq!(
            private_error(&vec![9; length]),
            Error::NotAPrivateKey(length)
        );
    }
    for length in [0, 31, 33, 43, 44, 45] {
        assert_eq!(public_error(&vec![9; length]), Error::NotAPublicKey(length));
    }
    for text in ["@@@", ALICE.trim_end_matches('='), "LCp="] {
        assert_eq!(
            EncryptionKey::parse(text).map(|_| ()),
            Err(Error::NotBase64)
        );
        assert_eq!(EncryptionPublicKey::parse(text), Err(Error::NotBase64));
    }
    let head = [0x30, 0x51, 0x02, 0x01, 0x01];
    let middle = Curve::X25519.pkcs8_middle();
    let with = |public: &str| {
        let private = bytes(ALICE);
        [
            &head[..],
            &middle,
            &private,
            &[0x81, 0x21, 0],
            &bytes(public),
        ]
        .concat()
    };
    assert_eq!(private_error(&with(BOB_PUBLIC)), Error::HalvesDiffer);
    assert!(EncryptionKey::parse(&STANDARD.encode(with(ALICE_PUBLIC))).is_ok());
}

/// The points of small order, with the two that are written beyond the prime.
const SMALL_ORDER: [&str; 7] = [
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA=",
    "X5yVvKNQjCSx0LFVnIPvWwREXMRYHI6G2CJO3dCfEVc=",
    "7P///////////////////////////////////////38=",
    "7f///////////////////////////////////////38=",
    "7v///////////////////////////////////////38=",
];

#[test]
fn a_secret_that_everybody_knows_is_not_agreed_on() {
    for text in SMALL_ORDER {
        let weak = EncryptionPublicKey::parse(text).expect("32 bytes");
        let agreed = alice().agree(&weak).map(|_| ());
        assert_eq!(agreed, Err(Error::Weak), "{text}");
    }
}

#[test]
fn keys_are_named_by_fingerprint_and_private_ones_never_printed() {
    assert_eq!(format!("{:?}", alice()), "***");
    let public = alice().public_key();
    let shown = format!("{public:?}");
    assert_eq!(
        shown,
        format!("EncryptionPublicKey({})", public.fingerprint())
    );
    assert_eq!(public.fingerprint().len(), 16);
}
