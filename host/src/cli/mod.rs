//! The command line: arguments in, an exit code out. It must not know how a server works.

mod api_key;
mod check_config;
mod compile_component;
mod init;
mod policy;
mod serve;
mod token;

use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::app::{COMPILE_SUBCOMMAND, Compiler};
use crate::config::{Config, DEFAULT_FILE, Mode, VARIABLE_PREFIX};

/// Exit code of a failure while running.
const RUNTIME_FAILURE: u8 = 1;
/// Exit code of wrong arguments or a wrong configuration.
const USAGE_FAILURE: u8 = 2;

/// Wardroom: a realtime Socket.IO server for workspaces and channels, with policies in WebAssembly.
#[derive(Debug, Parser)]
#[command(name = "wardroom", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  wardroom serve --dev                       try it out, with generated secrets
  wardroom init                              make a configuration that a server starts with
  wardroom api-key --name backend --scope directory:write
                                             make a key for a backend
  wardroom check-config -c wardroom.toml     see what is wrong before a restart
  wardroom serve -c wardroom.toml            run it
  wardroom token --dev --user ann --workspace demo
                                             sign in as somebody
  wardroom policy check my_policy.wasm       see what a component does and needs
  wardroom policy explain -w demo -u ann -c lobby
                                             see why somebody sees a channel, or does not

Configuration:
  The file is named by --config or WARDROOM_CONFIG, or is ./wardroom.toml if that exists.
  Every key can be set in the environment on top of it: listen.public is
  WARDROOM_LISTEN__PUBLIC. `wardroom init --example` explains all of them.

Exit codes: 0 done, 1 failed while running, 2 wrong arguments or configuration.";

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Init(init::Init),
    CheckConfig(check_config::CheckConfig),
    Token(token::Token),
    ApiKey(api_key::MakeApiKey),
    Policy(policy::Policy),
    #[command(name = COMPILE_SUBCOMMAND, hide = true)]
    CompileComponent(compile_component::CompileComponent),
}

/// Which configuration to use.
#[derive(Args, Clone, Debug)]
struct Source {
    /// The configuration file; without it ./wardroom.toml, if it exists
    #[arg(long, short, value_name = "FILE", env = "WARDROOM_CONFIG")]
    config: Option<PathBuf>,
}

impl Source {
    /// The configuration file, whether or not it is there.
    fn file(&self) -> PathBuf {
        let named = self.config.clone();
        named.unwrap_or_else(|| PathBuf::from(DEFAULT_FILE))
    }
}

/// Whether to relax for development.
#[derive(Args, Debug)]
struct Development {
    /// Development mode: missing secrets are generated and kept in .wardroom-dev.toml
    #[arg(long)]
    dev: bool,
}

/// The same of a tool beside a server.
#[derive(Args, Debug)]
struct BesideDevelopment {
    /// Use the secrets of a `wardroom serve --dev` that was started in this folder
    #[arg(long)]
    dev: bool,
}

impl BesideDevelopment {
    fn mode(&self) -> Mode {
        if self.dev {
            Mode::DevelopmentTool
        } else {
            Mode::Production
        }
    }
}

impl Development {
    fn mode(&self) -> Mode {
        if self.dev {
            Mode::Development
        } else {
            Mode::Production
        }
    }
}

/// Why a subcommand did not succeed.
#[derive(Debug)]
enum Failure {
    /// The arguments or the configuration are wrong.
    Usage(String),
    /// It went wrong while running.
    Runtime(anyhow::Error),
    /// The same, and it has been said.
    Told,
}

impl From<Failure> for String {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Usage(message) => message,
            Failure::Runtime(error) => format!("{error:#}"),
            Failure::Told => String::new(),
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Runtime(error.into())
    }
}

/// The environment of the process, as it came.
type Environment = Vec<(OsString, OsString)>;

/// Runs what the arguments ask for. Results go to `out`, problems to `err` as one block. Policies are
/// compiled by `compiler`.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    compiler: Compiler,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitCode {
    ExitCode::from(code(arguments, environment, compiler, out, err))
}

fn code(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    compiler: Compiler,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let (stream, code): (&mut dyn Write, _) = if error.use_stderr() {
                (err, USAGE_FAILURE)
            } else {
                (out, 0)
            };
            // Nobody is left to tell if the terminal is gone.
            let _ = write!(stream, "{}", error.render());
            return code;
        }
    };
    let environment: Environment = environment.into_iter().collect();
    let outcome = match cli.command {
        Command::Serve(command) => serve::run(&command, environment, compiler),
        Command::Init(command) => init::run(&command, out),
        Command::CheckConfig(command) => check_config::run(&command, environment, out),
        Command::Token(command) => token::run(&command, environment, out),
        Command::ApiKey(command) => api_key::run(&command, out),
        Command::Policy(command) => policy::run(&command, &environment, &compiler, out),
        Command::CompileComponent(command) => compile_component::run(&command, out),
    };
    let (message, code) = match outcome {
        Ok(()) => return 0,
        Err(Failure::Told) => return RUNTIME_FAILURE,
        Err(Failure::Usage(message)) => (message, USAGE_FAILURE),
        // Whoever read the output has seen enough of it; what it came to is not known.
        Err(Failure::Runtime(error)) if is_broken_pipe(&error) => return RUNTIME_FAILURE,
        Err(Failure::Runtime(error)) => (format!("{error:#}"), RUNTIME_FAILURE),
    };
    let _ = writeln!(err, "error: {message}");
    code
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// Loads the configuration that the arguments and the environment name.
fn load(source: &Source, mode: Mode, environment: Environment) -> Result<Config, Failure> {
    let mut variables = Vec::new();
    for (name, value) in environment {
        let Some(name) = name
            .to_str()
            .filter(|name| name.starts_with(VARIABLE_PREFIX))
        else {
            continue;
        };
        let value = value
            .into_string()
            .map_err(|_| Failure::Usage(format!("the variable {name} is not UTF-8")))?;
        variables.push((name.to_owned(), value));
    }
    Config::load(source.config.as_deref(), variables, mode)
        .map_err(|error| Failure::Usage(error.to_string()))
}

#[cfg(test)]
mod tests;
