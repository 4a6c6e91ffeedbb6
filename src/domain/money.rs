//! Money as integer minor units of an ISO 4217 currency, and the one rounding rule.
//!
//! On the wire an amount is a decimal string; inside it is an `i128` count of minor units
//! (paise, cents). Nothing here, or anywhere else, holds money in a float.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// The most digits an amount may have, before and after the point together.
const MAX_DIGITS: usize = 18;

/// The most digits of an amount that was kept: the sum of a document full of the longest, with
/// all decimals of its currency. A share of it still fits 128 bits.
const MAX_KEPT_DIGITS: usize = 27;

/// Why a text is not an amount, a percentage or a currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not `[+-]digits[.digits]`.
    #[error("expected a decimal number such as \"180\" or \"12.50\", got {0:?}")]
    NotDecimal(String),
    /// More than 18 digits.
    #[error("an amount has at most {MAX_DIGITS} digits, got {0:?}")]
    TooManyDigits(String),
    /// Finer than the currency's minor unit.
    #[error("{amount:?} is finer than {currency} allows ({exponent} decimals)")]
    TooFine {
        /// The amount as written.
        amount: String,
        /// Its currency.
        currency: Currency,
        /// How many decimals the currency has.
        exponent: u32,
    },
    /// Not three capital letters.
    #[error("expected an ISO 4217 currency code such as \"INR\", got {0:?}")]
    NotCurrency(String),
    /// Outside 0 to 100.
    #[error("a percentage lies between 0 and 100, got {0:?}")]
    NotPercentage(String),
    /// Two amounts of different currencies met.
    #[error("expected an amount in {expected}, got one in {got}")]
    CurrencyMismatch {
        /// The currency of the order.
        expected: Currency,
        /// The other one.
        got: Currency,
    },
}

/// An ISO 4217 currency code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// Reads a three-letter code; the letters are not checked against the list.
    ///
    /// # Errors
    /// When it is not three capital ASCII letters.
    pub fn parse(code: &str) -> Result<Self, Error> {
        match <[u8; 3]>::try_from(code.as_bytes()) {
            Ok(letters) if letters.iter().all(u8::is_ascii_uppercase) => Ok(Self(letters)),
            _ => Err(Error::NotCurrency(code.to_owned())),
        }
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency is ASCII by construction")
    }

    /// How many decimals the minor unit has (ISO 4217:2015 table A.1).
    #[must_use]
    pub fn exponent(self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG"
            | b"RWF" | b"UGX" | b"UYI" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            b"CLF" | b"UYW" => 4,
            _ => 2,
        }
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl TryFrom<String> for Currency {
    type Error = Error;
    fn try_from(code: String) -> Result<Self, Error> {
        Self::parse(&code)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// An amount of money; serialised as `{"value": "30.00", "currency": "INR"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Money {
    /// Minor units: paise, cents. May be negative on a refund line.
    pub minor: i128,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    /// Nothing, in a currency.
    #[must_use]
    pub fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// Reads a decimal string such as `180`, `12.50` or `-146`.
    ///
    /// # Errors
    /// When it is no decimal, has over 18 digits, or is finer than the currency's minor unit.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, Error> {
        Self::of_digits(text, currency, MAX_DIGITS)
    }

    fn of_digits(text: &str, currency: Currency, max_digits: usize) -> Result<Self, Error> {
        let exponent = currency.exponent();
        match scaled(text, exponent, max_digits)? {
            Some(minor) => Ok(Self { minor, currency }),
            None => Err(Error::TooFine {
                amount: text.to_owned(),
                currency,
                exponent,
            }),
        }
    }

    /// The decimal string, as whole units where nothing is lost and `as_written` has no point.
    ///
    /// An order quoted in whole units ("180") keeps whole units ("30"); one quoted with
    /// decimals ("180.00") gets them ("30.00").
    #[must_use]
    pub fn display_like(&self, as_written: &str) -> String {
        let unit = 10_i128.pow(self.currency.exponent());
        if self.minor % unit == 0 && !as_written.contains('.') {
            return (self.minor / unit).to_string();
        }
        self.to_string()
    }

    /// The share of this amount, rounded half up to the minor unit.
    #[must_use]
    pub fn percent(&self, percentage: Percentage) -> Self {
        let minor = round_half_up(self.minor * i128::from(percentage.0), 100 * PERCENT_SCALE);
        Self { minor, ..*self }
    }

    /// So many of so many equal parts of this amount, rounded the same way; nothing of none.
    #[must_use]
    pub fn parts(&self, some: u32, all: u32) -> Self {
        let minor = match all {
            0 => 0,
            all => round_half_up(self.minor * i128::from(some), i128::from(all)),
        };
        Self { minor, ..*self }
    }

    /// The same currency with another count of minor units.
    #[must_use]
    pub fn with_minor(&self, minor: i128) -> Self {
        Self { minor, ..*self }
    }
}

/// How an amount is kept and shown: never as a JSON number.
#[derive(Serialize, Deserialize)]
struct Written {
    value: String,
    currency: Currency,
}

impl TryFrom<Written> for Money {
    type Error = Error;
    fn try_from(written: Written) -> Result<Self, Error> {
        Self::of_digits(&written.value, written.currency, MAX_KEPT_DIGITS)
    }
}

impl From<Money> for Written {
    fn from(money: Money) -> Self {
        Self {
            value: money.to_string(),
            currency: money.currency,
        }
    }
}

impl fmt::Display for Money {
    /// All decimals of the currency: `30.00`, `-146.00`, `500` for yen.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = self.currency.exponent();
        let unit = 10_u128.pow(exponent);
        let (whole, part) = (
            self.minor.unsigned_abs() / unit,
            self.minor.unsigned_abs() % unit,
        );
        let sign = if self.minor < 0 { "-" } else { "" };
        match exponent {
            0 => write!(f, "{sign}{whole}"),
            _ => write!(f, "{sign}{whole}.{part:0width$}", width = exponent as usize),
        }
    }
}

/// Decimals kept of a percentage.
const PERCENT_DECIMALS: u32 = 4;
const PERCENT_SCALE: i128 = 10_i128.pow(PERCENT_DECIMALS);

/// A share between 0 and 100 per cent, with up to four decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Percentage(u32);

impl Percentage {
    /// Reads a decimal string such as `0`, `12.5` or `100`.
    ///
    /// # Errors
    /// When it is no decimal, finer than four decimals, or outside 0 to 100.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refused = || Error::NotPercentage(text.to_owned());
        let scaled = scaled(text, PERCENT_DECIMALS, MAX_DIGITS)?.ok_or_else(refused)?;
        match u32::try_from(scaled) {
            Ok(value) if i128::from(value) <= 100 * PERCENT_SCALE => Ok(Self(value)),
            _ => Err(refused()),
        }
    }
}

impl Percentage {
    /// Whether it is a share of nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Percentage {
    /// As people write it: `50`, `12.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = PERCENT_SCALE.unsigned_abs();
        let (whole, part) = (u128::from(self.0) / scale, u128::from(self.0) % scale);
        let part = format!("{part:0width$}", width = PERCENT_DECIMALS as usize);
        match part.trim_end_matches('0') {
            "" => write!(f, "{whole}"),
            part => write!(f, "{whole}.{part}"),
        }
    }
}

/// `numerator / denominator` to the nearest integer, halves away from zero: the one rounding rule.
fn round_half_up(numerator: i128, denominator: i128) -> i128 {
    let rounded = (numerator.abs() * 2 + denominator) / (denominator * 2);
    if numerator < 0 { -rounded } else { rounded }
}

/// A decimal text times `10^decimals`; `None` when it is finer than that.
fn scaled(text: &str, decimals: u32, max_digits: usize) -> Result<Option<i128>, Error> {
    let refused = || Error::NotDecimal(text.to_owned());
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, part) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let is_cut_off = unsigned.is_empty() || unsigned.ends_with('.');
    if is_cut_off || !all_digits(whole) || !all_digits(part) {
        return Err(refused());
    }
    if whole.len() + part.len() > max_digits {
        return Err(Error::TooManyDigits(text.to_owned()));
    }
    let kept = part.trim_end_matches('0');
    if kept.len() > decimals as usize {
        return Ok(None);
    }
    let digits = format!("{whole}{kept:0<width$}", width = decimals as usize);
    let value = if digits.is_empty() {
        0
    } else {
        digits.parse::<i128>().map_err(|_| refused())?
    };
    Ok(Some(if text.starts_with('-') { -value } else { value }))
}

#[cfg(test)]
mod tests;
