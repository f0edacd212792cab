//! What authors of policies work with: table cases and their runner, measurements, a watcher of
//! sources. It meets policies at the workbench only, and knows neither servers nor how results are
//! printed.

pub mod bench;
pub mod cases;
pub mod junit;
pub mod runner;
pub mod watch;
