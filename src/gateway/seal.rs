//! Cursors as clients see them: sealed, so that nobody can read or make one, and bound to whom and what they were made for.
//!
//! ChaCha20-Poly1305 of `ring`, which TLS brings anyway. Each cursor has a nonce by chance; with keys that change now and
//! then, 96 bits are enough.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest::{SHA256, digest},
    rand::{SecureRandom, SystemRandom},
};
use serde_json::{Value, json};

use crate::{
    config::CursorKey,
    plan::Fault,
    scim::{Refusal, ScimType},
};

/// How long a cursor may be used.
pub(super) const LIFE: SignedDuration = SignedDuration::from_mins(10);

/// Bytes in front that say which key it is.
const TAG: usize = 4;

/// Letters and digits that nobody can guess; nothing where the system gives no random numbers.
pub(super) fn letters(count: usize) -> Option<String> {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let system = SystemRandom::new();
    let mut text = String::with_capacity(count);
    let mut bytes = [0; 64];
    while text.len() < count {
        system.fill(&mut bytes).ok()?;
        // All bytes below 248 = 4 × 62, so that no letter comes more often than another.
        let even = bytes.iter().filter(|byte| **byte < 248).filter_map(|byte| ALPHABET.get(usize::from(byte % 62)));
        text.extend(even.take(count - text.len()).map(|byte| char::from(*byte)));
    }
    Some(text)
}

/// The keys that seal and open.
pub(super) struct Seal {
    keys: Vec<([u8; TAG], LessSafeKey)>,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seal({} keys)", self.keys.len())
    }
}

impl Seal {
    /// The first key seals, all of them open.
    pub(super) fn new(keys: &[CursorKey]) -> Self {
        Self { keys: keys.iter().filter_map(|key| made(key.id.as_bytes(), key.key.expose())).collect() }
    }

    /// A key that ends with the process.
    pub(super) fn passing() -> Self {
        let mut key = [0; 32];
        let filled = SystemRandom::new().fill(&mut key);
        Self { keys: filled.ok().and_then(|()| made(b"", &key)).into_iter().collect() }
    }

    /// Seals a place for those who can say the same `bound`.
    pub(super) fn seal(&self, place: &Value, bound: &str, now: Timestamp) -> Result<String, Fault> {
        let broken = |_| Fault::Unmade("a cursor cannot be sealed: the system gives no random numbers".to_owned());
        let (tag, key) = self.keys.first().ok_or(ring::error::Unspecified).map_err(broken)?;
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(broken)?;
        let until = (now + LIFE).as_second();
        let mut sealed = json!([until, place]).to_string().into_bytes();
        let unique = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(unique, Aad::from(bound.as_bytes()), &mut sealed).map_err(broken)?;
        Ok(URL_SAFE_NO_PAD.encode([tag, nonce.as_slice(), &sealed].concat()))
    }

    /// What was sealed. One answer to all that does not open: whoever tries learns nothing.
    pub(super) fn open(&self, cursor: &str, bound: &str, now: Timestamp) -> Result<Value, Refusal> {
        let (until, place) = self.opened(cursor, bound).ok_or_else(invalid)?;
        if now.as_second() >= until {
            let detail = "the cursor is too old; begin again with an empty one";
            return Err(Refusal::new(ScimType::ExpiredCursor, detail));
        }
        Ok(place)
    }

    fn opened(&self, cursor: &str, bound: &str) -> Option<(i64, Value)> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (tag, rest) = bytes.split_at_checked(TAG)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
        // Two keys may share a tag by chance.
        self.keys.iter().filter(|(own, _)| own == tag).find_map(|(_, key)| {
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let mut sealed = sealed.to_vec();
            let plain = key.open_in_place(nonce, Aad::from(bound.as_bytes()), &mut sealed).ok()?;
            let mut parts: Vec<Value> = serde_json::from_slice(plain).ok()?;
            let place = parts.pop()?;
            Some((parts.pop()?.as_i64()?, place))
        })
    }
}

/// A cursor that was not made here for this query, or not for this client.
pub(super) fn invalid() -> Refusal {
    Refusal::new(ScimType::InvalidCursor, "this is no cursor for this query; begin again with an empty one")
}

/// Keys may be longer than the cipher's.
fn made(id: &[u8], key: &[u8]) -> Option<([u8; TAG], LessSafeKey)> {
    let tag = digest(&SHA256, id).as_ref().first_chunk().copied()?;
    let key = UnboundKey::new(&CHACHA20_POLY1305, digest(&SHA256, key).as_ref()).ok()?;
    Some((tag, LessSafeKey::new(key)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::config::Secret;

    fn seal(keys: &[(&str, u8)]) -> Seal {
        let key = |(id, byte): &(&str, u8)| CursorKey { id: (*id).to_owned(), key: Secret::new(vec![*byte; 40]) };
        Seal::new(&keys.iter().map(key).collect::<Vec<_>>())
    }

    fn word(opened: Result<Value, Refusal>) -> &'static str {
        opened.map_or_else(|refusal| refusal.scim_type.keyword(), |_| "open")
    }

    #[test]
    fn a_cursor_opens_for_the_same_question_and_ten_minutes() {
        let now: Timestamp = "2026-02-03T04:05:06Z".parse().unwrap();
        let keys = seal(&[("a", 1)]);
        let place = json!({"key": "Zoë"});
        let cursor = keys.seal(&place, "who", now).unwrap();
        assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)), "{cursor}");
        assert_eq!(keys.open(&cursor, "who", now), Ok(place));
        assert_eq!(word(keys.open(&cursor, "else", now)), "invalidCursor");
        assert_eq!(word(keys.open(&cursor, "who", now + LIFE - SignedDuration::from_secs(1))), "open");
        assert_eq!(word(keys.open(&cursor, "who", now + LIFE)), "expiredCursor");
        assert_ne!(keys.seal(&json!(1), "who", now), keys.seal(&json!(1), "who", now));
    }

    #[test]
    fn no_byte_can_be_changed() {
        let now = Timestamp::UNIX_EPOCH;
        let keys = seal(&[("a", 1)]);
        let whole = URL_SAFE_NO_PAD.decode(keys.seal(&json!({"key": 7}), "who", now).unwrap()).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            assert_eq!(word(keys.open(&URL_SAFE_NO_PAD.encode(bytes), "who", now)), "invalidCursor", "{at}");
            assert_eq!(word(keys.open(&URL_SAFE_NO_PAD.encode(&whole[..at]), "who", now)), "invalidCursor", "{at}");
        }
    }

    #[test]
    fn keys_can_be_changed_one_after_the_other() {
        let now = Timestamp::UNIX_EPOCH;
        let old = seal(&[("a", 1)]).seal(&json!(1), "", now).unwrap();
        assert_eq!(word(seal(&[("b", 2), ("a", 1)]).open(&old, "", now)), "open");
        assert_eq!(word(seal(&[("b", 2)]).open(&old, "", now)), "invalidCursor");
        assert_eq!(word(seal(&[("a", 2)]).open(&old, "", now)), "invalidCursor");
        let new = seal(&[("b", 2), ("a", 1)]).seal(&json!(1), "", now).unwrap();
        assert_eq!(word(seal(&[("b", 2)]).open(&new, "", now)), "open");
        assert_eq!(word(Seal::passing().open(&new, "", now)), "invalidCursor");
    }
}
