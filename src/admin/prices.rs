//! Prices: the user's own, and the shipped ones, which show where there is none of the user's.

use super::{
    Asked,
    fields::Fields,
    input,
    outcome::{Outcome, Say, answer, store},
};
use crate::{
    app::with_cache,
    error::{Error, Result},
    record::{
        Kind, Record,
        price::{Price, Rates},
        write::{Json, object},
    },
    usage::price,
};

/// Ten thousand dollars per million tokens; more is a slip of units.
const DEAREST: u64 = 10_000_000_000;

/// With a provider and a model in the query, also what that model costs there.
pub fn list(asked: &Asked) -> Result<Outcome> {
    let mut query = Fields::query(&asked.query);
    let (provider, model) = (query.text("provider").unwrap_or_default(), query.text("model"));
    query.end()?;
    let mut shipped = Vec::new();
    price::list(&mut |(preset, source, model, rates)| {
        let mut row = Price { provider: preset.into(), model: model.into(), rates }.json();
        if let Some(fields) = row.as_object_mut() {
            fields.insert("source".into(), source.into());
        }
        shipped.push(row);
    });
    let (own, effective) = with_cache(|c| {
        let rates = model.and_then(|model| c.price(&provider, &model));
        (c.prices.all().json(), rates)
    });
    answer(
        200,
        object! {"prices": own, "effective": effective, "shipped": object! {"date": price::date(), "prices": shipped}},
    )
}

pub fn put(asked: &Asked) -> Result<Outcome> {
    let mut fields = input::body(asked)?;
    let [provider, model] = globs(&mut fields)?;
    let (input, cached, output) = (fields.number("input"), fields.number("cached_input"), fields.number("output"));
    fields.end()?;
    let input = rate("input", input)?;
    // Most providers name no price of its own for what they read from their cache.
    let rates =
        Rates { input, cached_input: rate("cached_input", cached.or(Some(input)))?, output: rate("output", output)? };
    let price = Price { provider, model, rates };
    let is_full = |own: &[Price]| own.len() >= price::MOST && own.iter().all(|known| known.id() != price.id());
    if with_cache(|c| is_full(c.prices.all())) {
        return Err(Error::invalid(format!("There are {} prices already; that is the most.", price::MOST), None));
    }
    store(vec![Record::new(Kind::Price, price.id(), &price, asked.now)?], Say::Json(200, price.json()))
}

pub fn delete(asked: &Asked) -> Result<Outcome> {
    let mut query = Fields::query(&asked.query);
    let [provider, model] = globs(&mut query)?;
    query.end()?;
    let id = format!("{provider} {model}");
    if with_cache(|c| !c.prices.all().iter().any(|p| p.id() == id)) {
        let message = format!("There is no price of your own for {model} of {provider}.");
        return Err(Error::not_found("price_not_found", message));
    }
    store(vec![Record::deleted(Kind::Price, id, asked.now)], Say::Nothing)
}

/// Of the provider, `*` when it is not given, and of the model.
fn globs(fields: &mut Fields) -> Result<[String; 2]> {
    let provider = fields.text("provider").unwrap_or_else(|| "*".into());
    let model = fields.required("model");
    Ok([input::glob("provider", &provider)?, input::glob("model", &model)?])
}

fn rate(name: &'static str, value: Option<u64>) -> Result<u64> {
    value.filter(|rate| *rate <= DEAREST).ok_or_else(|| {
        let message = format!("{name} is a whole number of micro-dollars per million tokens, {DEAREST} at most.");
        Error::invalid(message, Some(name))
    })
}
