//! Money for people: "50000.00" and its minor units, exactly, by the minor digits of the currency.

use holdfast_protocol::Currency;
use rust_decimal::Decimal;

/// A text that is no amount of the currency.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseDecimalError {
    /// Not digits with at most one point.
    #[error("expected a decimal such as \"50000.00\", found {0:?}")]
    NotDecimal(String),
    /// More digits after the point than the currency has.
    #[error("{currency} has {digits} digits after the point, found {found:?}")]
    TooFine {
        /// Of the amount.
        currency: Currency,
        /// How many it has.
        digits: u32,
        /// What stood there.
        found: String,
    },
    /// More than eighteen digits in minor units.
    #[error("expected at most eighteen digits in minor units, found {0:?}")]
    TooLarge(String),
}

/// The largest sum that can be configured: eighteen digits in minor units.
const MINOR_MAX: i128 = 999_999_999_999_999_999;

/// Minor units of a decimal text; never negative. Digits and at most one point between digits, nothing else: no sign,
/// exponent, space or separator.
///
/// # Errors
///
/// Where the text is no decimal, finer than the minor unit, or longer than eighteen digits in minor units.
pub fn minor_from_text(text: &str, currency: Currency) -> Result<i128, ParseDecimalError> {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(w, f)| (w, Some(f)));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !fraction.is_none_or(digits) {
        return Err(ParseDecimalError::NotDecimal(text.to_owned()));
    }
    let digits = currency.minor_digits();
    if fraction.is_some_and(|f| f.len() > digits as usize) {
        return Err(ParseDecimalError::TooFine { currency, digits, found: text.to_owned() });
    }
    let too_large = || ParseDecimalError::TooLarge(text.to_owned());
    let mut value = Decimal::from_str_exact(text).map_err(|_| too_large())?;
    value.rescale(digits);
    if value.scale() != digits || value.mantissa() > MINOR_MAX {
        return Err(too_large());
    }
    Ok(value.mantissa())
}

/// The text of minor units: "50000.00". The sign, if any, is in front.
pub fn text_from_minor(minor: i128, currency: Currency) -> String {
    Decimal::try_from_i128_with_scale(minor, currency.minor_digits()).map_or_else(
        // Wider than 96 bits: no sum that a file can configure, but a position may print.
        |_| format!("{minor} minor units"),
        |value| value.to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_minor_units_exactly() {
        for (text, code, minor) in [
            ("50000.00", "EUR", 5_000_000),
            ("50000", "EUR", 5_000_000),
            ("0.1", "EUR", 10),
            ("7", "JPY", 7),
            ("1.234", "KWD", 1_234),
            ("9999999999999999.99", "EUR", MINOR_MAX),
        ] {
            let currency = Currency::from_code(code).unwrap();
            assert_eq!(minor_from_text(text, currency), Ok(minor), "{text} {code}");
        }
        let euro = Currency::from_code("EUR").unwrap();
        assert_eq!(text_from_minor(5_000_000, euro), "50000.00");
        assert_eq!(text_from_minor(-1, euro), "-0.01");
        assert_eq!(text_from_minor(7, Currency::from_code("JPY").unwrap()), "7");
    }

    #[test]
    fn what_is_no_amount_of_the_currency_is_refused() {
        for (text, code) in [
            ("12.345", "EUR"),
            ("12.5", "JPY"),
            ("12.345 EUR", "EUR"),
            ("1,000.00", "EUR"),
            ("-1", "EUR"),
            ("+1", "EUR"),
            ("1e3", "EUR"),
            ("1_000", "EUR"),
            (".5", "EUR"),
            ("5.", "EUR"),
            ("", "EUR"),
            ("10000000000000000.00", "EUR"),
            ("99999999999999999999999999999999999999", "EUR"),
        ] {
            assert!(minor_from_text(text, Currency::from_code(code).unwrap()).is_err(), "{text} {code}");
        }
    }
}
