//! Kernel: multiplies i·j·k for every triple (i, j, k), each from 1 to n − 1, into one growing big integer.
//!
//! Pure computing that keeps the lock, with a result that is not free to send: for n = 30 it is 24 389
//! multiplications and 32 KB. What comes out is known in advance, ((n − 1)!)^(3 (n − 1)²), and every result is checked.
//!
//! [`product`] is the same loop without gild, for comparison.

mod inputs;
mod product;
mod values;

use std::collections::BTreeMap;
use std::ffi::CStr;

use gild_abi::{Args, Cx, Error, Kernel, Param, Plan, Result, Verify, export};
use num_bigint::BigUint;

pub use product::{MAX_N, closed_form, cost, product};
pub use values::{Number, Product};

/// The kernel: one task per number.
#[derive(Debug)]
pub struct CpuBound {
    numbers: Vec<Number>,
}

impl Kernel for CpuBound {
    const NAME: &'static CStr = c"cpu-bound";
    const SUMMARY: &'static CStr = c"multiplies i*j*k for all 1 <= i, j, k < n into one big integer";
    const PARAMS: &'static [Param] = &[
        Param::i64(c"n", 30, 2..=MAX_N as i64)
            .summary(c"the bound of i, j and k, exclusive; the cost grows with its sixth power"),
        Param::i64(c"tasks", 100, 1..=inputs::MAX_TASKS as i64).summary(c"how many tasks of this n"),
        Param::text(c"inputs", c"")
            .summary(c"one task for each n in this list, such as 50,63,32, in place of n and tasks"),
    ];
    const DETERMINISTIC: bool = true;
    const FORK_SAFE: bool = true;
    const VERIFY: Option<Verify<Self>> = Some(CpuBound::verify);

    type In = Number;
    type Out = Product;

    fn create(args: &Args<'_>) -> Result<CpuBound> {
        let numbers = match args.text("inputs").trim() {
            "" => vec![Number::new(args.u64("n"))?; args.usize("tasks")],
            list => inputs::parse(list)?,
        };
        Ok(CpuBound { numbers })
    }

    fn plan(&self, tasks: &mut Plan<'_, Number>) -> Result<()> {
        self.numbers.iter().try_for_each(|number| tasks.emit_weighted(*number, cost(number.get())))
    }

    fn run(&self, cx: &mut Cx<'_>, number: &Number) -> Result<Product> {
        product::multiply(number.get(), || cx.poll()).map(Product::new)
    }
}

impl CpuBound {
    /// Makes an instance with one task for each n.
    ///
    /// # Errors
    /// An n is out of bounds.
    pub fn of(numbers: &[u64]) -> Result<CpuBound> {
        Ok(CpuBound { numbers: numbers.iter().copied().map(Number::new).collect::<Result<_>>()? })
    }

    fn verify(&self, products: &[&Product]) -> Result<()> {
        if products.len() != self.numbers.len() {
            return Err(Error::new(format!("{} results for {} tasks", products.len(), self.numbers.len())));
        }
        let mut expected: BTreeMap<u32, BigUint> = BTreeMap::new();
        for (task, (number, product)) in self.numbers.iter().zip(products).enumerate() {
            let n = number.get();
            if product.get() != expected.entry(n).or_insert_with(|| closed_form(n)) {
                return Err(Error::new(format!("the result of task {task} (n = {n}) is not ((n-1)!)^(3(n-1)^2)")));
            }
        }
        Ok(())
    }
}

export!(CpuBound);
