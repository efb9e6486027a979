//! Mapping expressions: what they compute, and what they may cost.

use std::time::{Duration, Instant};

use profile::{Expression, ExpressionFault, Input, LONGEST_EXPRESSION, Outcome};
use proptest::prelude::*;

fn entry(attributes: &[(&str, &[&str])]) -> Input {
    attributes
        .iter()
        .map(|(name, values)| ((*name).to_owned(), values.iter().map(|v| (*v).to_owned()).collect()))
        .collect()
}

fn zoe() -> Input {
    entry(&[
        ("VORNAME", &["Zoë"]),
        ("NACHNAME", &["Müller-7"]),
        ("EMAIL_ADR", &["Zoe.Mueller@Example.test"]),
        ("AKTIV", &["J"]),
        ("tel", &["+49 1", "+49 2"]),
        ("leer", &[""]),
    ])
}

fn of(expression: &str) -> Result<Outcome, ExpressionFault> {
    Expression::compile(expression)?.evaluate(&zoe())
}

fn text(expression: &str) -> String {
    match of(expression) {
        Ok(Outcome::Text(text)) => text,
        other => panic!("{expression}: {other:?}"),
    }
}

#[test]
fn an_expression_computes_what_a_mapping_needs() {
    for (expression, expected) in [
        ("entry.VORNAME + ' ' + entry.NACHNAME", "Zoë Müller-7"),
        ("entry.EMAIL_ADR.lower()", "zoe.mueller@example.test"),
        ("entry.EMAIL_ADR.before('@').upper()", "ZOE.MUELLER"),
        ("entry.EMAIL_ADR.after('@')", "Example.test"),
        ("entry.AKTIV == 'J'", "true"),
        ("entry.AKTIV == 'J' ? 'employee' : 'leaver'", "employee"),
        ("entry.tel.first()", "+49 1"),
        ("entry.tel[1]", "+49 2"),
        ("entry.VORNAME.first()", "Zoë"),
        ("'TITEL' in entry ? entry.TITEL : 'none'", "none"),
        ("entry.?TITEL.orValue('none')", "none"),
        ("entry['NACHNAME'].startsWith('M') ? 'yes' : 'no'", "yes"),
        ("size(entry.tel) * 21", "42"),
        ("int('7') + 1", "8"),
        ("'  x '.trim()", "x"),
    ] {
        assert_eq!(text(expression), expected, "{expression}");
    }
    for nothing in ["null", "entry.leer", "''", "'TITEL' in entry ? entry.TITEL : null"] {
        assert_eq!(of(nothing), Ok(Outcome::Nothing), "{nothing}");
    }
}

#[test]
fn a_list_is_several_values() {
    let several = |texts: &[&str]| Ok(Outcome::Several(texts.iter().map(|t| (*t).to_owned()).collect()));
    assert_eq!(of("entry.tel"), several(&["+49 1", "+49 2"]));
    assert_eq!(of("[entry.VORNAME, 7, true]"), several(&["Zoë", "7", "true"]));
    assert_eq!(of("[]"), Ok(Outcome::Nothing));
}

#[test]
fn a_fault_says_what_to_do_and_never_shows_a_value() {
    let missing = of("entry.TITEL").unwrap_err();
    assert_eq!(missing, ExpressionFault::NoSuchAttribute("TITEL".to_owned()));
    assert!(missing.to_string().contains("orValue"), "{missing}");
    for expression in [
        "[entry.tel]",
        "entry",
        "1.5",
        "entry.NACHNAME + 1",
        "int(entry.NACHNAME)",
        "entry.tel[9]",
        "1 / 0",
        "entry.tel.lower()",
        "9223372036854775807 + 1",
        "entry.NACHNAME ? 1 : 2",
    ] {
        let fault = of(expression).unwrap_err();
        assert!(!fault.to_string().contains("Müller") && !fault.to_string().contains("+49"), "{expression}: {fault}");
    }
    for unreadable in ["entry.", "1 +", "'", "if x", "entry.a b", "\u{0}"] {
        assert!(matches!(of(unreadable), Err(ExpressionFault::Unreadable(_))), "{unreadable}: {:?}", of(unreadable));
    }
    // In words, and not in the tokens that the parser would have liked.
    let words = |text| of(text).unwrap_err().to_string();
    assert_eq!(words("1 +"), "it cannot be read: it ends before it is complete");
    assert_eq!(words("entry.a b"), "it cannot be read: character 9 does not belong there");
    assert_eq!(of("person.mail"), Err(ExpressionFault::UnknownName("person".to_owned())));
    assert_eq!(of("system('ls')"), Err(ExpressionFault::UnknownName("system".to_owned())));
    assert_eq!(of(" "), Err(ExpressionFault::Empty));
}

#[test]
fn there_are_no_loops_and_nothing_multiplies_text() {
    for expression in [
        "entry.tel.map(x, x + x)",
        "entry.tel.filter(x, true)",
        "entry.tel.all(x, true)",
        "entry.tel.exists(x, true)",
        "'a'.replace('a', 'aa')",
        "'a'.matches('(a*)*b')",
        "'%s'.format(['a'])",
        "['a'].join('b')",
    ] {
        assert!(matches!(of(expression), Err(ExpressionFault::UnknownName(_))), "{expression}: {:?}", of(expression));
    }
}

#[test]
fn length_and_nesting_are_limited_before_anything_is_read() {
    let began = Instant::now();
    assert_eq!(of(&"1+".repeat(LONGEST_EXPRESSION)), Err(ExpressionFault::TooLong));
    for (open, close) in [("(", ")"), ("[", "]"), ("{1:", "}"), ("!", ""), ("-", ""), ("true?", ":1")] {
        let deep = format!("{}true{}", open.repeat(300), close.repeat(300));
        assert_eq!(of(&deep[..deep.len().min(LONGEST_EXPRESSION)]), Err(ExpressionFault::TooDeep), "{open}");
    }
    assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
    // The longest that is accepted, over the largest values an entry may have: linear.
    let big = entry(&[("a", &["x".repeat(1 << 20).as_str()])]);
    let sum = vec!["entry['a']"; 38].join("+");
    let expression = Expression::compile(&sum).unwrap();
    let began = Instant::now();
    assert_eq!(expression.evaluate(&big), Err(ExpressionFault::ResultTooLong));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(match std::env::var("ISTHMUS_TEST_TIER").as_deref() {
        Ok("quick") => 60,
        Ok("thorough") => 5_000,
        _ => 300,
    }))]

    /// Whatever is typed into the editor: read or refused, never a panic, and within a second.
    #[test]
    fn any_text_is_read_or_refused(
        free in "\\PC{0,80}",
        pieces in prop::collection::vec(prop::sample::select(vec![
            "entry", ".", "?", "(", ")", "[", "]", "{", "}", "'a'", "\"", "1", "+", "==", "&&", "||", "!", "-", ":", ",", "in", "lower",
            "orValue", "size", "null", " ", "VORNAME", "b'x'", "r'", "0x", "1e9", "1u",
        ]), 0..60),
    ) {
        for text in [free, pieces.concat()] {
            let began = Instant::now();
            if let Ok(expression) = Expression::compile(&text) {
                let _ = expression.evaluate(&zoe());
            }
            prop_assert!(began.elapsed() < Duration::from_secs(2), "{text}: {:?}", began.elapsed());
        }
    }
}
