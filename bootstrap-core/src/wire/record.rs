//! Maps with integer keys, each declared once.

/// Declares the map of a rule: a struct, and how it is written and read. Keys ascend; a field whose type is an [`Option`] may be left
/// out. `[n]` says that key 0 holds the constant `n`: a version, or which of several maps this is. `secret` is for structs with secrets in them:
/// they are not copied and not shown.
macro_rules! record {
    (
        $(#[$meta:meta])*
        pub struct $name:ident = $rule:literal $([$tag:literal])? { $($fields:tt)* }
    ) => {
        record! { secret $(#[$meta])* #[derive(Clone, Debug, Hash)] pub struct $name = $rule $([$tag])? { $($fields)* } }
    };
    (
        secret $(#[$meta:meta])*
        pub struct $name:ident = $rule:literal $([$tag:literal])? {
            $($(#[$doc:meta])* $key:literal => $field:ident: $ty:ty,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(PartialEq, Eq)]
        #[expect(clippy::exhaustive_structs, reason = "whoever makes one must say all of it")]
        pub struct $name {
            $($(#[$doc])* pub $field: $ty,)*
        }

        impl $crate::wire::field::Record for $name {
            const RULE: &'static str = $rule;
            const TAG: Option<u64> = [$(Some($tag),)? None][0];

            fn pairs(&self) -> usize {
                [$($crate::wire::field::Slot::is_present(&self.$field)),*]
                    .into_iter()
                    .fold(usize::from(Self::TAG.is_some()), |pairs, is| pairs.saturating_add(usize::from(is)))
            }

            fn write(&self, encoder: &mut attest_core::cbor::Encoder<'_>) {
                $($crate::wire::field::Slot::write($key, &self.$field, encoder);)*
            }

            fn read(
                fields: &mut attest_core::cbor::Fields<'_, '_>,
            ) -> Result<Self, attest_core::error::Malformed> {
                Ok(Self {
                    $($field: $crate::wire::field::Slot::read(stringify!($field), $key, fields)?,)*
                })
            }
        }
    };
}
pub(super) use record;
