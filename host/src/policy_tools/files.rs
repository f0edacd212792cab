//! Reads what authors name on the command line, up to a limit. Knows not what files hold.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Reads a file up to a limit, in bytes.
///
/// # Errors
/// It cannot be read or is larger; the text does not name it.
pub fn read(file: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("it cannot be read: {error}");
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(unreadable)?;
    opened
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        return Err(format!("it is larger than {limit} bytes"));
    }
    Ok(bytes)
}
