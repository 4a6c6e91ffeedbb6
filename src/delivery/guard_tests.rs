//! The spellings of an inside address that have fooled others, and the ones that must pass.
//!
//! Tests of `guard.rs`, in their own file for their length. Nothing here opens a connection.

use std::sync::Mutex;

use super::*;

fn refused(text: &str) -> bool {
    check(text, Reach::Public).is_err()
}

#[test]
fn no_spelling_of_an_inside_address_passes() {
    let hosts = [
        // Dotted, short, decimal, octal and hexadecimal IPv4.
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "017700000001",
        "0177.0.0.1",
        "0177.0.0.01",
        "0x7f.0.0.1",
        "0x7f.1",
        "0x7f000001",
        "0X7F000001",
        "0x7f.0x0.0x0.0x1",
        "127.0.0.1.",
        // With more than one dot at the end the parser takes a number for a name.
        "127.0..",
        "2130706433..",
        "①②⑦.⓪..",
        "127.000.000.001",
        "0",
        "0.0.0.0",
        "0x0",
        "00.00.00.00",
        "10.0.0.1",
        "10.1",
        "167772161",
        "172.16.0.1",
        "192.168.1.1",
        "192.168.257",
        "3232235777",
        "100.64.0.1",
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "168.63.129.16",
        "192.0.0.192",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "4294967295",
        // Letters that become digits and dots.
        "①②⑦.⓪.⓪.①",
        "１２７.０.０.１",
        "127。0。0。1",
        "127．0．0．1",
        "127｡0｡0｡1",
        "%31%32%37.0.0.1",
        "127%2e0%2e0%2e1",
        "𝟏𝟐𝟕.𝟎.𝟎.𝟏",
        "0\u{200b}x7f.1",
        // IPv6, with and without an IPv4 address inside.
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[0000::0001]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:7f00:0001]",
        "[::FFFF:169.254.169.254]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b:1::10.0.0.1]",
        "[2002:7f00:1::]",
        "[2002:a9fe:a9fe::1]",
        "[2001::1]",
        "[2001:db8::1]",
        "[fe80::1]",
        "[fe80::1%25eth0]",
        "[fe80::1%eth0]",
        "[fec0::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[ff02::1]",
        "[100::1]",
        "[3fff::1]",
        // Names.
        "localhost",
        "LOCALHOST",
        "localhost.",
        "localhost..",
        "a.localhost",
        "ｌｏｃａｌｈｏｓｔ",
        "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
        "loc%61lhost",
        "localhost.localdomain",
        "printer.local",
        "metadata",
        "metadata.google.internal",
        "metadata.google.internal.",
        "METADATA.google.Internal",
        "metadata.goog",
        "instance-data",
        "instance-data.ec2.internal",
        "metadata.tencentyun.com",
        "router.home.arpa",
        ".",
        "",
    ];
    assert!(hosts.len() >= 60);
    for host in hosts {
        assert!(refused(&format!("https://{host}/on_cancel")), "{host}");
        assert!(refused(&format!("https://{host}:8443/on_cancel")), "{host}");
    }
}

#[test]
fn no_trick_around_the_host_passes() {
    for url in [
        "http://bap.example.org/on_cancel",
        "ftp://bap.example.org/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_INFO",
        "unix:/run/x.sock",
        "data:application/json,{}",
        "//bap.example.org/",
        "bap.example.org",
        "",
        "https://",
        "https:///on_cancel",
        "https://user@bap.example.org/",
        "https://user:word@bap.example.org/",
        "https://:word@bap.example.org/",
        "https://bap.example.org@127.0.0.1/",
        "https://bap.example.org:443@127.0.0.1/",
        "https://127.0.0.1#@bap.example.org/",
        "https://127.0.0.1?@bap.example.org/",
        "https://127.0.0.1\\@bap.example.org/",
        "https://bap.example.org\\@127.0.0.1/",
        "https:\\\\127.0.0.1\\",
        "https:/127.0.0.1/",
        "https:127.0.0.1/",
        "https://127.0.0.1\t/",
        "https://127.\n0.0.1/",
        " https://bap.example.org/",
        "https://bap.example.org/\r\nHost: x",
        "https://bap.example.org/a b",
        "https://bap.example.org/#fragment",
        "https://bap.example.org:0/",
        "https://bap.example.org:22/",
        "https://bap.example.org:25/",
        "https://bap.example.org:80/",
        "https://bap.example.org:6379/",
        "https://bap.example.org:11211/",
        "https://bap.example.org:65536/",
        "https://256.256.256.256/",
        "https://1.2.3.4.5/",
        "https://[::1/",
        "https://a_b%00.example/",
    ] {
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
