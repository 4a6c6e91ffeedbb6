//! The files that the server of `mock-network` runs from; `serve --config` would take them too.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use url::Url;

use super::super::cancel::KEY_ID;
use super::BPP;
use crate::mock::registry::handshake::{ENCRYPTION_PUBLIC_KEY, SIGNING_PUBLIC_KEY};

/// The server's configuration, as far as its first network.
pub(super) fn configuration(
    public: &Url,
    admin: SocketAddr,
    registry: &Url,
) -> anyhow::Result<String> {
    let bind = public.socket_addrs(|| None)?[0];
    Ok(format!(
        r#"environment = "development"

[http]
bind = "{bind}"
admin_bind = "{admin}"

[store]
path = "data"

[network.mobility]
kind = "beckn"
domains = ["mobility", "mobility:ondemandride"]
subscriber_id = "{BPP}"
subscriber_url = "{public}"
key_id = "{KEY_ID}"
signing_key_file = "bpp.signing"
encryption_key_file = "bpp.encryption"
registry_url = "{registry}"
registry_signing_public_key = "{signing}"
registry_encryption_public_key = "{encryption}"

[log]
level = "warn"

"#,
        signing = SIGNING_PUBLIC_KEY.trim_ascii_end(),
        encryption = ENCRYPTION_PUBLIC_KEY.trim_ascii_end(),
    ))
}

/// Writes the server's configuration, its keys and what else the configuration names.
pub(super) fn write(
    directory: &Path,
    text: &str,
    secrets: &[(&str, &str)],
) -> anyhow::Result<PathBuf> {
    let keys = [
        ("bpp.signing", include_str!("../../../../keys/bpp.signing")),
        (
            "bpp.encryption",
            include_str!("../../../../keys/bpp.encryption"),
        ),
    ];
    for (name, content) in keys.iter().chain(secrets) {
        std::fs::write(directory.join(name), content)?;
    }
    let file = directory.join("beckn-bpp.toml");
    std::fs::write(&file, text)?;
    Ok(file)
}
