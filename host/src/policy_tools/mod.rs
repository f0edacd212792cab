//! What authors of policies work with: table cases and their runner, measurements, a watcher of
//! sources. It meets policies at the workbench only, and knows neither servers' insides nor how
//! results are printed.

pub mod api;
pub mod bench;
pub mod cases;
pub mod files;
pub mod install;
pub mod junit;
pub mod project;
pub mod runner;
pub mod server;
pub mod shorten;
pub mod template;
pub mod watch;

pub use crate::policy::workbench;
