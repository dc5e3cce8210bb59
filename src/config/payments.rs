//! Stripe and RevenueCat: their secrets, and what their words stand for.

use std::collections::BTreeMap;

use super::reader::Reader;
use super::{AppEnv, Secret};

/// Stripe and RevenueCat.
#[derive(Clone, Debug)]
pub struct PaymentConfig {
    /// Stripe's API key.
    pub stripe_key: Option<Secret>,
    /// Signs Stripe's webhooks.
    pub stripe_webhook_secret: Option<Secret>,
    /// Stripe's address, without a slash at the end.
    pub stripe_base: String,
    /// Price ids, and `gold` or `platinum`.
    pub price_tiers: BTreeMap<String, String>,
    /// The `Authorization` of RevenueCat's webhooks.
    pub revenuecat_token: Option<Secret>,
    /// Whether purchases in the stores' sandboxes count.
    pub sandbox_counts: bool,
    /// Address of the web app, without a slash at the end.
    pub app_url: String,
}

impl PaymentConfig {
    pub(super) fn read(reader: &mut Reader<'_>, app_env: AppEnv) -> Self {
        let stripe_base = reader.address("STRIPE_API_BASE");
        if app_env == AppEnv::Production && !stripe_base.starts_with("https://") {
            reader.fail("STRIPE_API_BASE", "be an https address in production");
        }
        let stripe_key = read_header_secret(reader, "STRIPE_SECRET_KEY");
        let stripe_webhook_secret = reader.secret("STRIPE_WEBHOOK_SECRET");
        let revenuecat_token = read_header_secret(reader, "REVENUECAT_WEBHOOK_AUTH_TOKEN");
        // Without them nobody could pay, or what was paid for would not count, and no start would tell.
        let needed = [
            ("STRIPE_SECRET_KEY", stripe_key.is_some()),
            ("STRIPE_WEBHOOK_SECRET", stripe_webhook_secret.is_some()),
            ("REVENUECAT_WEBHOOK_AUTH_TOKEN", revenuecat_token.is_some()),
        ];
        for (name, _) in needed.iter().filter(|(_, is_there)| app_env == AppEnv::Production && !is_there) {
            reader.fail(name, "be set in production");
        }
        Self {
            stripe_key,
            stripe_webhook_secret,
            stripe_base,
            price_tiers: reader.parsed("STRIPE_PRICE_TIERS", PRICE_TIERS_MUST, BTreeMap::new(), read_price_tiers),
            revenuecat_token,
            sandbox_counts: reader.switch("REVENUECAT_SANDBOX") || app_env != AppEnv::Production,
            app_url: reader.address("APP_URL"),
        }
    }
}

/// A secret that travels in a header.
fn read_header_secret(reader: &mut Reader<'_>, name: &'static str) -> Option<Secret> {
    let secret = reader.secret(name)?;
    if secret.0.chars().any(|c| !c.is_ascii_graphic() && c != ' ') {
        reader.fail(name, "be visible ASCII characters, for it travels in a header");
    }
    Some(secret)
}

const PRICE_TIERS_MUST: &str = "be a JSON object whose values are gold or platinum";

fn read_price_tiers(text: &str) -> Option<BTreeMap<String, String>> {
    if text.is_empty() {
        return Some(BTreeMap::new());
    }
    let tiers: BTreeMap<String, String> = serde_json::from_str(text).ok()?;
    tiers.values().all(|tier| ["gold", "platinum"].contains(&tier.as_str())).then_some(tiers)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LEAST, PRODUCTION, config};
    use super::PRICE_TIERS_MUST;

    #[test]
    fn production_wants_every_secret_of_those_who_take_the_money() {
        let long = ("JWT_SECRET_KEY", "0123456789012345678901234567890123456789");
        let whole = [PRODUCTION.as_slice(), &[LEAST[0], long]].concat();
        assert!(config(&whole).is_ok());
        for (missing, _) in &PRODUCTION[1..] {
            let but_one: Vec<_> = whole.iter().copied().filter(|(name, _)| name != missing).collect();
            assert_eq!(config(&but_one).unwrap_err().0, [format!("{missing} must be set in production")]);
            let empty: Vec<_> = but_one.into_iter().chain([(*missing, "")]).collect();
            assert_eq!(config(&empty).unwrap_err().0, [format!("{missing} must be set in production")]);
        }
        let errors = config(&[("APP_ENV", "production"), LEAST[0], long]).unwrap_err().0;
        assert_eq!(errors.len(), 3, "{errors:?}");
        assert!(config(&[("APP_ENV", "staging"), LEAST[0], long]).is_ok());
    }

    #[test]
    fn stripe_is_called_in_the_clear_outside_of_production_only() {
        let long = ("JWT_SECRET_KEY", "0123456789012345678901234567890123456789");
        let plain = ("STRIPE_API_BASE", "http://127.0.0.1:1/");
        assert_eq!(config(&[LEAST[0], long, plain]).unwrap().payments.stripe_base, "http://127.0.0.1:1");
        let refused = config(&[PRODUCTION.as_slice(), &[LEAST[0], long, plain]].concat()).unwrap_err();
        assert_eq!(refused.0, ["STRIPE_API_BASE must be an https address in production"]);
        let payments = config(&[PRODUCTION.as_slice(), &[LEAST[0], long]].concat()).unwrap().payments;
        assert_eq!((payments.stripe_base.as_str(), payments.sandbox_counts), ("https://api.stripe.com", false));
    }

    #[test]
    fn prices_have_tiers_that_there_are() {
        let tiers = |text: &str| config(&[LEAST[0], LEAST[1], ("STRIPE_PRICE_TIERS", text)]);
        let read = tiers(r#"{"price_1": "platinum"}"#).unwrap().payments.price_tiers;
        assert_eq!(read.get("price_1").map(String::as_str), Some("platinum"));
        for text in [r#"{"price_1": "silver"}"#, r#"["price_1"]"#, "price_1", r#"{"price_1": 1}"#] {
            assert_eq!(tiers(text).unwrap_err().0, [format!("STRIPE_PRICE_TIERS must {PRICE_TIERS_MUST}")]);
        }
    }
}
