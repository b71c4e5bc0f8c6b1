//! Reading a file that may be too long.

use std::io::Read;

use super::RunFileError;

/// More than a run of half a billion requests leaves behind; what is longer is something else.
const MAX_FILE_BYTES: u64 = 512 << 20;

/// Reads a file to its end, unless it is longer than any run: an endless input must not fill the memory. `length` is
/// the length of the file where it is known, and 0 for a pipe. A value that is too small costs a copy.
///
/// # Errors
/// [`RunFileError::Read`] and [`RunFileError::TooLarge`].
pub fn read_bounded(file: impl Read, length: u64) -> Result<Vec<u8>, RunFileError> {
    let mut bytes = Vec::new();
    if length > 0 {
        bytes.reserve_exact(length.min(MAX_FILE_BYTES) as usize + 1);
    }
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(RunFileError::Read)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        Err(RunFileError::TooLarge(MAX_FILE_BYTES >> 20))
    } else {
        Ok(bytes)
    }
}
