//! The two loops, for x86-64. A test holds their machine code against a list with one line per instruction.

use std::arch::naked_asm;
use std::num::NonZeroU64;

use super::Pattern;

/// Runs an even number of instructions, at least 4: a call, 2 per step, and a return. Returns how many.
pub(super) fn count_down(instructions: u64) -> u64 {
    let steps = NonZeroU64::new(instructions.saturating_sub(2).div_ceil(2)).unwrap_or(NonZeroU64::MIN);
    count_down_loop(steps);
    2 * steps.get() + 2
}

/// Runs that many steps of 15 instructions, and 6 around them. Returns how many branches were not taken.
pub(super) fn branch(steps: u64, state: &mut u64, pattern: Pattern) -> u64 {
    let mask = match pattern {
        Pattern::Predictable => 0,
        Pattern::Random => 1,
    };
    NonZeroU64::new(steps).map_or(0, |steps| branch_loop(steps, state, mask))
}

/// Two instructions per step: `dec` and `jnz`.
#[unsafe(naked)]
extern "sysv64" fn count_down_loop(steps: NonZeroU64) {
    naked_asm!("2:", "dec rdi", "jnz 2b", "ret")
}

/// 15 instructions per step, three of them branches, whichever way the first of the three goes: nine of xorshift, the
/// test of a bit, the branch that depends on it, two on either way, and the two that close the loop.
#[unsafe(naked)]
extern "sysv64" fn branch_loop(steps: NonZeroU64, state: &mut u64, mask: u64) -> u64 {
    naked_asm!(
        "mov r8, [rsi]",
        "xor eax, eax",
        "2:",
        "mov rcx, r8",
        "shl rcx, 13",
        "xor r8, rcx",
        "mov rcx, r8",
        "shr rcx, 7",
        "xor r8, rcx",
        "mov rcx, r8",
        "shl rcx, 17",
        "xor r8, rcx",
        "test r8, rdx",
        "jz 3f",
        "inc rax",
        "jmp 4f",
        "3:",
        "inc r9",
        "jmp 4f",
        "4:",
        "dec rdi",
        "jnz 2b",
        "mov [rsi], r8",
        "ret",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asserts that a function's machine code is this, one line per instruction.
    #[track_caller]
    fn check(function: *const u8, instructions: &[&[u8]]) {
        let expected = instructions.concat();
        // SAFETY: the function is at least as long as the list, which its assembly above shows, and code is readable.
        let code = unsafe { std::slice::from_raw_parts(function, expected.len()) };
        assert_eq!(code, expected, "\n{code:02x?}\n{expected:02x?}");
    }

    #[test]
    fn a_step_of_the_counted_loop_is_two_instructions() {
        let dec: &[u8] = &[0x48, 0xff, 0xcf];
        let jnz_to_dec: &[u8] = &[0x75, 0xfb];
        check(count_down_loop as *const u8, &[dec, jnz_to_dec, &[0xc3]]);
    }

    #[test]
    fn a_step_of_the_branching_loop_is_fifteen_instructions_either_way() {
        let before: [&[u8]; 2] = [&[0x4c, 0x8b, 0x06], &[0x31, 0xc0]];
        let both: [&[u8]; 11] = [
            &[0x4c, 0x89, 0xc1],
            &[0x48, 0xc1, 0xe1, 13],
            &[0x49, 0x31, 0xc8],
            &[0x4c, 0x89, 0xc1],
            &[0x48, 0xc1, 0xe9, 7],
            &[0x49, 0x31, 0xc8],
            &[0x4c, 0x89, 0xc1],
            &[0x48, 0xc1, 0xe1, 17],
            &[0x49, 0x31, 0xc8],
            &[0x49, 0x85, 0xd0],
            // jz over the next two
            &[0x74, 5],
        ];
        // inc, and jmp to the end of the step
        let not_taken: [&[u8]; 2] = [&[0x48, 0xff, 0xc0], &[0xeb, 5]];
        let taken: [&[u8]; 2] = [&[0x49, 0xff, 0xc1], &[0xeb, 0]];
        // dec, and jnz back over all of the step, itself included
        let dec: &[u8] = &[0x48, 0xff, 0xcf];
        let step = [&both.concat(), &not_taken.concat(), &taken.concat(), dec].concat().len() as u8 + 2;
        let jnz: &[u8] = &[0x75, step.wrapping_neg()];
        let end = [dec, jnz];
        let after: [&[u8]; 2] = [&[0x4c, 0x89, 0x06], &[0xc3]];
        assert_eq!((both.len() + taken.len() + end.len(), taken.len()), (15, not_taken.len()));
        let call = 1;
        assert_eq!(call + before.len() + after.len() + 1, 6);
        let all = [&before[..], &both, &not_taken, &taken, &end, &after].concat();
        check(branch_loop as *const u8, &all);
    }
}
