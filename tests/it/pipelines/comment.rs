//! The workflow that comments: its artifact comes from the code of a pull request, and is treated as hostile.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::shell::{self, Runner};
use super::{GITHUB, init};
use crate::harness::{code, stderr, stdout, temp_dir};
use crate::needs::{JQ, PYTHON, UNZIP, need};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A pull request on a service that answers as GitHub does.
struct PullRequest {
    runner: Runner,
    script: String,
}

impl PullRequest {
    /// `None` after noting that this test was not run.
    fn new(test: &str) -> Option<PullRequest> {
        need(&JQ, test)?;
        need(&UNZIP, test)?;
        let folder = temp_dir();
        init(folder.path(), &["github"]);
        let workflow = shell::read(&folder.path().join(GITHUB[1]), test)?;
        let request = PullRequest {
            runner: Runner::new(),
            script: shell::script(&workflow, "Comment"),
        };
        let answers = request.runner.path("answers");
        fs::create_dir(&answers).expect("a folder");
        // Answers to a GET from a file named after the path, through the filter of --jq; keeps other requests.
        let gh = format!(
            "answers='{}'\n{}",
            answers.display(),
            r#"[ "$1" = api ]; shift
method=GET filter=. path=
while [ $# -gt 0 ]; do
  case $1 in
    --jq) filter=$2; shift ;;
    --method) method=$2; shift ;;
    --input) shift ;;
    --paginate | --silent) ;;
    *) path=$1 ;;
  esac
  shift
done
name=$answers/${path//\//_}
case $method in
  GET) if [[ $path == */zip ]]; then cat "$name"; else jq -r "$filter" "$name"; fi ;;
  *) echo "$method $path" > "$answers/request"; cat > "$answers/sent" ;;
esac
"#
        );
        request.runner.program("gh", &gh);
        request.answer("repos_o_r_pulls_12", &json!({"head": {"sha": COMMIT}}));
        request.answer("repos_o_r_issues_12_comments", &json!([]));
        Some(request)
    }

    fn answer(&self, name: &str, answer: &Value) {
        fs::write(self.runner.path("answers").join(name), answer.to_string()).expect("written");
    }

    /// The artifact of the run: names and contents.
    fn artifact(&self, files: &[(&str, &str)]) {
        let zip = self
            .runner
            .path("answers/repos_o_r_actions_artifacts_5_zip");
        write_zip(&zip, files);
        let listed = json!({"artifacts": [{"id": 5, "size_in_bytes": 900}]});
        self.answer(
            "repos_o_r_actions_runs_7_artifacts?name=latency-comment",
            &listed,
        );
    }

    fn run(&self) -> Output {
        self.runner.run(
            &self.script,
            &[
                ("GH_TOKEN", "t"),
                ("REPOSITORY", "o/r"),
                ("RUN", "7"),
                ("RUN_URL", "https://git.example/o/r/actions/runs/7"),
                ("COMMIT", COMMIT),
                ("TMPDIR", self.runner.path("work").to_str().expect("a path")),
            ],
        )
    }

    /// The request that was sent, and the text of the comment.
    fn posted(&self) -> Option<(String, String)> {
        let request = fs::read_to_string(self.runner.path("answers/request")).ok()?;
        let sent = fs::read(self.runner.path("answers/sent")).expect("a body");
        let sent: Value = serde_json::from_slice(&sent).expect("JSON");
        let body = sent["body"].as_str().expect("a text").to_owned();
        Some((request.trim_end().to_owned(), body))
    }
}

fn write_zip(path: &Path, files: &[(&str, &str)]) {
    let script = "import json, sys, zipfile\n\
        with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as f:\n\
        \x20   for name, text in json.load(sys.stdin): f.writestr(name, text)\n";
    let mut child = Command::new((PYTHON.find)().expect("it read the workflow"))
        .args(["-c", script])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    (stdin.write_all(json!(files).to_string().as_bytes())).expect("python reads");
    drop(stdin);
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn the_result_is_posted_and_replaces_the_last_one_of_the_bot() {
    let Some(request) = PullRequest::new("pipelines::comment::posted") else {
        return;
    };
    let text = "<!-- a7probe -->\n### ✅ PASS: api\n\nP95 3 ms &lt; 150 ms<br>`p95 <= 150ms`\n";
    request.artifact(&[("comment.md", text), ("number", "12\n")]);
    let output = request.run();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let (sent, body) = request.posted().expect("a comment");
    assert_eq!(sent, "POST repos/o/r/issues/12/comments");
    let end = format!(
        "\nMeasured by [this run](https://git.example/o/r/actions/runs/7) at commit {COMMIT}.\n"
    );
    assert_eq!(body, format!("{text}{end}"));
    let bot = json!({"login": "github-actions[bot]"});
    request.answer(
        "repos_o_r_issues_12_comments",
        &json!([
            {"id": 1, "user": {"login": "stranger"}, "body": "<!-- a7probe -->\nmine"},
            {"id": 2, "user": bot, "body": "another job's"},
            {"id": 3, "user": bot, "body": "<!-- a7probe -->\nolder"},
        ]),
    );
    assert_eq!(code(&request.run()), 0);
    let (sent, _) = request.posted().expect("a comment");
    assert_eq!(sent, "PATCH repos/o/r/issues/comments/3");
}

#[test]
fn markup_mentions_pictures_and_links_of_a_stranger_lose_their_meaning() {
    let Some(request) = PullRequest::new("pipelines::comment::hostile_text") else {
        return;
    };
    let hostile = "mine\n@owner $(touch owned) `touch owned`\n<img src=x><script>a</script><!-- b\n\
        ![a](https://evil.example/p.png) [b](https://evil.example) [c]: https://evil.example\n\
        [d][c] \u{1b}[31m\u{0} a <= b<br>c\n";
    request.artifact(&[("comment.md", hostile), ("number", "12")]);
    let output = request.run();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let (_, body) = request.posted().expect("a comment");
    let (text, _) = body.split_once("\nMeasured by").expect("the end");
    let expected = "<!-- a7probe -->\n@\u{200b}owner $(touch owned) `touch owned`\n\
        &lt;img src=x>&lt;script>a&lt;/script>&lt;!-- b\n\
        ![a] (https://evil.example/p.png) [b] (https://evil.example) [c] : https://evil.example\n\
        [d] [c] [31m a <= b<br>c\n";
    assert_eq!(text, expected);
}

#[test]
fn only_the_pull_request_of_the_measured_commit_gets_a_comment() {
    let Some(request) = PullRequest::new("pipelines::comment::number") else {
        return;
    };
    for number in [
        "",
        "0",
        "12; touch owned",
        "$(touch owned)",
        "12\n13",
        "../pulls/12",
        "-1",
        "123456789012345678901",
    ] {
        request.artifact(&[("comment.md", "<!-- a7probe -->\nx\n"), ("number", number)]);
        let output = request.run();
        assert_eq!(code(&output), 1, "{number}: {}", stdout(&output));
        assert_eq!(request.posted(), None, "{number}");
    }
    request.artifact(&[("comment.md", "<!-- a7probe -->\nx\n"), ("number", "12")]);
    request.answer(
        "repos_o_r_pulls_12",
        &json!({"head": {"sha": "f".repeat(40)}}),
    );
    let output = request.run();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        stdout(&output).contains("nothing is posted"),
        "{}",
        stdout(&output)
    );
    assert_eq!(request.posted(), None);
    let files = request.runner.files();
    assert!(!files.iter().any(|name| name == "owned"), "{files:?}");
}

#[test]
fn an_artifact_that_is_missing_empty_or_large_posts_nothing() {
    let Some(request) = PullRequest::new("pipelines::comment::artifact") else {
        return;
    };
    let list = "repos_o_r_actions_runs_7_artifacts?name=latency-comment";
    request.answer(list, &json!({"artifacts": []}));
    let output = request.run();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        stdout(&output).contains("left no comment"),
        "{}",
        stdout(&output)
    );
    request.artifact(&[("number", "12")]);
    let output = request.run();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        stdout(&output).contains("without a result"),
        "{}",
        stdout(&output)
    );
    // A small archive of a large text.
    let large = "x".repeat(50_000_000);
    request.artifact(&[("comment.md", &large), ("number", "12")]);
    assert_eq!(code(&request.run()), 1);
    let large = json!({"artifacts": [{"id": 5, "size_in_bytes": 100_001}]});
    request.answer(list, &large);
    assert_eq!(code(&request.run()), 0);
    assert_eq!(request.posted(), None);
}
