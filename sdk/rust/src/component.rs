//! From a policy to a component: what `export!` expands to. Authors never name what is here.

use std::marker::PhantomData;
use std::sync::OnceLock;

/// What the exported functions are generated for.
pub struct Component<P>(PhantomData<P>);

/// The one policy of an instance.
pub trait Instance: Sized + Send + Sync + 'static {
    /// The policy that answers.
    fn instance() -> &'static Self;
}

/// The policy, if `configure` has made it; the server asks nothing before.
///
/// # Panics
///
/// If a hook is called before `configure`.
pub fn configured<P>(policy: &OnceLock<P>) -> &P {
    policy
        .get()
        .expect("a hook was called before `lifecycle.configure`")
}

#[cfg(target_family = "wasm")]
mod glue {
    use std::sync::OnceLock;

    use super::{Component, Instance};
    use crate::bindings::{admission, channel_visibility, commands, events, lifecycle};
    use crate::{
        Admission, Channel, ChannelVisibility, Command, Commands, Denial, Event, Events, Json,
        Lifecycle, Rendering, Request, Rule, Subject, read_settings,
    };

    /// A policy that `configure` makes.
    pub trait Configurable: Lifecycle {
        /// Where it is kept.
        fn place() -> &'static OnceLock<Self>;
    }

    impl<P: Configurable> lifecycle::exports::wardroom::policy::lifecycle::Guest for Component<P> {
        fn configure(settings: String) -> Result<(), String> {
            let policy = P::configure(read_settings(&settings)?)?;
            let twice = |_| "configure was called twice in one instance".to_owned();
            P::place().set(policy).map_err(twice)
        }
    }

    impl<P: Admission + Instance> admission::exports::wardroom::policy::admission::Guest
        for Component<P>
    {
        fn admit(request: &Request) -> Result<(), Denial> {
            P::instance().admit(request)
        }
    }

    impl<P: ChannelVisibility + Instance>
        channel_visibility::exports::wardroom::policy::channel_visibility::Guest for Component<P>
    {
        fn audience(channel: &Channel) -> Rule {
            P::instance().audience(channel)
        }

        fn decide(channel: &Channel, subjects: Vec<Subject>) -> Vec<bool> {
            let policy = P::instance();
            let sees = |subject: Subject| policy.sees(channel, &subject);
            subjects.into_iter().map(sees).collect()
        }
    }

    impl<P: Commands + Instance> commands::exports::wardroom::policy::commands::Guest for Component<P> {
        fn authorize(command: &Command) -> Result<Option<Json>, Denial> {
            P::instance().authorize(command)
        }
    }

    impl<P: Events + Instance> events::exports::wardroom::policy::events::Guest for Component<P> {
        fn render(event: &Event) -> Rendering {
            P::instance().render(event)
        }
    }
}

#[cfg(target_family = "wasm")]
pub use glue::Configurable;

/// Exports a policy with the hooks that are named, and no others.
///
/// The hooks are `lifecycle`, `admission`, `channel_visibility`, `commands` and `events`; for each
/// the policy implements the trait of that name. `lifecycle`, if it is among them, comes first;
/// without it the policy must be [`Default`].
///
/// ```
/// use wardroom_policy::{Admission, Denial, Request};
///
/// #[derive(Default)]
/// struct NoGuests;
///
/// impl Admission for NoGuests {
///     fn admit(&self, request: &Request) -> Result<(), Denial> {
///         if request.subject().role().as_deref() == Some("guest") {
///             return Err(Denial::new("no-guests", "Guests are not admitted."));
///         }
///         Ok(())
///     }
/// }
///
/// wardroom_policy::export!(NoGuests: admission);
/// ```
///
/// Outside of WebAssembly it only checks that the traits are there. A hook without its trait does
/// not compile, and neither does one that does not exist:
///
/// ```compile_fail,E0277
/// #[derive(Default)]
/// struct Idle;
/// wardroom_policy::export!(Idle: events);
/// ```
///
/// ```compile_fail
/// #[derive(Default)]
/// struct Idle;
/// wardroom_policy::export!(Idle: visibility);
/// ```
#[macro_export]
macro_rules! export {
    ($policy:ident: lifecycle, $($hook:ident),+ $(,)?) => {
        const _: () = {
            static POLICY: ::std::sync::OnceLock<$policy> = ::std::sync::OnceLock::new();
            impl $crate::component::Instance for $policy {
                fn instance() -> &'static Self {
                    $crate::component::configured(&POLICY)
                }
            }
            #[cfg(target_family = "wasm")]
            impl $crate::component::Configurable for $policy {
                fn place() -> &'static ::std::sync::OnceLock<Self> {
                    &POLICY
                }
            }
        };
        $crate::__export_hooks!($policy: lifecycle, $($hook),+);
    };
    ($policy:ident: $($hook:ident),+ $(,)?) => {
        const _: () = {
            static POLICY: ::std::sync::OnceLock<$policy> = ::std::sync::OnceLock::new();
            impl $crate::component::Instance for $policy {
                fn instance() -> &'static Self {
                    POLICY.get_or_init(::std::default::Default::default)
                }
            }
        };
        $crate::__export_hooks!($policy: $($hook),+);
    };
}

/// Exports each hook, and checks on every target that its trait is implemented.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_hooks {
    ($policy:ident: $($hook:ident),+) => {
        const _: () = {
            $($crate::__check_hook!($policy $hook);)+
            #[cfg(target_family = "wasm")]
            const _: () = {
                type Component = $crate::component::Component<$policy>;
                $($crate::bindings::$hook::export!(
                    Component with_types_in $crate::bindings::$hook
                );)+
            };
        };
    };
}

/// Fails to compile, in words about the trait, if a policy lacks a hook that it names.
#[doc(hidden)]
#[macro_export]
macro_rules! __check_hook {
    ($policy:ident lifecycle) => { $crate::__check_hook!(@ $policy Lifecycle); };
    ($policy:ident admission) => { $crate::__check_hook!(@ $policy Admission); };
    ($policy:ident channel_visibility) => { $crate::__check_hook!(@ $policy ChannelVisibility); };
    ($policy:ident commands) => { $crate::__check_hook!(@ $policy Commands); };
    ($policy:ident events) => { $crate::__check_hook!(@ $policy Events); };
    ($policy:ident $other:ident) => {
        compile_error!(concat!(
            "no hook is called `", stringify!($other), "`; hooks are lifecycle (first), ",
            "admission, channel_visibility, commands and events"
        ));
    };
    (@ $policy:ident $hook:ident) => {
        const _: () = {
            const fn implements<P: $crate::$hook>() {}
            implements::<$policy>();
        };
    };
}
