//! Files and sockets: importable, since runtimes import them unasked, and not there.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{LinkerInstance, Resource, ResourceType};
use wasmtime::{Engine, Error, Result};

use super::streams::{InputStream, OutputStream, Pollable, StreamFailure};
use crate::policy::facts::State;

/// A file or a socket. There is none, so there is no value.
enum Nothing {}

/// Defines an imported interface so that each of its functions traps when called, except the list
/// of directories, which is empty.
pub(in crate::policy) fn define_absent(
    linker: &mut LinkerInstance<'_, State>,
    import: &str,
    interface: &wasmtime::component::types::ComponentInstance,
    engine: &Engine,
) -> Result<()> {
    for (name, item) in interface.exports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(_) if name == "get-directories" => {
                linker.func_wrap(name, |_, (): ()| {
                    Ok((Vec::<(Resource<Nothing>, String)>::new(),))
                })?;
            }
            ComponentItem::ComponentFunc(_) => {
                let said = format!("a policy has no {import} to call {name} on");
                linker.func_new(name, move |_, _, _, _| Err(Error::msg(said.clone())))?;
            }
            ComponentItem::Resource(_) => {
                linker.resource(name, resource(name), |_, _| Ok(()))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// The streams' own resources appear here by `use` and must be the same as there.
fn resource(name: &str) -> ResourceType {
    match name {
        "input-stream" => ResourceType::host::<InputStream>(),
        "output-stream" => ResourceType::host::<OutputStream>(),
        "pollable" => ResourceType::host::<Pollable>(),
        "error" => ResourceType::host::<StreamFailure>(),
        _ => ResourceType::host::<Nothing>(),
    }
}
