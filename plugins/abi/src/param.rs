//! Parameters of a kernel, checked while the library is compiled.

use std::ffi::CStr;
use std::ops::RangeInclusive;
use std::ptr;

use crate::raw::{self, Scalar};

/// One parameter of a kernel: name, kind, preset and bounds.
///
/// Made in constants only ([`crate::Kernel::PARAMS`]), so that a preset outside its bounds does not compile.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub struct Param(raw::Param);

// SAFETY: all pointers in a `Param` come from `&'static CStr`s: they stay valid and are never written through.
unsafe impl Send for Param {}
// SAFETY: as for `Send`.
unsafe impl Sync for Param {}

impl Param {
    /// Describes an integer with inclusive bounds.
    pub const fn i64(name: &'static CStr, preset: i64, bounds: RangeInclusive<i64>) -> Param {
        let (min, max) = (*bounds.start(), *bounds.end());
        assert!(min <= preset && preset <= max, "the preset is outside the parameter's bounds");
        Param::new(name, raw::KIND_I64, Scalar { i64: preset }, Scalar { i64: min }, Scalar { i64: max })
    }

    /// Describes a floating-point number with inclusive bounds.
    pub const fn f64(name: &'static CStr, preset: f64, bounds: RangeInclusive<f64>) -> Param {
        let (min, max) = (*bounds.start(), *bounds.end());
        assert!(min <= preset && preset <= max, "the preset is outside the parameter's bounds, or one of them is NaN");
        Param::new(name, raw::KIND_F64, Scalar { f64: preset }, Scalar { f64: min }, Scalar { f64: max })
    }

    /// Describes a text of any content.
    pub const fn text(name: &'static CStr, preset: &'static CStr) -> Param {
        let none = Scalar { str: ptr::null() };
        Param::new(name, raw::KIND_STR, Scalar { str: preset.as_ptr() }, none, none)
    }

    /// Describes a text that is one of `choices`, written as `a|b|c`.
    pub const fn choice(name: &'static CStr, preset: &'static CStr, choices: &'static CStr) -> Param {
        assert!(is_choice(preset.to_bytes(), choices.to_bytes()), "the preset is not one of the parameter's choices");
        let choices = Scalar { str: choices.as_ptr() };
        Param::new(name, raw::KIND_STR, Scalar { str: preset.as_ptr() }, choices, Scalar { str: ptr::null() })
    }

    /// Adds one line that says what the parameter means.
    pub const fn summary(mut self, summary: &'static CStr) -> Param {
        self.0.summary = summary.as_ptr();
        self
    }

    /// Adds the unit, such as `bytes` or `ms`.
    pub const fn unit(mut self, unit: &'static CStr) -> Param {
        self.0.unit = unit.as_ptr();
        self
    }

    const fn new(name: &'static CStr, kind: u32, preset: Scalar, min: Scalar, max: Scalar) -> Param {
        assert!(is_name(name.to_bytes()), "a parameter's name has the form [a-z][a-z0-9_-]*");
        let (name, summary, unit) = (name.as_ptr(), c"".as_ptr(), ptr::null());
        Param(raw::Param { name, summary, unit, kind, reserved: 0, preset, min, max })
    }

    pub(crate) const fn raw(&self) -> &raw::Param {
        &self.0
    }

    pub(crate) fn name(&self) -> &'static CStr {
        // SAFETY: `new` made the pointer from a `&'static CStr`.
        unsafe { CStr::from_ptr(self.0.name) }
    }
}

/// Whether a name has the form `[a-z][a-z0-9_-]*`.
pub(crate) const fn is_name(name: &[u8]) -> bool {
    let mut i = 0;
    while i < name.len() {
        let good = match name[i] {
            b'a'..=b'z' => true,
            b'0'..=b'9' | b'_' | b'-' => i > 0,
            _ => false,
        };
        if !good {
            return false;
        }
        i += 1;
    }
    !name.is_empty()
}

/// Whether two strings are equal, in constants.
pub(crate) const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    i == a.len() && i == b.len()
}

const fn is_choice(word: &[u8], choices: &[u8]) -> bool {
    let (mut start, mut end) = (0, 0);
    while end <= choices.len() {
        if end == choices.len() || choices[end] == b'|' {
            let (_, rest) = choices.split_at(start);
            let (choice, _) = rest.split_at(end - start);
            if same(word, choice) {
                return true;
            }
            start = end + 1;
        }
        end += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_words() {
        for good in ["n", "max-size", "a_1"] {
            assert!(is_name(good.as_bytes()), "{good}");
        }
        for bad in ["", "N", "1a", "-a", "a b", "ä"] {
            assert!(!is_name(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn a_choice_is_a_whole_word_of_the_list() {
        for good in ["fast", "slow", "x"] {
            assert!(is_choice(good.as_bytes(), b"fast|x|slow"), "{good}");
        }
        for bad in ["fas", "fast|x", "", "low"] {
            assert!(!is_choice(bad.as_bytes(), b"fast|x|slow"), "{bad}");
        }
    }
}
