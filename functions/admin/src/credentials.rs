//! Who may use the control plane: access key ids and their secrets.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use secrecy::SecretString;

/// The credentials that the control plane accepts; cheap to clone. Prints the
/// ids alone.
#[derive(Clone)]
pub struct Credentials {
    secrets: Arc<BTreeMap<String, SecretString>>,
}

/// Why there are no credentials. Never says what was there instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCredentials {
    /// The variable that holds them is not set.
    #[error("ADMIN_CREDENTIALS is not set: ID:SECRET[,ID:SECRET] is expected")]
    NotSet,
    /// They are said to be in a Secrets Manager secret.
    #[error("ADMIN_CREDENTIALS_SECRET_ARN is not read yet: set ADMIN_CREDENTIALS to ID:SECRET[,ID:SECRET]")]
    SecretNotRead,
    /// One is not an id and a secret with a colon between them.
    #[error(
        "credential {position} does not have the form ID:SECRET, both of visible ASCII characters, the ID without /"
    )]
    Form {
        /// Which one, from 1.
        position: usize,
    },
    /// Two have the same id.
    #[error("credential {position} has the id of one before it")]
    Duplicate {
        /// Which one, from 1.
        position: usize,
    },
}

impl Credentials {
    /// Those of the environment variable `ADMIN_CREDENTIALS`.
    ///
    /// # Errors
    /// When it is not set or not of the form `ID:SECRET[,ID:SECRET]`.
    pub fn from_env() -> Result<Self, InvalidCredentials> {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        match set("ADMIN_CREDENTIALS") {
            Some(list) => list.parse(),
            None if set("ADMIN_CREDENTIALS_SECRET_ARN").is_some() => Err(InvalidCredentials::SecretNotRead),
            None => Err(InvalidCredentials::NotSet),
        }
    }

    pub(crate) fn secret(&self, id: &str) -> Option<&SecretString> {
        self.secrets.get(id)
    }
}

impl FromStr for Credentials {
    type Err = InvalidCredentials;

    /// Takes `ID:SECRET[,ID:SECRET]`. A secret may hold colons, but no comma.
    fn from_str(list: &str) -> Result<Self, InvalidCredentials> {
        let mut secrets = BTreeMap::new();
        for (position, pair) in (1..).zip(list.split(',')) {
            let visible = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
            let (id, secret) = pair
                .trim()
                .split_once(':')
                .filter(|(id, secret)| visible(id) && visible(secret) && !id.contains('/'))
                .ok_or(InvalidCredentials::Form { position })?;
            if secrets.insert(id.to_owned(), SecretString::from(secret)).is_some() {
                return Err(InvalidCredentials::Duplicate { position });
            }
        }
        Ok(Self { secrets: Arc::new(secrets) })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Credentials").field(&self.secrets.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_list_gives_each_id_its_secret() {
        let credentials: Credentials = "local:local, AKIA2:a:b/c+d=".parse().unwrap();
        assert_eq!(credentials.secret("local").unwrap().expose_secret(), "local");
        assert_eq!(credentials.secret("AKIA2").unwrap().expose_secret(), "a:b/c+d=");
        assert!(credentials.secret("LOCAL").is_none());
    }

    #[test]
    fn whatever_is_no_pair_is_refused_by_its_place() {
        for (list, position) in [("", 1), ("id", 1), (":s", 1), ("id:", 1), ("a:b,", 2), ("a:b,c d:e", 2), ("a/b:c", 1)]
        {
            assert_eq!(list.parse::<Credentials>().unwrap_err(), InvalidCredentials::Form { position }, "{list:?}");
        }
        assert_eq!("a:b,a:c".parse::<Credentials>().unwrap_err(), InvalidCredentials::Duplicate { position: 2 });
    }

    #[test]
    fn credentials_print_without_secrets() {
        let credentials: Credentials = "local:hush".parse().unwrap();
        assert_eq!(format!("{credentials:?}"), r#"Credentials(["local"])"#);
    }
}
