//! Pages that were recorded, and pages built field by field after the kernel's header; the instruction is a closure.

use super::*;
use std::cell::Cell;
use std::sync::atomic::AtomicU8;

/// The first 1104 bytes of the page of a `PERF_COUNT_SW_TASK_CLOCK` event, Linux 6.18 on a virtual machine without PMU:
/// perf_event_open(type SOFTWARE, config TASK_CLOCK, size 136, pid 0, cpu −1), mmap of one page with PROT_READ, 1 ms
/// later written to a file. lock 4, index 0, capabilities 2 (nothing but "bit 0 is deprecated").
const RECORDED: &[u8; 1104] = include_bytes!("task_clock.page");

/// A page as bytes, where the fields are found by the offsets of the header, not by those of this program.
fn page_of(bytes: &[u8]) -> PerfPage {
    let number = |at: usize, length: usize| {
        let mut eight = [0; 8];
        eight[..length].copy_from_slice(&bytes[at..at + length]);
        u64::from_ne_bytes(eight)
    };
    let (four, eight) = (|at| AtomicU32::new(number(at, 4) as u32), |at| AtomicU64::new(number(at, 8)));
    PerfPage {
        version: four(0),
        compat_version: four(4),
        lock: four(8),
        index: four(12),
        offset: eight(16),
        time_enabled: eight(24),
        time_running: eight(32),
        capabilities: eight(40),
        pmc_width: AtomicU16::new(number(48, 2) as u16),
        time_shift: AtomicU16::new(number(50, 2) as u16),
        time_mult: four(52),
        time_offset: eight(56),
        time_zero: eight(64),
        size: four(72),
        reserved: four(76),
        time_cycles: eight(80),
        time_mask: eight(88),
    }
}

/// A hardware counter of 48 bits on the PMU: offset 1000, enabled for 900 ns and running for 300 ns when the kernel
/// wrote the page at tick 0; a tick is half a nanosecond.
fn on_the_pmu() -> PerfPage {
    PerfPage {
        lock: AtomicU32::new(6),
        index: AtomicU32::new(3),
        offset: AtomicU64::new(1_000),
        time_enabled: AtomicU64::new(900),
        time_running: AtomicU64::new(300),
        capabilities: AtomicU64::new(CAP_BIT0_IS_DEPRECATED | CAP_USER_RDPMC | CAP_USER_TIME),
        pmc_width: AtomicU16::new(48),
        time_shift: AtomicU16::new(10),
        time_mult: AtomicU32::new(512),
        ..PerfPage::default()
    }
}

/// Reads a page whose hardware counter number 2 says `counter`, 400 ticks after the kernel wrote it.
fn read(page: &PerfPage, counter: u64) -> Result<Count, Refusal> {
    let instruction = |number| {
        assert_eq!(number, 2, "index − 1");
        counter
    };
    page.read(instruction, || 400)
}

fn never(_counter: u32) -> u64 {
    panic!("the instruction would fault here")
}

#[test]
fn the_page_of_a_software_event_takes_a_system_call() {
    let page = page_of(RECORDED);
    assert_eq!(page.lock.load(Relaxed), 4);
    assert_eq!(page.size.load(Relaxed) as usize, size_of::<PerfPage>(), "the kernel's own size of what it documents");
    assert_eq!(page.capabilities.load(Relaxed), CAP_BIT0_IS_DEPRECATED);
    assert!(page.time_enabled.load(Relaxed) > 0, "it was enabled");
    assert_eq!(page.readable(), Err(Refusal::NotReadable));
    assert_eq!(page.read(never, || 0), Err(Refusal::NotReadable));
}

#[test]
fn the_recorded_page_has_the_layout_that_is_read() {
    // The same bytes, looked at through the struct: every field is where the header has it.
    let aligned: Vec<AtomicU64> = RECORDED[..96]
        .chunks_exact(8)
        .map(|bytes| AtomicU64::new(u64::from_ne_bytes(bytes.try_into().unwrap())))
        .collect();
    // SAFETY: 96 bytes, aligned for u64, all atomics, and borrowed for as long as the view is used.
    let view = unsafe { &*aligned.as_ptr().cast::<PerfPage>() };
    assert_eq!(format!("{view:?}"), format!("{:?}", page_of(RECORDED)));
}

#[test]
fn a_counter_on_the_pmu_is_read_with_its_times() {
    // 400 ticks are 200 ns.
    assert_eq!(read(&on_the_pmu(), 42), Ok(Count { value: 1_042, enabled_ns: 1_100, running_ns: 500 }));
}

#[test]
fn a_counter_is_a_signed_number_of_its_own_width() {
    // The kernel starts counters below zero, so that they overflow before they wrap.
    let value = |counter| read(&on_the_pmu(), counter).unwrap().value;
    assert_eq!(value((1 << 48) - 1), 999, "all 48 bits set: −1");
    assert_eq!(value(1 << 47), 1_000u64.wrapping_sub(1 << 47), "the least of 48 bits");
    assert_eq!(value((1 << 47) - 1), 1_000 + (1 << 47) - 1, "the greatest of 48 bits");
    for (counter, width, expected) in
        [(0b1, 1, u64::MAX), (u64::MAX, 64, u64::MAX), (0xff, 8, u64::MAX), (0x7f, 8, 0x7f)]
    {
        assert_eq!(sign_extend(counter, width), expected, "{counter:#x} of {width} bits");
    }
    let page = PerfPage { offset: AtomicU64::new((1 << 47) + 7), ..on_the_pmu() };
    assert_eq!(read(&page, 1 << 47).unwrap().value, 7, "offset and counter make the count");
}

#[test]
fn a_page_that_changes_while_it_is_read_is_read_again() {
    let page = on_the_pmu();
    let readings = Cell::new(0);
    let torn_once = |_| {
        readings.set(readings.get() + 1);
        if readings.get() == 1 {
            // The thread was switched out and in: the kernel moved the count to the offset and the counter began anew.
            page.lock.fetch_add(2, Relaxed);
            page.offset.store(5_000, Relaxed);
        }
        7
    };
    assert_eq!(page.read(torn_once, || 0).map(|count| count.value), Ok(5_007));
    assert_eq!(readings.get(), 2);
}

#[test]
fn a_page_that_never_rests_is_given_up() {
    let page = on_the_pmu();
    let readings = Cell::new(0);
    let torn = |_| {
        readings.set(readings.get() + 1);
        page.lock.fetch_add(1, Relaxed);
        0
    };
    assert_eq!(page.read(torn, || 0), Err(Refusal::Torn));
    assert_eq!(readings.get(), TRIES_MAX);
}

#[test]
fn a_counter_that_loses_its_turn_while_it_is_read_takes_a_system_call() {
    let page = on_the_pmu();
    let switched_off = |_| {
        page.index.store(0, Relaxed);
        page.lock.fetch_add(2, Relaxed);
        0
    };
    assert_eq!(page.read(switched_off, || 0), Err(Refusal::NotOnPmu));
}

#[test]
fn a_counter_without_a_turn_takes_a_system_call() {
    let page = PerfPage { index: AtomicU32::new(0), ..on_the_pmu() };
    assert_eq!(page.read(never, || 0), Err(Refusal::NotOnPmu));
    assert_eq!(page.readable(), Ok(()), "it may have its turn the next time");
}

#[test]
fn a_counter_that_shared_the_pmu_keeps_both_times() {
    let count = read(&on_the_pmu(), 0).unwrap();
    assert!(count.running_ns < count.enabled_ns);
    let times = crate::measure::counters::Times { enabled_ns: count.enabled_ns, running_ns: count.running_ns };
    assert_eq!(crate::measure::scaling::scaled(count.value, times), Some(2_200), "1000 · 1100 / 500");
}

#[test]
fn what_a_page_cannot_say_is_not_read_from_it() {
    let refused = |change: fn(&mut PerfPage)| {
        let mut page = on_the_pmu();
        change(&mut page);
        page.read(never, || 0).unwrap_err()
    };
    assert_eq!(refused(|page| page.capabilities = (CAP_BIT0_IS_DEPRECATED | CAP_USER_RDPMC).into()), Refusal::NoTime);
    assert_eq!(
        refused(|page| page.capabilities = (CAP_BIT0_IS_DEPRECATED | CAP_USER_TIME).into()),
        Refusal::NotReadable
    );
    assert_eq!(refused(|page| page.capabilities = (CAP_USER_RDPMC | CAP_USER_TIME).into()), Refusal::NotReadable);
    assert_eq!(refused(|page| page.pmc_width = 0.into()), Refusal::NotReadable);
    assert_eq!(refused(|page| page.pmc_width = 65.into()), Refusal::NotReadable);
    assert_eq!(refused(|page| page.time_shift = 64.into()), Refusal::NotReadable);
}

#[test]
fn ticks_become_nanoseconds_as_the_kernel_says() {
    let page = PerfPage {
        time_shift: AtomicU16::new(31),
        time_mult: AtomicU32::new(876_543_210),
        time_offset: AtomicU64::new(0u64.wrapping_sub(1_000_000_000_000)),
        ..PerfPage::default()
    };
    let ticks: u64 = 123_456_789_012_345;
    let exact = (u128::from(ticks) * 876_543_210) >> 31;
    assert_eq!(u128::from(page.passed_ns(ticks).wrapping_add(1_000_000_000_000)), exact);
}

#[test]
fn a_short_clock_is_extended() {
    let page = PerfPage {
        capabilities: CAP_USER_TIME_SHORT.into(),
        time_mult: AtomicU32::new(1),
        time_cycles: AtomicU64::new(0xfff0),
        time_mask: AtomicU64::new(0xffff),
        ..PerfPage::default()
    };
    assert_eq!(page.passed_ns(0x10), 0x1_0010, "sixteen bits have wrapped");
    assert_eq!(page.passed_ns(0xfff8), 0xfff8);
}

#[test]
fn every_byte_of_a_page_may_be_anything() {
    // Bytes that a broken kernel or another program's memory could hold: no panic, no instruction without the bit.
    let bytes: Vec<AtomicU8> = (0..96).map(|_| AtomicU8::new(0)).collect();
    let mut state = 1u64;
    for _ in 0..10_000 {
        for byte in &bytes {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            byte.store((state >> 56) as u8, Relaxed);
        }
        let plain: Vec<u8> = bytes.iter().map(|byte| byte.load(Relaxed)).collect();
        let page = page_of(&plain);
        let allowed = page.readable().is_ok() && page.index.load(Relaxed) != 0;
        let result = page.read(|_| if allowed { state } else { panic!("not allowed") }, || state);
        assert_eq!(result.is_ok(), allowed);
    }
}
