//! What is true of every value that is read, whatever it is and in whichever form it arrives.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::*;
use crate::{input, integer, number, property};

/// Where a float has a neighbour more than one away.
const EXACT: i64 = 1 << 53;

#[test]
fn whole_numbers_are_the_same_with_and_without_a_point() {
    let numbers = prop_oneof![-1000..1000_i64, -EXACT..=EXACT, any::<i64>()];
    property::holds(numbers, |number| {
        let text = number.to_string();
        assert_eq!(Raw::Text(&text).integer(), Some(number));
        assert_eq!(Raw::Json(&json!(number)).integer(), Some(number));
        let with_point: Value = serde_json::from_str(&format!("{number}.0")).unwrap();
        // Beyond, the float may be a neighbour of what was written, and is refused; at the very end it is taken at its word.
        if (-EXACT..=EXACT).contains(&number) {
            assert_eq!(Raw::Json(&with_point).integer(), Some(number));
        } else {
            assert!(Raw::Json(&with_point).integer().is_none_or(|read| read.abs() == EXACT));
        }
        assert_eq!(Raw::Json(&with_point).number(), Raw::Json(&json!(number)).number());
        assert_eq!(Raw::Text(&text).number(), Raw::Json(&json!(number)).number());
    });
}

#[test]
fn what_is_not_whole_is_no_integer() {
    property::holds(prop::num::f64::ANY, |number| {
        let read = Raw::Json(&json!(number)).integer();
        assert_eq!(read.is_some(), number.fract() == 0.0 && number.abs() <= EXACT as f64, "{read:?}");
        assert!(read.is_none_or(|whole| whole as f64 == number));
    });
}

#[test]
fn numbers_are_read_as_they_were_written_and_finite() {
    property::holds(prop::num::f64::ANY, |number| {
        let expected = Some(number).filter(|number| number.is_finite());
        assert_eq!(Raw::Text(&number.to_string()).number(), expected);
        assert_eq!(Raw::Json(&json!(number)).number(), expected); // JSON has null for the others
    });
}

number! { /// Kilograms.
struct Kg in -1.5..=10.0; }
integer! { /// Times.
struct Times = i32, -2..=5; }
input! { /// A thing.
struct Thing { kg: Kg, times: Option<Times>, name: Patch<Text<2, 4>> } }

/// The codes of what is wrong with this field, and its value if nothing is.
fn read<T: Input>(value: &Value) -> Result<T, Vec<&'static str>> {
    let mut errors = Vec::new();
    let read = T::read(Raw::Json(value), &mut At::new("/field".to_owned(), "field", &mut errors));
    assert_eq!(read.is_some(), errors.is_empty());
    assert!(errors.iter().all(|error| error.pointer == "/field" && error.detail.starts_with("field must ")));
    read.ok_or(errors.into_iter().map(|error| error.code).collect())
}

#[test]
fn bounds_hold_and_include_their_ends() {
    let numbers = prop_oneof![-4.0..12.0, select(vec![-1.5, 10.0, -0.0, 1e300])];
    property::holds((numbers, -4..8_i64), |(number, whole)| {
        let expected = if (-1.5..=10.0).contains(&number) { Ok(Kg(number)) } else { Err(vec!["range"]) };
        assert_eq!(read::<Kg>(&json!(number)), expected);
        let expected = if (-2..=5).contains(&whole) { Ok(whole) } else { Err(vec!["range"]) };
        assert_eq!(read::<Times>(&json!(whole)).map(|times| i64::from(times.0)), expected);
        assert_eq!(read::<Times>(&json!(whole as f64)).map(|times| i64::from(times.0)), expected);
    });
}

#[test]
fn zero_has_no_sign() {
    for zero in [json!(0), json!(0.0), json!(-0.0)] {
        assert_eq!(read::<Kg>(&zero).unwrap().0.to_bits(), 0.0_f64.to_bits());
    }
}

#[test]
fn text_is_measured_in_characters() {
    property::holds("[a🏋\\u{0}]{0,6}", |text| {
        let length = text.chars().count();
        let expected = if text.contains('\0') {
            Err(vec!["format"])
        } else if (2..=4).contains(&length) {
            Ok(Text(text.clone()))
        } else {
            Err(vec!["length"])
        };
        assert_eq!(read::<Text<2, 4>>(&json!(text)), expected);
    });
}

/// JSON values of every type.
fn values() -> impl Strategy<Value = Value> {
    let numbers = prop_oneof![(-4..12_i64).prop_map(Value::from), any::<f64>().prop_map(Value::from)];
    prop_oneof![
        3 => numbers,
        2 => "[a-z]{0,6}".prop_map(Value::from),
        1 => select(vec![Value::Null, json!(true), json!([]), json!({}), json!("\0")]),
    ]
}

#[test]
fn each_field_is_read_as_if_it_stood_alone() {
    let fields = (prop::option::of(values()), prop::option::of(values()), prop::option::of(values()), values());
    property::holds(fields, |(kg, times, name, unknown)| {
        let pairs = [("kg", kg.clone()), ("times", times.clone()), ("name", name.clone()), ("unknown", Some(unknown))];
        let object = pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let object: Map<String, Value> = object.collect();
        let (mut errors, mut expected) = (Vec::new(), Vec::new());
        let thing = Thing::read_fields(&object, "/place", &mut errors);
        let mut expect = |name: &str, outcome: Result<(), Vec<&'static str>>| {
            let codes = outcome.err().into_iter().flatten();
            expected.extend(codes.map(|code| format!("/place/{name} {code}")));
        };
        expect("kg", kg.as_ref().map_or(Err(vec!["missing"]), |value| read::<Kg>(value).map(drop)));
        expect(
            "times",
            times.as_ref().filter(|value| !value.is_null()).map_or(Ok(()), |value| read::<Times>(value).map(drop)),
        );
        expect("name", name.as_ref().map_or(Ok(()), |value| read::<Text<2, 4>>(value).map(drop)));
        let told: Vec<String> = errors.iter().map(|error| format!("{} {}", error.pointer, error.code)).collect();
        assert_eq!(told, expected);
        assert_eq!(thing.is_some(), expected.is_empty());
        if let Some(thing) = thing {
            assert_eq!(thing.times.is_some(), times.is_some_and(|value| !value.is_null()));
            assert_eq!(thing.name == Patch::Keep, name.is_none());
        }
    });
}

#[test]
fn a_list_is_read_element_by_element_in_its_order() {
    let elements = prop_oneof![3 => (-4..12_i64).prop_map(|kg| json!({ "kg": kg })), 1 => values()];
    property::holds(prop::collection::vec(elements, 0..6), |elements| {
        let mut errors = Vec::new();
        let list = Value::from(elements.clone());
        let read = List::<Thing, 4>::read(Raw::Json(&list), &mut At::new("/list".to_owned(), "list", &mut errors));
        let pointers: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
        let good = |element: &Value| element["kg"].as_i64().filter(|kg| (-1..=10).contains(kg));
        let bad = elements.iter().enumerate().filter(|(_, element)| good(element).is_none());
        let expected: Vec<String> = match elements.len() {
            0..=4 => bad
                .map(|(index, element)| {
                    let place = if element.is_object() { "/kg" } else { "" };
                    format!("/list/{index}{place}")
                })
                .collect(),
            _ => vec!["/list".to_owned()],
        };
        assert_eq!(pointers, expected);
        let kilograms: Option<Vec<i64>> = elements.iter().map(good).collect();
        let read = read.map(|list| list.0.iter().map(|thing| thing.kg.0 as i64).collect());
        assert_eq!(read, kilograms.filter(|all: &Vec<i64>| all.len() <= 4));
    });
}

#[test]
fn of_several_pairs_the_last_counts_however_it_is_encoded() {
    let pairs = prop::collection::vec(("[ab]", ".{0,5}"), 0..6);
    property::holds(pairs, |pairs| {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let every_byte = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
        let encoded: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{}={}", every_byte(name), every_byte(value))).collect();
        for text in [query, encoded.join("&")] {
            let read = Pairs::parse(text.as_bytes());
            for name in ["a", "b", "c"] {
                let expected = pairs.iter().rfind(|(key, _)| key == name).map(|(_, value)| value.as_str());
                assert_eq!(read.field(name).as_ref().and_then(Raw::text), expected, "{name} in {text}");
            }
        }
    });
}
