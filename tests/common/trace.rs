//! What strace has written: which ACKs left, and which sync of the store's file each of them had
//! waited for.
//!
//! A request is known by the id of its message: by what its connection was last read, and by the first
//! write to the store's file that holds it. Its ACK must begin after an fdatasync has ended that
//! began after that write had ended.

use std::collections::{BTreeMap, HashMap};

/// What every message id begins with; a number of [`DIGITS`] digits follows.
pub const MARK: &str = "traced-";

/// See [`MARK`].
pub const DIGITS: usize = 4;

/// A call, by the numbers of the lines it begins and ends with.
struct Call {
    begin: usize,
    end: usize,
    text: String,
}

/// A sync of the store's file, by the numbers of its lines.
type Sync = (usize, usize);

/// The ACKs of a trace.
#[derive(Debug, Default)]
pub struct Acks {
    /// How many left.
    pub count: usize,
    /// The messages whose ACK left without a sync, or before it.
    pub unsynced: Vec<String>,
    /// How many ACKs each sync let go.
    pub groups: BTreeMap<Sync, usize>,
}

/// Reads a trace; `store` is the path of the store's file.
pub fn acks(trace: &str, store: &str) -> Acks {
    let (store, mut acks) = (format!("<{store}>"), Acks::default());
    let mut syncs: Vec<Sync> = Vec::new();
    let mut written: HashMap<String, usize> = HashMap::new();
    let mut asked: HashMap<String, String> = HashMap::new();
    for call in calls(trace) {
        let is_of_store = call.file().contains(&store);
        if call.is("pwrite64") && is_of_store && call.went_well() {
            for message in messages(&call.text) {
                written.entry(message.to_owned()).or_insert(call.end);
            }
        } else if call.is("fdatasync") && is_of_store && call.result().starts_with('0') {
            syncs.push((call.begin, call.end));
        } else if call.is("recvfrom") || call.is("read") {
            if let Some(message) = messages(&call.text).last() {
                asked.insert(call.file().to_owned(), message.to_owned());
            }
        } else if call.is_ack() {
            let message = asked.get(call.file()).cloned().unwrap_or_default();
            let since = written.get(&message).copied().unwrap_or(usize::MAX);
            let sync = syncs
                .iter()
                .find(|sync| sync.0 > since && sync.1 < call.begin);
            acks.count += 1;
            match sync {
                Some(sync) => *acks.groups.entry(*sync).or_default() += 1,
                None => acks.unsynced.push(message),
            }
        }
    }
    acks
}

/// The calls in the order in which they end. One that others interrupt has two lines.
fn calls(trace: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut unfinished: HashMap<&str, (usize, &str)> = HashMap::new();
    for (end, line) in trace.lines().enumerate() {
        let Some((thread, text)) = line.split_once(' ') else {
            continue;
        };
        let text = text.trim_start();
        if let Some(head) = text.strip_suffix("<unfinished ...>") {
            unfinished.insert(thread, (end, head));
            continue;
        }
        let tail = text
            .strip_prefix("<... ")
            .and_then(|text| text.split_once(" resumed>"));
        let (begin, text) = match tail {
            None => (end, text.to_owned()),
            Some((_, tail)) => match unfinished.remove(thread) {
                Some((begin, head)) => (begin, format!("{head}{tail}")),
                None => continue,
            },
        };
        calls.push(Call { begin, end, text });
    }
    calls
}

impl Call {
    fn is(&self, name: &str) -> bool {
        self.text
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('('))
    }

    /// The first argument: a descriptor with what it stands for.
    fn file(&self) -> &str {
        let arguments = self.text.split_once('(').map_or("", |(_, rest)| rest);
        arguments
            .split([',', ')'])
            .next()
            .unwrap_or_default()
            .trim_end()
    }

    fn result(&self) -> &str {
        self.text
            .rsplit_once(" = ")
            .map_or("", |(_, result)| result)
    }

    fn went_well(&self) -> bool {
        self.result()
            .starts_with(|first: char| first.is_ascii_digit())
    }

    fn is_ack(&self) -> bool {
        self.text.contains("\"HTTP/1.1 200 OK") && self.text.contains("\\\"ACK\\\"")
    }
}

fn messages(text: &str) -> impl Iterator<Item = &str> {
    let found = text.match_indices(MARK);
    found.filter_map(|(at, _)| text.get(at..at + MARK.len() + DIGITS))
}

#[test]
fn a_trace_without_a_sync_is_told_from_one_with_it() {
    let read = "9 recvfrom(12<socket:[1]>, \"POST traced-0001\", 99, 0) = 9\n";
    let write = "7 pwrite64(9</data/db>, \"traced-0001\", 1, 0) = 1\n";
    let ack =
        "8 writev(12<socket:[1]>, [{iov_base=\"HTTP/1.1 200 OK\\r\\n{\\\"ACK\\\"}\"}], 1) = 9\n";
    let sync = "7 fdatasync(9</data/db>) = 0 (DELAYED)\n";
    let begin = "7 fdatasync(9</data/db> <unfinished ...>\n";
    let end = "7 <... fdatasync resumed>) = 0\n";
    let judge = |lines: &[&str]| {
        let acks = acks(&lines.concat(), "/data/db");
        assert_eq!(acks.count, 1);
        acks.unsynced.is_empty()
    };
    assert!(judge(&[read, write, sync, ack]));
    assert!(judge(&[read, write, begin, end, ack]));
    assert!(!judge(&[read, write, ack]), "no sync");
    assert!(!judge(&[read, sync, ack]), "no write");
    assert!(!judge(&[read, sync, write, ack]), "synced too early");
    assert!(!judge(&[read, begin, write, end, ack]), "begun too early");
    assert!(!judge(&[read, write, begin, ack, end]), "synced too late");
    let failed = "7 fdatasync(9</data/db>) = -1 EIO\n";
    assert!(!judge(&[read, write, failed, ack]));
    let other = read.replace("0001", "0002");
    assert!(!judge(&[&other, write, sync, ack]), "another's write");
}
