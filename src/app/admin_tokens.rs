//! The admin tokens while the server runs: read when it starts, and again when a file changes.
//!
//! A file that changed into something unfit changes nothing: half-written files are common, and
//! who wants a token to end writes another in its place. The log says so. What stands in the
//! configuration itself, names and scopes say, is read once.

use std::path::Path;
use std::sync::Arc;

use tracing::{info, warn};
use zeroize::Zeroizing;

use super::config::{AdminToken, AdminTokenError, Environment, NamedToken, Watched};
use crate::http::admin::access::{MAIN, Scope, Token, Tokens};

/// Where the admin tokens are.
#[derive(Debug, Clone)]
pub struct AdminTokens {
    /// How careful to be with their files.
    pub environment: Environment,
    /// The one with all scopes; in production there may be named ones alone.
    pub main: Option<AdminToken>,
    /// The others.
    pub named: Vec<NamedToken>,
}

impl AdminTokens {
    /// The text of the token with all scopes, for commands that call the admin API.
    ///
    /// # Errors
    /// When it is not where it should be: an own token exists once the server has started.
    pub fn text(&self) -> Result<Zeroizing<String>, AdminTokenError> {
        let main = self.main.as_ref().ok_or(AdminTokenError::None)?;
        main.text()
    }

    /// Makes the own token of a development server where it is needed, and reads all.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn ready(&self) -> Result<Vec<Token>, AdminTokenError> {
        self.main.iter().try_for_each(AdminToken::make_if_own)?;
        self.each().into_iter().map(|(_, token)| token).collect()
    }

    /// Every token by its name, as its file has it now.
    fn each(&self) -> Vec<(&str, Result<Token, AdminTokenError>)> {
        let main = self.main.iter().map(|main| {
            let token = main.sha256(self.environment).map(|sha256| Token {
                name: MAIN.into(),
                sha256,
                scopes: Scope::ALL.to_vec(),
                expires_at: None,
            });
            (MAIN, token)
        });
        let named = self.named.iter().map(|named| {
            let token = named.sha256(self.environment).map(|sha256| Token {
                name: named.name.as_str().into(),
                sha256,
                scopes: named.scopes.clone(),
                expires_at: named.expires_at,
            });
            (named.name.as_str(), token)
        });
        main.chain(named).collect()
    }

    fn files(&self) -> impl Iterator<Item = &Path> {
        let main = self.main.iter().filter_map(AdminToken::file);
        main.chain(self.named.iter().filter_map(NamedToken::file))
    }

    /// The files, each of which has all tokens read again when it changes.
    pub fn watched(self, into: &Arc<Tokens>) -> Vec<Watched> {
        let from = Arc::new(self);
        let watched = |path: &Path| {
            let (from, into) = (Arc::clone(&from), Arc::clone(into));
            Watched::new(path.to_owned(), move |_| {
                from.read_into(&into);
                Ok(None)
            })
        };
        from.files().map(watched).collect()
    }

    /// Reads all again; what cannot be read stays as it was.
    fn read_into(&self, tokens: &Tokens) {
        let before = tokens.all();
        let kept = |(name, token): (&str, Result<Token, AdminTokenError>)| match token {
            Ok(token) => Some(token),
            Err(error) => {
                warn!(token = name, %error, "A changed admin token is not taken; the one before stays.");
                before.iter().find(|token| &*token.name == name).cloned()
            }
        };
        let now: Vec<Token> = self.each().into_iter().filter_map(kept).collect();
        for token in now.iter().filter(|token| !before.contains(token)) {
            info!(token = %token.name, "a changed admin token is taken");
        }
        tokens.replace(now);
    }
}
