//! What a partner calls an order, and how it is asked for.

/// Which of a partner's own names for an order is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceField {
    /// `external_reference`.
    Reference,
    /// `external_id`.
    Id,
}

impl ReferenceField {
    /// A word of its own for each.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            ReferenceField::Reference => "reference",
            ReferenceField::Id => "id",
        }
    }
}

/// Which orders are called so by a partner.
#[derive(Debug, Clone)]
pub struct ReferenceFilter {
    /// Which of the names.
    pub field: ReferenceField,
    /// The name.
    pub text: String,
    /// Only of these tenants; with none, of all.
    pub tenants: Vec<String>,
    /// At most this many.
    pub limit: usize,
}
