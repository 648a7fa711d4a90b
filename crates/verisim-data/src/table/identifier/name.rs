//! What the name of a column says of it.

/// True when the name says that the column is a key: `id`, `uuid`, `key` or the like stands first or last among its words, or one of
/// `number`, `no`, `code`, `ref` or the like last. Words end at anything but a letter and where a capital follows a small letter.
pub(crate) fn is_key_name(name: &str) -> bool {
    const ANYWHERE: [&str; 10] = ["id", "ids", "key", "uuid", "guid", "pk", "rowid", "hash", "token", "iban"];
    const LAST: [&str; 8] = ["no", "nr", "num", "number", "code", "ref", "reference", "serial"];
    let words = words(name);
    let is = |word: Option<&String>, list: &[&str]| word.is_some_and(|w| list.contains(&w.as_str()));
    // `index` alone counts rows; `price_index` does not.
    is(words.first(), &ANYWHERE) || is(words.last(), &ANYWHERE) || is(words.last(), &LAST) || words == ["index"]
}

/// True when the name speaks of a date.
pub(crate) fn is_date_name(name: &str) -> bool {
    const WORDS: [&str; 9] = ["date", "day", "dt", "dob", "birthday", "birthdate", "ymd", "yyyymmdd", "datum"];
    words(name).iter().any(|w| WORDS.contains(&w.as_str()))
}

/// True when the name speaks of an instant.
pub(crate) fn is_time_name(name: &str) -> bool {
    const WORDS: [&str; 14] = [
        "time",
        "timestamp",
        "ts",
        "epoch",
        "unix",
        "unixtime",
        "datetime",
        "created",
        "updated",
        "modified",
        "at",
        "zeit",
        "stamp",
        "date",
    ];
    words(name).iter().any(|w| WORDS.contains(&w.as_str()))
}

/// The words of a name, in small letters.
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut small = false;
    for c in name.chars() {
        let ends = !c.is_alphabetic() || (c.is_uppercase() && small);
        small = c.is_lowercase();
        if ends {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_alphabetic(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|w| !w.is_empty());
    words
}
