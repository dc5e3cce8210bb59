//! Lives of a purchase that pass from user to user, told in every order: what must be true of where they end.

use proptest::collection::vec;
use proptest::prelude::any;
use uuid::Uuid;

use super::*;
use crate::property;

/// Something that happens to a purchase: its owner is told something of it, or somebody else owns it from now on.
type Happens = (bool, usize, bool, bool);

/// Where a life ends: whose the purchase is, what it gives, and whether it does.
type End = (Option<UserId>, Tier, Meaning);

fn user(number: usize) -> UserId {
    UserId(Uuid::from_u128(1 + number as u128))
}

/// What is told of a life that happens so, a second after another, and where it ends.
fn life(happens: &[Happens]) -> (Vec<Statement>, Vec<Transfer>, End) {
    let (mut statements, mut transfers) = (Vec::new(), Vec::new());
    let mut end = (user(0), Tier::Gold, Meaning::Paid);
    for (second, (moves, to, is_platinum, ends)) in (0_i64..).zip(happens) {
        let happened_at = Timestamp::EPOCH.plus_s(second);
        let event_id = format!("event{second}");
        if *moves && second > 0 {
            transfers.push(Transfer { from: end.0, to: Some(user(*to)), happened_at, event_id });
            end.0 = user(*to);
            continue;
        }
        let tier = if *is_platinum { Tier::Platinum } else { Tier::Gold };
        let (kind, ends_at) = if *ends { (EXPIRATION, Some(happened_at)) } else { ("RENEWAL", None) };
        end = (end.0, tier, if *ends { Meaning::Ends(ends_at) } else { Meaning::Paid });
        let (user, kind, status) = (end.0, kind.to_owned(), None);
        statements.push(Statement { number: 0, user, kind, status, tier: Some(tier), happened_at, ends_at, event_id });
    }
    (statements, transfers, (Some(end.0), end.1, end.2))
}

#[test]
fn a_purchase_is_whose_it_was_last_whatever_the_order_in_which_that_is_told() {
    let happens = vec((any::<bool>(), 0_usize..3, any::<bool>(), any::<bool>()), 1..9);
    property::holds((happens, vec(any::<u64>(), 32)), |(happens, chance)| {
        let (told, mut transfers, end) = life(&happens);
        // Everything comes twice, in an order of chance.
        let mut arrived: Vec<(u64, Statement)> =
            chance.iter().copied().zip(told.iter().chain(&told).cloned()).collect();
        arrived.sort_by_key(|(place, _)| *place);
        let arrived: Vec<Statement> =
            (0..).zip(arrived).map(|(number, (_, statement))| Statement { number, ..statement }).collect();
        transfers.sort_by_key(|transfer| chance.get(usize::try_from(transfer.happened_at.unix_s()).unwrap()).copied());
        let found = standing(Source::RevenueCat, &arrived, &transfers).unwrap();
        assert_eq!((found.owner, found.tier, found.meaning), end);
    });
}
