//! Reading memory that may not be there: by a system call that fails where a load would crash (process_vm_readv(2) of the own
//! process).

use libc::iovec;

/// The word at an address; `None`: there is no memory.
pub fn read(address: usize) -> Option<u64> {
    let mut word = [0u8; size_of::<u64>()];
    (bytes(address, &mut word) == word.len()).then(|| u64::from_ne_bytes(word))
}

/// Reads what there is of these bytes, up to the first that is not there, and says how many.
pub fn bytes(address: usize, into: &mut [u8]) -> usize {
    let mut done = 0;
    // Page by page: a range that begins well is read up to where it ends, and iovecs are whole or not at all.
    while done < into.len() {
        let at = address.wrapping_add(done);
        let length = (into.len() - done).min(PAGE - at % PAGE);
        let part = &mut into[done..done + length];
        let to = iovec { iov_base: part.as_mut_ptr().cast(), iov_len: length };
        let from = iovec { iov_base: std::ptr::with_exposed_provenance_mut(at), iov_len: length };
        // SAFETY: `to` is a local range of this length; `from` is an address that the kernel checks and only reads.
        let read = unsafe { libc::process_vm_readv(libc::getpid(), &to, 1, &from, 1, 0) };
        if read != length as isize {
            break;
        }
        done += length;
    }
    done
}

const PAGE: usize = 4096;

/// The text at an address, which ends in a zero byte or is cut to what fits; `None`: it is not ASCII, or none.
pub fn text(address: usize, into: &mut [u8]) -> Option<&[u8]> {
    let length = bytes(address, into);
    let text = &into[..length];
    let text = &text[..text.iter().position(|byte| *byte == 0).unwrap_or(length)];
    (!text.is_empty() && text.iter().all(|byte| (b' '..=b'~').contains(byte))).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_no_crash() {
        let word = 7u64;
        assert_eq!(read(std::ptr::from_ref(&word).addr()), Some(7));
        assert_eq!([read(8), read(usize::MAX - 9)], [None, None]);
        assert_eq!(text(8, &mut [0; 8]), None);
    }

    #[test]
    fn text_is_ascii_up_to_its_end() {
        let of = |bytes: &[u8]| text(bytes.as_ptr().addr(), &mut vec![0; bytes.len()]).map(<[u8]>::to_vec);
        assert_eq!(of(b"app.py\0rest"), Some(b"app.py".to_vec()));
        assert_eq!(of(b"cut"), Some(b"cut".to_vec()));
        assert_eq!([of(b"\0"), of("caf\u{e9}\0".as_bytes())], [None, None]);
    }
}
