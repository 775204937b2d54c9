//! What travels between processes.
//!
//! | type | bytes |
//! |---|---|
//! | `gild.cpu-bound.n/1` | n, 4 bytes, little-endian |
//! | `gild.biguint/1` | the integer, little-endian, without zero bytes at its end; 0 is no bytes at all |

use std::ffi::CStr;

use gild_abi::{Error, Result, Value, Writer};
use num_bigint::BigUint;

use crate::product::MAX_N;

/// An input: n, between 2 and [`MAX_N`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number(u32);

impl Number {
    /// Checks n.
    ///
    /// # Errors
    /// It is out of bounds.
    pub fn new(n: u64) -> Result<Number> {
        match u32::try_from(n) {
            Ok(small) if (2..=MAX_N).contains(&small) => Ok(Number(small)),
            _ => Err(Error::new(format!("n is {n}, expected 2 to {MAX_N}"))),
        }
    }

    /// Returns n.
    pub fn get(&self) -> u32 {
        self.0
    }
}

impl Value for Number {
    const ID: &'static CStr = c"gild.cpu-bound.n/1";

    fn encode(&self, out: &mut Writer<'_>) -> Result<()> {
        out.put(&self.0.to_le_bytes())
    }

    fn decode(src: &[u8]) -> Result<Number> {
        let bytes = src.try_into().map_err(|_| Error::new(format!("n has 4 bytes, found {}", src.len())))?;
        Number::new(u64::from(u32::from_le_bytes(bytes)))
    }
}

/// A result: a big integer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product(BigUint);

impl Product {
    /// The most bytes that a result has: more than the product of [`MAX_N`].
    pub const MAX_BYTES: usize = 32 << 20;

    /// Wraps an integer.
    pub fn new(integer: BigUint) -> Product {
        Product(integer)
    }

    /// Returns the integer.
    pub fn get(&self) -> &BigUint {
        &self.0
    }
}

impl Value for Product {
    const ID: &'static CStr = c"gild.biguint/1";

    /// Copies whole digits: `to_bytes_le` goes byte by byte.
    fn encode(&self, out: &mut Writer<'_>) -> Result<()> {
        let digits = self.0.iter_u64_digits();
        let mut bytes = Vec::with_capacity(digits.len() * 8);
        digits.for_each(|digit| bytes.extend_from_slice(&digit.to_le_bytes()));
        let length = bytes.len() - bytes.iter().rev().take_while(|byte| **byte == 0).count();
        out.put(&bytes[..length])
    }

    fn decode(src: &[u8]) -> Result<Product> {
        if src.len() > Product::MAX_BYTES {
            return Err(Error::new(format!("{} bytes, expected at most {}", src.len(), Product::MAX_BYTES)));
        }
        if src.last() == Some(&0) {
            return Err(Error::new("an integer does not end in a zero byte"));
        }
        Ok(Product(BigUint::from_bytes_le(src)))
    }
}

#[cfg(test)]
mod tests {
    use gild_abi::testing;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_have_four_bytes_and_bounds() {
        assert_eq!(testing::encode(&Number(30)), Ok(vec![30, 0, 0, 0]));
        for bad in [&[][..], &[30], &[30, 0, 0, 0, 0], &[1, 0, 0, 0], &[201, 0, 0, 0], &[0xff; 4]] {
            Number::decode(bad).unwrap_err();
        }
    }

    #[test]
    fn zero_has_no_bytes() {
        assert_eq!(testing::encode(&Product(BigUint::ZERO)), Ok(vec![]));
        assert_eq!(Product::decode(&[]), Ok(Product(BigUint::ZERO)));
    }

    #[test]
    fn an_integer_is_neither_padded_nor_oversized() {
        Product::decode(&[1, 0]).unwrap_err();
        Product::decode(&[0]).unwrap_err();
        Product::decode(&vec![1; Product::MAX_BYTES + 1]).unwrap_err();
    }

    proptest! {
        #[test]
        fn numbers_survive_the_way(n in 2..=MAX_N) {
            let number = Number(n);
            prop_assert_eq!(Number::decode(&testing::encode(&number)?), Ok(number));
        }

        #[test]
        fn integers_survive_the_way(digits in proptest::collection::vec(any::<u32>(), 0..100)) {
            let product = Product(BigUint::new(digits));
            let (bytes, expected) = (testing::encode(&product)?, product.0.to_bytes_le());
            let zero = product.0 == BigUint::ZERO;
            prop_assert_eq!(&bytes, if zero { &[][..] } else { &expected });
            prop_assert_eq!(Product::decode(&bytes), Ok(product));
        }

        #[test]
        fn whatever_decodes_encodes_to_the_same_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(product) = Product::decode(&bytes) {
                prop_assert_eq!(testing::encode(&product)?, bytes.clone());
            }
            if let Ok(number) = Number::decode(&bytes) {
                prop_assert_eq!(testing::encode(&number)?, bytes);
            }
        }
    }
}
