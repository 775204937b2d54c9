//! What people write on runs: tags to find them by, and a note.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest tag, in bytes.
pub const TAG_BYTES_MAX: usize = 64;
/// Most tags of a run.
pub const TAGS_MAX: usize = 64;
/// Longest note, in bytes.
pub const NOTE_BYTES_MAX: usize = 4_096;

/// A word that runs are found by: letters, digits and `._/:@+-`, the first a letter or a digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

impl Tag {
    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = String;

    fn from_str(text: &str) -> Result<Tag, String> {
        let is_fine = |it: char| it.is_alphanumeric() || "._/:@+-".contains(it);
        match text.starts_with(char::is_alphanumeric) && text.chars().all(is_fine) && text.len() <= TAG_BYTES_MAX {
            true => Ok(Tag(text.to_owned())),
            false => Err(format!(
                "\"{text}\" is no tag; expected at most {TAG_BYTES_MAX} bytes of letters, digits and ._/:@+-, the \
                 first a letter or a digit"
            )),
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Tag {
    type Error = String;

    fn try_from(text: String) -> Result<Tag, String> {
        text.parse()
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> String {
        tag.0
    }
}

/// Puts tags on a run and takes others off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TagChange {
    /// Tags that the run is to have.
    pub add: Vec<Tag>,
    /// Tags that it is not to have.
    pub remove: Vec<Tag>,
}

impl TagChange {
    /// Checks that there is something to do, and nothing that contradicts itself.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), String> {
        if self.add.is_empty() && self.remove.is_empty() {
            return Err("add or remove: expected at least one tag".to_owned());
        }
        match self.add.iter().find(|tag| self.remove.contains(tag)) {
            Some(tag) => Err(format!("{tag}: cannot be added and removed at once")),
            None => Ok(()),
        }
    }
}

/// The note that a run is to have instead of the one that it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoteChange {
    /// The note; `None` or nothing but space: none.
    pub note: Option<String>,
}

impl NoteChange {
    /// The note without space around it; `None`: there is to be none.
    ///
    /// # Errors
    /// It is too long.
    pub fn text(&self) -> Result<Option<&str>, String> {
        let text = self.note.as_deref().map(str::trim).filter(|text| !text.is_empty());
        match text.map_or(0, str::len) {
            0..=NOTE_BYTES_MAX => Ok(text),
            length => Err(format!("note: {length} bytes are more than {NOTE_BYTES_MAX}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> Tag {
        text.parse().unwrap()
    }

    #[test]
    fn a_tag_is_one_word() {
        for text in ["baseline", "v1.2", "ci/main", "größe", "2026-11-22", "a"] {
            assert_eq!(tag(text).to_string(), text);
        }
        for text in ["", "-x", "two words", "a,b", "#1", "line\n", &"x".repeat(65)] {
            assert!(text.parse::<Tag>().unwrap_err().contains("is no tag"), "{text}");
        }
    }

    #[test]
    fn a_change_of_tags_does_something_and_does_not_contradict_itself() {
        let change = |add: &[&str], remove: &[&str]| TagChange {
            add: add.iter().map(|it| tag(it)).collect(),
            remove: remove.iter().map(|it| tag(it)).collect(),
        };
        change(&["a"], &["b"]).check().unwrap();
        assert!(change(&[], &[]).check().unwrap_err().contains("at least one tag"));
        assert!(change(&["a", "b"], &["b"]).check().unwrap_err().starts_with("b: "));
    }

    #[test]
    fn a_note_of_space_is_none_and_a_long_one_is_refused() {
        let note = |text: &str| NoteChange { note: Some(text.to_owned()) };
        assert_eq!(note(" quiet machine \n").text(), Ok(Some("quiet machine")));
        assert_eq!(note(" \n").text(), Ok(None));
        assert_eq!(NoteChange { note: None }.text(), Ok(None));
        assert!(note(&"x".repeat(4_097)).text().unwrap_err().contains("4097 bytes"));
    }
}
