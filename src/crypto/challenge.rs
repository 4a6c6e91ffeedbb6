//! The challenge of a registry: what only the owner of our encryption key can read.
//!
//! X25519 agrees on 32 bytes; they are the AES-256 key as they are. ECB with PKCS#7 padding and
//! no authentication is what registries speak, so anybody may send any bytes: whatever does not
//! open is one and the same [`NotOpened`], found without a branch on the padding. Who sent a
//! challenge, and whether it may be answered, is not known here.

use std::fmt;

use aes::Aes256;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::{Choice, ConstantTimeEq, ConstantTimeLess};
use zeroize::Zeroizing;

use super::encryption::{EncryptionKey, EncryptionPublicKey, Error};

#[cfg(test)]
mod tests;

/// The bytes of one AES block; padding is 1 to this many.
const BLOCK: usize = 16;

/// The longest challenge opened, in characters; those in use have about 64.
const LONGEST: usize = 4_096;

/// The challenge is not one that was made for us. There is no second way to say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the challenge does not open with our encryption key")]
pub struct NotOpened;

/// What we and one registry share; wiped when it is dropped, prints as `***`.
#[derive(Clone)]
pub struct ChallengeKey(Aes256);

impl ChallengeKey {
    /// The key that both sides come to: ours is private, theirs public.
    ///
    /// # Errors
    /// When the shared secret would be all zeros.
    pub fn agree(ours: &EncryptionKey, theirs: &EncryptionPublicKey) -> Result<Self, Error> {
        let shared = ours.agree(theirs)?;
        Ok(Self(Aes256::new(shared.as_bytes().into())))
    }

    /// Reads a challenge.
    ///
    /// # Errors
    /// When it is not base64, no whole blocks, wrongly padded or no text: one error for all.
    pub fn open(&self, challenge: &str) -> Result<Zeroizing<String>, NotOpened> {
        if challenge.len() > LONGEST {
            return Err(NotOpened);
        }
        let mut bytes = Zeroizing::new(STANDARD.decode(challenge).map_err(|_| NotOpened)?);
        let (blocks, rest) = bytes.as_chunks_mut::<BLOCK>();
        if blocks.is_empty() || !rest.is_empty() {
            return Err(NotOpened);
        }
        for block in blocks {
            self.0.decrypt_block(block.into());
        }
        let text = unpadded(&bytes).and_then(|bytes| std::str::from_utf8(bytes).ok());
        text.map(|text| Zeroizing::new(text.to_owned()))
            .ok_or(NotOpened)
    }

    /// Makes a challenge, as a registry does.
    #[must_use]
    pub fn seal(&self, answer: &str) -> String {
        let mut bytes = Zeroizing::new(answer.as_bytes().to_vec());
        let padding = BLOCK - bytes.len() % BLOCK;
        let padded = bytes.len() + padding;
        // 1 to 16 always fits.
        bytes.resize(padded, u8::try_from(padding).unwrap_or_default());
        for block in bytes.as_chunks_mut::<BLOCK>().0 {
            self.0.encrypt_block(block.into());
        }
        STANDARD.encode(&*bytes)
    }
}

impl fmt::Debug for ChallengeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Takes PKCS#7 padding off. Every byte of the last block is looked at, whatever is found.
fn unpadded(bytes: &[u8]) -> Option<&[u8]> {
    let (_, last_block) = bytes.split_last_chunk::<BLOCK>()?;
    let padding = last_block[BLOCK - 1];
    let mut fine = !padding.ct_eq(&0) & padding.ct_lt(&17);
    for (from_end, byte) in (0_u8..).zip(last_block.iter().rev()) {
        let is_text: Choice = !from_end.ct_lt(&padding);
        fine &= is_text | byte.ct_eq(&padding);
    }
    match bool::from(fine) {
        true => bytes.get(..bytes.len() - usize::from(padding)),
        false => None,
    }
}
