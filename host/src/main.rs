//! The binary `wardroom`: hands the arguments to the command line and exits with its code. It must not do anything else.

use std::process::ExitCode;

use wardroom::policy::Compiler;

fn main() -> ExitCode {
    wardroom::cli::run(
        std::env::args_os(),
        std::env::vars_os(),
        // In place, where the system does not tell which program this is.
        Compiler::own_program().unwrap_or_default(),
        &mut std::io::stdout(),
        &mut std::io::stderr(),
    )
}
