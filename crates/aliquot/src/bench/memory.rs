//! The largest amount of memory this process had at once, from the kernel; nothing where the kernel does not say.

/// Forgets the largest amount so far.
pub(super) fn reset() {
    // The file exists on Linux only; elsewhere the peak is simply not known.
    drop(std::fs::write("/proc/self/clear_refs", "5"));
}

/// The largest amount since then, in KiB.
pub(super) fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
