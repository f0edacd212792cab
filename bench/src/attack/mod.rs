//! Attacks on a server as an operator gets it, and what everybody else feels of them: two honest
//! clients that send commands all the time, newcomers, operators. Each attack has bounds that must be
//! held. Must not know the server's code.

mod ground;
mod honest;
mod http;
mod newcomers;
mod server;
mod table;
mod tokens;
mod watch;

mod compile;
mod component;
mod crowd;
mod descriptors;
mod directory;
mod expiry;
mod flood;
mod idempotency;
mod internal;
mod log;
mod polling;
mod states;
mod verification;

use std::path::PathBuf;

use clap::ValueEnum;

pub use self::table::Table;

use self::ground::{Ground, Setup, play};
use self::table::{Claim, Row};

/// Who attacks how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Crowds come and are lost again, while a policy renders events.
    Expiry,
    /// Tokens with wrong signatures, as fast as they can be sent.
    Verification,
    /// One address opens polling sessions.
    Polling,
    /// Refusals without end, while nobody reads the log.
    Log,
    /// `get-state` of a large workspace, answered to clients that do not read.
    States,
    /// Connections until no file can be opened, while a policy is replaced.
    Descriptors,
    /// Writes of the directory with few and with many workspaces.
    Directory,
    /// A policy that takes long to compile, while another is replaced.
    Compile,
    /// One client sends more than a slow listener can read.
    Flood,
    /// Half requests to the internal listener.
    Internal,
    /// Idempotency keys with large answers.
    Idempotency,
    /// Swaps that concern one of 20,000 members.
    Crowd,
}

impl Scenario {
    /// The name on the command line and in the table.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// What an attack is made with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server's binary.
    pub server: PathBuf,
    /// Directory of the shipped policies' components.
    pub plugins: PathBuf,
    /// Directory for configuration, data and logs.
    pub output: PathBuf,
    /// A few seconds of each attack, for a first look.
    pub quick: bool,
}

/// What one attack needs and does. The ground is the same for all.
trait Attack: Sized {
    /// What the server is started with, and what must hold.
    fn setup(options: &Options) -> Setup;
    /// Fills the server before anybody is measured.
    async fn prepare(ground: &Ground) -> anyhow::Result<Self>;
    /// Attacks until [`Ground::is_over`]; says in words what the load was.
    async fn run(&mut self, ground: &Ground) -> anyhow::Result<String>;
    /// What must hold beside the bounds, asked when everything has been calm for a while.
    async fn verify(&mut self, ground: &Ground) -> anyhow::Result<Vec<Claim>>;
}

/// Starts a server, attacks it and says what was felt.
///
/// # Errors
/// If the attack could not be made: the server did not start, or ended.
pub fn attack(scenario: Scenario, options: &Options) -> anyhow::Result<Row> {
    let name = scenario.name();
    match scenario {
        Scenario::Expiry => play::<expiry::Expiry>(name, options),
        Scenario::Verification => play::<verification::Verification>(name, options),
        Scenario::Polling => play::<polling::Polling>(name, options),
        Scenario::Log => play::<log::Log>(name, options),
        Scenario::States => play::<states::States>(name, options),
        Scenario::Descriptors => play::<descriptors::Descriptors>(name, options),
        Scenario::Directory => play::<directory::Directory>(name, options),
        Scenario::Compile => play::<compile::Compile>(name, options),
        Scenario::Flood => play::<flood::Flood>(name, options),
        Scenario::Internal => play::<internal::Internal>(name, options),
        Scenario::Idempotency => play::<idempotency::Idempotency>(name, options),
        Scenario::Crowd => play::<crowd::Crowd>(name, options),
    }
}
