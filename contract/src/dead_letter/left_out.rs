//! What a dead letter leaves out of its record. A dead-letter topic may allow less than the topic that the record came
//! from. Then the letter goes without the value, or without the whole record, and its headers say so; the record is
//! still where it came from.

use std::collections::HashMap;

const LEFT_OUT: &str = "left-out";
const VALUE_BYTES: &str = "value-bytes";

/// How much of its record a dead letter carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Form {
    /// Key and value, untouched.
    #[default]
    Whole,
    /// The key, but not the value.
    WithoutValue,
    /// Neither key nor value, nor any of the record's own headers.
    WithoutRecord,
}

impl Form {
    /// Every form, from the largest to the smallest.
    pub const ALL: [Form; 3] = [Form::Whole, Form::WithoutValue, Form::WithoutRecord];

    /// The next form to try if this one is too large.
    pub fn smaller(self) -> Option<Self> {
        match self {
            Form::Whole => Some(Form::WithoutValue),
            Form::WithoutValue => Some(Form::WithoutRecord),
            Form::WithoutRecord => None,
        }
    }

    /// The form's name in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Form::Whole => "whole",
            Form::WithoutValue => "without_value",
            Form::WithoutRecord => "without_record",
        }
    }

    /// Whether a letter of this form has its record's key.
    pub fn has_key(self) -> bool {
        self != Form::WithoutRecord
    }

    /// Whether a letter of this form has its record's value.
    pub fn has_value(self) -> bool {
        self == Form::Whole
    }

    /// What is left out, in the header's words.
    pub fn left_out(self) -> Option<&'static str> {
        match self {
            Form::Whole => None,
            Form::WithoutValue => Some("value"),
            Form::WithoutRecord => Some("record"),
        }
    }
}

/// What a dead letter leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// Its form.
    pub form: Form,
    /// The size of the value that is left out; `None` if the record has no value or the letter has it.
    pub value_bytes: Option<usize>,
}

impl LeftOut {
    /// What a letter of this form leaves out of a record with this value.
    pub fn new(form: Form, value: Option<&[u8]>) -> Self {
        Self { form, value_bytes: value.filter(|_| !form.has_value()).map(<[u8]>::len) }
    }

    /// The headers that say so; a whole letter has none.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let left_out = self.form.left_out().map(|what| (LEFT_OUT, what.to_owned()));
        let value_bytes = self.value_bytes.map(|bytes| (VALUE_BYTES, bytes.to_string()));
        left_out.into_iter().chain(value_bytes).collect()
    }

    /// Reads them back. A letter without them is whole.
    ///
    /// # Errors
    /// The name of a header that is unreadable.
    pub fn from_headers<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Result<Self, &'static str> {
        let headers: HashMap<&str, &[u8]> = headers.collect();
        let Some(left_out) = headers.get(LEFT_OUT) else { return Ok(Self::default()) };
        let is_named = |form: &Form| form.left_out().is_some_and(|what| what.as_bytes() == *left_out);
        let form = Form::ALL.into_iter().find(is_named).ok_or(LEFT_OUT)?;
        let value_bytes = match headers.get(VALUE_BYTES) {
            Some(bytes) => Some(std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()).ok_or(VALUE_BYTES)?),
            None => None,
        };
        Ok(Self { form, value_bytes })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(headers: &[(&'static str, String)]) -> Result<LeftOut, &'static str> {
        LeftOut::from_headers(headers.iter().map(|(name, value)| (*name, value.as_bytes())))
    }

    proptest! {
        #[test]
        fn headers_read_back(form in prop::sample::select(&Form::ALL[..]), value in prop::option::of(".{0,40}")) {
            let left_out = LeftOut::new(form, value.as_deref().map(str::as_bytes));
            prop_assert_eq!(left_out.value_bytes.is_some(), value.is_some() && form != Form::Whole);
            prop_assert_eq!(left_out.headers().is_empty(), form == Form::Whole);
            prop_assert_eq!(read(&left_out.headers()), Ok(left_out));
        }
    }

    #[test]
    fn each_form_is_smaller_than_the_last_and_the_final_one_has_nothing_of_the_record() {
        let mut forms = vec![Form::Whole];
        while let Some(smaller) = forms.last().and_then(|form| form.smaller()) {
            forms.push(smaller);
        }
        assert_eq!(forms, Form::ALL);
        assert_eq!(
            Form::ALL.map(|form| (form.has_key(), form.has_value())),
            [(true, true), (true, false), (false, false)]
        );
        assert_eq!(Form::ALL.map(Form::as_str), ["whole", "without_value", "without_record"]);
    }

    #[test]
    fn a_letter_without_these_headers_is_whole_and_unknown_values_are_unreadable() {
        assert_eq!(read(&[]), Ok(LeftOut { form: Form::Whole, value_bytes: None }));
        assert_eq!(read(&[(LEFT_OUT, "headers".to_owned())]), Err(LEFT_OUT));
        let headers = |bytes: &str| [(LEFT_OUT, "value".to_owned()), (VALUE_BYTES, bytes.to_owned())];
        assert_eq!(read(&headers("17")), Ok(LeftOut { form: Form::WithoutValue, value_bytes: Some(17) }));
        assert_eq!(read(&headers("-1")), Err(VALUE_BYTES));
    }
}
