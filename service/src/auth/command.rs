//! `keys new NAME`: makes an API key.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::auth::key::{self, KeyHash};
use crate::auth::key_file::is_name;
use crate::exit;
use crate::rate::Rate;

/// The argument that selects this command.
pub const NAME: &str = "keys";

/// What the program of this name does with the arguments after `keys`.
pub fn main(program: &str, arguments: impl Iterator<Item = String>) -> ExitCode {
    let arguments: Vec<String> = arguments.collect();
    if matches!(arguments.iter().map(String::as_str).collect::<Vec<_>>()[..], ["--help" | "-h"]) {
        print!("{}", help(program));
        return ExitCode::SUCCESS;
    }
    let entry = match entry(&arguments) {
        Ok(entry) => entry,
        Err(error) => return exit::unusable(program, [format!("{error}; see `{program} keys --help`")]),
    };
    match key::fresh() {
        Ok(key) => {
            println!("{key}\n{}", with_hash(entry, &key));
            eprintln!(
                "The first line is the key: give it to the caller, it is shown only here. Add the second line to the \
                 array in API_KEYS_FILE."
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{program}: {error:#}");
            ExitCode::from(exit::FAILED)
        }
    }
}

fn help(program: &str) -> String {
    format!(
        "\
Makes an API key. Prints the key, which is shown only here, and on a second line its entry for the JSON array in
API_KEYS_FILE, which has the key's hash. The entry of a key that is taken out of the file is revoked within a second;
two keys of one name are both valid, so that a caller can change from one to the other.

Usage: {program} keys new NAME [--kinds KIND,…] [--scopes SCOPE,…] [--rate RATE]

  NAME      the caller's name: letters, digits and any of ._-
  --kinds   the kinds of record that the caller may use; without it all
  --scopes  what else it may do, such as admin
  --rate    how many records of each kind it may send: 1000/s, 600/m or 10/h; without it RATE_LIMIT
"
    )
}

/// The entry that the arguments describe, without its hash.
fn entry(arguments: &[String]) -> Result<Value, String> {
    let (name, options) = match arguments {
        [new, name, options @ ..] if new == "new" => (name, options),
        _ => return Err(format!("cannot understand `keys {}`", arguments.join(" "))),
    };
    if !is_name(name) {
        return Err(format!("`{name}` must have 1 to 64 letters, digits and any of `._-`"));
    }
    let mut entry = json!({ "name": name });
    for option in options.chunks(2) {
        if let [option, rate] = option
            && option == "--rate"
        {
            let rate: Rate = rate.parse().map_err(|error| format!("`--rate {rate}` {error}"))?;
            entry["rate"] = json!(rate.to_string());
            continue;
        }
        let (field, value) = match option {
            [option, value] if option == "--kinds" => ("kinds", value),
            [option, value] if option == "--scopes" => ("scopes", value),
            _ => return Err(format!("cannot understand `{}`", option.join(" "))),
        };
        let values: Vec<&str> = value.split(',').map(str::trim).collect();
        if !values.iter().all(|value| is_name(value)) {
            return Err(format!("`--{field} {value}` must be a list of names, separated by commas"));
        }
        if entry.get(field).is_some() {
            return Err(format!("`--{field}` must be given only once"));
        }
        entry[field] = json!(values);
    }
    Ok(entry)
}

fn with_hash(mut entry: Value, key: &str) -> String {
    entry["hash"] = json!(KeyHash::of(key.as_bytes()).text());
    entry.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::key_file::parse;

    fn made(line: &str) -> Result<Value, String> {
        entry(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn what_it_prints_can_be_put_into_the_file() {
        let entry = made("new shop-1 --scopes admin --kinds post,order --rate 5/m").unwrap();
        let file = format!("[{}]", with_hash(entry, "key"));
        let identity = parse(file.as_bytes()).unwrap().find(b"key").unwrap().identity;
        assert_eq!((identity.name.as_str(), identity.scopes.len(), identity.rate), ("shop-1", 1, "5/m".parse().ok()));
        assert!(identity.may_use("post") && !identity.may_use("reading"));
    }

    #[test]
    fn what_it_cannot_understand_it_says() {
        for line in ["", "old x", "new", "new a/b", "new x --kinds", "new x --kinds a,,b", "new x --rate 1", "new x y"]
        {
            assert!(made(line).is_err(), "{line}");
        }
        assert_eq!(made("new x --kinds a --kinds b").unwrap_err(), "`--kinds` must be given only once");
    }
}
