//! The kernel as a host sees it.

use cpu_bound::{CpuBound, Number, Product, closed_form, cost, product};
use gild_abi::testing::{Step, Wishes, run, run_with, table};
use gild_abi::{Kernel, Value, raw};
use num_bigint::BigUint;

#[test]
fn each_task_multiplies_its_own_number() {
    let trial = run::<CpuBound>(&[("inputs", "5, 9,2".into())]).unwrap();
    assert_eq!(trial.outputs, [5, 9, 2].map(|n| Product::new(closed_form(n))));
    assert_eq!(trial.weights, [5, 9, 2].map(cost));
    assert!(trial.verified);
    let multiplications = 4_u64.pow(3) + 8_u64.pow(3) + 1;
    assert_eq!(trial.record.safe_points, multiplications, "one safe point per multiplication");
}

#[test]
fn without_inputs_all_tasks_are_alike() {
    let trial = run::<CpuBound>(&[("n", 4.into()), ("tasks", 3.into())]).unwrap();
    assert_eq!(trial.outputs, [4, 4, 4].map(|n| Product::new(product(n))));
}

#[test]
fn the_presets_are_the_experiment_of_the_article() {
    // SAFETY: the kernel has these parameters, the first two of them integers.
    let presets = unsafe { [0, 1].map(|index| (*table::<CpuBound>().params.add(index)).preset.i64) };
    assert_eq!(presets, [30, 100]);
}

#[test]
fn a_bad_list_is_refused_by_name() {
    let failure = run::<CpuBound>(&[("inputs", "5,300".into())]).unwrap_err();
    assert_eq!((failure.step, failure.status), (Step::Create, raw::E_PARAM));
    assert_eq!(failure.text, "inputs: \"300\": n is 300, expected 2 to 200");
}

#[test]
fn a_cancel_is_answered_at_the_next_safe_point() {
    let wishes = Wishes { cancel_at: Some(500), ..Wishes::default() };
    let failure = run_with::<CpuBound>(&[("tasks", 1.into())], wishes).unwrap_err();
    assert_eq!((failure.step, failure.status, failure.record.safe_points), (Step::Run, raw::E_CANCELLED, 501));
}

#[test]
fn verify_finds_a_wrong_result_and_names_its_task() {
    let verify = CpuBound::VERIFY.unwrap();
    let kernel = CpuBound::of(&[3, 4]).unwrap();
    let (right, wrong) = ([3, 4].map(|n| Product::new(product(n))), Product::new(BigUint::from(4097_u32)));
    assert_eq!(verify(&kernel, &[&right[0], &right[1]]), Ok(()));
    let error = verify(&kernel, &[&wrong, &right[1]]).unwrap_err();
    assert_eq!(error.to_string(), "the result of task 0 (n = 3) is not ((n-1)!)^(3(n-1)^2)");
    let error = verify(&kernel, &[&right[0]]).unwrap_err();
    assert_eq!(error.to_string(), "1 results for 2 tasks");
}

#[test]
fn the_types_are_named_as_documented() {
    assert_eq!((Number::ID, Product::ID), (c"gild.cpu-bound.n/1", c"gild.biguint/1"));
    let all = raw::KERNEL_SHARED | raw::KERNEL_DETERMINISTIC | raw::KERNEL_FORK_SAFE;
    assert_eq!(table::<CpuBound>().flags, all);
}
