//! Input that cannot be judged ends in one message.

use super::{EVIDENCE, judge, judge_text, mostly_fast_run};

use crate::harness::{self, temp_dir};

#[test]
fn bad_input_ends_in_one_clear_message_and_exit_2() {
    let cases: [(&[u8], &[&str], &str); 17] = [
        (b"", &[], "cannot judge latencies.txt: the file is empty"),
        (
            b"163.2\n",
            &[],
            "error: latencies.txt line 1: '163.2' has no unit\nhint: add --unit s, ms, us or ns",
        ),
        (b"1ms\nNaN\n", &[], "line 2: 'NaN' is not a latency"),
        (b"1ms\n-1ms\n", &[], "line 2: '-1ms' is not a latency"),
        (b"163.2ms\n320.5m", &[], "the file is cut"),
        (b"1ms\n\xe9\n", &[], "it is not UTF-8 text (line 2)"),
        (b"[1,2]", &[], "it is JSON, but not an a7probe run"),
        (b"{\"a\":1}", &[], "JSON that is neither an a7probe run"),
        (b"{\"format\":", &[], "cut short"),
        (
            b"1ms\n",
            &["--gate", "p95 <= 150"],
            "gate 'p95 <= 150': the limit has no unit\nhint: write 'p95 <= 150ms'",
        ),
        (
            b"1ms\n",
            &["--gate", "latencie p95 <= 1s"],
            "did you mean 'latencies p95 <= 1s'?",
        ),
        (
            b"1ms\n",
            &["--gate", "p95 reduction >= 70%"],
            "needs a baseline",
        ),
        (
            b"1ms\n",
            &["--gate", "latencies lots <= 0"],
            "unknown metric 'lots'\nhint: did you mean 'lost'?",
        ),
        (b"1ms\n", &["--target", "150"], "--target 150 has no unit"),
        (b"1ms\n", &["--output", "jsn"], "did you mean json?"),
        (
            b"1ms\n",
            &["--report", "r"],
            "write json=r, or a name such as report.json",
        ),
        (
            b"1ms\n",
            &["--report", "json=no/such/r.json"],
            "cannot write no/such/r.json",
        ),
    ];
    for (text, args, message) in cases {
        let told = judge_text(text, args);
        let case = format!("{} {args:?}", String::from_utf8_lossy(text));
        assert_eq!(told.exit, 2, "{case}: {}", told.stderr);
        assert!(told.stderr.contains(message), "{case}: {}", told.stderr);
        assert_eq!(told.stdout, "", "{case}");
        assert!(!told.stderr.contains("panicked"), "{case}: {}", told.stderr);
    }
    for (args, message) in [
        (["no-such-file", "--quiet"], "cannot judge no-such-file"),
        ([".", "--quiet"], "cannot judge ."),
        ([EVIDENCE, EVIDENCE], "fixtures/evidence.txt is given twice"),
        ([EVIDENCE, "--endpoint="], "'' is not a valid endpoint name"),
    ] {
        let told = judge(&args);
        assert_eq!(told.exit, 2, "{args:?}: {}", told.stderr);
        assert!(told.stderr.contains(message), "{args:?}: {}", told.stderr);
    }
}

#[test]
fn a_damaged_run_is_refused_with_a_hint() {
    let text = mostly_fast_run().to_json();
    for damaged in [
        text.replace("a7probe.run/1", "a7probe.run/2"),
        text[..text.len() / 2].to_owned(),
        text.replace("\"ok\": 600", "\"ok\": 599"),
    ] {
        let told = judge_text(damaged.as_bytes(), &[]);
        assert_eq!(told.exit, 2, "{}", told.stdout);
        assert!(told.stderr.contains("hint: "), "{}", told.stderr);
    }
}

#[test]
fn an_episode_without_a_rate_is_warned_of_and_a_target_of_0_is_refused() {
    let folder = temp_dir();
    std::fs::write(folder.path().join("list.txt"), "100ms\n".repeat(80)).unwrap();
    let judge =
        |flags: &[&str]| harness::run(folder.path(), &[&["judge", "list.txt"], flags].concat());
    let warned = String::from_utf8(judge(&["--spell", "1h"]).stderr).unwrap();
    assert!(
        warned.contains("warning: --spell has no effect on list.txt"),
        "{warned}"
    );
    assert!(warned.contains("hint: "), "{warned}");
    let silent = String::from_utf8(judge(&[]).stderr).unwrap();
    assert!(!silent.contains("--spell"), "{silent}");
    let refused = judge(&["--target", "0ms"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        String::from_utf8(refused.stderr)
            .unwrap()
            .contains("write one above 0")
    );
}
