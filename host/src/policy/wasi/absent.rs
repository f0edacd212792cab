//! Files and sockets: importable, since runtimes import them unasked, and not there.

use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{LinkerInstance, Resource, ResourceAny, ResourceType, Val};
use wasmtime::{Engine, Error, Result};

use super::streams::{InputStream, OutputStream, Pollable, StreamFailure};
use crate::policy::facts::State;

/// A file, a socket or a network. There is none, so there is no value.
enum Nothing {}

/// What sockets answer: a guest's runtime makes an error of it that the guest can handle.
const DENIED: &str = "access-denied";

/// Defines an imported interface. The list of directories is empty, and whatever of sockets may fail
/// is denied. All else traps when it is called; without a directory or a socket nothing leads there.
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
            ComponentItem::ComponentFunc(_) if name == "instance-network" => {
                // Names are looked up on it, which is where it is denied.
                linker.func_new(name, |store, _, _, results| {
                    let network = Resource::<Nothing>::new_own(0);
                    let network = ResourceAny::try_from_resource(network, store)?;
                    results[0] = Val::Resource(network);
                    Ok(())
                })?;
            }
            ComponentItem::ComponentFunc(function) if may_be_denied(&function) => {
                linker.func_new(name, |mut store, _, arguments, results| {
                    // What was lent for the call must be given back before its end.
                    for argument in arguments {
                        if let Val::Resource(lent) = argument {
                            lent.resource_drop(&mut store)?;
                        }
                    }
                    let denied = Val::Enum(DENIED.to_owned());
                    results[0] = Val::Result(Err(Some(Box::new(denied))));
                    Ok(())
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

/// Whether a function may answer that access is denied.
fn may_be_denied(function: &ComponentFunc) -> bool {
    let Some(Type::Result(result)) = function.results().next() else {
        return false;
    };
    matches!(result.err(), Some(Type::Enum(error)) if error.names().any(|name| name == DENIED))
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
