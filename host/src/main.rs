//! The binary `wardroom`: hands the arguments to the command line and exits with its code. It must not do anything else.

use std::process::ExitCode;

fn main() -> ExitCode {
    wardroom::cli::run(
        std::env::args_os(),
        std::env::vars_os(),
        &mut std::io::stdout(),
        &mut std::io::stderr(),
    )
}
