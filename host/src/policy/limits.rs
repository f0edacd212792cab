//! What a policy may use. The defaults stand in `crate::limits`; an operator may set others.

use std::time::Duration;

use crate::limits::{
    POLICY_CALL_DEADLINE, POLICY_COMPILE_MEMORY_BYTES, POLICY_COMPILE_TIMEOUT, POLICY_FILE_BYTES,
    POLICY_INSTANCES, POLICY_MEMORY_BYTES, POLICY_OUTPUT_BYTES, POLICY_START_DEADLINE,
    POLICY_TABLE_ELEMENTS, POLICY_WARM_MEMORY_BYTES,
};

/// Limits on one policy, all of them on at all times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyLimits {
    /// The largest component that is loaded, in bytes.
    pub file_bytes: u64,
    /// How long compiling a component may take, where it is compiled in a process of its own.
    pub compile_timeout: Duration,
    /// Memory that compiling a component may take there, in bytes of address space.
    pub compile_memory_bytes: u64,
    /// How long one call of a hook may take.
    pub call_deadline: Duration,
    /// How long an instance may take to start and to accept its settings.
    pub start_deadline: Duration,
    /// Linear memory of one instance, all its memories together, in bytes.
    pub memory_bytes: usize,
    /// Table elements of one instance, all its tables together.
    pub table_elements: usize,
    /// Bytes that one answer, or the arguments of one call to the host, may carry out of a guest.
    pub output_bytes: usize,
    /// Instances of one version, idle and busy.
    pub instances: usize,
    /// Linear memory of all instances of all policies, in bytes, beyond which a policy keeps one
    /// warm instance and no more.
    pub warm_memory_bytes: u64,
}

impl Default for PolicyLimits {
    fn default() -> Self {
        Self {
            file_bytes: POLICY_FILE_BYTES,
            compile_timeout: POLICY_COMPILE_TIMEOUT,
            compile_memory_bytes: POLICY_COMPILE_MEMORY_BYTES,
            call_deadline: POLICY_CALL_DEADLINE,
            start_deadline: POLICY_START_DEADLINE,
            memory_bytes: POLICY_MEMORY_BYTES,
            table_elements: POLICY_TABLE_ELEMENTS,
            output_bytes: POLICY_OUTPUT_BYTES,
            instances: POLICY_INSTANCES,
            warm_memory_bytes: POLICY_WARM_MEMORY_BYTES,
        }
    }
}
