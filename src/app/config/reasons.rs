//! The reasons of a network: a published table, and those in `[[network.NAME.reason]]`, which go
//! before it.

use serde_json::{Value as Json, json};

use super::fault::Problem;
use super::kind;
use super::section::Section;
use super::values::Setting;
use crate::domain::order::Party;
use crate::networks::{DomainReasons, Kind, ReasonCode};
use crate::protocol::ondc;
use crate::protocol::reasons::{TABLES, Table, table};

/// The setting with the codes that stand for words.
const IN_WORDS: &str = "reason_in_words";

/// What a network knows of reasons.
pub(super) struct Reasons {
    /// The codes; none means any.
    pub codes: Vec<ReasonCode>,
    /// ONDC: those of each dialect's domains, where the section names none.
    pub of_domains: Vec<DomainReasons>,
    /// Whether numbers that are not among them are taken.
    pub unknown_numbers: bool,
    /// Whether zeros before a number make no difference.
    pub ignore_zeros: bool,
    /// Whether a cancel of 0.9.x that lacks a reason is answered with the list.
    pub in_on_cancel: bool,
    /// The codes that stand for words of one's own.
    pub in_words: Vec<String>,
}

impl Setting for &'static Table {
    fn parse(text: &str) -> Result<Self, Problem> {
        let names = || TABLES.iter().map(|table| json!(table.name).to_string());
        let names = || names().collect::<Vec<_>>().join(" or ");
        table(text).ok_or_else(|| Problem::Invalid(names()))
    }

    fn shown(&self) -> Json {
        json!(self.name)
    }
}

/// Reads them out of a network's section.
pub(super) fn read(section: &mut Section<'_>, of: Kind) -> Reasons {
    let published: Option<&'static Table> = section.optional("reason_table");
    let own: Vec<_> = section
        .tables("reason")
        .into_iter()
        .filter_map(reason)
        .collect();
    let takes_numbers = published.is_some_and(|table| table.takes_unknown_numbers);
    let unknown_numbers = section.or("unknown_reasons", takes_numbers);
    let ignore_zeros = published.is_some_and(|table| table.ignores_zeros);
    let in_on_cancel = section.or("reasons_in_on_cancel", true);
    // A code of one's own that wants words is meant for them.
    let wants_words = own.iter().any(|reason| reason.text_required);
    let usual = published.filter(|_| !wants_words);
    let usual = usual.into_iter().map(|table| table.in_words.to_owned());
    let in_words = section.list(IN_WORDS, Some(usual.collect()));
    let is_own = |id: &str| own.iter().any(|reason| reason.id == id);
    let published = published.into_iter().flat_map(|table| table.rows);
    let published = published.filter(|row| !is_own(row.id));
    let published: Vec<_> = published.map(ReasonCode::from).collect();
    let listed: Vec<_> = own.into_iter().chain(published).collect();
    let given = section.is_given("unknown_reasons");
    let of_domains = match of == Kind::Ondc && listed.is_empty() {
        true => of_domains(given.then_some(unknown_numbers)),
        false => Vec::new(),
    };
    let codes = match listed.is_empty() {
        true => kind::reasons(of),
        false => listed,
    };
    let all = of_domains.iter().flat_map(|one| &one.codes).chain(&codes);
    check_in_words(section, &in_words, all);
    check_unknown(section, codes.is_empty() && of_domains.is_empty());
    Reasons {
        of_domains,
        codes,
        unknown_numbers,
        ignore_zeros,
        in_on_cancel,
        in_words,
    }
}

fn of_domains(takes_unknown: Option<bool>) -> Vec<DomainReasons> {
    let dialects = Kind::Ondc.profile().dialects.iter();
    let published = dialects.filter_map(|dialect| Some((*dialect, ondc::reasons(*dialect)?)));
    let of_domain = |(dialect, table): (_, &Table)| DomainReasons {
        dialect,
        codes: table.rows.iter().map(ReasonCode::from).collect(),
        takes_unknown: takes_unknown.unwrap_or(table.takes_unknown_numbers),
    };
    published.map(of_domain).collect()
}

/// Each must be a code that some buyer may use; where nothing is known, it may be any.
fn check_in_words<'a>(
    section: &Section<'_>,
    in_words: &[String],
    all: impl Iterator<Item = &'a ReasonCode>,
) {
    let all: Vec<_> = all.collect();
    let is_buyers =
        |code: &&ReasonCode| code.is_for(Party::Customer) || code.is_for(Party::Partner);
    let is_there = |id: &String| {
        all.iter()
            .copied()
            .filter(is_buyers)
            .any(|code| code.id == *id)
    };
    if let Some(id) = in_words.iter().find(|id| !all.is_empty() && !is_there(id)) {
        let rule = format!("{id:?} is no code here that a customer or partner may use");
        section.fault(IN_WORDS, Problem::Conflict(rule));
    }
}

/// Where nothing is known, nothing is unknown: whoever writes `false` there expects refusals.
fn check_unknown(section: &Section<'_>, any_code: bool) {
    let name = "unknown_reasons";
    // A faulty table was told of already.
    if any_code && section.is_given(name) && !section.has_faults_below("reason") {
        let rule = "any code is taken without a reason_table or reasons of your own".to_owned();
        section.fault(name, Problem::Conflict(rule));
    }
}

fn reason(mut section: Section<'_>) -> Option<ReasonCode> {
    let id = section.required("id");
    let text = section.required("text");
    let by = section.list("by", Some(Vec::new()));
    let text_required = section.or("text_required", false);
    let comes_back = section.or("comes_back", false);
    let when_late = section.or("when_late", false);
    section.finish();
    Some(ReasonCode {
        id: id?,
        text: text?,
        by,
        text_required,
        comes_back,
        when_late,
    })
}
