//! The only composition root: binds, wires, runs, drains.
