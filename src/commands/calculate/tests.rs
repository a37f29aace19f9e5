use super::*;
use crate::commands::testing::{Bench, check as check_args};
use proptest::prelude::*;

/// The value of an expression, or what is wrong with it, in the user's words.
fn answer(text: &str) -> String {
    let value = parse::program(text).and_then(|program| program.value());
    match value {
        Ok(value) => number(value).map_or_else(|| "not finite".to_owned(), |n| n.to_string()),
        Err(fault) => fault.describe(text),
    }
}

fn check(expressions: &[&str]) -> String {
    let lines: Vec<_> =
        expressions.iter().map(|text| format!("{text}  =>  {}", answer(text))).collect();
    lines.join("\n")
}

#[test]
fn operators_hold_as_in_mathematics() {
    insta::assert_snapshot!(check(&[
        "2 + 3 * 4", "(2 + 3) * 4", "-2^2", "(-2)^2", "2^3^2", "2^-1", "2^-2^2", "-2^-2", "2**3",
        "10 - 4 - 3", "100 / 10 / 2", "7 % 4", "-7 % 3", "7.5 % 2", "--3", "+-+3", "2 * -3",
        "-2 * 3", "6 / 2 * 3", "1 - -1",
    ]), @r"
    2 + 3 * 4  =>  14
    (2 + 3) * 4  =>  20
    -2^2  =>  -4
    (-2)^2  =>  4
    2^3^2  =>  512
    2^-1  =>  0.5
    2^-2^2  =>  0.0625
    -2^-2  =>  -0.25
    2**3  =>  8
    10 - 4 - 3  =>  3
    100 / 10 / 2  =>  5
    7 % 4  =>  3
    -7 % 3  =>  -1
    7.5 % 2  =>  1.5
    --3  =>  3
    +-+3  =>  -3
    2 * -3  =>  -6
    -2 * 3  =>  -6
    6 / 2 * 3  =>  9
    1 - -1  =>  2
    ");
}

#[test]
fn numbers_functions_and_constants() {
    insta::assert_snapshot!(check(&[
        "1.5", ".5", "5.", "1e3", "2E-2", "1_000", "pi", "2*E", "sqrt(16)", "abs(-3)",
        "min(3, 1, 2)", "MAX(1, 2 + 3)", "round(2.5)", "round(-2.5)", "floor(-1.5)", "ceil(1.2)",
        "trunc(-1.9)", "ln(e)", "log(1000)", "log(8, 2)", "exp(0)", "sin(0)", "cos(pi)", "tan(0)",
        "pow(2, 10)", "sqrt(sqrt(81)) ^ 2", "9007199254740992", "0.1 + 0.2", "-0",
    ]), @r"
    1.5  =>  1.5
    .5  =>  0.5
    5.  =>  5
    1e3  =>  1000
    2E-2  =>  0.02
    1_000  =>  a number it cannot read at character 1, before `1_000`
    pi  =>  3.141592653589793
    2*E  =>  5.43656365691809
    sqrt(16)  =>  4
    abs(-3)  =>  3
    min(3, 1, 2)  =>  1
    MAX(1, 2 + 3)  =>  5
    round(2.5)  =>  3
    round(-2.5)  =>  -3
    floor(-1.5)  =>  -2
    ceil(1.2)  =>  2
    trunc(-1.9)  =>  -1
    ln(e)  =>  1
    log(1000)  =>  3
    log(8, 2)  =>  3
    exp(0)  =>  1
    sin(0)  =>  0
    cos(pi)  =>  -1
    tan(0)  =>  0
    pow(2, 10)  =>  1024
    sqrt(sqrt(81)) ^ 2  =>  9
    9007199254740992  =>  9007199254740992
    0.1 + 0.2  =>  0.30000000000000004
    -0  =>  0
    ");
}

#[test]
fn what_has_no_value_points_at_the_place() {
    insta::assert_snapshot!(check(&[
        "1 / 0", "8 + 5 % (2 - 2)", "1e308 * 10", "10 ^ 400", "9^9^9^9", "exp(1000)", "1e999",
        "sqrt(-1)", "ln(0)", "log(-5)", "log(8, 1)", "(-8) ^ 0.5", "0 ^ -1", "asin(2)",
    ]), @r"
    1 / 0  =>  division by zero at character 3, before `/ 0`
    8 + 5 % (2 - 2)  =>  remainder of a division by zero at character 7, before `% (2 - 2)`
    1e308 * 10  =>  overflow (the result is beyond 1.8e308) at character 7, before `* 10`
    10 ^ 400  =>  overflow (the result is beyond 1.8e308) at character 4, before `^ 400`
    9^9^9^9  =>  overflow (the result is beyond 1.8e308) at character 4, before `^9^9`
    exp(1000)  =>  overflow (the result is beyond 1.8e308) at character 1, before `exp(1000)`
    1e999  =>  a number that is too large at character 1, before `1e999`
    sqrt(-1)  =>  no real value (sqrt of -1) at character 1, before `sqrt(-1)`
    ln(0)  =>  no real value (ln of 0) at character 1, before `ln(0)`
    log(-5)  =>  no real value (log of -5) at character 1, before `log(-5)`
    log(8, 1)  =>  no real value (log of 8 to base 1) at character 1, before `log(8, 1)`
    (-8) ^ 0.5  =>  no real value (-8 to the power of 0.5) at character 6, before `^ 0.5`
    0 ^ -1  =>  division by zero (0^-1) at character 3, before `^ -1`
    asin(2)  =>  no real value (asin of 2) at character 1, before `asin(2)`
    ");
}

#[test]
fn nonsense_points_at_the_place() {
    insta::assert_snapshot!(check(&[
        "2 +", "* 2", "2 3", "(1 + 2", "1 + 2)", "()", "sqrt", "sqrt(", "sqrt()", "sqrt(1, 2)",
        "pow(2)", "max()", "pi(2)", "sqr(4)", "elephant", "1, 2", "2 & 3", "1.2.3", "2e", "2x",
        "größe + 1", "f(1;2)", "(2 3)",
    ]), @r"
    2 +  =>  a value missing at the end of the expression (character 4)
    * 2  =>  a value missing where `*` stands at character 1, before `* 2`
    2 3  =>  an operator missing at character 3, before `3`
    (1 + 2  =>  a `(` that is never closed at character 1, before `(1 + 2`
    1 + 2)  =>  a `)` without a `(` at character 6, before `)`
    ()  =>  a value missing where `)` stands at character 2, before `)`
    sqrt  =>  a function without its parentheses, `sqrt(…)` at character 1, before `sqrt`
    sqrt(  =>  a value missing at the end of the expression (character 6)
    sqrt()  =>  0 values in `sqrt`, which takes one at character 1, before `sqrt()`
    sqrt(1, 2)  =>  2 values in `sqrt`, which takes one at character 1, before `sqrt(1, 2)`
    pow(2)  =>  1 value in `pow`, which takes two at character 1, before `pow(2)`
    max()  =>  0 values in `max`, which takes at least one at character 1, before `max()`
    pi(2)  =>  no function `pi` at character 1, before `pi(2)`
    sqr(4)  =>  a name it does not know (did you mean `sqrt`?) at character 1, before `sqr(4)`
    elephant  =>  a name it does not know at character 1, before `elephant`
    1, 2  =>  a `,` outside the parentheses of a function at character 2, before `, 2`
    2 & 3  =>  a character it does not know, `&` at character 3, before `& 3`
    1.2.3  =>  a number it cannot read at character 1, before `1.2.3`
    2e  =>  a number it cannot read at character 1, before `2e`
    2x  =>  a number it cannot read at character 1, before `2x`
    größe + 1  =>  a character it does not know, `ö` at character 3, before `öße + 1`
    f(1;2)  =>  a character it does not know, `;` at character 4, before `;2)`
    (2 3)  =>  an operator or `)` missing at character 4, before `3)`
    ");
    // What a terminal would obey is shown, not sent.
    assert!(answer("1 + \u{7}").ends_with(r"at character 5, before `\u{7}`"));
}

#[test]
fn depth_and_length_are_bounded() {
    let nested = |depth| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(answer(&nested(99)), "1");
    assert!(answer(&nested(100)).starts_with("more than 100 levels of nesting at character 101"));
    assert!(answer(&"-".repeat(4_000)).starts_with("more than 100 levels"));
    assert!(answer(&format!("2{}", "^2".repeat(2_000))).starts_with("more than 100 levels"));
    assert_eq!(answer(&format!("1{}", "+1".repeat(2_047))), "2048");
    assert!(answer(&"é".repeat(3_000)).starts_with("more than 4096 bytes"));
}

#[tokio::test]
async fn the_value_is_the_result_and_the_output() {
    let bench = Bench::new();
    let result = bench.run("calculate", json!({ "expression": " 2 + 3*4\n" })).await;
    assert_eq!(result, Ok(json!({ "value": 14 })));
    assert_eq!(bench.output(), "2 + 3*4 = 14\n");
    let result = bench.run("calculate", json!({ "expression": 42 })).await;
    assert_eq!(result, Ok(json!({ "value": 42 })));
}

#[tokio::test]
async fn a_division_by_zero_fails_when_it_runs_and_nonsense_when_it_is_loaded() {
    assert_eq!(check_args("calculate", json!({ "expression": "1 / 0" })), "fine");
    let failed = Bench::new().run("calculate", json!({ "expression": "1 / 0" })).await;
    assert_eq!(failed, Err("division by zero at character 3, before `/ 0`".to_owned()));
    insta::assert_snapshot!(check_args("calculate", json!({ "expression": "2 + three" })),
        @"expression: has a name it does not know at character 5, before `three`");
    insta::assert_snapshot!(check_args("calculate", json!({ "expression": " " })),
        @"expression: is empty: write it like 2 + 3 * 4");
}

proptest! {
    #[test]
    fn no_text_breaks_it(text in "[0-9a-z+*/%^(),. -]{0,60}|\\PC{0,40}") {
        let message = answer(&text);
        prop_assert!(!message.is_empty());
        prop_assert_ne!(message, "not finite");
    }

    #[test]
    fn whole_numbers_are_added_and_multiplied_exactly(a in -1000i64..1000, b in -1000i64..1000,
        c in -1000i64..1000) {
        let expected = a + b * c - (a - c);
        prop_assert_eq!(answer(&format!("{a}+{b}*{c}-({a}-{c})")), expected.to_string());
    }
}
