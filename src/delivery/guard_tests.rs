//! The spellings of an inside address that have fooled others (the table is shared with the corpus
//! that goes over the wire), and the ones that must pass.
//!
//! Tests of `guard.rs`, in their own file for their length. Nothing here opens a connection.

#[path = "../../tests/common/odd_addresses.rs"]
mod table;

use std::sync::Mutex;

use super::*;
use table::{HOSTS, TRICKS};

fn refused(text: &str) -> bool {
    check(text, Reach::Public).is_err()
}

#[test]
fn no_spelling_of_an_inside_address_passes() {
    for host in HOSTS {
        assert!(refused(&format!("https://{host}/on_cancel")), "{host}");
        assert!(refused(&format!("https://{host}:8443/on_cancel")), "{host}");
    }
}

#[test]
fn no_trick_around_the_host_passes() {
    for url in TRICKS {
        assert!(refused(url), "{url}");
    }
}

#[test]
fn public_addresses_pass_unchanged() {
    for url in [
        "https://bap.example.org/on_cancel",
        "https://bap.example.org:443/beckn/on_cancel",
        "https://bap.example.org:8443/on_cancel?tenant=1",
        "https://mock_bap.com/on_cancel",
        "https://8.8.8.8/on_cancel",
        "https://[2606:4700::1]/on_cancel",
        "https://localhost.example.org/",
        "https://notlocalhost/",
        "https://internal.example.org/",
        "https://xn--bcher-kva.example/",
        "https://127.0.0.1.example.org/",
    ] {
        let checked = check(url, Reach::Public);
        assert_eq!(checked, Ok(Url::parse(url).expect("valid")), "{url}");
    }
}

#[test]
fn a_sandbox_may_use_http_and_private_addresses_but_no_other_scheme() {
    for url in [
        "http://127.0.0.1:9/on_cancel",
        "https://localhost/",
        "http://10.0.0.1/",
    ] {
        assert!(check(url, Reach::Anywhere).is_ok(), "{url}");
        assert!(refused(url), "{url}");
    }
    for url in [
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://user@127.0.0.1/",
    ] {
        assert!(check(url, Reach::Anywhere).is_err(), "{url}");
    }
}

/// Gives each answer of a list in turn, as a rebinding name server does.
struct Answers(Mutex<Vec<Vec<&'static str>>>);

impl Resolve for Answers {
    fn resolve(&self, _: Name) -> Resolving {
        let answer = self.0.lock().expect("not poisoned").remove(0);
        let parse = |text: &str| SocketAddr::new(text.parse().expect("an address"), 0);
        let found: Vec<_> = answer.into_iter().map(parse).collect();
        Box::pin(async move { Ok(Box::new(found.into_iter()) as Addrs) })
    }
}

async fn resolved(guarded: &Guarded, name: &str) -> Result<Vec<String>, String> {
    let name = name.parse().expect("a name");
    let found = guarded.resolve(name).await.map_err(|e| e.to_string())?;
    Ok(found.map(|address| address.ip().to_string()).collect())
}

#[tokio::test]
async fn a_name_is_judged_by_what_it_resolves_to_each_time() {
    let guarded = Guarded(Arc::new(Answers(Mutex::new(vec![
        vec!["93.184.215.14"],
        vec!["127.0.0.1"],
        vec!["::ffff:10.0.0.1", "169.254.169.254"],
        vec!["10.0.0.1", "93.184.215.14", "fd00::1"],
        vec![],
    ]))));
    let name = "127.0.0.1.nip.example";
    assert_eq!(
        resolved(&guarded, name).await,
        Ok(vec!["93.184.215.14".into()])
    );
    assert!(
        resolved(&guarded, name)
            .await
            .is_err_and(|e| e.contains("127.0.0.1"))
    );
    assert!(resolved(&guarded, name).await.is_err());
    assert_eq!(
        resolved(&guarded, name).await,
        Ok(vec!["93.184.215.14".into()])
    );
    assert_eq!(resolved(&guarded, name).await, Ok(vec![]));
    assert!(
        resolved(&guarded, "localhost").await.is_err(),
        "not even asked"
    );
}
