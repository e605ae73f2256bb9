//! Settings that are secrets, and so may be in files: the variable's name with `_FILE` names the file.

use super::Settings;
use crate::secrets::{HIDDEN, Secret, without_secrets};

/// What each variable that names a file means.
const MEANING: &str = "file that holds it instead; it is read again when it changes";

impl Settings<'_> {
    /// A secret, if there is one: in the variable, or in a file that another variable names, `_FILE` after its name.
    /// That it can be read is checked here.
    pub fn secret(&mut self, name: &'static str, meaning: &'static str) -> Option<Secret> {
        let term = self.in_kafka.take();
        let text = self.text(name, "", meaning);
        if let Some(variable) = self.variables.last_mut() {
            (variable.is_secret, variable.in_kafka) = (true, term);
        }
        let of_file: &'static str = format!("{name}_FILE").leak();
        let file = self.text(of_file, "", MEANING);
        match (text.as_str(), file.as_str()) {
            ("", "") => None,
            (_, "") => Some(Secret::text(&text)),
            ("", _) => {
                let secret = Secret::file(file);
                if let Err(error) = secret.read() {
                    self.error(of_file, format!("{error:#}"));
                }
                Some(secret)
            }
            _ => {
                self.error(of_file, format!("cannot be set beside {name}"));
                None
            }
        }
    }

    /// A URI that may contain a password, in the variable or in a file that another variable names, `_FILE` after its
    /// name; `parse` makes a value of it, and says why it cannot be used.
    pub fn uri<T>(
        &mut self,
        name: &'static str,
        default: &str,
        meaning: &'static str,
        parse: impl Fn(Secret) -> Result<T, String>,
    ) -> T {
        let of_file: &'static str = format!("{name}_FILE").leak();
        // What is no URI may be a password all the same, as in `host=db password=…`.
        let shown = |text: &str| if text.contains("://") { without_secrets(text) } else { HIDDEN.to_owned() };
        let value = self.read_shown(name, default, meaning, |text| parse(Secret::text(text)), shown);
        let from_file = self.read(of_file, "", MEANING, |path| match path {
            "" => Ok(None),
            path => parse(Secret::file(path)).map(Some),
        });
        if from_file.is_some() && (self.lookup)(name).is_some_and(|text| !text.trim().is_empty()) {
            self.error(of_file, format!("cannot be set beside {name}"));
        }
        from_file.unwrap_or(value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::settings::SettingError;

    #[test]
    fn a_secret_is_in_its_variable_or_in_a_file_and_is_not_shown() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("password");
        std::fs::write(&file, "hunter2\n").unwrap();
        let file = file.to_str().unwrap();
        let read = |set: &[(&str, &str)]| {
            let set: HashMap<String, String> = set.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            let lookup = |name: &str| set.get(name).cloned();
            let mut settings = Settings::new(&lookup);
            let secret = settings.secret("PASSWORD", "").map(|secret| secret.read().unwrap_or_default());
            let shown: Vec<String> = settings.in_force().into_iter().map(|variable| variable.value).collect();
            let errors: Vec<String> = settings.finish().1.iter().map(SettingError::to_string).collect();
            (secret, shown, errors)
        };
        let nothing = String::new;
        assert_eq!(read(&[]), (None, vec![nothing(), nothing()], vec![]));
        assert_eq!(read(&[("PASSWORD", "p")]), (Some("p".to_owned()), vec!["***".to_owned(), nothing()], vec![]));
        let of_file = read(&[("PASSWORD_FILE", file)]);
        assert_eq!(of_file, (Some("hunter2".to_owned()), vec![nothing(), file.to_owned()], vec![]));
        let both = read(&[("PASSWORD", "p"), ("PASSWORD_FILE", file)]);
        assert_eq!(both.2, ["PASSWORD_FILE: cannot be set beside PASSWORD"]);
        let missing = read(&[("PASSWORD_FILE", "/missing")]).2;
        assert!(missing[0].starts_with("PASSWORD_FILE: cannot read the file /missing: "), "{missing:?}");
    }

    #[test]
    fn an_error_shows_no_password_however_the_uri_is_written() {
        for set in ["host=db user=me password=hunter2", "postgres:me:hunter2@db/x", "other://me:hunter2@db/x"] {
            let lookup = |name: &str| (name == "STORE").then(|| set.to_owned());
            let mut settings = Settings::new(&lookup);
            settings.uri("STORE", "right", "where the store is", |uri| match uri.read() {
                Ok(text) if text == "right" => Ok(()),
                _ => Err("must be right".to_owned()),
            });
            let errors: Vec<String> = settings.finish().1.iter().map(SettingError::to_string).collect();
            assert!(errors[0].starts_with("STORE: must be right, not `") && errors[0].contains("***"), "{errors:?}");
            assert!(!errors[0].contains("hunter2"), "{errors:?}");
        }
    }
}
