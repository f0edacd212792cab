//! `wardroom policy bench`: something is measured for each hook.

use super::{assert_code, assert_has, folder, policy, text};
use crate::fixtures::{guest, plugin};

#[test]
fn each_question_of_cases_is_measured() {
    let (_folder, cases) = folder(
        "cases.toml",
        "settings = { see_all_roles = [\"admin\"] }\n\
         [[case]]\nname = \"good\"\nconfigure = {}\nexpect = { accepted = true }\n\
         [[case]]\nname = \"private\"\nchannel = { id = \"c\", private = true }\n\
         expect = { rule = \"only\" }",
    );
    let file = plugin("private_channels");
    let arguments = ["bench", text(&file), "--cases", text(&cases), "--json"];
    let (code, out, err) = policy(&arguments);
    assert_eq!(err, "");
    assert_code(code, 0);
    let costs: serde_json::Value = serde_json::from_str(&out).unwrap();
    let hooks = costs["hooks"].as_array().unwrap();
    assert_eq!(hooks.len(), 1);
    assert_eq!(hooks[0]["name"], "private");
    let (median, p99) = (&hooks[0]["warm"]["median"], &hooks[0]["warm"]["p99"]);
    assert!(median.as_f64().unwrap() > 0.0 && median.as_f64() <= p99.as_f64());
    assert!(hooks[0]["instructions"].as_u64().unwrap() > 0);
    assert!(costs["memoryAtStart"].as_u64().unwrap() >= 64 << 10);
    assert!(costs["compile"].as_f64().unwrap() > 0.0);
}

#[test]
fn without_cases_each_hook_is_asked() {
    let (code, out, _) = policy(&["bench", text(&guest("speaks"))]);
    assert_code(code, 0);
    assert_has(
        &out,
        &[
            "compile     ",
            "counting    ",
            "\nstart ",
            "\nrecovery ",
            "\nadmission.admit ",
            "\nchannel-visibility.audience ",
            "\nchannel-visibility.decide, 100 people ",
            "\ncommands.authorize ",
            "\nevents.render ",
            "\nmemory      ",
        ],
    );
}

#[test]
fn a_policy_that_does_not_start_is_not_measured() {
    let (code, out, err) = policy(&["bench", text(&guest("refuses_settings"))]);
    assert_code(code, 1);
    assert_has(&err, &["refused its settings"]);
    // What was known before is there: nothing is held back to the end.
    assert_has(&out, &["file        ", "compile     ", "counting    "]);
}
