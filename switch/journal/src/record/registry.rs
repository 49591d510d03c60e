//! Participants and routes as bytes.

use holdfast_core::registry::{
    CurrencyLimits, Debtor, Limits, MerchantPattern, ParticipantRecord, ParticipantStatus, Route,
};
use holdfast_protocol::{Amount, Currency, Merchant, MpsId, SecurityLevel, Total};

use super::RecordError;
use super::fields::{Reader, Writer};

pub(crate) const fn status_number(status: ParticipantStatus) -> u8 {
    match status {
        ParticipantStatus::Active => 1,
        ParticipantStatus::Draining => 2,
        ParticipantStatus::Suspended => 3,
    }
}

pub(crate) const fn status(number: u8) -> Result<ParticipantStatus, RecordError> {
    match number {
        1 => Ok(ParticipantStatus::Active),
        2 => Ok(ParticipantStatus::Draining),
        3 => Ok(ParticipantStatus::Suspended),
        _ => Err(RecordError::Field("status")),
    }
}

pub(crate) const fn debtor_number(debtor: Debtor) -> u8 {
    match debtor {
        Debtor::Originator => 1,
        Debtor::Destination => 2,
        Debtor::Outside => 3,
    }
}

pub(crate) const fn debtor(number: u8) -> Result<Debtor, RecordError> {
    match number {
        1 => Ok(Debtor::Originator),
        2 => Ok(Debtor::Destination),
        3 => Ok(Debtor::Outside),
        _ => Err(RecordError::Field("debtor")),
    }
}

pub(crate) const fn level(number: u8) -> Result<SecurityLevel, RecordError> {
    match number {
        1 => Ok(SecurityLevel::One),
        2 => Ok(SecurityLevel::Two),
        3 => Ok(SecurityLevel::Three),
        4 => Ok(SecurityLevel::Four),
        _ => Err(RecordError::Field("security level")),
    }
}

pub(crate) fn write_participant(w: &mut Writer<'_>, p: &ParticipantRecord) {
    w.participant(p.number);
    w.text(&p.name);
    w.bool(p.originates);
    w.bool(p.receives);
    w.count(p.caps.len());
    for (currency, cap) in &p.caps {
        w.currency(*currency);
        w.total(*cap);
    }
    w.count(p.limits.len());
    for (level, limits) in &p.limits {
        w.u8(match level {
            SecurityLevel::One => 1,
            SecurityLevel::Two => 2,
            SecurityLevel::Three => 3,
            SecurityLevel::Four => 4,
        });
        w.count(limits.currencies.len());
        for (currency, limits) in &limits.currencies {
            w.currency(*currency);
            w.bool(limits.amount.is_some());
            w.amount(limits.amount.unwrap_or(Amount::ZERO));
            w.bool(limits.daily_amount.is_some());
            w.total(limits.daily_amount.unwrap_or(Total::ZERO));
            w.bool(limits.daily_count.is_some());
            w.u64(limits.daily_count.unwrap_or(0));
        }
    }
}

pub(crate) fn read_participant(r: &mut Reader<'_>) -> Result<ParticipantRecord, RecordError> {
    let (number, name) = (r.participant()?, r.text()?);
    let (originates, receives) = (r.bool()?, r.bool()?);
    let caps = (0..r.count(18)?).map(|_| Ok((r.currency()?, r.total()?))).collect::<Result<_, _>>()?;
    let limits = (0..r.count(5)?).map(|_| read_limits(r)).collect::<Result<_, _>>()?;
    Ok(ParticipantRecord { number, name, originates, receives, caps, limits })
}

fn read_limits(r: &mut Reader<'_>) -> Result<(SecurityLevel, Limits), RecordError> {
    let level = level(r.u8()?)?;
    let currencies = (0..r.count(37)?).map(|_| read_currency_limits(r)).collect::<Result<_, _>>()?;
    Ok((level, Limits { currencies }))
}

fn read_currency_limits(r: &mut Reader<'_>) -> Result<(Currency, CurrencyLimits), RecordError> {
    let currency = r.currency()?;
    let (has_amount, amount) = (r.bool()?, r.amount()?);
    let (has_daily_amount, daily_amount) = (r.bool()?, r.total()?);
    let (has_daily_count, daily_count) = (r.bool()?, r.u64()?);
    let limits = CurrencyLimits {
        amount: has_amount.then_some(amount),
        daily_amount: has_daily_amount.then_some(daily_amount),
        daily_count: has_daily_count.then_some(daily_count),
    };
    Ok((currency, limits))
}

pub(crate) fn write_routes(w: &mut Writer<'_>, routes: &[Route]) {
    w.count(routes.len());
    for route in routes {
        w.bytes(&route.mps.to_bytes());
        let (number, merchant) = match route.merchants {
            MerchantPattern::Default => (1, None),
            MerchantPattern::Prefix(prefix) => (2, Some(prefix)),
            MerchantPattern::Exact(merchant) => (3, Some(merchant)),
        };
        w.u8(number);
        w.bytes(&merchant.map_or([0; Merchant::BYTES], Merchant::to_bytes));
        w.participant(route.destination);
        w.u8(debtor_number(route.pay_debtor));
        w.u8(debtor_number(route.reserve_debtor));
    }
}

pub(crate) fn read_routes(r: &mut Reader<'_>) -> Result<Vec<Route>, RecordError> {
    (0..r.count(37)?).map(|_| read_route(r)).collect()
}

fn read_route(r: &mut Reader<'_>) -> Result<Route, RecordError> {
    let mps = MpsId::from_bytes(r.array()?).ok_or(RecordError::Field("mps"))?;
    let number = r.u8()?;
    let merchant = Merchant::from_bytes(r.array()?);
    let merchants = match (number, merchant) {
        (1, None) => MerchantPattern::Default,
        (2, Some(prefix)) => MerchantPattern::Prefix(prefix),
        (3, Some(merchant)) => MerchantPattern::Exact(merchant),
        _ => return Err(RecordError::Field("merchant")),
    };
    Ok(Route {
        mps,
        merchants,
        destination: r.participant()?,
        pay_debtor: debtor(r.u8()?)?,
        reserve_debtor: debtor(r.u8()?)?,
    })
}
