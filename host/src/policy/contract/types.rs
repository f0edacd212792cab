//! Types of two WIT packages laid beside each other by structure, which is how components are
//! linked: what they are called does not matter, what they are made of does. Knows no interfaces.

use wit_parser::{Handle, Resolve, Type, TypeDefKind, TypeId, TypeOwner};

use super::names::list;

/// The released interface and that of a component.
#[derive(Clone, Copy)]
pub(super) struct Sides<'a> {
    pub(super) ours: &'a Resolve,
    pub(super) theirs: &'a Resolve,
}

/// How two types differ.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Differ {
    /// They are of different kinds: both are to be shown.
    Whole,
    /// They are of one kind and differ inside: where and how.
    Inside(Vec<(String, String)>),
}

impl Sides<'_> {
    /// How a type of theirs differs from one of ours, if it does.
    pub(super) fn differ(self, ours: Type, theirs: Type) -> Option<Differ> {
        let (ours, theirs) = (settle(self.ours, ours), settle(self.theirs, theirs));
        let (Type::Id(ours), Type::Id(theirs)) = (ours, theirs) else {
            return (ours != theirs).then_some(Differ::Whole);
        };
        let (our_kind, their_kind) = (&self.ours.types[ours].kind, &self.theirs.types[theirs].kind);
        match (our_kind, their_kind) {
            (TypeDefKind::Record(a), TypeDefKind::Record(b)) => {
                let a: Vec<_> = a.fields.iter().map(|f| (&*f.name, Some(f.ty))).collect();
                let b: Vec<_> = b.fields.iter().map(|f| (&*f.name, Some(f.ty))).collect();
                self.members(ours, "record", "field", &a, &b)
            }
            (TypeDefKind::Variant(a), TypeDefKind::Variant(b)) => {
                let a: Vec<_> = a.cases.iter().map(|c| (&*c.name, c.ty)).collect();
                let b: Vec<_> = b.cases.iter().map(|c| (&*c.name, c.ty)).collect();
                self.members(ours, "variant", "case", &a, &b)
            }
            (TypeDefKind::Enum(a), TypeDefKind::Enum(b)) => {
                let a: Vec<_> = a.cases.iter().map(|c| (&*c.name, None)).collect();
                let b: Vec<_> = b.cases.iter().map(|c| (&*c.name, None)).collect();
                self.members(ours, "enum", "case", &a, &b)
            }
            (TypeDefKind::Flags(a), TypeDefKind::Flags(b)) => {
                let a: Vec<_> = a.flags.iter().map(|f| (&*f.name, None)).collect();
                let b: Vec<_> = b.flags.iter().map(|f| (&*f.name, None)).collect();
                self.members(ours, "flags", "flag", &a, &b)
            }
            (TypeDefKind::List(a), TypeDefKind::List(b))
            | (TypeDefKind::Option(a), TypeDefKind::Option(b)) => self.differ(*a, *b),
            (TypeDefKind::Result(a), TypeDefKind::Result(b)) => {
                self.all(&[(a.ok, b.ok), (a.err, b.err)])
            }
            (TypeDefKind::Tuple(a), TypeDefKind::Tuple(b)) if a.types.len() == b.types.len() => {
                let pairs = a.types.iter().zip(&b.types);
                let pairs: Vec<_> = pairs.map(|(a, b)| (Some(*a), Some(*b))).collect();
                self.all(&pairs)
            }
            (TypeDefKind::Handle(Handle::Own(a)), TypeDefKind::Handle(Handle::Own(b)))
            | (TypeDefKind::Handle(Handle::Borrow(a)), TypeDefKind::Handle(Handle::Borrow(b))) => {
                let (a, b) = (resource(self.ours, *a), resource(self.theirs, *b));
                (a != b).then_some(Differ::Whole)
            }
            (TypeDefKind::Resource, TypeDefKind::Resource) => {
                let (a, b) = (resource(self.ours, ours), resource(self.theirs, theirs));
                (a != b).then_some(Differ::Whole)
            }
            _ => Some(Differ::Whole),
        }
    }

    /// Parts of one whole: any that differs as a whole makes the whole differ.
    fn all(self, parts: &[(Option<Type>, Option<Type>)]) -> Option<Differ> {
        let mut inside = Vec::new();
        for part in parts {
            match part {
                (Some(ours), Some(theirs)) => match self.differ(*ours, *theirs) {
                    Some(Differ::Whole) => return Some(Differ::Whole),
                    Some(Differ::Inside(more)) => inside.extend(more),
                    None => {}
                },
                (None, None) => {}
                _ => return Some(Differ::Whole),
            }
        }
        (!inside.is_empty()).then_some(Differ::Inside(inside))
    }

    /// Types made of named parts: fields, cases or flags.
    fn members(
        self,
        ours_id: TypeId,
        kind: &str,
        part: &str,
        ours: &[(&str, Option<Type>)],
        theirs: &[(&str, Option<Type>)],
    ) -> Option<Differ> {
        let at = place(self.ours, ours_id);
        let mut inside = Vec::new();
        let has = |side: &[(&str, Option<Type>)], name: &str| side.iter().any(|(n, _)| *n == name);
        let extra: Vec<&str> = names(theirs).filter(|name| !has(ours, name)).collect();
        let missing: Vec<&str> = names(ours).filter(|name| !has(theirs, name)).collect();
        let parts = |names: &[&str]| {
            let s = if names.len() == 1 { "" } else { "s" };
            format!("{part}{s} {}", list(names.iter().copied()))
        };
        if !extra.is_empty() {
            let said = format!(
                "your {kind} has the {}, which this server does not know",
                parts(&extra)
            );
            inside.push((at.clone(), said));
        }
        if !missing.is_empty() {
            let said = format!(
                "your {kind} lacks the {}, which this server expects",
                parts(&missing)
            );
            inside.push((at.clone(), said));
        }
        for (name, our_type) in ours {
            let Some((_, their_type)) = theirs.iter().find(|(n, _)| n == name) else {
                continue;
            };
            match self.all(&[(*our_type, *their_type)]) {
                None => {}
                Some(Differ::Inside(more)) => inside.extend(more),
                Some(Differ::Whole) => {
                    let said = format!(
                        "your {part} is {}, this server expects {}",
                        shown(self.theirs, *their_type),
                        shown(self.ours, *our_type)
                    );
                    inside.push((format!("{at}.{name}"), said));
                }
            }
        }
        if inside.is_empty() && !names(ours).eq(names(theirs)) {
            let said = format!(
                "your {kind} has its {part}s in another order; this server expects {}",
                list(names(ours))
            );
            inside.push((at, said));
        }
        (!inside.is_empty()).then_some(Differ::Inside(inside))
    }
}

fn names<'a>(members: &[(&'a str, Option<Type>)]) -> impl Iterator<Item = &'a str> {
    members.iter().map(|(name, _)| *name)
}

/// Follows names that only stand for another type.
fn settle(resolve: &Resolve, mut ty: Type) -> Type {
    while let Type::Id(id) = ty {
        match resolve.types[id].kind {
            TypeDefKind::Type(next) => ty = next,
            _ => break,
        }
    }
    ty
}

fn resource(resolve: &Resolve, id: TypeId) -> Option<&str> {
    match settle(resolve, Type::Id(id)) {
        Type::Id(id) => resolve.types[id].name.as_deref(),
        _ => None,
    }
}

/// Where a named type is declared, such as `types.denial`.
fn place(resolve: &Resolve, id: TypeId) -> String {
    let about = &resolve.types[id];
    let name = about.name.as_deref().unwrap_or("a type");
    match about.owner {
        TypeOwner::Interface(owner) => match &resolve.interfaces[owner].name {
            Some(interface) => format!("{interface}.{name}"),
            None => name.to_owned(),
        },
        TypeOwner::World(_) | TypeOwner::None => name.to_owned(),
    }
}

/// A type in back quotes, or `nothing`.
pub(super) fn shown(resolve: &Resolve, ty: Option<Type>) -> String {
    match ty {
        Some(ty) => format!("`{}`", text(resolve, ty)),
        None => "nothing".to_owned(),
    }
}

/// A type as WIT writes it.
fn text(resolve: &Resolve, ty: Type) -> String {
    let word = match ty {
        Type::Bool => "bool",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::S8 => "s8",
        Type::S16 => "s16",
        Type::S32 => "s32",
        Type::S64 => "s64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::ErrorContext => "error-context",
        Type::Id(id) => return defined(resolve, id),
    };
    word.to_owned()
}

fn defined(resolve: &Resolve, id: TypeId) -> String {
    let about = &resolve.types[id];
    if let Some(name) = &about.name {
        return name.clone();
    }
    let of = |ty: Option<Type>| ty.map_or_else(|| "_".to_owned(), |ty| text(resolve, ty));
    match &about.kind {
        TypeDefKind::List(item) => format!("list<{}>", text(resolve, *item)),
        TypeDefKind::Option(item) => format!("option<{}>", text(resolve, *item)),
        TypeDefKind::Result(result) => match (result.ok, result.err) {
            (None, None) => "result".to_owned(),
            (ok, None) => format!("result<{}>", of(ok)),
            (ok, err) => format!("result<{}, {}>", of(ok), of(err)),
        },
        TypeDefKind::Tuple(tuple) => {
            let types: Vec<String> = tuple.types.iter().map(|ty| text(resolve, *ty)).collect();
            format!("tuple<{}>", types.join(", "))
        }
        TypeDefKind::Handle(Handle::Own(id)) => defined(resolve, *id),
        TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", defined(resolve, *id)),
        TypeDefKind::Type(ty) => text(resolve, *ty),
        other => other.as_str().to_owned(),
    }
}
