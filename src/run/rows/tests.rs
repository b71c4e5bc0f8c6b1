//! What is read of data files, and how damaged ones are refused.

use proptest::prelude::{any, proptest};

use super::DataRows;

fn read(file: &str, text: &[u8], used: &[&str]) -> Result<DataRows, String> {
    let used: Vec<String> = used.iter().map(|&column| column.to_owned()).collect();
    DataRows::read(file.as_ref(), text, &used).map_err(|error| error.of_file(file))
}

fn column(rows: &DataRows, title: &str) -> Vec<String> {
    let column = rows.column(title).unwrap();
    (0..rows.len())
        .map(|row| rows.value(row, column).to_owned())
        .collect()
}

#[test]
fn csv_with_a_mark_quotes_and_other_line_ends_is_read() {
    let text = "\u{feff}id, name ,note\r\n1,\"Ann, B.\",\"say \"\"hi\"\"\"\r\n\r\n2,Bob,\"two\nlines\"\r\n3,,x";
    let rows = read("rows.csv", text.as_bytes(), &["name", "note", "id"]).unwrap();
    assert_eq!(column(&rows, "id"), ["1", "2", "3"]);
    assert_eq!(column(&rows, "name"), ["Ann, B.", "Bob", ""]);
    assert_eq!(column(&rows, "note"), ["say \"hi\"", "two\nlines", "x"]);
}

#[test]
fn json_lines_keep_text_numbers_and_nested_values_as_they_are_written() {
    let text = "{\"id\":1.50,\"name\":\"A\\u00e9\\n\",\"x\":{\"a\": [1]}}\r\n\n{\"x\":null,\"name\":\"\",\"id\":true,\"more\":1}\n";
    let rows = read("rows.jsonl", text.as_bytes(), &["id", "name", "x"]).unwrap();
    assert_eq!(column(&rows, "id"), ["1.50", "true"]);
    assert_eq!(column(&rows, "name"), ["Aé\n", ""]);
    assert_eq!(column(&rows, "x"), ["{\"a\": [1]}", "null"]);
}

#[test]
fn only_named_columns_are_kept() {
    let rows = read("rows.csv", b"id,secret\n1,s3cret\n", &["id"]).unwrap();
    assert_eq!((rows.column("secret"), rows.text.as_str()), (None, "1"));
}

/// A file, its content, and what is said of it.
const REFUSED: [(&str, &str, &str); 19] = [
    (
        "r.ndjson",
        "{\"id\":\"\\ud800\"}\n",
        "r.ndjson, line 1: not valid JSON",
    ),
    ("r.csv", "", "r.csv: the file is empty"),
    ("r.csv", "\n\n", "r.csv: the file is empty"),
    ("r.csv", "id\n", "r.csv: the file has titles and no rows"),
    (
        "r.csv",
        "id,,b\n1,2,3\n",
        "r.csv, line 1: column 2 has no title",
    ),
    (
        "r.csv",
        "id,b,id\n1,2,3\n",
        "r.csv, line 1: columns 1 and 3 have the same title 'id'",
    ),
    (
        "r.csv",
        "id,b\n1,2\n1,2,s3cret\n",
        "r.csv, line 3: the row has 3 fields, and the file has 2 titles",
    ),
    (
        "r.csv",
        "id,b\n1,\"s3cret\n2,3\n",
        "r.csv, line 2, column 3: the quote that begins this field is not closed",
    ),
    (
        "r.csv",
        "ids,s\n1,2\n",
        "r.csv, line 1: there is no column 'id', which {{row.id}} names\nhint: did you mean 'ids'? columns: ids, s",
    ),
    (
        "r.csv",
        "a;id\n1;2\n",
        "r.csv, line 1: there is no column 'id', which {{row.id}} names\nhint: columns: a;id; fields are separated by commas",
    ),
    (
        "r.ndjson",
        "{\"id\":1}\n{\"id\":\"s3cret\n",
        "r.ndjson, line 2, column 13: not valid JSON",
    ),
    (
        "r.ndjson",
        "[{\"id\":\"s3cret\"}]\n",
        "r.ndjson, line 1, column 1: the line is not a JSON object\nhint: one object a line: jq -c '.[]' rows.json > rows.ndjson",
    ),
    (
        "r.ndjson",
        "{\"id\":1}\n\"s3cret\"\n",
        "r.ndjson, line 2, column 1: the line is not a JSON object",
    ),
    (
        "r.ndjson",
        "{\"id\":1}\n\n{\"x\":\"s3cret\"}\n",
        "r.ndjson, line 3: the object has no 'id', which {{row.id}} needs",
    ),
    (
        "r.ndjson",
        "{\"id\":1,\"id\":2}\n",
        "r.ndjson, line 1: columns 1 and 2 have the same title 'id'",
    ),
    (
        "r.ndjson",
        "{\"id\":1}\n{\"id\":1,\"id\":2}\n",
        "r.ndjson, line 2: columns 1 and 2 have the same title 'id'",
    ),
    (
        "r.ndjson",
        "{\"Id\":1}\n",
        "r.ndjson, line 1: there is no column 'id', which {{row.id}} names\nhint: did you mean 'Id'? columns: Id",
    ),
    (
        "r.txt",
        "id\n1\n",
        "r.txt: the name does not end in .csv, .ndjson or .jsonl",
    ),
    ("s3cret", "id\n1\n", "s3cret: the name does not end"),
];

#[test]
fn a_file_that_cannot_be_used_is_refused_with_its_place() {
    for (file, text, said) in REFUSED {
        let message = read(file, text.as_bytes(), &["id"]).expect_err(text);
        assert!(message.starts_with(said), "{text}: {message}");
        assert!(message.contains("\nhint: "), "{message}");
        assert!(file == "s3cret" || !message.contains("s3cret"), "{message}");
    }
    let message = read("r.csv", b"id\n1\n\xff\n", &["id"]).unwrap_err();
    assert!(
        message.starts_with("r.csv, line 3, column 1: the text is not UTF-8"),
        "{message}"
    );
}

proptest! {
    #[test]
    fn what_a_csv_writer_writes_is_read_back(rows: Vec<(String, String)>) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["a", "b"]).unwrap();
        for (a, b) in &rows {
            writer.write_record([a, b]).unwrap();
        }
        let text = writer.into_inner().unwrap();
        let read = read("r.csv", &text, &["b", "a"]);
        if rows.is_empty() {
            proptest::prop_assert!(read.is_err());
        } else {
            let read = read.unwrap();
            let (a, b): (Vec<String>, Vec<String>) = rows.into_iter().unzip();
            proptest::prop_assert_eq!(column(&read, "a"), a);
            proptest::prop_assert_eq!(column(&read, "b"), b);
        }
    }

    #[test]
    fn what_is_written_as_json_lines_is_read_back(rows in proptest::collection::vec(any::<(String, i64)>(), 1..20)) {
        let line = |(text, number): &(String, i64)| serde_json::json!({"t": text, "n": number}).to_string() + "\n";
        let text: String = rows.iter().map(line).collect();
        let read = read("r.ndjson", text.as_bytes(), &["n", "t"]).unwrap();
        let numbers: Vec<String> = rows.iter().map(|(_, number)| number.to_string()).collect();
        let texts: Vec<String> = rows.into_iter().map(|(text, _)| text).collect();
        proptest::prop_assert_eq!(column(&read, "n"), numbers);
        proptest::prop_assert_eq!(column(&read, "t"), texts);
    }
}
