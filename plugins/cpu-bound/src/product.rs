//! The computation, and what is known about it.

use std::convert::Infallible;

use num_bigint::BigUint;

/// The greatest n: its product has 147 million bits. The product i·j·k fits in 64 bits by far.
pub const MAX_N: u32 = 200;

/// Multiplies i·j·k for every triple of numbers from 1 to n − 1: the loop that the kernel runs, without gild.
pub fn product(n: u32) -> BigUint {
    let Ok(product) = multiply::<Infallible>(n, || Ok(()));
    product
}

/// The loop, with something to do before every multiplication.
#[inline(always)]
pub(crate) fn multiply<E>(n: u32, mut safe_point: impl FnMut() -> Result<(), E>) -> Result<BigUint, E> {
    let mut product = BigUint::from(1_u32);
    for i in 1..u64::from(n) {
        for j in 1..u64::from(n) {
            for k in 1..u64::from(n) {
                safe_point()?;
                product *= i * j * k;
            }
        }
    }
    Ok(product)
}

/// The same number by another way: every m from 1 to n − 1 is a factor 3 (n − 1)² times.
pub fn closed_form(n: u32) -> BigUint {
    let factorial: BigUint = (1..n).map(BigUint::from).product();
    factorial.pow(exponent(n))
}

const fn exponent(n: u32) -> u32 {
    3 * (n - 1) * (n - 1)
}

/// The expected cost of the task: 64-bit digits touched by (n − 1)³ multiplications of a number that grows evenly to
/// its full length.
pub fn cost(n: u32) -> u64 {
    let bits = f64::from(exponent(n)) * (1..n).map(|m| f64::from(m).log2()).sum::<f64>();
    let mean_digits = bits / 64.0 / 2.0;
    let multiplications = f64::from(n - 1).powi(3);
    (multiplications * mean_digits.max(1.0)).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_and_the_closed_form_agree() {
        for n in 2..=20 {
            assert_eq!(product(n), closed_form(n), "n = {n}");
        }
    }

    #[test]
    fn small_products_are_right() {
        assert_eq!(product(2), BigUint::from(1_u32));
        assert_eq!(product(3), BigUint::from(4096_u32), "2 is a factor 12 times");
    }

    #[test]
    fn the_product_of_30_is_that_of_the_article() {
        assert_eq!(29 * 29 * 29, 24_389, "multiplications");
        assert_eq!(product(30), closed_form(30));
        assert_eq!(product(30).bits(), 259_370);
    }

    #[test]
    fn the_greatest_product_fits_in_a_result() {
        let bits = f64::from(exponent(MAX_N)) * (1..MAX_N).map(|m| f64::from(m).log2()).sum::<f64>();
        assert_eq!((bits / 1e6).round(), 147.0);
        assert!(bits / 8.0 < crate::Product::MAX_BYTES as f64);
    }

    #[test]
    fn cost_grows_with_n_and_is_never_nothing() {
        let costs: Vec<u64> = (2..=MAX_N).map(cost).collect();
        assert_eq!(costs[0], 1);
        assert!(costs.is_sorted_by(|a, b| a < b), "{costs:?}");
    }

    #[test]
    fn a_safe_point_comes_before_every_multiplication_and_can_end_the_loop() {
        let mut passed = 0;
        let outcome = multiply(30, || {
            passed += 1;
            if passed == 1000 { Err("stop") } else { Ok(()) }
        });
        assert_eq!((outcome, passed), (Err("stop"), 1000));
        let mut all = 0;
        let Ok(_) = multiply::<Infallible>(5, || {
            all += 1;
            Ok(())
        });
        assert_eq!(all, 4 * 4 * 4);
    }
}
