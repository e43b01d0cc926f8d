//! Passwords become hashes here, before a write is planned: what follows, to the last log line, has never seen them.
//!
//! It is slow on purpose, so it runs beside the requests and only a few at a time, and ends before the write takes any
//! lock. Who waits too long for its turn is stopped by the request's own time limit.

use std::{borrow::Cow, thread::available_parallelism};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use md5::{Digest, Md5};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use crate::{
    mapping::{
        Resource,
        hash::{Hash, Prefix},
    },
    scim::{
        Refusal, ScimType,
        request::Operation,
        resource::{get, set},
        schema::Target,
    },
};

use super::{Error, Gateway};

/// How many are made at the same time: half of the machine, as requests want to live as well.
pub(super) fn places() -> Semaphore {
    Semaphore::new(available_parallelism().map_or(1, |n| n.get() / 2).max(1))
}

impl Gateway {
    /// Puts hashes in the place of the passwords that a write brings.
    pub(super) async fn hash(&self, resource: &Resource, operation: &mut Operation) -> Result<(), Error> {
        for (target, how) in resource.hashed() {
            for value in operation.values_mut(target) {
                *value = self.hash_of(target, how, value).await?;
            }
        }
        Ok(())
    }

    /// The same of the defaults, which nobody sent.
    pub(super) async fn hash_defaults(
        &self,
        resource: &Resource,
        sent: &Map<String, Value>,
        all: &mut Cow<'_, Map<String, Value>>,
    ) -> Result<(), Error> {
        for (target, how) in resource.hashed() {
            if let (None, Some(value)) = (get(sent, target), get(all, target)) {
                let made = self.hash_of(target, how, value).await?;
                set(all.to_mut(), target, made);
            }
        }
        Ok(())
    }

    async fn hash_of(&self, target: &Target, how: Hash, value: &Value) -> Result<Value, Error> {
        let password = value.as_str().unwrap_or_default().to_owned();
        if password.is_empty() || password.len() > how.longest() || password.contains('\0') {
            let most = how.longest();
            let detail = format!("`{target}` must have 1 to {most} bytes, and none of them zero");
            return Err(Refusal::new(ScimType::InvalidValue, detail).into());
        }
        let Ok(_place) = self.hashing.acquire().await else { return Err(Error::NoHash) };
        let made = tokio::task::spawn_blocking(move || hashed(how, &password)).await;
        made.ok().flatten().map(Value::String).ok_or(Error::NoHash)
    }
}

/// With a salt of its own; nothing where the system gives no random numbers.
fn hashed(how: Hash, password: &str) -> Option<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).ok()?;
    salted(how, password.as_bytes(), random)
}

fn salted(how: Hash, password: &[u8], salt: [u8; 16]) -> Option<String> {
    match how {
        Hash::Argon2id => {
            let params = Params::DEFAULT;
            let (m, t, p) = (params.m_cost(), params.t_cost(), params.p_cost());
            let mut made = [0; 32];
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                .hash_password_into(password, &salt, &mut made)
                .ok()?;
            let (salt, made) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(made));
            Some(format!("$argon2id$v=19$m={m},t={t},p={p}${salt}${made}"))
        }
        Hash::Bcrypt { cost, prefix } => {
            let version = match prefix {
                Prefix::A => bcrypt::Version::TwoA,
                Prefix::B => bcrypt::Version::TwoB,
                Prefix::Y => bcrypt::Version::TwoY,
            };
            Some(bcrypt::hash_with_salt(password, cost, salt).ok()?.format_for_version(version))
        }
        Hash::Pbkdf2 { rounds } => {
            // Django's salts are letters and digits, and it is the letters that are hashed
            let salt: String = salt.iter().map(|byte| format!("{byte:02x}")).collect();
            let made = pbkdf2::pbkdf2_hmac_array::<sha2::Sha256, 32>(password, salt.as_bytes(), rounds);
            Some(format!("pbkdf2_sha256${rounds}${salt}${}", STANDARD.encode(made)))
        }
        Hash::Phpass => Some(phpass(password, &in_sixes(&salt[..6])[..8], 13)),
    }
}

/// `cost` is the base-2 logarithm of the rounds: 13 everywhere, the `B` of `$P$B`.
fn phpass(password: &[u8], salt: &str, cost: usize) -> String {
    let mut made = Md5::new().chain_update(salt).chain_update(password).finalize();
    for _ in 0..1 << cost {
        made = Md5::new().chain_update(made).chain_update(password).finalize();
    }
    format!("$P${}{salt}{}", char::from(SIXES[cost]), in_sixes(&made))
}

const SIXES: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Six bits a letter, the lowest ones of three bytes first.
fn in_sixes(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number = three.iter().rev().fold(0_usize, |n, byte| n << 8 | usize::from(*byte));
        for at in 0..=three.len() {
            text.push(char::from(SIXES[number >> (6 * at) & 63]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    /// What PHP's phpass, Python's `crypt` and `hashlib` make of the same password and salt.
    #[test]
    fn hashes_are_those_of_other_programs() {
        let salt: [u8; 16] = std::array::from_fn(|i| u8::try_from(i).unwrap());
        for (how, made) in [
            (Hash::Phpass, "$P$B.2U.1EE/SX/ZJySQjuPs0SxZNsBSS/"),
            (
                Hash::Pbkdf2 { rounds: 1000 },
                "pbkdf2_sha256$1000$000102030405060708090a0b0c0d0e0f$zMwBn8lOLZZI5fCtPGkVfuwKJjUTwOWUTycgtgmH1o8=",
            ),
            (
                Hash::Bcrypt { cost: 8, prefix: Prefix::B },
                "$2b$08$..CA.uOD/eaGAOmJB.yMBurc8ssVIb..1OyWYZgGiFuHwyhtDmugu",
            ),
        ] {
            assert_eq!(salted(how, b"s3cret pass", salt).unwrap(), made, "{how}");
        }
        assert_eq!(phpass(b"test12345", "IQRaTwmf", 11), "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0");
        let other = salted(Hash::Bcrypt { cost: 8, prefix: Prefix::Y }, b"s3cret pass", salt).unwrap();
        assert!(other.starts_with("$2y$08$"), "{other}");
    }

    #[test]
    fn every_hash_has_its_own_salt() {
        let (one, two) = (hashed(Hash::Argon2id, "s3cret").unwrap(), hashed(Hash::Argon2id, "s3cret").unwrap());
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && one != two, "{one} {two}");
        assert!(
            bcrypt::verify("s3cret", &hashed(Hash::Bcrypt { cost: 8, prefix: Prefix::Y }, "s3cret").unwrap()).unwrap()
        );
    }
}
